import { userInfo } from 'node:os';
import { otherEndpoint, type NewWork, type Shard, type Work } from '../core/journal.js';
import { accept, StateError, type State } from '../core/state.js';
import {
  formatInstant,
  HOUR,
  parseDigestTime,
  parseUserTime,
  type Instant,
  type TimeRange,
} from '../core/timestamp.js';
import { escapeText } from '../report/escape.js';
import { streamJson, streamNdjson } from '../report/json.js';
import { COLOUR, PLAIN } from '../report/style.js';
import { renderQuiet, streamText } from '../report/text.js';
import type { RunListener } from '../runner/events.js';
import { DUE_AFTER, type RunOptions, type RunResult } from '../runner/options.js';
import { placeNow } from '../runner/place.js';
import { readShard, type ShardResult } from '../runner/run-shard.js';
import { validateTrail } from '../runner/run.js';
import { openJournal, type JournalFile } from '../sources/journal-file.js';
import { openPartials } from '../sources/partials.js';
import { RunError } from '../sources/ports.js';
import { checkWritable, loadState, saveState } from '../sources/state-file.js';
import { parseArguments, UsageError, type Arguments } from './args.js';
import { connect, type Connection } from './connect.js';
import { exitCode, INCOMPLETE, INTERRUPTED } from './exit-code.js';
import { print, type Io } from './main.js';
import { argvOf, type MergeArguments } from './merge-args.js';
import { openOutput } from './output.js';
import { createProgress } from './progress.js';
import { askedRange } from './range.js';
import { refuseSamePaths, type NamedPath } from './same-paths.js';
import { shardOf } from './shard.js';
import { workOf } from './work.js';

type Tool = RunOptions['tool'];

/** This machine's clock, in epoch seconds. */
const clock = (): Instant => Math.floor(Date.now() / 1000);

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

function render(
  { report, more }: RunResult,
  options: Arguments,
  colour: boolean,
): string | AsyncIterable<string> {
  const style = colour ? COLOUR : PLAIN;
  if (options.format === 'json') return streamJson(report, more);
  if (options.format === 'ndjson') return streamNdjson(report, more);
  if (options.quiet && options.output === undefined) return `${renderQuiet(report, style)}\n`;
  return streamText(report, { style, verbose: options.verbose }, more);
}

function usesColour(io: Io, options: Arguments): boolean {
  const { NO_COLOR: noColor, TERM: term } = io.env;
  const wanted = (noColor ?? '') === '' && term !== 'dumb';
  return wanted && options.output === undefined && io.stdout.isTTY === true;
}

/** The state that earlier runs left. */
async function readState(options: Arguments): Promise<State | undefined> {
  const { state: path, trailArn, initState } = options;
  if (path === undefined) return undefined;
  if (trailArn === undefined) throw new UsageError('--state needs --trail-arn');
  await checkWritable(path);
  const state = await loadState(path, trailArn);
  if (!state && !initState) {
    throw new RunError(`there is no state file ${path}`, '--init-state begins one');
  }
  if (state && initState) {
    throw new RunError(`${path} is there already`, 'leave --init-state out to go on from it');
  }
  return state;
}

/** Records what a person accepts now. */
function withAccepted(
  state: State | undefined,
  options: Arguments,
  now: Instant,
): State | undefined {
  const { accept: ids, reason, state: path = '' } = options;
  if (!state || ids.length === 0) return state;
  try {
    const by = options.acceptedBy ?? userInfo().username;
    return accept(state, ids, by, formatInstant(now), reason ?? '');
  } catch (error) {
    if (error instanceof StateError) throw new RunError(`${path} ${error.message}`);
    throw error;
  }
}

