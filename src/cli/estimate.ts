import type { Estimate } from '../core/estimate.js';
import { renderEstimate, renderEstimateJson } from '../report/estimate.js';
import { estimateTrail } from '../runner/estimate.js';
import type { Arguments } from './args.js';
import { connect } from './connect.js';
import { askedFor, clock } from './connected.js';
import { print, type Io } from './main.js';
import { openOutput } from './output.js';
import { askedRange } from './range.js';
import { styleOf } from './style.js';

function render(estimate: Estimate, options: Arguments, io: Io): string {
  if (options.format === 'json') return renderEstimateJson(estimate, 2);
  if (options.format === 'ndjson') return renderEstimateJson(estimate);
  return renderEstimate(estimate, styleOf(io, options.output));
}

/** Estimates a run and gives the exit status: 0, or 3 where something could not be listed. */
export async function runEstimate(
  options: Arguments,
  io: Io,
  tool: { name: string; version: string },
  signal: AbortSignal,
): Promise<number> {
  // Before anything is asked of AWS: a range that makes no sense is the user's mistake.
  askedRange({ ...options, retentionDays: undefined }, clock());
  const output = options.output === undefined ? undefined : await openOutput(options.output);
  const connection = await connect(options, io.env, signal).catch(async (error: unknown) => {
    await output?.discard();
    throw error;
  });
  try {
    const estimate = await estimateTrail({
      ...connection,
      range: askedRange(options, connection.now),
      ...askedFor(options),
      tool,
      startedAt: clock(),
      signal,
    });
    const text = render(estimate, options, io);
    if (output) await output.write(text);
    else await print(io, text);
    if (estimate.interrupted) return 130;
    return estimate.failureCount > 0 ? 3 : 0;
  } finally {
    await output?.discard();
    await connection.close();
  }
}
