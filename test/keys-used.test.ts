/** Which public keys verified how many digest files, in one run, in shards, and for a chain that changed keys. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import { runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving } from './support/shards.js';
import { HOUR, signingKey, TrailBuilder } from './support/trail-builder.js';

it('the report tells of each key how many digest files it verified, however the work was spread', async () => {
  const builder = new TrailBuilder();
  const [first, second] = [signingKey(1), signingKey(2)];
  const older = builder.chain({ from: FROM, hours: 30, key: first });
  const after = older.digests.at(-1);
  builder.chain({ from: FROM + 30 * HOUR, hours: 20, key: second, ...(after ? { after } : {}) });
  const range = { start: FROM + HOUR, end: FROM + 50 * HOUR };
  await serving(builder, range, {}, (argv) =>
    inTemp(async (directory) => {
      const { report, status } = await runJson(argv);
      expect(status).toBe(0);
      const used = new Map(report.keys?.map((one) => [one.fingerprint, one.digestFiles]));
      expect(used).toEqual(
        new Map([
          [first.fingerprint, 29],
          [second.fingerprint, 20],
        ]),
      );
      const journal = ['--resume', join(directory, 'journal')];
      await runJson([...argv, ...journal]);
      expect((await runJson([...argv, ...journal])).report.keys).toEqual(report.keys);
      const files = partials(directory, 3);
      await runShards(argv, files);
      const merged = await runJson(['merge', ...files]);
      expect(merged.report.keys).toEqual(report.keys);
    }),
  );
}, 60_000);