function runOptions(
  options: Arguments,
  { connection, state }: Pick<Run, 'connection' | 'state'>,
  own: Pick<RunOptions, 'range' | 'tool' | 'startedAt' | 'signal' | 'listener'>,
): RunOptions {
  const { maxDuration } = options;
  return {
    ...connection,
    explicitEnd: options.endTime !== undefined,
    organizationId: options.organizationId,
    regions: options.regions,
    accountIds: options.accountIds,
    digestsOnly: options.digestsOnly,
    unlisted: options.unlisted,
    acceptUnlisted: options.acceptUnlisted,
    versions: options.versions,
    allowGaps: options.allowGaps,
    retentionDays: options.retentionDays,
    locations: options.locations,
    bucketAliases: options.bucketAliases.map((pair) => pair.join('=')),
    state,
    sinceState: options.sinceState,
    sample: options.sample,
    concurrency: options.concurrency,
    // The clock of performance.now() begins with the process.
    timeUp: maxDuration === undefined ? undefined : () => performance.now() / 1000 > maxDuration,
    clock,
    ...own,
  };
}

/** The journal that `--resume` or `--partial` names, of this very work. */
async function journalOf(
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
  if (journal.records > 0 && !journal.ended && !options.quiet) {
    const what = `${journal.records} segments are finished`;
    const since = formatInstant(journal.work.startedAt);
    io.stderr.write(`validate-trail: goes on from ${escapeText(path)}: ${what}, begun ${since}\n`);
  }
  return journal;
}

/** What earlier runs of the same work fixed: its range and place, and the moments that it began at. */
function fixedBy(work: Work): Pick<RunOptions, 'range' | 'place' | 'startedAt' | 'begunAt'> {
  const { range, place, startedAt, begunAt } = work;
  return { range, place, startedAt, begunAt };
}

/** Tells of what could not be read for a reason that may have passed. */
function tellPassing({ passing, unsettled }: JournalFile, io: Io): void {
  if (passing === 0) return;
  const [segments, them] = passing === 1 ? ['segment', 'it'] : ['segments', 'them'];
  const what = `in ${passing} ${segments} something could not be read that may be readable later (network, throttles, credentials)`;
  const next = unsettled
    ? `the same command reads ${them} again`
    : 'the run before could not either, and the work ends with that';
  io.stderr.write(`validate-trail: ${what}; ${next}\n`);
}

/** The files that a run reads or writes beside its report. */
const filesBeside = ({ resume, partial, state, publicKeys }: Arguments): NamedPath[] => [
  ['--resume', resume],
  ['--partial', partial],
  ['--state', state],
  ['--public-keys', publicKeys],
];

/** Whether a journal that is gone on with leaves the newest of what is asked for now to another run. */
const isBehind = ({ records, work }: JournalFile, asked: TimeRange): boolean =>
  records > 0 && asked.end > work.range.end + HOUR;

/** Tells what a shard came to; its findings are told when all shards are merged. */
function shardLine(result: ShardResult, { index, total }: Shard, path: string): string {
  const { segments, sources, digestFiles, logFiles } = result;
  const logs = logFiles.valid + logFiles.invalid + logFiles.missing + logFiles.unreadable;
  const what = `${segments} segments of ${sources} sources, ${digestFiles} digest files, ${logs} log files`;
  const rest = result.finished ? '' : '; unfinished: the same command goes on';
  return `shard ${index}/${total}: ${what}; ${escapeText(path)}${rest}\n`;
}

/** Runs a validation, or one share of it, and gives its exit status. */
export async function runValidate(
  options: Arguments,
  io: Io,
  tool: Tool,
  signal: AbortSignal,
): Promise<number> {
  // Before anything is asked of AWS: a time that can't be read is the user's mistake.
  const shard = shardOf(options.shard, io.env);
  refuseSamePaths(options.output, filesBeside(options));
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
        const status = await report(result, done ? () => journal.remove() : undefined);
        if (!isBehind(journal, range)) return status;
        const { start, end } = journal.work.range;
        const told = `this is ${formatInstant(start)} to ${formatInstant(end)}, as the journal was begun; what was asked for ends at ${formatInstant(range.end)}: run again`;
        io.stderr.write(`validate-trail: ${told}\n`);
        return status === 0 ? INCOMPLETE : status;
      }
      const path = options.partial ?? '';
      if (journal.ended) {
        // A scheduler that starts a finished share again must not fail by it.
        const line = `shard ${shard.index}/${shard.total}: finished already, begun ${formatInstant(journal.work.startedAt)}; ${escapeText(path)}`;
        await print(io, `${line}\n`);
        return 0;
      }
      const result = await readShard(work, shard);
      tellPassing(journal, io);
      const finished = result.finished && !journal.unsettled;
      if (finished) await journal.end();
      await print(io, shardLine({ ...result, finished }, shard, path));
      return signal.aborted ? INTERRUPTED : finished ? 0 : INCOMPLETE;
    } finally {
      await journal?.close();
    }
  });
}

