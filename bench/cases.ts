/** What is measured: trails, and the programs that validate them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EndpointFacts } from './endpoint.js';
import { HOME, HOUR, iso, type Shape } from './trail.js';

export interface Case {
  readonly name: string;
  readonly shape: Shape;
  readonly latencies: readonly number[];
  /** Hours that the AWS CLI validates where there is latency, twice as many at 5 ms, four times at none. */
  readonly cliHours: number;
  /** Chains of an organization that the AWS CLI is started for: it takes one at a time. */
  readonly cliChains: number;
}

/** A program and the part of the trail that it validates. */
export interface Contender {
  readonly name: string;
  readonly argv: readonly string[];
  readonly files: number;
  readonly turns: number;
}

/** What this machine and this build offer. */
export interface Programs {
  readonly aws: string | undefined;
  readonly hasTaskset: boolean;
  readonly concurrency: number;
}

export const bin = fileURLToPath(new URL('../../bin/validate-trail.js', import.meta.url));
export const endpointFile = fileURLToPath(new URL('endpoint.js', import.meta.url));
const bareFile = fileURLToPath(new URL('bare.js', import.meta.url));

/** Asks the machine for the AWS CLI (`BENCH_AWS` names another) and our `--help` for its options. */
export function findPrograms(): Programs {
  const aws = process.env['BENCH_AWS'] ?? 'aws';
  const help = execFileSync(process.execPath, [bin, '--help'], { encoding: 'utf8' });
  return {
    aws: spawnSync(aws, ['--version']).status === 0 ? aws : undefined,
    hasTaskset: spawnSync('taskset', ['-V']).status === 0,
    concurrency: Number(/--concurrency[^[]*\[default: "?(\d+)/.exec(help)?.[1] ?? 64),
  };
}

const one = { organization: false, cliHours: 1, cliChains: 1 };

function makeCase(
  name: string,
  logBytes: number,
  hours: number,
  logsPerHour: number,
  latencies: readonly number[],
  more: { organization: boolean; cliHours: number; cliChains: number } = one,
): Case {
  const { organization, ...cli } = more;
  return { name, shape: { logBytes, hours, logsPerHour, organization }, latencies, ...cli };
}

const ORGANIZATION = { organization: true, cliHours: 24, cliChains: 3 };
const ALL = [0, 5, 20, 50];

/** The cases of a full run. */
export const FULL: readonly Case[] = [
  makeCase('1KB', 1000, 48, 500, ALL, { ...one, cliHours: 2 }),
  makeCase('7KB', 7000, 32, 500, ALL, { ...one, cliHours: 2 }),
  makeCase('100KB', 100_000, 4, 500, ALL),
  makeCase('5MB', 5_000_000, 5, 10, ALL, { ...one, cliHours: 5 }),
  makeCase('organization', 7000, 24, 10, ALL, ORGANIZATION),
];

/** The same trails smaller, and latency once. */
export const QUICK: readonly Case[] = [
  makeCase('1KB', 1000, 2, 500, [0]),
  makeCase('7KB', 7000, 2, 500, [0, 20]),
  makeCase('100KB', 100_000, 1, 500, [0]),
  makeCase('5MB', 5_000_000, 1, 10, [0]),
  makeCase('organization', 7000, 6, 4, [0], { ...ORGANIZATION, cliHours: 6 }),
];

/**
 * The options that ask for the newest hours of a trail. A second short: the AWS CLI also takes the
 * digest file that ends exactly at the start, with its log files.
 */
export function rangeOf({ arn, end }: EndpointFacts, hours: number): string[] {
  return [
    ...['--trail-arn', arn],
    ...['--start-time', iso(end - hours * HOUR + 1), '--end-time', iso(end)],
  ];
}

/** The AWS CLI on some chains, one after the other; each is a run of its own. */
function cliArgv(aws: string, facts: EndpointFacts, hours: number, chains: number): string[] {
  const range = rangeOf(facts, hours);
  if (facts.regions.length === 1)
    return [aws, 'cloudtrail', 'validate-logs', ...range, '--region', HOME];
  const loop = 'for region in $0; do "$@" --region $region || exit 1; done';
  const account = ['--account-id', facts.accounts[0] ?? ''];
  const regions = facts.regions.slice(0, chains).join(' ');
  return ['sh', '-c', loop, regions, aws, 'cloudtrail', 'validate-logs', ...range, ...account];
}

/** The programs for a case at a latency, in the order in which each takes its turn. */
export function contenders(
  { shape, cliHours, cliChains }: Case,
  { latency, turns, facts, planFile, programs, threads }: Settings,
): Contender[] {
  const { hours, logsPerHour } = shape;
  const chains = facts.accounts.length * facts.regions.length;
  const files = hours * logsPerHour * chains;
  const all: Contender[] = [];
  if (programs.aws !== undefined) {
    const times = latency === 0 ? 4 : latency < 10 ? 2 : 1;
    const cut = Math.min(hours, times * cliHours);
    const argv = cliArgv(programs.aws, facts, cut, cliChains);
    const cliFiles = cut * logsPerHour * cliChains;
    const cliTurns = turns < 5 || latency >= 50 ? 1 : latency < 10 ? 3 : 2;
    all.push({ name: 'aws', argv, files: cliFiles, turns: cliTurns });
  }
  const ours = [process.execPath, bin, ...rangeOf(facts, hours), '--endpoint-url', facts.url];
  const bare = [process.execPath, bareFile, planFile];
  const add = (name: string, ...argv: string[]) => all.push({ name, argv, files, turns });
  const { concurrency } = programs;
  add(`ours ${concurrency}`, ...ours);
  add('ours 256', ...ours, '--concurrency', '256');
  // What more cores and the SDK's absence gain shows beside the bucket best.
  if (latency === 0) {
    if (programs.hasTaskset) add(`ours ${concurrency}, one core`, 'taskset', '-c', '0', ...ours);
    add(`ours ${concurrency}, sdk`, ...ours, '--s3-client', 'sdk');
  }
  for (const connections of [concurrency, 256]) {
    add(`bare ${connections}`, ...bare, String(connections), String(threads));
  }
  return all;
}

/** What a case is measured with. */
export interface Settings {
  readonly latency: number;
  readonly turns: number;
  readonly facts: EndpointFacts;
  readonly planFile: string;
  readonly programs: Programs;
  /** Threads that the bare client reads on: as many as ours. */
  readonly threads: number;
}
