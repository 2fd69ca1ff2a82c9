import { resolve } from 'node:path';
import type { Work } from '../core/journal.js';
import type { Arguments } from './args.js';
import { readDuration } from './duration.js';
import { DEFAULT_CONCURRENCY, MAX_AGE, MOST_THREADS } from './options.js';
import { single, type Raw } from './raw-options.js';
import { UsageError } from './usage-error.js';

/** Options that say how a run is made and told, not what it is of. */
const BESIDE: readonly string[] = [
  ...['format', 'output', 'report', 'attest', 'attestation', 'verbose', 'quiet'],
  ...['concurrency', 'threads', 's3-client'],
  ...[
    'profile',
    'resume',
    'max-age',
    'max-duration',
    'shard',
    'partial',
    'estimate',
    'help',
    'version',
  ],
];

type Large = Pick<
  Arguments,
  | 'resume'
  | 'maxAge'
  | 'maxDuration'
  | 'sample'
  | 'shard'
  | 'partial'
  | 'work'
  | 'concurrency'
  | 'threads'
>;

/** Reads how much is done side by side. */
function readAtOnce(raw: Raw): Pick<Arguments, 'concurrency' | 'threads'> {
  const concurrency = single(raw, 'concurrency') ?? String(DEFAULT_CONCURRENCY);
  if (!/^[1-9]\d{0,3}$/.test(concurrency) || Number(concurrency) > 1024) {
    throw new UsageError(`--concurrency: ${concurrency} is not a number from 1 to 1024`);
  }
  const threads = single(raw, 'threads') ?? 'auto';
  if (threads !== 'auto' && !(/^\d{1,2}$/.test(threads) && Number(threads) <= MOST_THREADS)) {
    throw new UsageError(
      `--threads: ${threads} is not auto, or a number from 0 to ${MOST_THREADS}`,
    );
  }
  return {
    concurrency: Number(concurrency),
    threads: threads === 'auto' ? undefined : Number(threads),
  };
}

/** Reads the options of trails that are too large for one sitting. */
export function readLarge(
  raw: Raw,
  startTime: string | undefined,
  endTime: string | undefined,
): Large {
  const resume = single(raw, 'resume');
  const maxAge = single(raw, 'max-age');
  if (maxAge !== undefined && resume === undefined) {
    throw new UsageError('--max-age goes with --resume, or with validate-trail merge');
  }
  const duration = single(raw, 'max-duration');
  const part = /^([1-9]\d{0,4})\/([1-9]\d{0,4})$/.exec(single(raw, 'sample') ?? '1/1');
  const sample = { part: Number(part?.[1]), of: Number(part?.[2]) };
  if (!part || sample.part > sample.of) {
    throw new UsageError(
      `--sample: ${String(raw['sample'])} is not N/M, such as 1/7 (N from 1 to M)`,
    );
  }
  if (raw['sample'] !== undefined && raw['digests-only'] === true) {
    throw new UsageError('--sample and --digests-only contradict each other');
  }
  const shard = single(raw, 'shard');
  const partial = single(raw, 'partial');
  if ((shard === undefined) !== (partial === undefined)) {
    throw new UsageError(
      shard === undefined
        ? '--partial goes with --shard: say which share'
        : '--shard needs --partial FILE, which validate-trail merge joins',
    );
  }
  if (shard !== undefined) {
    if (resume !== undefined) {
      throw new UsageError('--partial is a journal by itself: a shard needs no --resume');
    }
    // Shards begin at different moments and must mean the same time.
    const fixed = (text: string | undefined): boolean => /^\d{4}-/.test(text ?? '');
    if (raw['since-state'] !== true && !fixed(startTime)) {
      throw new UsageError('--shard needs a --start-time that is a date or time, not so long ago');
    }
    if (!fixed(endTime)) {
      throw new UsageError(
        '--shard needs an --end-time that is a date or time, the same in all shards',
      );
    }
    if (raw['retention'] !== undefined) {
      throw new UsageError('--retention counts from now, and shards begin at different moments');
    }
    for (const option of ['format', 'output', 'report', 'attest', 'attestation']) {
      if (raw[option] !== undefined && !(option === 'format' && raw[option] === 'text')) {
        throw new UsageError(`--${option}: a shard makes no report; validate-trail merge does`);
      }
    }
  }
  // A directory is known by its place: the same name means another one elsewhere.
  const evidence = single(raw, 'evidence');
  const placed: Raw = {
    ...raw,
    ...(evidence === undefined ? {} : { evidence: resolve(evidence) }),
  };
  const work = Object.entries(placed).filter(
    ([name, value]) =>
      value !== undefined && value !== false && !BESIDE.includes(name) && /^[a-z]/.test(name),
  );
  return {
    ...readAtOnce(raw),
    resume,
    maxAge: readDuration('max-age', maxAge ?? MAX_AGE),
    maxDuration: duration === undefined ? undefined : readDuration('max-duration', duration),
    sample: raw['sample'] === undefined ? undefined : sample,
    shard,
    partial,
    work: Object.fromEntries(work.sort(([a], [b]) => (a < b ? -1 : 1))) as Work['options'],
  };
}
