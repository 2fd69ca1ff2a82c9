/** One machine's share of a run: read, checked and put into the journal; judged when all are merged. */
import type { Shard } from '../core/journal.js';
import { noLogs, type LogTally } from '../core/source-segment.js';
import { RunError } from '../sources/ports.js';
import type { RunOptions } from './options.js';
import { asBegun } from './place.js';
import { prepare } from './prepare.js';
import { eachSource, jobsOf } from './read-all.js';
import { readShare } from './read-source.js';

/** What a shard came to. None of it is a verdict. */
export interface ShardResult {
  /** Whether all of its share was read. */
  readonly finished: boolean;
  readonly sources: number;
  readonly segments: number;
  readonly digestFiles: number;
  readonly logFiles: LogTally;
}

/**
 * Reads a shard's share of every source into `options.journal`. Sources are planned as in a whole
 * run, so that all shards of unchanged buckets agree on the shares.
 */
export async function readShard(given: RunOptions, shard: Shard): Promise<ShardResult> {
  const options = asBegun(given);
  const { journal, signal } = options;
  if (!journal) throw new RunError('a shard needs a journal');
  const { plan, shared } = await prepare(options);
  const jobOf = jobsOf(options, shared);
  const read = await eachSource(plan, options, async (one) => readShare(await jobOf(one), shard));
  const shares = read.filter((one) => one !== undefined);
  const logFiles = noLogs();
  let digestFiles = 0;
  for (const { total } of shares) {
    for (const tally of [total.logs.standard, total.logs.backfill]) {
      for (const name of Object.keys(logFiles) as (keyof LogTally)[]) logFiles[name] += tally[name];
    }
    for (const { valid, invalid, unreadable } of [total.standard.digests, total.backfill.digests]) {
      digestFiles += valid + invalid + unreadable;
    }
  }
  return {
    finished: signal?.aborted !== true && shares.every(({ whole }) => whole),
    sources: shares.length,
    segments: shares.reduce((sum, one) => sum + one.segments, 0),
    digestFiles,
    logFiles,
  };
}
