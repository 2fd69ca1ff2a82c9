/** Gaps: who caused them, what events prove to have been removed, and what --allow-gaps lets pass. */
import { describe, expect, it } from 'vitest';
import { trailEvent } from './support/events.js';
import { FROM } from './support/lies.js';
import { accusations } from './support/run-command.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';
import { validate } from './support/validate.js';

const OPS = 'arn:aws:iam::111122223333:user/ops';

/**
 * A trail that was stopped in its twelfth hour and started again in its fifteenth, the calls in the
 * event history; `removed` digest files before the stop are deleted.
 */
function stopped(removed = 0, region = 'us-east-1') {
  const builder = new TrailBuilder({ isMultiRegion: true });
  const off = FROM + 12 * HOUR - 300;
  const on = FROM + 15 * HOUR + 500;
  const records = [
    trailEvent(builder, { name: 'StopLogging', at: off, actor: OPS }),
    trailEvent(builder, { name: 'StartLogging', at: on, actor: OPS, ip: '192.0.2.9' }),
  ];
  const chains = ['us-east-1', 'eu-west-1'].map((one) => {
    const before = builder.chain({ from: FROM, hours: 12, region: one });
    const after = builder.chain({ from: FROM + 14 * HOUR + 500, hours: 6, region: one });
    return { region: one, before, after };
  });
  builder.world.history = new Map([['us-east-1', records]]);
  const target = chains.find((one) => one.region === region)!;
  const gone = removed === 0 ? [] : target.before.digests.slice(-removed);
  for (const digest of gone) {
    builder.remove(digest);
    for (const log of digest.logs) builder.remove(log);
  }
  const end = FROM + 20 * HOUR + 500;
  const now = new Date((end + 3 * HOUR) * 1000);
  return { builder, range: { start: FROM + HOUR, end }, now, off, on, gone };
}

