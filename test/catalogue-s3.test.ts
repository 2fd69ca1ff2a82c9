import { describe, expect, it } from 'vitest';
import { catalogue } from './support/lies.js';
import { startEndpoint } from './support/loopback.js';
import { accusations, runJson } from './support/run-command.js';
import { iso } from './support/trail-builder.js';

describe('every trail of the catalogue, through S3 and CloudTrail', () => {
  for (const one of catalogue()) {
    it(one.name, async () => {
      const { trail, world } = one.builder;
      const endpoint = await startEndpoint(world, { pageSize: 3, keyPageSize: 1 });
      try {
        const { report, status } = await runJson([
          ...['--trail-arn', trail.TrailARN, '--endpoint-url', endpoint.url],
          ...['--start-time', iso(one.start), '--end-time', iso(one.end)],
        ]);
        expect(accusations(report)).toEqual([...one.codes].sort());
        expect(report.verdict).toBe(one.verdict);
        expect(status).toBe({ valid: 0, invalid: 1, incomplete: 3 }[one.verdict]);
        const found = report.findings.map((finding) => finding.key);
        for (const key of one.at ?? []) expect(found).toContain(key);
        expect(report.counts.digestFiles.missing).toBe(one.missing ?? 0);
      } finally {
        await endpoint.close();
      }
    });
  }
});
