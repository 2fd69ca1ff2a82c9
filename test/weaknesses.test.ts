/** What we say in each case that SPEC 6c lists as a weakness of the AWS CLI, by its number. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { base, catalogue, FROM, rewrite } from './support/lies.js';
import { startEndpoint } from './support/loopback.js';
import { accusations, runJson } from './support/run-command.js';
import { HOUR, iso, signingKey, TrailBuilder } from './support/trail-builder.js';
import { validate } from './support/validate.js';

const cases = catalogue();
/** Weaknesses that a trail of the catalogue shows; catalogue-s3.test.ts runs each. */
const IN_CATALOGUE: Readonly<Record<string, readonly string[]>> = {
  W1: ['newest-digests-deleted'],
  W2: ['everything-deleted'],
  W3: ['stopped-and-started'],
  W4: ['three-digests-deleted', 'oldest-digests-deleted'],
  W5: ['digests-deleted-beside-an-altered-one'],
  W7: ['time-hole-with-unbroken-link'],
  W12: ['predecessor-swapped'],
  W14: ['other-trail-of-confusing-name'],
  W15: ['planted-far-future-name'],
  W16: ['planted-unparsable-name', 'planted-forged-digest'],
  W19: ['digest-before-the-range-gone', 'time-range-ends-within-an-hour'],
  W21: ['log-forbidden', 'log-archived', 'digest-forbidden', 'older-bucket-gone'],
  W23: ['digest-without-log-files'],
  W25: ['backfill-generation-time-altered'],
  W26: ['log-second-member', 'log-trailing-zeros', 'log-trailer-cut-off', 'digest-trailing-data'],
  W27: ['upper-case-hash', 'log-listed-twice'],
};

