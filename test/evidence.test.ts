import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { base, rewrite } from './support/lies.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { iso, signingKey, TrailBuilder } from './support/trail-builder.js';
import { writeEvidence } from './support/write-evidence.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
});
afterEach(() => rm(directory, { recursive: true }));

const made = base();
const { start, end } = made;
const ask = (...more: string[]): string[] => [
  ...['--trail-arn', made.builder.trail.TrailARN, '--evidence', directory],
  ...['--start-time', iso(start), '--end-time', iso(end), ...more],
];

async function keysApart(): Promise<string> {
  const path = join(directory, 'apart.json');
  await writeFile(path, await readFile(join(directory, 'ListPublicKeys.json')));
  return path;
}

describe('a plain copy without metadata', () => {
  it('is proved through the successors, all but the newest digest file', async () => {
    await writeEvidence(made.builder.world, directory, 'us-east-1');
    const keys = await keysApart();
    await rm(join(directory, 'object-metadata.json'));
    const { report } = await runJson(ask('--public-keys', keys));
    expect(accusations(report)).toEqual(['DIGEST_SIGNATURE_UNAVAILABLE', 'LOG_UNVALIDATED']);
    expect(report.counts.digestFiles).toEqual({ valid: 6, invalid: 0, missing: 0, unreadable: 1 });
    expect(report.counts.logFiles.valid).toBe(12);
    // No key verified what only successors vouch for.
    expect(report.keys?.map(({ digestFiles }) => digestFiles)).toEqual([0]);
  });

  it('shows a digest file that its successor did not record', async () => {
    const { builder, digest } = base();
    rewrite(builder, digest(4), (text) =>
      text.replace('"newestEventTime":"2026', '"newestEventTime":"2025'),
    );
    await writeEvidence(builder.world, directory, 'us-east-1');
    const keys = await keysApart();
    await rm(join(directory, 'object-metadata.json'));
    const { report, status } = await runJson(ask('--public-keys', keys));
    expect(accusations(report)).toEqual([
      'CHAIN_LINK_BROKEN',
      'DIGEST_SIGNATURE_UNAVAILABLE',
      'LOG_UNVALIDATED',
      'LOG_UNVALIDATED',
    ]);
    expect(report.findings.find((one) => one.code === 'CHAIN_LINK_BROKEN')?.key).toBe(
      digest(4).key,
    );
    expect(status).toBe(1);
  });
});

describe('what describes the trail', () => {
  it('can’t forge lines of the report or break the run', async () => {
    await writeEvidence(made.builder.world, directory, 'us-east-1');
    const [trail] = made.builder.world.trails;
    for (const change of [
      { HomeRegion: 'us-east-1\n\nVALID' },
      { S3KeyPrefix: 7 },
      { S3BucketName: {} },
    ]) {
      await writeFile(
        join(directory, 'DescribeTrails.json'),
        JSON.stringify({ trailList: [{ ...trail, ...change }] }),
      );
      const { status, stdout, stderr } = await runCommand(ask());
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toContain('there is no trail');
      expect(stderr).toContain('hint: DescribeTrails.json in the evidence lacks it');
    }
    await rm(join(directory, 'DescribeTrails.json'));
    const { status, stderr } = await runCommand(ask());
    expect([status, stderr]).toEqual([
      2,
      'validate-trail: error: the evidence does not say where the trail delivers: it has no DescribeTrails.json\n' +
        'validate-trail: hint: name the bucket with --s3-bucket\n',
    ]);
  });
});

describe('keys', () => {
  it('beside the evidence count only when pinned', async () => {
    await writeEvidence(made.builder.world, directory, 'us-east-1');
    const bytes = await readFile(join(directory, 'ListPublicKeys.json'));
    const pin = createHash('sha256').update(bytes).digest('hex');
    expect((await runJson(ask())).status).toBe(3);
    expect((await runJson(ask('--keys-sha256', pin))).status).toBe(0);
    expect(
      (
        await runJson(
          ask(
            '--keys-sha256',
            pin.replace(/./, (char) => (char === '0' ? '1' : '0')),
          ),
        )
      ).status,
    ).toBe(3);
  });

  it('of another maker leave a directory that was signed anew unproved', async () => {
    const forged = new TrailBuilder();
    forged.chain({ from: start - 3600, hours: 8, key: signingKey(2) });
    await writeEvidence(made.builder.world, directory, 'us-east-1');
    const keys = await keysApart();
    await writeEvidence(forged.world, directory, 'us-east-1');
    const { report, status } = await runJson(ask('--public-keys', keys));
    expect(status).toBe(3);
    expect(report.counts.digestFiles.valid).toBe(0);
    expect(accusations(report)).toContain('KEYS_UNAVAILABLE');
  });

  it('of a label that is not their MD5 are refused', async () => {
    await writeEvidence(made.builder.world, directory, 'us-east-1');
    const keys = await keysApart();
    await writeFile(
      keys,
      (await readFile(keys, 'utf8')).replace(/"Fingerprint": "./, '"Fingerprint": "'),
    );
    const { status, stderr } = await runCommand(ask('--public-keys', keys));
    expect(status).toBe(2);
    expect(stderr).toContain('is not the MD5 of its key');
  });
});