describe('a gap', () => {
  it('is explained by who stopped and started, from the event history', async () => {
    const { builder, range, now } = stopped();
    const { report, status } = await validate(builder, range, { endpoint: { now } });
    expect(accusations(report)).toEqual(['COVERAGE_GAP', 'COVERAGE_GAP']);
    for (const gap of report.findings.filter(({ code }) => code === 'COVERAGE_GAP')) {
      expect(gap.start).toBe(iso(FROM + 12 * HOUR));
      expect(gap.end).toBe(iso(FROM + 15 * HOUR + 500));
      expect(gap.message).toContain('logging was stopped');
      expect(gap.message).toContain(`StopLogging by ${OPS} from 203.0.113.7`);
      expect(gap.message).toContain(`StartLogging by ${OPS} from 192.0.2.9`);
      expect(gap.details).toMatchObject({
        cause: 'logging-stopped',
        events: [
          { event: 'StopLogging', proof: 'CloudTrail’s event history of us-east-1' },
          { event: 'StartLogging' },
        ],
      });
    }
    expect(status).toBe(3);
    const allowed = await validate(builder, range, { endpoint: { now }, argv: ['--allow-gaps'] });
    expect([allowed.status, allowed.report.verdict]).toEqual([0, 'incomplete']);
  });

  it('that nobody explains stays unknown, and is not allowed', async () => {
    const { builder, range, now } = stopped();
    builder.world.history = new Map();
    const ran = await validate(builder, range, { endpoint: { now }, argv: ['--allow-gaps'] });
    expect(accusations(ran.report)).toEqual(['COVERAGE_GAP', 'COVERAGE_GAP']);
    expect(ran.status).toBe(3);
    expect(ran.report.findings.find(({ code }) => code === 'COVERAGE_GAP')?.details).toMatchObject({
      cause: 'unknown',
    });
  });

  it.each([
    ['failed', { errorCode: 'TrailNotFoundException' }],
    ['of another Region', { region: 'eu-west-1' }],
    ['of another account', { accountId: '444455556666' }],
    ['of another trail', { parameters: { name: 'main2' } }],
    ['of another service', { source: 'example.amazonaws.com' }],
  ])('is not explained by calls that %s', async (_, change) => {
    const { builder, range, now, off, on } = stopped();
    const records = [
      trailEvent(builder, { name: 'StopLogging', at: off, ...change }),
      trailEvent(builder, { name: 'StartLogging', at: on, ...change }),
    ];
    builder.world.history = new Map([['us-east-1', records]]);
    const { report } = await validate(builder, range, { endpoint: { now } });
    const [gap] = report.findings.filter(({ code }) => code === 'COVERAGE_GAP');
    expect(gap?.details).toMatchObject({ cause: 'unknown' });
  });

  it('is not washed clean by a stop and a start: what events prove to be removed is missing', async () => {
    const { builder, range, now, off, gone } = stopped(8);
    const { report, status } = await validate(builder, range, { endpoint: { now } });
    expect(status).toBe(1);
    const missing = report.findings.filter(({ code }) => code === 'DIGEST_MISSING');
    expect(missing).toHaveLength(1);
    // Two hours are granted at both ends.
    expect(missing[0]).toMatchObject({
      region: 'us-east-1',
      start: iso(gone[0]!.start + 2 * HOUR),
      end: iso(off - 2 * HOUR),
    });
    expect(missing[0]?.message).toContain('StopLogging by');
  });

  it('in one Region is judged by the log files of the home Region where there is no history', async () => {
    const { builder, range } = stopped(8, 'eu-west-1');
    const events = builder.world.history?.get('us-east-1') ?? [];
    const other = new TrailBuilder({ isMultiRegion: true });
    const at = (record: object | string): number =>
      Date.parse((record as { eventTime: string }).eventTime) / 1000;
    const records = events.map((record) => ({ at: at(record), record: record as object }));
    const [stop, start] = records;
    for (const region of ['us-east-1', 'eu-west-1']) {
      const home = region === 'us-east-1';
      const before = other.chain({ from: FROM, hours: 12, region, events: home ? [stop!] : [] });
      const from = FROM + 14 * HOUR + 500;
      other.chain({ from, hours: 6, region, events: home ? [start!] : [] });
      if (home) continue;
      for (const digest of before.digests.slice(-8)) other.remove(digest);
    }
    // Long ago: the event history doesn't reach there.
    const now = new Date((range.end + 200 * 86_400) * 1000);
    const { report, status } = await validate(other, range, { endpoint: { now } });
    expect(report.findings.filter(({ code }) => code === 'DIGEST_MISSING')).toMatchObject([
      { region: 'eu-west-1' },
    ]);
    expect(status).toBe(1);
  });

  it('is not called a removal where the search was not complete', async () => {
    const { builder, range, now } = stopped(8);
    const denied = ['LookupEvents'];
    const { report } = await validate(builder, range, { endpoint: { now, denied } });
    expect(report.verdict).toBe('incomplete');
    expect(accusations(report)).toEqual(['COVERAGE_GAP', 'COVERAGE_GAP']);
  });

  it('is not called a removal where an event of the history can’t be read', async () => {
    const { builder, range, now } = stopped(8);
    builder.world.history?.get('us-east-1')?.push('{');
    const { report } = await validate(builder, range, { endpoint: { now } });
    expect(accusations(report)).toEqual(['COVERAGE_GAP', 'COVERAGE_GAP', 'COVERAGE_GAP']);
  });

  it('after somebody deleted the bucket’s policy is named, and never allowed', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 6 });
    const record = trailEvent(builder, {
      ...{ name: 'DeleteBucketPolicy', source: 's3.amazonaws.com', at: FROM + 6 * HOUR },
      parameters: { bucketName: 'trail-bucket' },
    });
    builder.world.history = new Map([['us-east-1', [record]]]);
    const range = { start: FROM + HOUR, end: FROM + 12 * HOUR };
    const endpoint = { now: new Date((range.end + 3 * HOUR) * 1000) };
    const { report, status } = await validate(builder, range, { endpoint, argv: ['--allow-gaps'] });
    const [gap] = report.findings.filter(({ code }) => code === 'COVERAGE_GAP');
    expect(gap?.details).toMatchObject({
      cause: 'delivery-failed',
      events: [{ event: 'DeleteBucketPolicy' }],
    });
    expect(status).toBe(3);
  });

  it('after a failed delivery is told as such, and never allowed', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 6 });
    const error = 'AccessDenied';
    builder.world.status.set('us-east-1', {
      IsLogging: true,
      LatestDigestDeliveryTime: FROM + 9 * HOUR,
      LatestDigestDeliveryError: error,
    });
    const range = { start: FROM + HOUR, end: FROM + 12 * HOUR };
    const { report, status } = await validate(builder, range, { argv: ['--allow-gaps'] });
    expect(accusations(report)).toEqual(['COVERAGE_GAP']);
    expect(report.findings.find(({ code }) => code === 'COVERAGE_GAP')?.details).toMatchObject({
      cause: 'delivery-failed',
    });
    expect(report.settings.map(({ code }) => code)).toContain('DELIVERY_FAILING');
    expect(status).toBe(3);
  });

  it('whose deliveries fail since the newest digest file is told as such, too', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 6 });
    builder.world.status.set('us-east-1', {
      IsLogging: true,
      LatestDigestDeliveryTime: FROM + 6 * HOUR + 1800,
      LatestDigestDeliveryError: 'NoSuchBucket',
    });
    const { report } = await validate(builder, { start: FROM + HOUR, end: FROM + 12 * HOUR });
    expect(report.findings.find(({ code }) => code === 'COVERAGE_GAP')?.details).toMatchObject({
      cause: 'delivery-failed',
    });
  });

  it('of members: an account that left, told from the organization’s events', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid', isMultiRegion: true });
    const member = '444455556666';
    builder.chain({ from: FROM, hours: 12 });
    builder.chain({ from: FROM, hours: 6, accountId: member });
    const at = FROM + 6 * HOUR - 60;
    const record = trailEvent(builder, {
      ...{ name: 'RemoveAccountFromOrganization', source: 'organizations.amazonaws.com' },
      ...{ at, parameters: { accountId: member }, actor: OPS },
    });
    builder.world.history = new Map([['us-east-1', [record]]]);
    const now = new Date((FROM + 15 * HOUR) * 1000);
    const range = { start: FROM + HOUR, end: FROM + 12 * HOUR };
    const { report } = await validate(builder, range, { endpoint: { now } });
    expect(accusations(report)).toEqual(['COVERAGE_GAP']);
    expect(report.findings.find(({ code }) => code === 'COVERAGE_GAP')).toMatchObject({
      accountId: member,
      details: { cause: 'left-organization' },
    });
  });
});
