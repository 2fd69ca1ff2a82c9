import { userInfo } from 'node:os';
import type { Report } from '../core/report.js';
import { accept, StateError, type State } from '../core/state.js';
import {
  DAY,
  formatInstant,
  parseDigestTime,
  parseUserTime,
  type Instant,
  type TimeRange,
} from '../core/timestamp.js';
import { renderJson, renderNdjson } from '../report/json.js';
import { COLOUR, PLAIN } from '../report/style.js';
import { renderText, renderQuiet } from '../report/text.js';
import { DUE_AFTER } from '../runner/options.js';
import { validateTrail } from '../runner/run.js';
import { RunError } from '../sources/ports.js';
import { checkWritable, loadState, saveState } from '../sources/state-file.js';
import { UsageError, type Arguments } from './args.js';
import { connect } from './connect.js';
import { exitCode } from './exit-code.js';
import { print, type Io } from './main.js';
import { openOutput } from './output.js';
import { createProgress } from './progress.js';

/** 2015-01-01T00:00:00Z. */
const FIRST_DIGESTS = 1_420_070_400;

function rangeOf(options: Arguments, now: Instant, state: State | undefined): TimeRange {
  // That these are times was checked with the arguments.
  const end =
    options.endTime === undefined ? now - DUE_AFTER : (parseUserTime(options.endTime, now) ?? now);
  if (options.startTime === undefined) {
    const { provedUntil = '' } = state ?? {};
    if (options.endTime !== undefined && end < (parseDigestTime(provedUntil) ?? end)) {
      throw new UsageError(`--end-time lies before ${provedUntil}, where the state ends`);
    }
    // Nothing new may be due yet: then the chains are held against the state, and that is all.
    return { start: Math.min(parseDigestTime(state?.provedUntil ?? '') ?? end, end), end };
  }
  const asked = parseUserTime(options.startTime, now) ?? now;
  const kept =
    options.retentionDays === undefined
      ? asked
      : Math.max(asked, now - options.retentionDays * DAY);
  const start = kept;
  if (asked < end && kept >= end) {
    throw new UsageError('--retention leaves nothing of the range: what it keeps begins later');
  }
  if (start < FIRST_DIGESTS) {
    throw new UsageError(
      '--start-time lies before 2015, when CloudTrail wrote its first digest files',
    );
  }
  if (start >= end) {
    throw new UsageError(
      options.endTime === undefined
        ? '--start-time lies within the last two hours, whose digest files are not due yet: choose an earlier one'
        : '--start-time is not before --end-time',
    );
  }
  return { start, end };
}

function render(report: Report, options: Arguments, colour: boolean): string {
  const style = colour ? COLOUR : PLAIN;
  if (options.format === 'json') return renderJson(report);
  if (options.format === 'ndjson') return renderNdjson(report);
  if (options.quiet && options.output === undefined) return `${renderQuiet(report, style)}\n`;
  return renderText(report, { style, verbose: options.verbose });
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

/** Runs a validation and gives its exit status. */
export async function runValidate(
  options: Arguments,
  io: Io,
  tool: { name: string; version: string },
  signal: AbortSignal,
): Promise<number> {
  // Before anything is asked of AWS: a time that can't be read is the user's mistake.
  const clock = (): Instant => Math.floor(Date.now() / 1000);
  if (options.startTime !== undefined) {
    rangeOf({ ...options, retentionDays: undefined }, clock(), undefined);
  }
  const begun = await readState(options);
  withAccepted(begun, options, clock());
  const output = options.output === undefined ? undefined : await openOutput(options.output);
  const connection = await connect(options, io.env, signal).catch(async (error: unknown) => {
    await output?.discard();
    throw error;
  });
  const progress = createProgress(io, !options.quiet);
  try {
    const state = withAccepted(begun, options, connection.now);
    const { report, state: next } = await validateTrail({
      ...connection,
      range: rangeOf(options, connection.now, state),
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
      concurrency: options.concurrency,
      tool,
      startedAt: clock(),
      clock,
      signal,
      listener: progress.listener,
    });
    progress.stop();
    const text = render(report, options, usesColour(io, options));
    if (output) await output.write(text);
    else await print(io, text);
    // Last: a report that could not be written must be told again by the next run.
    if (options.state !== undefined && next) await saveState(options.state, next);
    return exitCode(report);
  } finally {
    await output?.discard();
    progress.stop();
    connection.close();
  }
}
