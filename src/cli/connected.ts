/** What every judging command opens and frees: connection, state, report. */
import type { State } from '../core/state.js';
import type { Instant } from '../core/timestamp.js';
import { renderAs } from '../report/formats.js';
import { PLAIN } from '../report/style.js';
import { renderQuiet } from '../report/text.js';
import type { RunListener } from '../runner/events.js';
import type { RunOptions, RunResult } from '../runner/options.js';
import { saveState } from '../sources/state-file.js';
import type { Arguments } from './args.js';
import { openAttestation, type Written } from './attest.js';
import { connect, type Connection } from './connect.js';
import { exitCode, INCOMPLETE } from './exit-code.js';
import { tellGitHub } from './github.js';
import { print, type Io } from './main.js';
import { openReports } from './output.js';
import { createProgress } from './progress.js';
import { readState, withAccepted } from './run-state.js';
import { layoutOf, styleOf } from './style.js';

/** This machine's clock, in epoch seconds. */
export const clock = (): Instant => Math.floor(Date.now() / 1000);

function render(
  { report, more }: RunResult,
  options: Arguments,
  io: Io,
): string | AsyncIterable<string> {
  const { format, quiet, output, verbose } = options;
  const style = styleOf(io, output);
  if (format === 'text' && quiet && output === undefined) {
    return `${renderQuiet(report, style)}\n`;
  }
  return renderAs(format, report, { style, verbose, ...layoutOf(io, output) }, more);
}

/** What is asked for, of a run and of an estimate alike. */
export function askedFor(options: Arguments) {
  return {
    explicitEnd: options.endTime !== undefined,
    organizationId: options.organizationId,
    regions: options.regions,
    accountIds: options.accountIds,
    digestsOnly: options.digestsOnly,
    unlisted: options.unlisted,
    retentionDays: options.retentionDays,
    locations: options.locations,
    bucketAliases: options.bucketAliases.map((pair) => pair.join('=')),
    concurrency: options.concurrency,
    clock,
  };
}

/** A run's options from the command line's. */
export function runOptions(
  options: Arguments,
  { connection, state }: Pick<Run, 'connection' | 'state'>,
  own: Pick<RunOptions, 'range' | 'tool' | 'startedAt' | 'signal' | 'listener'>,
): RunOptions {
  const { maxDuration } = options;
  return {
    ...connection,
    ...askedFor(options),
    wholeEvidence: options.wholeEvidence,
    acceptUnlisted: options.acceptUnlisted,
    versions: options.versions,
    allowGaps: options.allowGaps,
    state,
    sinceState: options.sinceState,
    sample: options.sample,
    // The clock of performance.now() begins with the process.
    timeUp: maxDuration === undefined ? undefined : () => performance.now() / 1000 > maxDuration,
    ...own,
  };
}

/** Why a run leaves no state. */
function whyNot({ report, finished }: RunResult): string {
  if (report.interrupted) return 'the run was interrupted';
  return finished ? 'more findings are open than it may hold' : 'the time was up';
}

/** What a run begins with. */
export interface Run {
  readonly connection: Connection;
  readonly state: State | undefined;
  readonly listener: RunListener;
  /**
   * Writes the report, its signature, and then what the next run builds on; gives the exit status, which
   * is never 0 where the report is not of all that was asked for (`isBehind`).
   */
  readonly report: (
    result: RunResult,
    told?: () => Promise<void> | undefined,
    isBehind?: boolean,
  ) => Promise<number>;
}

/** Opens what a run needs, runs it, and frees everything whatever comes of it. */
export async function withConnection(
  options: Arguments,
  io: Io,
  signal: AbortSignal,
  run: (begun: Run) => Promise<number>,
): Promise<number> {
  const begun = await readState(options);
  withAccepted(begun, options, clock());
  const attestation = await openAttestation(options, io.env);
  const outputs = await openReports(options);
  const connection = await connect(options, io.env, signal).catch(async (error: unknown) => {
    await outputs.discard();
    throw error;
  });
  const progress = createProgress(io, !options.quiet);
  try {
    return await run({
      connection,
      state: withAccepted(begun, options, connection.now),
      listener: progress.listener,
      report: async (result, told, isBehind = false) => {
        progress.stop();
        const plain = exitCode(result.report);
        const status = isBehind && plain === 0 ? INCOMPLETE : plain;
        const written: Written[] = [];
        try {
          for (const { output, format } of outputs.others) {
            const { report, more } = result;
            const text = renderAs(format, report, { style: PLAIN, verbose: true }, more);
            written.push([output, await output.write(text)]);
          }
          await tellGitHub(result, io);
          const text = render(result, options, io);
          if (outputs.main) written.push([outputs.main, await outputs.main.write(text)]);
          else await print(io, text);
        } finally {
          await result.close();
        }
        if (attestation && outputs.attestation) {
          const envelope = attestation.sign(result.report, written, status);
          await outputs.attestation.write(envelope);
        }
        await told?.();
        // Last: a report that could not be written must be told again by the next run.
        if (options.state !== undefined) {
          if (result.state) await saveState(options.state, result.state);
          else io.stderr.write(`validate-trail: the state is left as it was: ${whyNot(result)}\n`);
        }
        return status;
      },
    });
  } finally {
    await outputs.discard();
    progress.stop();
    await connection.close();
  }
}
