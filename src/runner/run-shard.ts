/** One machine's share of a run: read, checked and put into the journal; judged when all are merged. */
import type { RecordedDay, Shard } from '../core/journal.js';
import { noLogs, type LogTally } from '../core/source-segment.js';
import { RunError, type Journal } from '../sources/ports.js';
import type { RunOptions } from './options.js';
import { asBegun } from './place.js';
import { prepare } from './prepare.js';
import { eachSource, jobsOf } from './read-all.js';
import { readShare } from './read-source.js';
import {
  besideNames,
  isPassing,
  isRefused,
  note,
  unreadIn,
  type Unread,
  type Unreadable,
} from './unread.js';

/** What a shard came to. None of it is a verdict. */
export interface ShardResult {
  /** Whether all of its share was read. */
  readonly finished: boolean;
  readonly sources: number;
  readonly segments: number;
  readonly digestFiles: number;
  readonly logFiles: LogTally;
  /** What was refused to this run, by reason. */
  readonly refused: Unreadable;
}

function* refusedIn({ segment }: RecordedDay): Generator<Unread, undefined> {
  const { findings, standard, backfill } = segment;
  for (const list of [findings, standard.findings, backfill.findings]) {
    for (const one of unreadIn(list)) if (isRefused(one.reason)) yield one;
  }
}

/**
 * A shard's journal. A whole run tells what was refused in its report; a shard has none, and its role may
 * be the wrong one: such a day is read again, as if the reason might pass.
 */
function takingRefusals(journal: Journal, refused: Unreadable): Journal {
  return {
    sources: journal.sources,
    find: (source, day) => journal.find(source, day),
    addBeside: (names) => journal.addBeside(names),
    add: (day) => {
      let again = day.again;
      for (const one of refusedIn(day)) {
        note(refused, one);
        again = 'passing';
      }
      return journal.add(again === undefined ? day : { ...day, again });
    },
  };
}

/**
 * Reads a shard's share of every source into `options.journal`. Sources are planned as in a whole
 * run, so that all shards of unchanged buckets agree on the shares.
 */
export async function readShard(given: RunOptions, shard: Shard): Promise<ShardResult> {
  if (!given.journal) throw new RunError('a shard needs a journal');
  const refused: Unreadable = new Map();
  const journal = takingRefusals(given.journal, refused);
  const options = asBegun({ ...given, journal });
  const { signal } = options;
  const { plan, shared } = await prepare(options);
  const jobOf = jobsOf(options, shared);
  const read = await eachSource(plan, options, async (one) => {
    const share = await readShare(await jobOf(one), shard);
    return share && { ...share, plan: one };
  });
  const shares = read.filter((one) => one !== undefined);
  if (signal?.aborted !== true) {
    for (const one of unreadIn(plan.findings)) if (isRefused(one.reason)) note(refused, one);
    for (const { unreadable } of shares) {
      for (const [reason, { count, first }] of unreadable) {
        if (isRefused(reason)) note(refused, { reason, name: first }, count);
      }
    }
    const counts = (reason: unknown): boolean => isPassing(reason) || isRefused(reason);
    await journal.addBeside(besideNames(plan.findings, shares, counts));
  }
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
    refused,
  };
}
