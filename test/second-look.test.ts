/** Cases in which an object must be read twice, or its refusal be told apart from tampering. */
import { describe, expect, it } from 'vitest';
import { base, FROM, rewrite } from './support/lies.js';
import { accusations } from './support/run-command.js';
import { HOUR, signingKey, TrailBuilder } from './support/trail-builder.js';
import { validate } from './support/validate.js';

describe('a digest file whose signature was stripped', () => {
  it('and that can’t be read again lets none of its log files pass', async () => {
    const { builder, digest, log, start, end } = base();
    rewrite(builder, log(4), (text) => text.replace('GetObject', 'PutObject'));
    const { body } = builder.get(digest(4));
    // Its successor proves it, but its list is read only then, and by then it is refused.
    builder.put('trail-bucket', digest(4).key, {
      body,
      refuse: { status: 403, code: 'AccessDenied' },
      refuseAfter: 1,
    });
    const { report } = await validate(builder, { start, end });
    expect(report.verdict).not.toBe('valid');
    expect(accusations(report)).toContain('OBJECT_UNREADABLE');
  });

  it('and that can is proved, list and all', async () => {
    const { builder, digest, log, start, end } = base();
    rewrite(builder, log(4), (text) => text.replace('GetObject', 'PutObject'));
    builder.put('trail-bucket', digest(4).key, { body: builder.get(digest(4)).body });
    const { report } = await validate(builder, { start, end });
    expect(accusations(report)).toEqual(['LOG_HASH_MISMATCH']);
  });
});

describe('refusals', () => {
  it('of KMS over plain HTTP are no foreign encryption', async () => {
    const { builder, log, start, end } = base();
    builder.put('trail-bucket', log(3).key, {
      ...builder.get(log(3)),
      refuse: {
        status: 400,
        code: 'InvalidArgument',
        message:
          'Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection.',
      },
    });
    const { report } = await validate(builder, { start, end });
    expect(accusations(report)).toEqual(['OBJECT_UNREADABLE']);
    expect(report.findings[0]?.details).toMatchObject({ reason: 'kms' });
  });
});

describe('backfill digest files', () => {
  it('may follow a standard one, and nobody is accused where that lies elsewhere', async () => {
    const builder = new TrailBuilder();
    const chain = builder.chain({ from: FROM, hours: 8 });
    const backfill = builder.chain({
      ...{ from: FROM + HOUR, hours: 3, kind: 'backfill', logsPerHour: 1 },
      ...{ after: chain.digests[0]! },
    });
    expect(backfill.digests).toHaveLength(3);
    const range = { start: FROM + 2 * HOUR, end: FROM + 8 * HOUR };
    const { report } = await validate(builder, range);
    expect(report.verdict).toBe('valid');
  });
});

describe('a trail that moved', () => {
  it('is followed to its older bucket in every Region, though one chain lost the link', async () => {
    const builder = new TrailBuilder({ isMultiRegion: true });
    const moves = [
      { hour: 0, bucket: 'older-bucket' },
      { hour: 4, bucket: 'trail-bucket' },
    ];
    builder.chain({ from: FROM, hours: 10, moves });
    const lost = builder.chain({ from: FROM, hours: 10, moves, region: 'eu-west-1' });
    builder.remove(lost.digests[4]!);
    const range = { start: FROM + HOUR, end: FROM + 10 * HOUR };
    const { report } = await validate(builder, range);
    expect(accusations(report)).toEqual(['DIGEST_MISSING', 'LOG_UNVALIDATED']);
    expect(report.counts.digestFiles.missing).toBe(1);
  });
});

describe('settings', () => {
  it('are told in a section of their own, and change no verdict', async () => {
    const { builder, start, end } = base();
    builder.world.status.set('us-east-1', {
      ...builder.world.status.get('us-east-1'),
      IsLogging: false,
    });
    const bucket = builder.bucket('trail-bucket');
    bucket.lifecycle =
      '<Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix>AWSLogs/</Prefix></Filter>' +
      '<Expiration><Days>10</Days></Expiration></Rule>' +
      '<Rule><ID>other</ID><Status>Enabled</Status><Filter><Prefix>tmp/</Prefix></Filter>' +
      '<Expiration><Days>1</Days></Expiration></Rule>';
    builder.world.selectors = new Map([
      [
        builder.trail.TrailARN,
        { EventSelectors: [{ ReadWriteType: 'WriteOnly', IncludeManagementEvents: true }] },
      ],
    ]);
    const now = new Date((start + 20 * 24 * HOUR) * 1000);
    const { report, status } = await validate(builder, { start, end }, { endpoint: { now } });
    expect(status).toBe(0);
    expect(report.settings.map(({ code }) => code)).toEqual([
      'LOGGING_OFF',
      'MANAGEMENT_EVENTS_LEFT_OUT',
      'VERSIONING_OFF',
      'LIFECYCLE_EXPIRES',
    ]);
    expect(report.settings[3]?.message).toContain('tidy expires objects under AWSLogs/ 10 days');
    const young = await validate(
      builder,
      { start, end },
      { endpoint: { now: new Date((end + 3 * HOUR) * 1000) } },
    );
    expect(young.report.settings.map(({ code }) => code)).not.toContain('LIFECYCLE_EXPIRES');
  });

  it('that can’t be read are told as such', async () => {
    const { builder, start, end } = base();
    const denied = ['GetEventSelectors', 'GetBucketVersioning', 'GetBucketLifecycleConfiguration'];
    const { report } = await validate(builder, { start, end }, { endpoint: { denied } });
    expect(report.verdict).toBe('valid');
    expect(report.settings.map(({ code }) => code)).toEqual([
      'SETTING_UNREADABLE',
      'SETTING_UNREADABLE',
      'SETTING_UNREADABLE',
    ]);
  });
});

