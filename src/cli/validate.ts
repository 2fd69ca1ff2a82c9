import { count } from '../core/count.js';
import type { Shard } from '../core/journal.js';
import type { State } from '../core/state.js';
import {
  formatInstant,
  parseDigestTime,
  parseUserTime,
  type Instant,
  type TimeRange,
} from '../core/timestamp.js';
import { escapeText } from '../report/escape.js';
import { DUE_AFTER, type RunOptions } from '../runner/options.js';
import { readShard, type ShardResult } from '../runner/run-shard.js';
import { validateTrail } from '../runner/run.js';
import { UsageError, type Arguments } from './args.js';
import { clock, runOptions, withConnection } from './connected.js';
import { INCOMPLETE, INTERRUPTED } from './exit-code.js';
import { print, type Io } from './main.js';
import { askedRange } from './range.js';
import {
  fixedBy,
  isBehind,
  journalOf,
  tellKept,
  tellPassing,
  tellRefused,
  tellTooShort,
} from './run-journal.js';
import { filesBeside, refuseSamePaths } from './same-paths.js';
import { shardOf } from './shard.js';

function rangeOf(options: Arguments, now: Instant, state: State | undefined): TimeRange {
  if (options.startTime !== undefined) return askedRange(options, now);
  // That this is a time was checked with the arguments.
  const end =
    options.endTime === undefined ? now - DUE_AFTER : (parseUserTime(options.endTime, now) ?? now);
  const { provedUntil = '' } = state ?? {};
  if (options.endTime !== undefined && end < (parseDigestTime(provedUntil) ?? end)) {
    throw new UsageError(`--end-time lies before ${provedUntil}, where the state ends`);
  }
  // Nothing new may be due yet: then the chains are held against the state, and that is all.
  return { start: Math.min(parseDigestTime(provedUntil) ?? end, end), end };
}

/** Tells what a shard came to; its findings are told when all shards are merged. */
function shardLine(result: ShardResult, { index, total }: Shard, path: string): string {
  const { segments, sources, digestFiles, logFiles } = result;
  const logs = logFiles.valid + logFiles.invalid + logFiles.missing + logFiles.unreadable;
  const read = `${count(segments, 'segment')} of ${count(sources, 'source')}`;
  const what = `${read}, ${count(digestFiles, 'digest file')}, ${count(logs, 'log file')}`;
  const rest = result.finished ? '' : '; unfinished: the same command goes on';
  return `shard ${index}/${total}: ${what}; ${escapeText(path)}${rest}\n`;
}

/** Runs a validation, or one share of it, and gives its exit status. */
export async function runValidate(
  options: Arguments,
  io: Io,
  tool: RunOptions['tool'],
  signal: AbortSignal,
): Promise<number> {
  // Before anything is asked of AWS: a time that can't be read is the user's mistake.
  const shard = shardOf(options.shard, io.env);
  refuseSamePaths(options, filesBeside(options));
  if (options.startTime !== undefined) {
    askedRange({ ...options, retentionDays: undefined }, clock());
  }
  const startedAt = clock();
  return withConnection(options, io, signal, async ({ connection, state, listener, report }) => {
    const range = rangeOf(options, connection.now, state);
    if (shard && range.end > connection.now) {
      throw new UsageError('--shard needs an --end-time that has passed');
    }
    const own = { range, tool, startedAt, signal, listener };
    const run = runOptions(options, { connection, state }, own);
    const journal = await journalOf(options, run, shard, io);
    try {
      const work = journal ? { ...run, ...fixedBy(journal.work), journal } : run;
      if (!shard || !journal) {
        const result = await validateTrail(work);
        if (!journal) return await report(result);
        tellPassing(journal, io);
        // Told, and nothing left to go on with: the next run begins anew, or goes on from the state
        // that is written now, of which this journal knows nothing.
        const kept = options.state !== undefined && result.state !== undefined;
        const done = result.finished && (!journal.unsettled || kept);
        const behind = isBehind(journal, range);
        const status = await report(result, done ? () => journal.remove() : undefined, behind);
        if (!result.finished) {
          tellKept(options.resume ?? '', io);
          if (!signal.aborted) tellTooShort(journal, options, io);
        }
        if (!behind) return status;
        const { start, end } = journal.work.range;
        const told = `this is ${formatInstant(start)} to ${formatInstant(end)}, as the journal was begun; what was asked for ends at ${formatInstant(range.end)}: run again`;
        io.stderr.write(`validate-trail: ${told}\n`);
        return status;
      }
      const path = options.partial ?? '';
      if (journal.ended) {
        // A scheduler that starts a finished share again must not fail by it.
        const line = `shard ${shard.index}/${shard.total}: finished already, begun ${formatInstant(journal.work.startedAt)}; ${escapeText(path)}`;
        await print(io, `${line}\n`);
        return 0;
      }
      const result = await readShard(work, shard);
      tellRefused(result, io);
      tellPassing(journal, io);
      if (!result.finished && !signal.aborted) tellTooShort(journal, options, io);
      const finished = result.finished && !journal.unsettled;
      if (finished) await journal.end();
      await print(io, shardLine({ ...result, finished }, shard, path));
      return signal.aborted ? INTERRUPTED : finished ? 0 : INCOMPLETE;
    } finally {
      await journal?.close();
    }
  });
}