describe('weaknesses of the AWS CLI', () => {
  for (const [number, names] of Object.entries(IN_CATALOGUE)) {
    it(`${number} stands in the catalogue: ${names.join(', ')}`, () => {
      for (const name of names) expect(cases.map((one) => one.name)).toContain(name);
    });
  }

  it('W6 time before the first digest and after the last is a gap', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 4 });
    const { report } = await validate(builder, { start: FROM - 10 * HOUR, end: FROM + 12 * HOUR });
    expect(accusations(report)).toEqual(['COVERAGE_GAP', 'COVERAGE_GAP']);
    const [first, second] = report.findings.filter((one) => one.code === 'COVERAGE_GAP');
    expect([first?.start, first?.end]).toEqual([iso(FROM - 10 * HOUR), iso(FROM + HOUR)]);
    expect([second?.start, second?.end]).toEqual([iso(FROM + 4 * HOUR), iso(FROM + 12 * HOUR)]);
  });

  it('W7 an overlap with an intact link is told', async () => {
    const { builder, digest, start, end } = base();
    builder.resign(digest(7), { digestStartTime: iso(digest(7).start - 600) });
    const { report } = await validate(builder, { start, end });
    expect(report.verdict).toBe('valid');
    expect(report.findings.map((one) => one.code)).toContain('COVERAGE_OVERLAP');
  });

  it('W8 a link past signed digests is a contradiction, not silence', async () => {
    const { builder, digest, start, end } = base();
    const far = digest(2);
    builder.resign(digest(7), {
      previousDigestS3Object: far.key,
      previousDigestHashValue: far.hash,
      previousDigestSignature: far.signature,
    });
    const { report } = await validate(builder, { start, end });
    expect(accusations(report)).toEqual(['CHAIN_FORKED']);
    expect(report.counts.logFiles.valid).toBe(14);
  });

  it('W9 a log file that nobody lists is found, unless it is not looked for', async () => {
    const { builder, start, end, log } = base();
    builder.put('trail-bucket', log(3).key.replace(/_[^_]+$/, '_INJECTED00000000.json.gz'), {
      body: gzipSync('{}'),
    });
    const { report } = await validate(builder, { start, end });
    expect(accusations(report)).toEqual(['LOG_UNLISTED']);
    expect(report.counts.logFiles.unlisted).toBe(1);
    const narrowed = await validate(builder, { start, end }, { argv: ['--no-unlisted'] });
    expect(narrowed.report.verdict).toBe('valid');
    expect(narrowed.report.scope).toEqual({ unlisted: false });
  });

  it('W10 a backfill digest that another names is missed; of none at all their log files tell', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 8 });
    const backfill = builder.chain({ from: FROM + HOUR, hours: 3, kind: 'backfill' });
    for (const digest of backfill.digests.slice(0, 2)) builder.remove(digest);
    const range = { start: FROM + HOUR, end: FROM + 8 * HOUR };
    const { report } = await validate(builder, range);
    // Of the first one nothing is known any more but the log files that it listed.
    expect(accusations(report)).toEqual(['DIGEST_MISSING', 'LOG_UNLISTED', 'LOG_UNVALIDATED']);
    for (const digest of backfill.digests) builder.remove(digest);
    const after = await validate(builder, range);
    expect(after.report.chains.map((chain) => chain.kind)).toEqual(['standard']);
    expect(accusations(after.report)).toEqual(['LOG_UNLISTED']);
    expect(after.report.counts.logFiles.unlisted).toBe(6);
  });

  it('W11 all Regions and accounts of an organization in one run, and one Region emptied', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid', isMultiRegion: true });
    const accounts = ['111122223333', '444455556666'];
    for (const accountId of accounts) {
      for (const region of ['us-east-1', 'eu-west-1', 'ap-south-1']) {
        builder.chain({ from: FROM, hours: 4, accountId, region });
      }
    }
    const range = { start: FROM + HOUR, end: FROM + 4 * HOUR };
    const whole = await validate(builder, range);
    expect(whole.report.verdict).toBe('valid');
    expect(whole.report.chains).toHaveLength(6);
    expect(whole.report.counts.digestFiles.valid).toBe(18);
    for (const digest of builder.chains[4]?.digests ?? []) builder.remove(digest);
    builder.put(
      'trail-bucket',
      'AWSLogs/o-exampleorgid/444455556666/CloudTrail-Digest/eu-west-1/',
      { body: Buffer.alloc(0) },
    );
    const emptied = await validate(builder, range);
    expect(accusations(emptied.report)).toEqual(['COVERAGE_NONE', 'LOG_UNVALIDATED']);
    expect(emptied.report.findings.find((one) => one.code === 'COVERAGE_NONE')).toMatchObject({
      accountId: '444455556666',
      region: 'eu-west-1',
    });
    const narrowed = await validate(builder, range, {
      argv: ['--region', 'us-east-1', '--account-id', '444455556666'],
    });
    expect(narrowed.report.verdict).toBe('valid');
    expect(narrowed.report.scope).toEqual({
      regions: ['us-east-1'],
      accountIds: ['444455556666'],
    });
  });

  it('W13 labels decide nothing: SHA256withRSA is what is tried', async () => {
    const { builder, digest, start, end } = base();
    const { signature } = digest(7);
    builder.put('trail-bucket', digest(7).key, {
      ...builder.get(digest(7)),
      metadata: { signature, 'signature-algorithm': 'NONE' },
    });
    expect((await validate(builder, { start, end })).report.verdict).toBe('valid');
  });

  it('W13 a key used outside its stated validity is told', async () => {
    const { builder, start, end } = base();
    const [entry] = builder.world.keys.get('us-east-1') ?? [];
    builder.world.keys.set('us-east-1', [{ ...entry!, ValidityEndTime: start + HOUR }]);
    const { report } = await validate(builder, { start, end });
    expect(report.verdict).toBe('valid');
    expect(
      report.findings.filter((one) => one.code === 'DIGEST_KEY_OUTSIDE_VALIDITY'),
    ).toHaveLength(6);
  });

  it('W17 a chain that restarts under another prefix leaves a gap, and a slash at the end is no prefix', async () => {
    const builder = new TrailBuilder({ prefix: 'new' });
    builder.chain({ from: FROM, hours: 4, moves: [{ hour: 0, prefix: 'old' }] });
    builder.chain({ from: FROM + 4 * HOUR, hours: 4 });
    const range = { start: FROM + HOUR, end: FROM + 8 * HOUR };
    const { report } = await validate(builder, range);
    expect(accusations(report)).toEqual(['COVERAGE_GAP']);
    const slash = await validate(
      builder,
      { start: FROM + 5 * HOUR, end: FROM + 8 * HOUR },
      {
        argv: ['--s3-bucket', 'trail-bucket', '--s3-prefix', 'new/'],
      },
    );
    expect(slash.report.verdict).toBe('valid');
  });

  it('W18 a bucket named by the user works for an organization trail too', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid', isMultiRegion: true });
    for (const accountId of ['111122223333', '444455556666'])
      builder.chain({ from: FROM, hours: 4, accountId });
    const { report, requests } = await validate(
      builder,
      { start: FROM + HOUR, end: FROM + 4 * HOUR },
      {
        argv: ['--s3-bucket', 'trail-bucket'],
        endpoint: { denied: ['DescribeTrails', 'GetTrail'] },
      },
    );
    // Asked, since its word would help, and not needed.
    expect(requests.get('DescribeTrails')).toBeGreaterThan(0);
    expect(report.verdict).toBe('valid');
    expect(report.chains.map((chain) => chain.accountId)).toEqual(['111122223333', '444455556666']);
    expect(report.trail.organizationId).toBe('o-exampleorgid');
  });

  it('W20 offsets are honoured', async () => {
    const { builder, start, end } = base();
    const west = `${new Date((start - 8 * HOUR) * 1000).toISOString().slice(0, 19)}-08:00`;
    const { report } = await validate(builder, { start, end }, { argv: [] });
    expect(report.timeRange.start).toBe(iso(start));
    const endpoint = await startEndpoint(builder.world);
    const again = await runJson([
      ...['--trail-arn', builder.trail.TrailARN, '--endpoint-url', endpoint.url],
      ...['--start-time', west, '--end-time', iso(end)],
    ]);
    await endpoint.close();
    expect(again.report.timeRange).toEqual(report.timeRange);
  });

  it('W22 a connection that always breaks is unreadable, never tampering', async () => {
    const { builder, start, end, log } = base();
    builder.put('trail-bucket', log(3).key, {
      ...builder.get(log(3)),
      refuse: { status: 500, code: 'InternalError' },
    });
    const { report, status } = await validate(builder, { start, end });
    expect(accusations(report)).toEqual(['OBJECT_UNREADABLE']);
    expect(status).toBe(3);
    expect(report.counts.logFiles).toMatchObject({
      valid: 13,
      invalid: 0,
      missing: 0,
      unreadable: 1,
    });
  });

  it('W21 a 403 for a log file that a complete listing lacks is missing', async () => {
    const { builder, start, end, log } = base();
    builder.remove(log(3));
    const { report } = await validate(
      builder,
      { start, end },
      { endpoint: { absentIsForbidden: true } },
    );
    expect(accusations(report)).toEqual(['LOG_MISSING']);
  });

  it('W24 keys that can’t be had leave the trail unproved, and tokens are followed', async () => {
    const { builder, start, end } = base();
    const { report } = await validate(
      builder,
      { start, end },
      { endpoint: { denied: ['ListPublicKeys'] } },
    );
    expect(accusations(report)).toContain('KEYS_UNAVAILABLE');
    expect(report.verdict).toBe('incomplete');
    expect(report.counts.digestFiles).toEqual({ valid: 0, invalid: 0, missing: 0, unreadable: 7 });
    builder.publish('us-east-1', signingKey(2), start - 86_400);
    builder.publish('us-east-1', signingKey(3), start - 86_400);
    const paged = await validate(builder, { start, end }, { endpoint: { keyPageSize: 1 } });
    expect(paged.report.verdict).toBe('valid');
    expect(paged.requests.get('ListPublicKeys')).toBeGreaterThanOrEqual(3);
  });

  it('W28 the legacy bucket location EU, and redirects to the bucket’s Region', async () => {
    const builder = new TrailBuilder({ bucketRegion: 'eu-west-1' });
    builder.chain({ from: FROM, hours: 4 });
    const range = { start: FROM + HOUR, end: FROM + 4 * HOUR };
    const legacy = await validate(builder, range, {
      endpoint: {
        checkRegion: 'malformed',
        bucketRegionHeader: false,
        locations: new Map([['trail-bucket', 'EU']]),
        denied: ['HeadBucket'],
      },
    });
    expect(legacy.report.verdict).toBe('valid');
    for (const checkRegion of ['redirect', 'malformed'] as const) {
      const redirected = await validate(builder, range, { endpoint: { checkRegion } });
      expect(redirected.report.verdict).toBe('valid');
    }
  });

  it('W28 metadata lost everywhere: all but the newest are proved through their successors', async () => {
    const { builder, chain, start, end, digest } = base();
    for (const one of chain.digests)
      builder.put(one.bucket, one.key, { body: builder.get(one).body });
    const { report } = await validate(builder, { start, end });
    expect(accusations(report)).toEqual(['DIGEST_SIGNATURE_MISSING', 'LOG_UNVALIDATED']);
    expect(report.counts.digestFiles).toMatchObject({ valid: 6, invalid: 1 });
    expect(report.findings.map((one) => one.key)).toContain(digest(7).key);
  });

  it('W29 many requests at a time, and a report a machine can read', async () => {
    const { builder, start, end } = base({}, 20);
    const { report, stdout } = await validate(builder, { start, end });
    expect(report.schemaVersion).toBe(1);
    expect(JSON.parse(stdout)).toEqual(report);
  });

  it('the first digest beyond the end vouches for the last one within', async () => {
    const { builder, start, digest } = base();
    rewrite(builder, digest(6), (text) => text);
    builder.resign(digest(6), { logFiles: [] });
    const { report } = await validate(builder, { start, end: digest(6).end });
    expect(accusations(report)).toEqual(['CHAIN_LINK_BROKEN', 'LOG_UNVALIDATED']);
    expect(gunzipSync(builder.get(digest(7)).body).length).toBeGreaterThan(0);
  });

  it('an end in the far future asks for no days that have not come', async () => {
    const { builder, start } = base();
    const now = new Date((start + 20 * HOUR) * 1000);
    const { report, requests } = await validate(
      builder,
      { start, end: start + 9000 * 24 * HOUR },
      { endpoint: { now } },
    );
    expect(accusations(report)).toEqual(['COVERAGE_GAP', 'DIGEST_NOT_DUE']);
    expect(requests.get('ListObjectsV2')).toBeLessThan(20);
  });

  it('a change of bucket just after the range is followed back', async () => {
    const builder = new TrailBuilder();
    const moves = [
      { hour: 0, bucket: 'older-bucket' },
      { hour: 7, bucket: 'trail-bucket' },
    ];
    builder.chain({ from: FROM, hours: 10, moves });
    const { report } = await validate(builder, { start: FROM + HOUR, end: FROM + 7 * HOUR });
    expect(accusations(report)).toEqual([]);
    expect(report.counts.digestFiles.valid).toBe(6);
  });

  it('a Region that was emptied is told although nobody says that the trail is multi-Region', async () => {
    const builder = new TrailBuilder({ isMultiRegion: true });
    builder.chain({ from: FROM, hours: 4 });
    for (const digest of builder.chain({ from: FROM, hours: 4, region: 'eu-west-1' }).digests) {
      builder.remove(digest);
    }
    builder.put('trail-bucket', 'AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/', {
      body: Buffer.alloc(0),
    });
    const range = { start: FROM + HOUR, end: FROM + 4 * HOUR };
    const argv = ['--s3-bucket', 'trail-bucket'];
    const denied = ['DescribeTrails', 'GetTrail'];
    const { report } = await validate(builder, range, { argv, endpoint: { denied } });
    expect(accusations(report)).toEqual(['COVERAGE_NONE', 'LOG_UNVALIDATED', 'REGION_UNCONFIRMED']);
    const asked = await validate(builder, range, { argv });
    expect(accusations(asked.report)).toEqual(['CHAIN_TAIL_CUT', 'LOG_UNVALIDATED']);
  });

  it('a digest that is late while its successor is there is not missing yet', async () => {
    const { builder, start, digest } = base();
    builder.remove(digest(6));
    builder.remove(digest(3));
    const now = new Date((digest(7).end + 1200) * 1000);
    const young = await validate(builder, { start, end: digest(7).end }, { endpoint: { now } });
    expect(accusations(young.report)).toEqual([
      'DIGEST_MISSING',
      'DIGEST_NOT_DUE',
      'LOG_UNVALIDATED',
    ]);
    expect(young.report.counts.digestFiles.missing).toBe(1);
    const later = new Date((digest(7).end + 2 * HOUR) * 1000);
    const overdue = await validate(
      builder,
      { start, end: digest(7).end },
      { endpoint: { now: later } },
    );
    expect(accusations(overdue.report)).toEqual([
      'DIGEST_MISSING',
      'DIGEST_MISSING',
      'LOG_UNVALIDATED',
      'LOG_UNVALIDATED',
    ]);
  });

  it('a young digest that is not there yet is not due', async () => {
    const { builder, chain, start } = base();
    const newest = chain.digests.at(-1)!;
    builder.remove(newest);
    builder.world.status.set('us-east-1', {
      IsLogging: true,
      LatestDigestDeliveryTime: newest.start + 1800,
    });
    const now = new Date((newest.end + 3000) * 1000);
    const { report } = await validate(builder, { start, end: newest.end }, { endpoint: { now } });
    expect(accusations(report)).toEqual(['DIGEST_NOT_DUE']);
    const later = new Date((newest.end + 3 * HOUR) * 1000);
    const overdue = await validate(
      builder,
      { start, end: newest.end },
      { endpoint: { now: later } },
    );
    expect(accusations(overdue.report)).toEqual(['COVERAGE_GAP', 'LOG_UNVALIDATED']);
  });
});
