import type { Report } from '../core/report.js';
import { parseUserTime, type Instant, type TimeRange } from '../core/timestamp.js';
import { renderJson, renderNdjson } from '../report/json.js';
import { COLOUR, PLAIN } from '../report/style.js';
import { renderText, renderVerdict } from '../report/text.js';
import { DUE_AFTER, validateTrail } from '../runner/run.js';
import { UsageError, type Arguments } from './args.js';
import { connect } from './connect.js';
import { exitCode } from './exit-code.js';
import { print, type Io } from './main.js';
import { openOutput } from './output.js';
import { createProgress } from './progress.js';

/** 2015-01-01T00:00:00Z. */
const FIRST_DIGESTS = 1_420_070_400;

function rangeOf(options: Arguments, now: Instant): TimeRange {
  // That these are times was checked with the arguments.
  const start = parseUserTime(options.startTime, now) ?? now;
  const end =
    options.endTime === undefined ? now - DUE_AFTER : (parseUserTime(options.endTime, now) ?? now);
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
  if (options.quiet && options.output === undefined) return `${renderVerdict(report, style)}\n`;
  return renderText(report, { style, verbose: options.verbose });
}

function usesColour(io: Io, options: Arguments): boolean {
  const { NO_COLOR: noColor, TERM: term } = io.env;
  const wanted = (noColor ?? '') === '' && term !== 'dumb';
  return wanted && options.output === undefined && io.stdout.isTTY === true;
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
  rangeOf(options, clock());
  const output = options.output === undefined ? undefined : await openOutput(options.output);
  const connection = await connect(options, io.env, signal).catch(async (error: unknown) => {
    await output?.discard();
    throw error;
  });
  const progress = createProgress(io, !options.quiet);
  try {
    const report = await validateTrail({
      ...connection,
      range: rangeOf(options, connection.now),
      explicitEnd: options.endTime !== undefined,
      organizationId: options.organizationId,
      regions: options.regions,
      accountIds: options.accountIds,
      digestsOnly: options.digestsOnly,
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
    return exitCode(report);
  } finally {
    await output?.discard();
    progress.stop();
    connection.close();
  }
}