describe('narrowing', () => {
  it('--bucket-alias reads a replica and verifies the signed names', async () => {
    const { builder, start, end } = base();
    const replica = builder.bucket('replica');
    for (const [key, object] of builder.bucket('trail-bucket').objects)
      replica.objects.set(key, object);
    builder.world.buckets.delete('trail-bucket');
    const argv = ['--bucket-alias', 'trail-bucket=replica'];
    const { report } = await validate(builder, { start, end }, { argv });
    expect(report.verdict).toBe('valid');
    expect(report.trail.bucket).toBe('trail-bucket');
    expect(report.scope).toEqual({ bucketAliases: ['trail-bucket=replica'] });
  });

  it('--bucket-alias and --location name buckets that exist', async () => {
    const { builder, start, end } = base();
    for (const argv of [
      ['--bucket-alias', 'trail-bucket=nowhere'],
      ['--location', 's3://nowhere/x'],
    ]) {
      await expect(validate(builder, { start, end }, { argv })).rejects.toThrow(/\(2\).*nowhere/s);
    }
  });

  it('--location may name the trail’s own place', async () => {
    const { builder, start, end } = base();
    const { report } = await validate(
      builder,
      { start, end },
      { argv: ['--location', 's3://trail-bucket'] },
    );
    expect(report.verdict).toBe('valid');
    expect(report.counts.digestFiles.valid).toBe(7);
  });

  it('--retention moves the start, and says so', async () => {
    const { builder, start, end } = base({}, 72);
    const now = new Date((end + 3 * HOUR) * 1000);
    const { report } = await validate(
      builder,
      { start, end },
      { endpoint: { now }, argv: ['--retention', '2'] },
    );
    expect(report.verdict).toBe('valid');
    expect(report.scope).toEqual({ retentionDays: 2 });
    expect(Date.parse(report.timeRange.start)).toBe(now.getTime() - 2 * 86_400_000);
  });

  it('--accept-unlisted lets files of a trail without validation pass, told and counted', async () => {
    const { builder, start, end } = base();
    const other = new TrailBuilder({ name: 'plain', seed: 9 }, builder.world);
    Object.assign(other.trail, { LogFileValidationEnabled: false });
    const { key, body } = other.log('111122223333', 'us-east-1', start + HOUR, 300);
    builder.put('trail-bucket', key, { body });
    const { report } = await validate(builder, { start, end });
    expect(accusations(report)).toEqual(['LOG_UNLISTED']);
    expect(report.findings.find(({ code }) => code === 'LOG_UNLISTED')?.message).toContain(
      other.trail.TrailARN,
    );
    const argv = ['--accept-unlisted', other.trail.TrailARN];
    const accepted = await validate(builder, { start, end }, { argv });
    expect(accepted.status).toBe(0);
    expect(accepted.report.counts.logFiles.unlisted).toBe(1);
    expect(accepted.report.findings).toMatchObject([{ code: 'LOG_UNLISTED', class: 'notice' }]);
  });

  it('files that another trail’s digest files list are nobody’s, unless their bytes differ', async () => {
    const { builder, start, end } = base();
    const other = new TrailBuilder({ name: 'second', seed: 9 }, builder.world);
    const chain = other.chain({ from: FROM, hours: 8, key: signingKey(2) });
    const { report } = await validate(builder, { start, end });
    expect(report.verdict).toBe('valid');
    rewrite(builder, chain.digests[3]!.logs[0]!, (text) => text.replace('GetObject', 'PutObject'));
    const altered = await validate(builder, { start, end });
    expect(accusations(altered.report)).toEqual(['LOG_UNLISTED']);
  });
});

describe('an organization trail', () => {
  it('is found although somebody planted another organization’s folder', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid', isMultiRegion: true });
    const { digests } = builder.chain({ from: FROM, hours: 6 });
    for (const { key } of digests) {
      builder.put('trail-bucket', key.replace('o-exampleorgid', 'o-plantedplanted'), {
        body: Buffer.from('x'),
      });
    }
    const { report } = await validate(builder, { start: FROM + HOUR, end: FROM + 6 * HOUR });
    expect(report.verdict).toBe('valid');
    expect(report.trail.organizationId).toBe('o-exampleorgid');
  });
});
