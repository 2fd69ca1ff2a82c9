import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue } from './support/lies.js';
import { accusations, runJson } from './support/run-command.js';
import { iso } from './support/trail-builder.js';
import { writeEvidence } from './support/write-evidence.js';

describe('every trail of the catalogue, from an evidence directory', () => {
  for (const one of catalogue()) {
    const refuses = [...one.builder.world.buckets.values()].some(({ objects }) =>
      [...objects.values()].some((object) => object.refuse),
    );
    // A directory has no 403, and a missing folder in it is no NoSuchBucket.
    if (refuses) continue;
    it(one.name, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
      try {
        const { trail, world } = one.builder;
        await writeEvidence(world, directory, trail.HomeRegion);
        const keys = await readFile(join(directory, 'ListPublicKeys.json'));
        const pin = createHash('sha256').update(keys).digest('hex');
        const { report, status } = await runJson([
          ...['--trail-arn', trail.TrailARN, '--evidence', directory, '--keys-sha256', pin],
          ...['--start-time', iso(one.start), '--end-time', iso(one.end)],
        ]);
        expect(accusations(report)).toEqual([...one.codes].sort());
        expect(report.verdict).toBe(one.verdict);
        expect(status).toBe({ valid: 0, invalid: 1, incomplete: 3 }[one.verdict]);
        const keysFound = report.findings.map((finding) => finding.key);
        for (const key of one.at ?? []) expect(keysFound).toContain(key);
        expect(report.counts.digestFiles.missing).toBe(one.missing ?? 0);
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  }
});
