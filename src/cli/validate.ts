import { writeFile } from 'node:fs/promises';
import type { Report } from '../core/report.js';
import { parseUserTime, type Instant, type TimeRange } from '../core/timestamp.js';
import { renderJson, renderNdjson } from '../report/json.js';
import { COLOUR, PLAIN } from '../report/style.js';
import { renderText, renderVerdict } from '../report/text.js';
import { DUE_AFTER, validateTrail } from '../runner/run.js';
import { RunError } from '../sources/ports.js';
import { UsageError, type Arguments } from './args.js';
import { connect } from './connect.js';
import { exitCode } from './exit-code.js';
import type { Io } from './main.js';
import { createProgress } from './progress.js';

function rangeOf(options: Arguments, now: Instant): TimeRange {
  // That these are times was checked with the arguments.
  const start = parseUserTime(options.startTime, now) ?? now;
  const end =
    options.endTime === undefined ? now - DUE_AFTER : (parseUserTime(options.endTime, now) ?? now);
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

async function writeReport(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new RunError(`--output: ${(error as Error).message}`, 'the report was not written');
  }
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
  const connection = await connect(options, io.env, signal);
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
    if (options.output === undefined) io.stdout.write(text);
    else await writeReport(options.output, text);
    return exitCode(report);
  } finally {
    progress.stop();
    connection.close();
  }
}
