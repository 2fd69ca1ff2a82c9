/** Running a validation as shards that are merged, through the real command. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../src/core/report.js';
import { startEndpoint, type Endpoint, type EndpointOptions } from './loopback.js';
import { runCommand, runJson, type Ran } from './run-command.js';
import { iso, type TrailBuilder } from './trail-builder.js';

/** A report without the times of its run. */
export function timeless(report: Report): Report {
  return { ...report, startedAt: '', finishedAt: '' };
}

/** A directory for the length of a task. */
export async function inTemp<T>(task: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
  try {
    return await task(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Serves a trail and gives the command line that validates a range of it. */
export async function serving<T>(
  builder: TrailBuilder,
  range: { start: number; end: number },
  options: EndpointOptions,
  task: (argv: string[], endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  const endpoint = await startEndpoint(builder.world, options);
  const argv = [
    ...['--trail-arn', builder.trail.TrailARN, '--endpoint-url', endpoint.url],
    ...['--start-time', iso(range.start), '--end-time', iso(range.end)],
  ];
  try {
    return await task(argv, endpoint);
  } finally {
    await endpoint.close();
  }
}

/** The files that shards write. */
export const partials = (directory: string, total: number): string[] =>
  Array.from({ length: total }, (_, at) => join(directory, `part-${at + 1}.jsonl`));

/** Runs one shard after another; each must end with status 0, at the second try where it was refused something. */
export async function runShards(
  argv: readonly string[],
  files: readonly string[],
): Promise<string[]> {
  const lines: string[] = [];
  for (const [at, file] of files.entries()) {
    const own = ['--shard', `${at + 1}/${files.length}`, '--partial', file];
    let ran = await runCommand([...argv, ...own]);
    if (ran.stderr.includes('could not be read: access-denied')) {
      if (ran.status !== 3)
        throw new Error(`shard ${at + 1} was refused and ends with ${ran.status}`);
      ran = await runCommand([...argv, ...own]);
    }
    const { status, stdout, stderr } = ran;
    if (status !== 0) throw new Error(`shard ${at + 1}: ${status} ${stderr}`);
    lines.push(stdout);
  }
  return lines;
}

/** The same range as a whole, and as shards that are merged. */
export async function bothWays(
  argv: readonly string[],
  total: number,
): Promise<{ single: Ran & { report: Report }; merged: Ran & { report: Report } }> {
  const single = await runJson(argv);
  return inTemp(async (directory) => {
    const files = partials(directory, total);
    await runShards(argv, files);
    return { single, merged: await runJson(['merge', ...files]) };
  });
}
