/** What attackers tried against the judgement, and honest trails that were accused: all mended. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeUnlisted } from '../src/core/unlisted.js';
import { trailEvent } from './support/events.js';
import { base, FROM, rewrite } from './support/lies.js';
import { accusations } from './support/run-command.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';
import { validate } from './support/validate.js';

const DAY = 24 * HOUR;
const alter = (builder: TrailBuilder, log: { bucket: string; key: string } | undefined): void =>
  rewrite(builder, log!, (text) => text.replace('GetObject', 'PutObject'));

describe('the state', () => {
  let directory: string;
  let state: string[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
    state = ['--state', join(directory, 'state.json')];
  });
  afterEach(() => rm(directory, { recursive: true }));

  const nightAfter = (builder: TrailBuilder, end: number, argv: readonly string[] = []) =>
    validate(
      builder,
      { start: FROM, end },
      { endpoint: { now: new Date((end + 3 * HOUR) * 1000) }, argv: [...state, ...argv] },
    );

  it('tells again what was wrong in the newest digest file of the night before', async () => {
    const { builder, chain, start, end, log } = base();
    alter(builder, log(7));
    const now = { endpoint: { now: new Date((end + 3 * HOUR) * 1000) } };
    const first = await validate(
      builder,
      { start, end },
      { ...now, argv: [...state, '--init-state'] },
    );
    expect(first.status).toBe(1);
    builder.chain({ from: end, hours: 6, after: chain.digests.at(-1)! });
    // A range before it says nothing of it either.
    const earlier = await nightAfter(builder, start + 3 * HOUR);
    expect(accusations(earlier.report)).toContain('LOG_HASH_MISMATCH');
    const next = await nightAfter(builder, end + 6 * HOUR);
    expect(accusations(next.report)).toContain('LOG_HASH_MISMATCH');
  });

  it('is not kept by runs that read no log files', async () => {
    const { builder, start, end } = base();
    const argv = [...state, '--init-state', '--digests-only'];
    await expect(validate(builder, { start, end }, { argv })).rejects.toThrow('--digests-only');
  });

  it('lets a chain go whose end a person accepted', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid', isMultiRegion: true });
    builder.chain({ from: FROM, hours: 12 });
    const member = builder.chain({ from: FROM, hours: 12, accountId: '444455556666' });
    const range = { start: FROM + HOUR, end: FROM + 12 * HOUR };
    const endpoint = { now: new Date((range.end + 3 * HOUR) * 1000) };
    await validate(builder, range, { endpoint, argv: [...state, '--init-state'] });
    for (const digest of member.digests) {
      builder.remove(digest);
      for (const log of digest.logs) builder.remove(log);
    }
    const told = await validate(builder, range, { endpoint, argv: state });
    const gone = told.report.findings.filter(({ code }) => code === 'CHAIN_STATE_BROKEN');
    expect(gone).toHaveLength(1);
    const open = told.report.findings.filter((one) => one.class !== 'notice');
    const ids = open.flatMap(({ id }) => ['--accept', id]);
    const accept = [...ids, '--reason', 'left, expired by lifecycle'];
    await validate(builder, range, { endpoint, argv: [...state, ...accept] });
    const after = await validate(builder, range, { endpoint, argv: state });
    expect(accusations(after.report)).toEqual([]);
  });
});

describe('a trail that was narrowed', () => {
  it('to its home Region doesn’t hide a Region that was emptied', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 8 });
    const other = builder.chain({ from: FROM, hours: 8, region: 'eu-west-1' });
    for (const digest of other.digests) builder.remove(digest);
    alter(builder, other.digests[3]!.logs[0]);
    const { report } = await validate(builder, { start: FROM + HOUR, end: FROM + 8 * HOUR });
    expect(report.verdict).toBe('incomplete');
    expect(accusations(report)).toContain('COVERAGE_NONE');
    expect(accusations(report)).toContain('LOG_UNVALIDATED');
  });

  it('to one account doesn’t hide the members it had', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid', isMultiRegion: true });
    builder.chain({ from: FROM, hours: 8 });
    const member = builder.chain({ from: FROM, hours: 8, accountId: '444455556666' });
    alter(builder, member.digests[3]!.logs[0]);
    Object.assign(builder.trail, { IsOrganizationTrail: false });
    const { report } = await validate(builder, { start: FROM + HOUR, end: FROM + 8 * HOUR });
    expect(accusations(report)).toContain('LOG_HASH_MISMATCH');
  });

  it('and accounts that lie only in an older bucket are judged there', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid', isMultiRegion: true });
    const moves = [
      { hour: 0, bucket: 'older-bucket' },
      { hour: 20, bucket: 'trail-bucket' },
    ];
    builder.chain({ from: FROM, hours: 30, moves });
    const member = builder.chain({ from: FROM, hours: 10, moves, accountId: '444455556666' });
    alter(builder, member.digests[3]!.logs[0]);
    const { report } = await validate(builder, { start: FROM + HOUR, end: FROM + 30 * HOUR });
    expect(accusations(report)).toContain('LOG_HASH_MISMATCH');
    const early = await validate(
      builder,
      { start: FROM + HOUR, end: FROM + 10 * HOUR },
      { argv: ['--location', 's3://older-bucket'] },
    );
    expect(accusations(early.report)).toContain('LOG_HASH_MISMATCH');
  });
});

describe('planted log files', () => {
  it('are not accepted as those of a trail that CloudTrail doesn’t show there', async () => {
    const { builder, start, end } = base();
    const { key } = builder.log('111122223333', 'us-east-1', start + HOUR, 100);
    builder.put('trail-bucket', key, { body: gzipSync('{"Records":[]}') });
    const argv = ['--accept-unlisted', 'arn:aws:cloudtrail:eu-west-1:999900001111:trail/nothing'];
    expect((await validate(builder, { start, end }, { argv })).status).toBe(3);
  });

  it('named just after midnight in the folder of the day before are found', async () => {
    const from = Date.UTC(2026, 2, 10, 12) / 1000;
    const builder = new TrailBuilder();
    builder.chain({ from, hours: 40 });
    const midnight = Date.UTC(2026, 2, 11) / 1000;
    for (const minutes of [5, 40]) {
      const { key } = builder.log('111122223333', 'us-east-1', midnight + minutes * 60, 100);
      const planted = key.replace('/2026/03/11/', '/2026/03/10/');
      builder.put('trail-bucket', planted, { body: gzipSync('{"Records":[]}') });
    }
    const days = await Promise.all(
      [
        { start: from + HOUR, end: midnight },
        { start: midnight, end: from + 40 * HOUR },
      ].map((range) => validate(builder, range)),
    );
    const found = days.reduce((sum, { report }) => sum + report.counts.logFiles.unlisted, 0);
    expect(found).toBe(2);
  });

  it('listed by the digest file after the range count only with their signed bytes', async () => {
    const { builder, chain, end } = base();
    const next = builder.chain({ from: end, hours: 2, after: chain.digests.at(-1)! });
    // Rounded down, its name lies within the range.
    const entry = (next.digests[0]!.fields['logFiles'] as { s3Object: string }[])[0]!;
    const early = entry.s3Object.replace(
      /T\d{4}Z/,
      iso(end - 120)
        .slice(10, 16)
        .replace(':', '') + 'Z',
    );
    builder.put('trail-bucket', early, builder.get(next.digests[0]!.logs[0]!));
    builder.resign(next.digests[0]!, {
      logFiles: [{ ...entry, s3Object: early }],
    });
    const range = { start: FROM + HOUR, end };
    expect((await validate(builder, range, { argv: ['--no-versions'] })).report.verdict).toBe(
      'valid',
    );
    alter(builder, { bucket: 'trail-bucket', key: early });
    expect(accusations((await validate(builder, range)).report)).toContain('LOG_UNLISTED');
  });

  it('by the hundred thousand beside a gap are counted, not stacked', () => {
    const source = { accountId: '111122223333', region: 'us-east-1' };
    const folder = 'AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/10/';
    const objects = Array.from({ length: 200_000 }, (_, number) => ({
      ...{ bucket: 'b', size: 1, lastModified: FROM + number },
      key: `${folder}111122223333_CloudTrail_us-east-1_20260310T1200Z_${number}.json.gz`,
    }));
    const range = { start: FROM, end: FROM + 8 * HOUR };
    const { unvalidated, findings } = judgeUnlisted(objects, {
      ...{ source, range, backfillLost: [], knownUntil: FROM, due: range.end, knownBefore: true },
      ...{ carried: new Set<string>(), unvalidatedTrails: [], acceptUnlisted: [] },
      intervals: [{ ...range, state: 'gap', cause: 'unknown' }],
    });
    expect(unvalidated).toBe(200_000);
    expect(findings).toHaveLength(1);
  });
});

describe('deletions before a stop', () => {
  const stopAndStart = (builder: TrailBuilder, off: number, on: number): void => {
    const records = [
      trailEvent(builder, { name: 'StopLogging', at: off }),
      trailEvent(builder, { name: 'StartLogging', at: on }),
    ];
    builder.world.history = new Map([['us-east-1', records]]);
  };

  it('show although the range begins with the gap', async () => {
    const builder = new TrailBuilder();
    const before = builder.chain({ from: FROM, hours: 14 });
    builder.chain({ from: FROM + 13 * HOUR + 900, hours: 6 });
    for (const digest of before.digests.slice(3)) builder.remove(digest);
    stopAndStart(builder, FROM + 14 * HOUR - 60, FROM + 14 * HOUR + 840);
    const range = { start: before.digests[2]!.end, end: FROM + 19 * HOUR };
    const endpoint = { now: new Date((range.end + 3 * HOUR) * 1000) };
    const { report, status } = await validate(builder, range, { endpoint });
    expect(status).toBe(1);
    expect(accusations(report)).toContain('DIGEST_MISSING');
  });

  it('are no cut tail’s excuse: an UpdateTrail that changes nothing', async () => {
    const { builder, start, end, digest } = base();
    for (const number of [5, 6, 7]) builder.remove(digest(number));
    const record = trailEvent(builder, {
      ...{ name: 'UpdateTrail', at: digest(7).end + 1900 },
      parameters: { name: 'main', s3BucketName: 'trail-bucket' },
    });
    builder.world.history = new Map([['us-east-1', [record]]]);
    const endpoint = { now: new Date((end + 3 * HOUR) * 1000) };
    const { report } = await validate(builder, { start, end }, { endpoint });
    expect(accusations(report)).toContain('CHAIN_TAIL_CUT');
  });
});

describe('honest trails', () => {
  it('whose log file is listed two digest files after the range are valid', async () => {
    const { builder, chain, end } = base();
    const next = builder.chain({ from: end, hours: 3, after: chain.digests.at(-1)! });
    const entry = (next.digests[1]!.fields['logFiles'] as { s3Object: string }[])[0]!;
    const early = entry.s3Object.replace(
      /T\d{4}Z/,
      iso(end - 120)
        .slice(10, 16)
        .replace(':', '') + 'Z',
    );
    builder.put('trail-bucket', early, builder.get(next.digests[1]!.logs[0]!));
    builder.resign(next.digests[1]!, { logFiles: [{ ...entry, s3Object: early }] });
    const { report } = await validate(builder, { start: FROM + HOUR, end });
    expect(accusations(report)).toEqual([]);
  });

  it('that were narrowed by an event need no status where they no longer deliver', async () => {
    const builder = new TrailBuilder({ isMultiRegion: true });
    builder.chain({ from: FROM, hours: 12 });
    builder.chain({ from: FROM, hours: 6, region: 'eu-west-1' });
    const record = trailEvent(builder, {
      ...{ name: 'UpdateTrail', at: FROM + 6 * HOUR - 100 },
      parameters: { name: 'main', isMultiRegionTrail: false },
      response: { trailARN: builder.trail.TrailARN, isMultiRegionTrail: false },
    });
    builder.world.history = new Map([['us-east-1', [record]]]);
    builder.world.status.delete('eu-west-1');
    const range = { start: FROM + HOUR, end: FROM + 12 * HOUR };
    const endpoint = { now: new Date((range.end + DAY) * 1000) };
    const { report, status } = await validate(builder, range, { endpoint, argv: ['--allow-gaps'] });
    expect(accusations(report)).toEqual(['COVERAGE_GAP']);
    expect(status).toBe(0);
  });
});
