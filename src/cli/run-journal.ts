/** The journal of a run: opened for this very work, and what is told of it. */
import { count, numeral } from '../core/count.js';
import type { Shard, Work } from '../core/journal.js';
import { formatInstant, HOUR, type TimeRange } from '../core/timestamp.js';
import { escapeText } from '../report/escape.js';
import type { RunOptions } from '../runner/options.js';
import { placeNow } from '../runner/place.js';
import type { ShardResult } from '../runner/run-shard.js';
import { openJournal, type JournalFile } from '../sources/journal-file.js';
import { RunError } from '../sources/ports.js';
import type { Arguments } from './args.js';
import type { Io } from './main.js';
import { workOf } from './work.js';

/** The journal that `--resume` or `--partial` names, of this very work. */
export async function journalOf(
  options: Arguments,
  run: RunOptions,
  shard: Shard | undefined,
  io: Io,
): Promise<JournalFile | undefined> {
  const path = options.partial ?? options.resume;
  if (path === undefined) return undefined;
  const { range, startedAt, now, trail, tool } = run;
  const times = { range, startedAt, begunAt: now };
  const work = await workOf(options, times, trail.arn, tool.version, shard, io.env);
  const option = shard ? '--partial' : '--resume';
  const journal = await openJournal(path, option, work, () => placeNow(run));
  if (!shard && now - journal.work.begunAt > options.maxAge) {
    await journal.close();
    throw new RunError(
      `journal ${path} was begun at ${formatInstant(journal.work.begunAt)}: what has happened since would not show`,
      'remove it, and the work begins anew, or say with --max-age how old it may be',
    );
  }
  if (journal.records > 0 && !journal.ended && !options.quiet) {
    const isOne = journal.records === 1;
    const what = `${count(journal.records, 'segment')} ${isOne ? 'is' : 'are'} finished`;
    const since = formatInstant(journal.work.startedAt);
    io.stderr.write(`validate-trail: goes on from ${escapeText(path)}: ${what}, begun ${since}\n`);
  }
  return journal;
}

/** What earlier runs of the same work fixed: its range and place, and the moments that it began at. */
export function fixedBy(work: Work): Pick<RunOptions, 'range' | 'place' | 'startedAt' | 'begunAt'> {
  const { range, place, startedAt, begunAt } = work;
  return { range, place, startedAt, begunAt };
}

/** Tells of what could not be read for a reason that may have passed. */
export function tellPassing({ passing, beside, unsettled, work }: JournalFile, io: Io): void {
  if (passing + beside === 0) return;
  const them = passing + beside === 1 ? 'it' : 'them';
  const where = passing > 0 ? `in ${count(passing, 'segment')}` : 'beside the segments';
  const reasons = `network, throttles, credentials${work.shard ? ', permissions' : ''}`;
  const what = `${where} something could not be read that may be readable later (${reasons})`;
  const next = unsettled
    ? `the same command reads ${them} again`
    : 'the run before could not either, and the work ends with that';
  io.stderr.write(`validate-trail: ${what}; ${next}\n`);
}

/** Tells that a run which did not come to its end left something to go on with. */
export function tellKept(path: string, io: Io): void {
  const next = 'the same command goes on from it';
  io.stderr.write(`validate-trail: the journal ${escapeText(path)} is kept: ${next}\n`);
}

/** Tells of a time limit in which a run came no further, for then the same command never does. */
export function tellTooShort({ added }: JournalFile, { maxDuration }: Arguments, io: Io): void {
  if (added > 0 || maxDuration === undefined) return;
  const next = 'the same command needs a longer --max-duration';
  io.stderr.write(`validate-trail: no day was finished in that time: ${next}\n`);
}

/** Tells of what a shard was refused: it has no report that would, and its role may be the wrong one. */
export function tellRefused({ refused }: ShardResult, io: Io): void {
  for (const [reason, { count: many, first }] of refused) {
    const what = `${numeral(many)} ${many === 1 ? 'object or listing' : 'objects or listings'} could not be read: ${String(reason)}, first ${escapeText(first)}`;
    io.stderr.write(`validate-trail: ${what}\n`);
  }
}

/** Whether a journal that is gone on with leaves the newest of what is asked for now to another run. */
export const isBehind = ({ work }: JournalFile, asked: TimeRange): boolean =>
  asked.end > work.range.end + HOUR;
