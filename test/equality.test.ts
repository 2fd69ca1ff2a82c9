/** One report, however many workers read, however many requests are under way, whatever fails at first. */
import { describe, expect, it } from 'vitest';
import type { Report } from '../src/core/report.js';
import { FROM } from './support/lies.js';
import type { EndpointOptions } from './support/loopback.js';
import { runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving, timeless } from './support/shards.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';

const HOURS = 60;
const range = { start: FROM + HOUR, end: FROM + HOURS * HOUR };

/** Nearly three days of two Regions: log files and digest files altered, removed, stripped. */
function trail(): TrailBuilder {
  const builder = new TrailBuilder();
  for (const region of ['us-east-1', 'eu-west-1']) {
    const { digests } = builder.chain({ region, from: FROM, hours: HOURS, logsPerHour: 2 });
    const [altered, removed] = [digests[9]?.logs[0], digests[40]?.logs[1]];
    if (altered) builder.put(altered.bucket, altered.key, { body: Buffer.from('no') });
    if (removed) builder.remove(removed);
    const [gone, stripped] = [digests[30], digests[50]];
    if (gone) builder.remove(gone);
    if (stripped) builder.put(stripped.bucket, stripped.key, { body: builder.get(stripped).body });
  }
  return builder;
}

const FAULTS: [string, EndpointOptions][] = [
  ['nothing fails', {}],
  ['one request in twenty fails', { faults: { rate: 0.05, seed: 7 } }],
];

describe.each(FAULTS)('where %s', (_name, endpoint) => {
  it.each([1, 2, 4])(
    '%i workers, at 1, 16 and 256 requests under way',
    async (workers) => {
      const builder = trail();
      let expected: Report | undefined;
      await serving(builder, range, {}, async (argv) => {
        const { report, status } = await runJson(argv);
        expect([status, report.findings.length > 6]).toEqual([1, true]);
        expected = timeless(report);
      });
      await serving(builder, range, endpoint, async (argv, served) => {
        for (const concurrency of ['1', '16', '256']) {
          const own = [...argv, '--concurrency', concurrency];
          const { report } = await inTemp(async (directory) => {
            if (workers === 1) return runJson(own);
            const files = partials(directory, workers);
            await runShards(own, files);
            return runJson(['merge', ...files, '--concurrency', concurrency]);
          });
          expect(timeless(report), concurrency).toEqual(expected);
        }
        expect((served.requests.get('fault') ?? 0) > 0).toBe('faults' in endpoint);
      });
    },
    120_000,
  );
});
