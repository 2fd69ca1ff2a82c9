import { startEndpoint, type EndpointOptions } from './loopback.js';
import { runJson, type Ran } from './run-command.js';
import { iso, type TrailBuilder } from './trail-builder.js';
import type { Report } from '../../src/core/report.js';

export interface Validated extends Ran {
  readonly report: Report;
  readonly requests: ReadonlyMap<string, number>;
}

/** Serves a trail on loopback and validates it with the real command. */
export async function validate(
  builder: TrailBuilder,
  range: { start: number; end: number },
  {
    endpoint: options = {},
    argv = [],
  }: { endpoint?: EndpointOptions; argv?: readonly string[] } = {},
): Promise<Validated> {
  const endpoint = await startEndpoint(builder.world, options);
  try {
    const { TrailARN: arn } = builder.trail;
    const ran = await runJson([
      ...['--trail-arn', arn, '--endpoint-url', endpoint.url],
      ...['--start-time', iso(range.start), '--end-time', iso(range.end)],
      ...argv,
    ]);
    return { ...ran, requests: new Map(endpoint.requests) };
  } finally {
    await endpoint.close();
  }
}
