/** The end of chains: cut tails, vanished Regions, and what must not be taken for them. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { trailEvent } from './support/events.js';
import { base, FROM } from './support/lies.js';
import type { EndpointOptions } from './support/loopback.js';
import { accusations } from './support/run-command.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';
import { validate } from './support/validate.js';

const setStatus = (builder: TrailBuilder, region: string, status: object): void => {
  builder.world.status.set(region, {
    ...builder.world.status.get(region),
    ...(status as Record<string, number>),
  });
};

describe('the tail', () => {
  it('that was cut is counted from the newest digest file that is there', async () => {
    const { builder, digest, start, end } = base();
    for (const number of [5, 6, 7]) builder.remove(digest(number));
    const { report, status } = await validate(builder, { start, end });
    expect(status).toBe(1);
    const [cut] = report.findings.filter(({ code }) => code === 'CHAIN_TAIL_CUT');
    expect(cut).toMatchObject({
      accountId: '111122223333',
      region: 'us-east-1',
      start: iso(digest(5).start),
      end: iso(end),
      details: { expectedDigests: 3, newestDigestEnd: iso(digest(4).end) },
    });
    expect(report.counts.digestFiles.missing).toBe(3);
  });

  it('that was cut by one digest file shows before that would be due', async () => {
    const { builder, digest, start } = base();
    builder.remove(digest(7));
    const now = new Date((digest(7).end + 3000) * 1000);
    const range = { start, end: digest(7).end };
    const { report } = await validate(builder, range, { endpoint: { now } });
    expect(accusations(report)).toContain('CHAIN_TAIL_CUT');
  });

  it('of a range that lies behind is whole where later digest files are there', async () => {
    const builder = new TrailBuilder();
    const first = builder.chain({ from: FROM, hours: 6 });
    builder.chain({ from: FROM + 400 * HOUR, hours: 3 });
    for (const digest of first.digests.slice(4)) builder.remove(digest);
    // Nothing names them: it can't be told from a trail that stopped.
    const range = { start: FROM + HOUR, end: FROM + 6 * HOUR };
    const { report } = await validate(builder, range, { argv: ['--no-unlisted'] });
    expect(accusations(report)).toEqual(['COVERAGE_GAP']);
  });

  // The range's own days are 10 to 14 March; later digest files lie on the 17th and 18th.
  it.each([
    ['the folders of years', undefined, /Digest\/us-east-1\/$/],
    ['the folders of days', undefined, /Digest\/us-east-1\/2026\/03\/$/],
    ['the listings of later days', undefined, /Digest\/us-east-1\/2026\/03\/1[78]\/./],
    ['later digest files', /Digest\/us-east-1\/2026\/03\/1[78]\//, undefined],
  ])('is not called cut where %s can’t be read any more', async (_what, path, prefix) => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 95 });
    builder.chain({ from: FROM + 170 * HOUR, hours: 20 });
    const now = new Date((FROM + 191 * HOUR) * 1000);
    const range = { start: FROM + HOUR, end: FROM + 100 * HOUR };
    const open = await validate(builder, range, { endpoint: { now } });
    expect([open.status, accusations(open.report)]).toEqual([3, ['COVERAGE_GAP']]);
    let refused = 0;
    const answer: EndpointOptions['answer'] = (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
      const listed = searchParams.get('prefix');
      if (prefix?.test(listed ?? '') !== true && path?.test(pathname) !== true) return false;
      refused++;
      response.writeHead(400).end('<Error><Code>ExpiredToken</Code></Error>');
      return true;
    };
    const { report, status } = await validate(builder, range, { endpoint: { now, answer } });
    expect(refused).toBeGreaterThan(0);
    expect([status, accusations(report)]).toEqual([3, ['COVERAGE_GAP']]);
    const [gap] = report.findings.filter(({ code }) => code === 'COVERAGE_GAP');
    expect(gap?.message).toContain('could not be read');
  });

  it('that is late, or was moved about by a backfill delivery, is a gap', async () => {
    const { builder, digest, start, end } = base();
    builder.remove(digest(7));
    const delivered = digest(7).end + 1800;
    const late = builder.get(digest(2));
    builder.put('trail-bucket', digest(2).key, {
      ...late,
      lastModified: new Date((delivered + 100) * 1000),
    });
    const { report } = await validate(builder, { start, end });
    expect(accusations(report)).toEqual(['COVERAGE_GAP', 'LOG_UNVALIDATED']);
    expect(report.findings.find(({ code }) => code === 'COVERAGE_GAP')?.message).toContain(
      'late or a backfill digest file',
    );
  });

  it('is whole where the newest digest file ends less than an hour before the delivery', async () => {
    const { builder, start, end } = base();
    setStatus(builder, 'us-east-1', { LatestDigestDeliveryTime: end + HOUR - 1 });
    const { report } = await validate(builder, { start, end: end + 3 * HOUR });
    expect(accusations(report)).toEqual(['COVERAGE_GAP']);
  });

  it('can’t be decided without status, and the report says why', async () => {
    const { builder, digest, start, end } = base();
    builder.remove(digest(7));
    const { report } = await validate(
      builder,
      { start, end },
      { endpoint: { denied: ['GetTrailStatus'] } },
    );
    expect(accusations(report)).toEqual(['COVERAGE_GAP', 'LOG_UNVALIDATED', 'REGION_UNCONFIRMED']);
    expect(report.findings.find(({ code }) => code === 'COVERAGE_GAP')?.message).toContain(
      'AccessDenied',
    );
  });

  it('needs no status where the chain reaches the end', async () => {
    const { builder, start, end } = base();
    const { report } = await validate(
      builder,
      { start, end },
      { endpoint: { denied: ['GetTrailStatus'] } },
    );
    expect(report.verdict).toBe('valid');
    expect(report.findings).toMatchObject([{ code: 'REGION_UNCONFIRMED', class: 'notice' }]);
  });

  it('is not accused where the trail was given another bucket just now', async () => {
    const builder = new TrailBuilder({ bucket: 'new-bucket' });
    builder.chain({ from: FROM, hours: 6, moves: [{ hour: 0, bucket: 'old-bucket' }] });
    const at = FROM + 6 * HOUR + 1900;
    const record = trailEvent(builder, {
      ...{ name: 'UpdateTrail', at, parameters: { name: 'main', s3BucketName: 'new-bucket' } },
    });
    builder.world.history = new Map([['us-east-1', [record]]]);
    const now = new Date((at + 600) * 1000);
    const range = { start: FROM + HOUR, end: FROM + 5 * HOUR };
    const { report } = await validate(builder, range, { endpoint: { now } });
    expect(report.verdict).toBe('incomplete');
    const named = await validate(builder, range, {
      endpoint: { now },
      argv: ['--location', 's3://old-bucket'],
    });
    expect(named.report.verdict).toBe('valid');
    expect(named.report.scope).toEqual({ locations: ['s3://old-bucket/'] });
  });
});

describe('a Region', () => {
  const range = { start: FROM + HOUR, end: FROM + 6 * HOUR };
  const twoRegions = (): TrailBuilder => {
    const builder = new TrailBuilder({ isMultiRegion: true });
    builder.chain({ from: FROM, hours: 6 });
    builder.chain({ from: FROM, hours: 6, region: 'ap-south-1' });
    return builder;
  };

  it('whose every object is gone while CloudTrail delivered there is a cut tail', async () => {
    const builder = twoRegions();
    for (const key of [...builder.bucket('trail-bucket').objects.keys()]) {
      if (key.includes('/ap-south-1/')) builder.remove({ bucket: 'trail-bucket', key });
    }
    const { report, status } = await validate(builder, range);
    expect(status).toBe(1);
    expect(report.findings.filter(({ class: kind }) => kind !== 'notice')).toMatchObject([
      { code: 'CHAIN_TAIL_CUT', region: 'ap-south-1', start: iso(range.start) },
    ]);
  });

  it('in which the trail never delivered, though it logs there, has no coverage', async () => {
    const builder = twoRegions();
    builder.world.status.set('sa-east-1', { IsLogging: true });
    const { report } = await validate(builder, range);
    expect(report.findings.filter(({ class: kind }) => kind !== 'notice')).toMatchObject([
      { code: 'COVERAGE_NONE', region: 'sa-east-1' },
    ]);
  });

  it('that only the list of Regions knows and that gives no status is a notice', async () => {
    const { report } = await validate(twoRegions(), range);
    expect(report.verdict).toBe('valid');
    const [notice] = report.findings.filter(({ code }) => code === 'REGION_UNCONFIRMED');
    expect(notice?.class).toBe('notice');
    expect((notice?.details?.['regions'] as string[]).length).toBe(15);
  });

  it('of which only log files are left has no coverage, and they are told', async () => {
    const builder = twoRegions();
    const { key } = builder.log('111122223333', 'eu-west-3', FROM + 2 * HOUR, 100);
    builder.put('trail-bucket', key, { body: gzipSync('{"Records":[]}') });
    const { report } = await validate(builder, range);
    expect(accusations(report)).toEqual(['COVERAGE_NONE', 'LOG_UNVALIDATED', 'REGION_UNCONFIRMED']);
  });

  it('of a single-Region trail counts where log files lie that nobody lists', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 6 });
    const { key } = builder.log('111122223333', 'eu-west-3', FROM + 2 * HOUR, 100);
    builder.put('trail-bucket', key, { body: gzipSync('{"Records":[]}') });
    // It may be what is left of a Region that was emptied before the trail was narrowed.
    const { report } = await validate(builder, range);
    expect(accusations(report)).toEqual(['COVERAGE_NONE', 'LOG_UNVALIDATED', 'REGION_UNCONFIRMED']);
    const narrowed = await validate(builder, range, { argv: ['--region', 'us-east-1'] });
    expect(narrowed.report.verdict).toBe('valid');
    builder.remove({ bucket: 'trail-bucket', key });
    builder.put('trail-bucket', key.replace(/[^/]+$/, ''), { body: Buffer.alloc(0) });
    const empty = await validate(builder, range);
    expect(empty.report.verdict).toBe('valid');
    expect(empty.report.chains).toHaveLength(1);
  });
});