/** Another endpoint than the shards' must be named for the merge itself: the environment's is a slip. */
function refuseOtherEndpoints(work: Work, present: NewWork, given: Work['options']): void {
  const isNamed = 'endpoint-url' in given || 's3-endpoint-url' in given;
  const differs = isNamed ? undefined : otherEndpoint(work.endpoints, present.endpoints);
  if (differs === undefined) return;
  throw new RunError(`the partials are of other work: ${differs}`, 'name it with --endpoint-url');
}

/** Joins what shards left into the report of the whole, and gives its exit status. */
export async function runMerge(
  { files, own: given, maxAge }: MergeArguments,
  io: Io,
  tool: Tool,
  signal: AbortSignal,
): Promise<number> {
  const journal = await openPartials(files, tool.version);
  try {
    const { work } = journal;
    const parsed = await parseArguments(argvOf({ ...work.options, ...given }));
    if (parsed.command !== 'validate') throw new UsageError('the partials name no validation');
    const options = parsed.arguments;
    refuseSamePaths(options.output, [
      ...filesBeside(options),
      ...files.map((path): NamedPath => [`the partial ${path}`, path]),
    ]);
    const merged = { journal, ...fixedBy(work) };
    return await withConnection(options, io, signal, async (begun) => {
      const { connection, state, listener, report } = begun;
      const { path, begunAt } = journal.oldest;
      if (connection.now - begunAt > maxAge) {
        throw new RunError(
          `partial ${path} was begun at ${formatInstant(begunAt)}: what has happened since would not show`,
          'run the shards again, or say with --max-age how old they may be',
        );
      }
      const present = await workOf(options, work, work.trail, tool.version, undefined, io.env);
      refuseOtherEndpoints(work, present, given);
      for (const name of Object.keys({ ...work.files, ...present.files })) {
        if (work.files[name] !== present.files[name]) {
          throw new RunError(`the file of --${name} is not the one that the shards had`);
        }
      }
      const own = { tool, signal, listener, ...merged };
      return report(
        await validateTrail({ ...runOptions(options, { connection, state }, own), ...merged }),
      );
    });
  } finally {
    await journal.close();
  }
}

/** Why a run leaves no state. */
function whyNot({ report, finished }: RunResult): string {
  if (report.interrupted) return 'the run was interrupted';
  return finished ? 'more findings are open than it may hold' : 'the time was up';
}

interface Run {
  readonly connection: Connection;
  readonly state: State | undefined;
  readonly listener: RunListener;
  /** Writes the report and then what the next run builds on; gives the exit status. */
  readonly report: (result: RunResult, told?: () => Promise<void> | undefined) => Promise<number>;
}

/** Opens what a run needs, runs it, and frees everything whatever comes of it. */
async function withConnection(
  options: Arguments,
  io: Io,
  signal: AbortSignal,
  run: (begun: Run) => Promise<number>,
): Promise<number> {
  const begun = await readState(options);
  withAccepted(begun, options, clock());
  const output = options.output === undefined ? undefined : await openOutput(options.output);
  const connection = await connect(options, io.env, signal).catch(async (error: unknown) => {
    await output?.discard();
    throw error;
  });
  const progress = createProgress(io, !options.quiet);
  try {
    return await run({
      connection,
      state: withAccepted(begun, options, connection.now),
      listener: progress.listener,
      report: async (result, told) => {
        progress.stop();
        try {
          const text = render(result, options, usesColour(io, options));
          if (output) await output.write(text);
          else await print(io, text);
        } finally {
          await result.close();
        }
        await told?.();
        // Last: a report that could not be written must be told again by the next run.
        if (options.state !== undefined) {
          if (result.state) await saveState(options.state, result.state);
          else io.stderr.write(`validate-trail: the state is left as it was: ${whyNot(result)}\n`);
        }
        return exitCode(result.report);
      },
    });
  } finally {
    await output?.discard();
    progress.stop();
    connection.close();
  }
}
