/** Which share of a run this process takes: named, or told by the scheduler that started it. */
import type { Shard } from '../core/journal.js';
import { UsageError } from './usage-error.js';

/** What AWS Batch takes for an array at most; more shares than that are a slip of the pen. */
export const MAX_SHARDS = 10_000;

/** What a manifest sets where the scheduler doesn't say how many there are; elsewhere it must agree. */
export const TOTAL_VARIABLE = 'VALIDATE_TRAIL_SHARDS';

type Environment = Readonly<Record<string, string | undefined>>;

interface Scheduler {
  readonly name: string;
  /** Counts from 0, but for Slurm, which counts as its array was told to. */
  readonly index: string;
  readonly total: string;
  /** Whether the scheduler itself says how many, so that it is missing by mistake only. */
  readonly tellsTotal: boolean;
}

const SLURM: Scheduler = {
  name: 'Slurm',
  index: 'SLURM_ARRAY_TASK_ID',
  total: 'SLURM_ARRAY_TASK_COUNT',
  tellsTotal: true,
};

const SCHEDULERS: readonly Scheduler[] = [
  {
    name: 'AWS Batch',
    index: 'AWS_BATCH_JOB_ARRAY_INDEX',
    total: 'AWS_BATCH_JOB_ARRAY_SIZE',
    tellsTotal: true,
  },
  {
    name: 'Kubernetes',
    index: 'JOB_COMPLETION_INDEX',
    total: 'JOB_COMPLETIONS',
    tellsTotal: false,
  },
  SLURM,
  // GitHub has these as contexts only: the workflow passes them under these names.
  {
    name: 'GitHub Actions',
    index: 'STRATEGY_JOB_INDEX',
    total: 'STRATEGY_JOB_TOTAL',
    tellsTotal: true,
  },
];

const INSTEAD = 'give --shard I/N';

/** A variable's number; `undefined` where it is absent or empty. */
function numberIn(environment: Environment, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  if (!/^(?:0|[1-9]\d{0,8})$/.test(text)) {
    throw new UsageError(`--shard auto: ${name}=${text} is not a number; ${INSTEAD}`);
  }
  return Number(text);
}

function required(environment: Environment, { name }: Scheduler, variable: string): number {
  const value = numberIn(environment, variable);
  if (value === undefined) {
    throw new UsageError(`--shard auto: ${name} was found, but ${variable} is not set; ${INSTEAD}`);
  }
  return value;
}

/**
 * A Slurm array's shares. Tasks that are started again by `--array=7` or `--array=3,9` look like an
 * array of their own, and each would then take far too much: only whole arrays are taken.
 */
function slurmIndex(environment: Environment, total: number): number {
  const id = required(environment, SLURM, SLURM.index);
  const first = required(environment, SLURM, 'SLURM_ARRAY_TASK_MIN');
  const step = numberIn(environment, 'SLURM_ARRAY_TASK_STEP') ?? 1;
  const last = numberIn(environment, 'SLURM_ARRAY_TASK_MAX') ?? first + (total - 1) * step;
  const whole = step > 0 && first <= 1 && first + (total - 1) * step === last;
  if (!whole || id < first || (id - first) % step !== 0) {
    throw new UsageError(
      `--shard auto: the Slurm array of ${total} tasks from ${first} to ${last} is not a whole one ` +
        `that begins at 0 or 1 (tasks that were started again?); ${INSTEAD}`,
    );
  }
  if (total === 1 && numberIn(environment, TOTAL_VARIABLE) === undefined) {
    throw new UsageError(
      `--shard auto: a Slurm array of one task would take everything; set ${TOTAL_VARIABLE}, or ${INSTEAD}`,
    );
  }
  return (id - first) / step;
}

/** How many shares there are, by the scheduler's word and by the manifest's; both must agree. */
function totalOf(environment: Environment, scheduler: Scheduler): number {
  const told = numberIn(environment, scheduler.total);
  const declared = numberIn(environment, TOTAL_VARIABLE);
  if (told !== undefined && declared !== undefined && told !== declared) {
    throw new UsageError(
      `--shard auto: ${scheduler.total}=${told} and ${TOTAL_VARIABLE}=${declared} contradict each other; ${INSTEAD}`,
    );
  }
  const total = told ?? declared;
  if (total !== undefined) return total;
  const names = scheduler.tellsTotal
    ? scheduler.total
    : `${scheduler.total} or ${TOTAL_VARIABLE} (${scheduler.name} does not say by itself how many there are)`;
  throw new UsageError(
    `--shard auto: ${scheduler.name} was found, but not how many shares there are: set ${names}, or ${INSTEAD}`,
  );
}

function fromEnvironment(environment: Environment): Shard {
  const isSet = (name: string): boolean => (environment[name] ?? '') !== '';
  const found = SCHEDULERS.filter(({ index, total }) => isSet(index) || isSet(total));
  const [scheduler, other] = found;
  if (!scheduler) {
    const known = SCHEDULERS.map(({ name, index }) => `${index} (${name})`).join(', ');
    throw new UsageError(`--shard auto: none of ${known} is set; ${INSTEAD}`);
  }
  if (other) {
    const both = `${scheduler.name} and of ${other.name}`;
    throw new UsageError(`--shard auto: there are variables of ${both}; ${INSTEAD}`);
  }
  // First: a share without its number must not be told that only the total is wrong.
  const counted = required(environment, scheduler, scheduler.index);
  const total = totalOf(environment, scheduler);
  const index = scheduler === SLURM ? slurmIndex(environment, total) : counted;
  if (total < 1 || total > MAX_SHARDS || index >= total) {
    throw new UsageError(
      `--shard auto: ${scheduler.index}=${counted} of ${total} is no share of 1 to ${MAX_SHARDS}; ${INSTEAD}`,
    );
  }
  return { index: index + 1, total };
}

/**
 * The share that `--shard` names: `I/N`, or `auto` for what the environment of AWS Batch, Kubernetes,
 * Slurm or GitHub Actions says. `undefined` only where the option wasn't given: what can't be
 * decided throws `UsageError`, so that no share ever takes everything by mistake.
 */
export function shardOf(option: string | undefined, environment: Environment): Shard | undefined {
  if (option === undefined) return undefined;
  if (option === 'auto') return fromEnvironment(environment);
  const match = /^([1-9]\d{0,4})\/([1-9]\d{0,4})$/.exec(option);
  const [index, total] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || index > total || total > MAX_SHARDS) {
    throw new UsageError(
      `--shard: ${option} is not I/N, such as 1/16 (I from 1 to N, N up to ${MAX_SHARDS}), nor auto`,
    );
  }
  return { index, total };
}
