/** The sources against the loopback endpoint and evidence directories, through the real AWS SDK. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCloudTrailSource } from '../src/sources/cloudtrail.js';
import { createDirectorySource } from '../src/sources/directory.js';
import { whatIsLeftOut } from '../src/sources/event-selectors.js';
import { listVersions } from '../src/sources/object-versions.js';
import type { ObjectBody } from '../src/sources/ports.js';
import { createS3Source } from '../src/sources/s3.js';
import { createEvidenceTrailSource } from '../src/sources/trail.js';
import { trailEvent } from './support/events.js';
import { startEndpoint, type Endpoint, type EndpointOptions } from './support/loopback.js';
import { startMoto, startRadosgw, upload } from './support/real-s3.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';
import { writeEvidence } from './support/write-evidence.js';

const FROM = Date.parse('2026-03-10T08:17:33Z') / 1000;
const credentials = { accessKeyId: 'TESTACCESSKEY0000000', secretAccessKey: 'test' };
const retry = { attempts: 4, pauseMs: 1 };
const BUCKET = 'trail-bucket';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function serve(builder: TrailBuilder, options: EndpointOptions = {}): Promise<Endpoint> {
  const endpoint = await startEndpoint(builder.world, options);
  undo.push(() => endpoint.close());
  return endpoint;
}

function s3At(url: string, region = 'us-east-1') {
  const source = createS3Source({
    region,
    retry,
    client: { endpoint: url, credentials, forcePathStyle: true },
  });
  undo.push(() => source.close());
  return source;
}

function cloudtrailAt(url: string, more: { lookupPauseMs?: number; signal?: AbortSignal } = {}) {
  const source = createCloudTrailSource({
    retry,
    lookupPauseMs: 0,
    client: { endpoint: url, credentials },
    ...more,
  });
  undo.push(() => source.close());
  return source;
}

async function consume(body: ObjectBody): Promise<ObjectBody & { bytes: Buffer }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.chunks) chunks.push(chunk);
  return { ...body, bytes: Buffer.concat(chunks) };
}

function valueOf<T>(read: { ok: true; value: T } | { ok: false }): T {
  if (!read.ok) throw new Error(JSON.stringify(read));
  return read.value;
}

/** Names that S3 sorts otherwise than JavaScript, with versions a minute apart and two deletions. */
function versioned(): TrailBuilder {
  const builder = new TrailBuilder({ versioning: 'Enabled' });
  const first = Buffer.from('first');
  builder.put(BUCKET, 'a b/+%é', { body: first, metadata: { signature: 'aa' } }, FROM);
  builder.put(BUCKET, 'a b/+%é', { body: Buffer.from('second') }, FROM + 60);
  builder.remove({ bucket: BUCKET, key: 'a b/+%é' }, FROM + 120);
  builder.put(BUCKET, 'a b/\u{1F600}', { body: Buffer.from('x') }, FROM);
  builder.remove({ bucket: BUCKET, key: 'a b/\u{1F600}' }, FROM + 60);
  builder.put(BUCKET, 'a b/\u{FFFD}', { body: Buffer.from('y') }, FROM);
  builder.put(BUCKET, 'other', { body: Buffer.from('z') }, FROM);
  return builder;
}

describe('listings', () => {
  it('say when each object was written, in whole seconds', async () => {
    const builder = new TrailBuilder();
    const chain = builder.chain({ from: FROM, hours: 1, logsPerHour: 1 });
    builder.chain({ from: FROM, hours: 1, logsPerHour: 0, kind: 'backfill' });
    builder.put(BUCKET, 'fraction', { body: Buffer.from('x') }, FROM + 0.7);
    const { url } = await serve(builder);
    const { objects } = valueOf(await s3At(url).list(BUCKET, ''));
    const times = Object.fromEntries(objects.map((one) => [one.key, one.lastModified]));
    const [digest] = chain.digests;
    const end = FROM + HOUR;
    expect(times['fraction']).toBe(FROM);
    expect(times[digest!.key]).toBe(end + 1800);
    expect(times[digest!.logs[0]!.key]).toBe(FROM + HOUR / 2 + 300);
    expect(times[builder.chains[1]!.digests[0]!.key]).toBe(end + 86_400);
  });
});

describe('versions', () => {
  const expected = (builder: TrailBuilder) => {
    const of = (key: string, versions = builder.versions({ bucket: BUCKET, key })) =>
      versions.map(({ versionId, body, lastModified, isDeleteMarker = false }, index) => ({
        key,
        versionId,
        size: body.length,
        lastModified: lastModified.getTime() / 1000,
        isDeleteMarker,
        isLatest: index === 0,
      }));
    return [...of('a b/+%é'), ...of('a b/\u{FFFD}'), ...of('a b/\u{1F600}')];
  };

  it.each([1, 2, 3, 1000])('come by key, newest first, in pages of %i', async (pageSize) => {
    const builder = versioned();
    const { url, requests } = await serve(builder, { pageSize });
    const found = valueOf(await s3At(url).versions(BUCKET, 'a b/'));
    expect(found).toEqual(expected(builder));
    expect(found.map(({ isDeleteMarker }) => isDeleteMarker)).toEqual([
      ...[true, false, false],
      ...[false, true, false],
    ]);
    expect(requests.get('ListObjectVersions')).toBe(Math.ceil(6 / pageSize));
  });

  it('keep their order where S3 gives the same time for a version and its deletion', async () => {
    const builder = new TrailBuilder({ versioning: 'Enabled' });
    const at = { bucket: BUCKET, key: 'k' };
    builder.put(BUCKET, 'k', { body: Buffer.from('1') }, FROM);
    builder.remove(at, FROM);
    builder.put(BUCKET, 'k', { body: Buffer.from('2') }, FROM + 1);
    builder.remove(at, FROM + 2);
    builder.put(BUCKET, 'k', { body: Buffer.from('3') }, FROM + 2);
    const { url } = await serve(builder);
    const found = valueOf(await s3At(url).versions(BUCKET, 'k'));
    expect(found.map(({ versionId }) => versionId)).toEqual(
      builder.versions(at).map(({ versionId }) => versionId),
    );
  });

  it('of an object that was put before versioning are called null', async () => {
    const builder = new TrailBuilder();
    builder.put(BUCKET, 'k', { body: Buffer.from('old') });
    builder.bucket(BUCKET).versioning = 'Enabled';
    builder.put(BUCKET, 'k', { body: Buffer.from('new') });
    const { url } = await serve(builder);
    const s3 = s3At(url);
    const [, oldest] = valueOf(await s3.versions(BUCKET, 'k'));
    expect(oldest?.versionId).toBe('null');
    expect(valueOf(await s3.read(BUCKET, 'k', consume, 'null')).bytes.toString()).toBe('old');
    expect(valueOf(await s3.read(BUCKET, 'k', consume)).bytes.toString()).toBe('new');
  });

  it('are read one by one, with metadata; a delete marker holds nothing', async () => {
    const builder = versioned();
    const key = 'a b/+%é';
    const [marker, second, first] = builder.versions({ bucket: BUCKET, key });
    const { url } = await serve(builder);
    const s3 = s3At(url);
    const body = valueOf(await s3.read(BUCKET, key, consume, first!.versionId));
    expect([body.bytes.toString(), body.metadata]).toEqual(['first', { signature: 'aa' }]);
    expect(valueOf(await s3.read(BUCKET, key, consume, second!.versionId)).size).toBe(6);
    const absent = { ok: false, failure: { kind: 'absent', what: 'key' } };
    expect(await s3.read(BUCKET, key, consume, marker!.versionId)).toEqual(absent);
    expect(await s3.read(BUCKET, key, consume, 'never-was')).toEqual(absent);
    expect(await s3.read(BUCKET, key, consume)).toEqual(absent);
  });

  it('that may not be listed are unreadable', async () => {
    const { url } = await serve(versioned(), { denied: ['ListObjectVersions'] });
    const read = await s3At(url).versions(BUCKET, '');
    expect(read).toMatchObject({ failure: { kind: 'unreadable', reason: 'access-denied' } });
  });

  it('that a server doesn’t know are asked for once', async () => {
    const builder = versioned();
    builder.bucket(BUCKET).refuseListing = { status: 501, code: 'NotImplemented' };
    const { url, requests } = await serve(builder);
    const read = await s3At(url).versions(BUCKET, '');
    expect(read).toMatchObject({ failure: { kind: 'unreadable', reason: 'service' } });
    expect(requests.get('ListObjectVersions')).toBe(1);
  });

  it('past 20,000 are unreadable, and so is a listing that doesn’t end', async () => {
    const builder = new TrailBuilder({ versioning: 'Enabled' });
    for (let number = 0; number <= 20_000; number++) {
      builder.put(BUCKET, `many/${number}`, { body: Buffer.alloc(0) });
    }
    const { url } = await serve(builder);
    const many = await s3At(url).versions(BUCKET, 'many/');
    expect(many).toMatchObject({ failure: { reason: 'too-many-objects' } });
    const $metadata = {};
    const next = { $metadata, IsTruncated: true, NextVersionIdMarker: 'v' };
    for (const ask of [
      (page: number) => ({ ...next, NextKeyMarker: `k${page % 2}` }),
      (page: number) => ({ ...next, NextKeyMarker: `k${page}` }),
      () => ({ $metadata, IsTruncated: true }),
    ]) {
      let page = 0;
      const endless = await listVersions('', () => Promise.resolve(ask(page++)));
      expect(endless).toMatchObject({ failure: { kind: 'unreadable', reason: 'service' } });
    }
  });
});

describe('Object Lock', () => {
  it('is told where it is set', async () => {
    const builder = new TrailBuilder();
    const retention = { mode: 'COMPLIANCE', until: FROM + 86_400 };
    builder.put(BUCKET, 'held', { body: Buffer.from('x'), retention });
    builder.put(BUCKET, 'free', { body: Buffer.from('x') });
    const { url } = await serve(builder);
    const s3 = s3At(url);
    expect(valueOf(await s3.read(BUCKET, 'held', consume)).retention).toEqual(retention);
    expect(valueOf(await s3.read(BUCKET, 'free', consume))).not.toHaveProperty('retention');
  });
});

describe('a bucket’s settings', () => {
  const rule = (inner: string, id = 'r', status = 'Enabled'): string =>
    `<Rule><ID>${id}</ID><Status>${status}</Status>${inner}</Rule>`;
  const days = '<Expiration><Days>30</Days></Expiration>';

  it('are versioning and what lifecycle rules expire', async () => {
    const builder = new TrailBuilder({ versioning: 'Suspended', bucketRegion: 'eu-west-1' });
    builder.bucket(BUCKET).lifecycle = [
      rule(`<Prefix>AWSLogs/</Prefix>${days}`, 'old'),
      rule(`<Filter><Prefix>new/</Prefix></Filter>${days}`, 'new', 'Disabled'),
      rule(
        `<Filter><And><Prefix>and/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>${days}`,
      ),
      rule(`<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>${days}`),
      rule(`<Filter><ObjectSizeGreaterThan>9</ObjectSizeGreaterThan></Filter>${days}`),
      rule(
        `<Filter><And><Prefix>s/</Prefix><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>${days}`,
      ),
      rule(
        '<Filter></Filter><Expiration><Date>2026-04-01T00:00:00.000Z</Date></Expiration>',
        'date',
      ),
    ].join('');
    const { url } = await serve(builder, { checkRegion: 'redirect' });
    const s3 = s3At(url);
    const { versioning, lifecycle } = (await s3.settings(BUCKET))!;
    expect(versioning).toEqual({ ok: true, value: 'Suspended' });
    const usual = { id: 'r', enabled: true, expiresAfterDays: 30 };
    const expiresAt = Date.parse('2026-04-01T00:00:00Z') / 1000;
    expect(valueOf(lifecycle)).toEqual([
      { ...usual, id: 'old', prefix: 'AWSLogs/', narrowed: false },
      { ...usual, id: 'new', enabled: false, prefix: 'new/', narrowed: false },
      { ...usual, prefix: 'and/', narrowed: true },
      { ...usual, prefix: '', narrowed: true },
      { ...usual, prefix: '', narrowed: true },
      { ...usual, prefix: 's/', narrowed: true },
      { id: 'date', enabled: true, prefix: '', narrowed: false, expiresAt },
    ]);
    expect(await s3.regionOf(BUCKET)).toBe('eu-west-1');
  });

  it('may be none at all', async () => {
    const { url } = await serve(new TrailBuilder());
    expect(await s3At(url).settings(BUCKET)).toEqual({
      versioning: { ok: true, value: 'Off' },
      lifecycle: { ok: true, value: [] },
    });
  });

  it('that are refused say why, each by itself', async () => {
    const denied = ['GetBucketLifecycleConfiguration'];
    const { url, requests } = await serve(versioned(), { denied });
    expect(await s3At(url).settings(BUCKET)).toEqual({
      versioning: { ok: true, value: 'Enabled' },
      lifecycle: { ok: false, why: 'AccessDenied: Access Denied' },
    });
    expect(requests.get('GetBucketLifecycleConfiguration')).toBe(1);
  });
});

describe('CloudTrail', () => {
  const events = (builder: TrailBuilder, count = 5): object[] =>
    Array.from({ length: count }, (_, number) =>
      trailEvent(builder, { name: 'StopLogging', at: FROM + number * 60 }),
    );
  const range = { start: FROM, end: FROM + 10 * HOUR };

  it('tells a trail’s status in each Region', async () => {
    const builder = new TrailBuilder({ isMultiRegion: true });
    const { TrailARN: arn } = builder.trail;
    builder.world.status.set('us-east-1', {
      IsLogging: true,
      LatestDigestDeliveryTime: FROM + 0.9,
      LatestDigestDeliveryError: '',
      LatestDeliveryError: 'AccessDenied',
    });
    builder.world.status.set('eu-west-1', { IsLogging: false, LatestDigestDeliveryError: 'no' });
    const { url, requests } = await serve(builder, { closedRegions: ['af-south-1'] });
    const source = cloudtrailAt(url);
    expect(await source.status(arn, 'us-east-1')).toEqual({
      ok: true,
      value: { isLogging: true, latestDigestDelivery: FROM, latestDeliveryError: 'AccessDenied' },
    });
    expect(await source.status(arn, 'eu-west-1')).toEqual({
      ok: true,
      value: { isLogging: false, latestDigestDeliveryError: 'no' },
    });
    expect(requests.get('GetTrailStatus')).toBe(2);
    expect(await source.status(arn, 'af-south-1')).toEqual({
      ok: false,
      why: 'UnrecognizedClientException: The security token is invalid.',
    });
    expect(await source.status(arn, 'eu-west-2')).toMatchObject({ ok: false });
    expect(requests.get('GetTrailStatus')).toBe(4);
  });

  it('asks for a status three times at most', async () => {
    const builder = new TrailBuilder();
    const faults = { rate: 1, seed: 1, kinds: ['internal'] as const };
    const { url, requests } = await serve(builder, { faults });
    const source = createCloudTrailSource({
      retry: { attempts: 10, pauseMs: 1 },
      client: { endpoint: url, credentials },
    });
    undo.push(() => source.close());
    expect(await source.status(builder.trail.TrailARN, 'us-east-1')).toMatchObject({ ok: false });
    expect(requests.get('fault')).toBe(3);
  });

  it('tells what selectors leave out, asked in the home Region', async () => {
    const builder = new TrailBuilder({ isMultiRegion: true });
    const { TrailARN: arn } = builder.trail;
    const { url } = await serve(builder);
    const source = cloudtrailAt(url);
    expect(await source.leftOut(arn, 'us-east-1')).toEqual({ ok: true, value: [] });
    expect(await source.leftOut(arn, 'eu-west-1')).toMatchObject({ ok: false });
    const EventSelectors = [{ ReadWriteType: 'WriteOnly', IncludeManagementEvents: true }];
    builder.world.selectors = new Map([[arn, { EventSelectors }]]);
    const value = ['read-only management events'];
    expect(await source.leftOut(arn, 'us-east-1')).toEqual({ ok: true, value });
  });

  it('shows all trails of a Region, and a trail’s key', async () => {
    const builder = new TrailBuilder();
    builder.world.trails[0] = { ...builder.trail, KmsKeyId: 'arn:aws:kms:k' } as never;
    new TrailBuilder({ name: 'second', bucket: 'second-bucket' }, builder.world);
    const { url } = await serve(builder);
    const source = cloudtrailAt(url);
    const trails = valueOf(await source.trails('us-east-1'));
    expect(trails.map(({ name, kmsKeyId }) => [name, kmsKeyId])).toEqual([
      ['main', 'arn:aws:kms:k'],
      ['second', undefined],
    ]);
    expect((await source.describe('main', 'us-east-1'))?.kmsKeyId).toBe('arn:aws:kms:k');
    expect(valueOf(await source.trails('eu-west-1'))).toEqual([]);
  });

  it('finds every event of its history by name, page by page', async () => {
    const builder = new TrailBuilder();
    const deleted = trailEvent(builder, { name: 'DeleteTrail', at: FROM + 5 });
    const early = trailEvent(builder, { name: 'DeleteTrail', at: FROM - 5 });
    const other = trailEvent(builder, { name: 'RunInstances', at: FROM + 5 });
    const stops = events(builder);
    builder.world.history = new Map([['us-east-1', [...stops, other, early, deleted]]]);
    const { url, requests } = await serve(builder, { lookupPageSize: 2 });
    const source = cloudtrailAt(url);
    expect(await source.lookup('us-east-1', ['DeleteTrail', 'StopLogging'], range)).toEqual({
      records: [deleted, ...stops.reverse()],
      complete: true,
      why: '',
    });
    expect(requests.get('LookupEvents')).toBe(4);
    const elsewhere = await source.lookup('eu-west-1', ['StopLogging'], range);
    expect(elsewhere).toEqual({ records: [], complete: true, why: '' });
  });

  it('keeps a search that is cut short for incomplete', async () => {
    const builder = new TrailBuilder();
    builder.world.history = new Map([['us-east-1', events(builder, 401)]]);
    const endpoint = await serve(builder, { lookupPageSize: 1 });
    const source = cloudtrailAt(endpoint.url);
    const cut = await source.lookup('us-east-1', ['StopLogging'], range);
    expect([cut.records.length, cut.complete]).toEqual([400, false]);
    expect(cut.why).toContain('more than 400 pages');
    endpoint.set({ denied: ['LookupEvents'] });
    const refused = await source.lookup('us-east-1', ['StopLogging', 'DeleteTrail'], range);
    expect(refused).toEqual({
      records: [],
      complete: false,
      why: 'AccessDeniedException: not authorized',
    });
    expect(endpoint.requests.get('LookupEvents')).toBe(1);
  });

  it('keeps a search with events that can’t be read for incomplete', async () => {
    const builder = new TrailBuilder();
    const [stop] = events(builder, 1) as [object];
    const long = JSON.stringify({ text: 'x'.repeat(1024 * 1024) });
    for (const bad of ['{', '5', '[]', long]) {
      builder.world.history = new Map([['us-east-1', [bad, stop]]]);
      const { url } = await serve(builder);
      const found = await cloudtrailAt(url).lookup('us-east-1', ['StopLogging'], range);
      expect(found).toMatchObject({ records: [stop], complete: false });
    }
  });

  it('is asked for events with a pause between, again after a throttle, not once stopped', async () => {
    const builder = new TrailBuilder();
    builder.world.history = new Map([['us-east-1', events(builder, 4)]]);
    const faults = { rate: 0.3, seed: 3, kinds: ['throttle'] as const };
    const endpoint = await serve(builder, { lookupPageSize: 1, faults });
    const { url, requests } = endpoint;
    const stop = new AbortController();
    const source = cloudtrailAt(url, { lookupPauseMs: 60, signal: stop.signal });
    const before = performance.now();
    const found = await source.lookup('us-east-1', ['StopLogging'], range);
    expect([found.records.length, found.complete]).toEqual([4, true]);
    expect(requests.get('LookupEvents')).toBe(4);
    expect(performance.now() - before).toBeGreaterThan(175);
    endpoint.set({ lookupPageSize: 1 });
    const paused = cloudtrailAt(url, { lookupPauseMs: 60_000, signal: stop.signal });
    const waiting = paused.lookup('us-east-1', ['StopLogging'], range);
    while (requests.get('LookupEvents') !== 1) await sleep(5);
    await sleep(50);
    stop.abort();
    expect(await waiting).toMatchObject({ records: [{}], complete: false });
    expect(requests.get('LookupEvents')).toBe(1);
    const stopped = await source.lookup('us-east-1', ['StopLogging'], range);
    expect([stopped.records.length, stopped.complete]).toEqual([0, false]);
  });
});

describe('event selectors', () => {
  const basic = (...EventSelectors: object[]): readonly string[] =>
    whatIsLeftOut({ EventSelectors });
  const advanced = (...lists: object[][]): readonly string[] =>
    whatIsLeftOut({
      AdvancedEventSelectors: lists.map((more) => ({
        FieldSelectors: [{ Field: 'eventCategory', Equals: ['Management'] }, ...more],
      })),
    });

  it('of the basic kind', () => {
    expect(basic({ ReadWriteType: 'All', IncludeManagementEvents: true })).toEqual([]);
    expect(basic({ ReadWriteType: 'ReadOnly' }, { ReadWriteType: 'WriteOnly' })).toEqual([]);
    expect(basic({ ReadWriteType: 'ReadOnly' })).toEqual(['write-only management events']);
    expect(basic({ IncludeManagementEvents: false })).toEqual(['all management events']);
    const ExcludeManagementEventSources = ['kms.amazonaws.com'];
    expect(basic({ ExcludeManagementEventSources })).toEqual([
      'management events of kms.amazonaws.com',
    ]);
    expect(basic({ ExcludeManagementEventSources }, {})).toEqual([]);
    expect(
      basic(
        { ReadWriteType: 'ReadOnly', ExcludeManagementEventSources },
        { ReadWriteType: 'WriteOnly' },
      ),
    ).toEqual(['read-only management events of kms.amazonaws.com']);
  });

  it('of the advanced kind', () => {
    const kms = { Field: 'eventSource', NotEquals: ['kms.amazonaws.com'] };
    const rds = { Field: 'eventSource', NotEquals: ['rdsdata.amazonaws.com'] };
    const reads = { Field: 'readOnly', Equals: ['true'] };
    const writes = { Field: 'readOnly', Equals: ['false'] };
    const only = { Field: 'eventSource', Equals: ['s3.amazonaws.com'] };
    expect(advanced([])).toEqual([]);
    expect(advanced([kms])).toEqual(['management events of kms.amazonaws.com']);
    expect(advanced([kms], [rds])).toEqual([]);
    expect(advanced([writes])).toEqual(['read-only management events']);
    expect(advanced([reads], [writes])).toEqual([]);
    expect(advanced([only])).toEqual([
      'management events whose eventSource is not s3.amazonaws.com',
    ]);
    expect(advanced([only], [kms])).toEqual(['management events in part']);
    const data = { FieldSelectors: [{ Field: 'eventCategory', Equals: ['Data'] }] };
    expect(whatIsLeftOut({ AdvancedEventSelectors: [data] })).toEqual(['all management events']);
  });

  it('of no kind are no answer', () => {
    for (const answer of [null, 5, {}, { EventSelectors: 'All' }, { EventSelectors: [] }]) {
      expect(() => whatIsLeftOut(answer)).toThrow('no event selectors');
    }
    expect(whatIsLeftOut({ EventSelectors: [null, { ReadWriteType: 7 }] })).toEqual([
      'all management events',
    ]);
  });
});

describe('an evidence directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
    undo.push(() => rm(directory, { recursive: true }));
  });
  const write = (name: string, value: unknown): Promise<void> =>
    writeFile(join(directory, name), typeof value === 'string' ? value : JSON.stringify(value));
  const range = { start: FROM, end: FROM + HOUR };

  it('answers from its files as CloudTrail did', async () => {
    const builder = new TrailBuilder({ isMultiRegion: true });
    const { TrailARN: arn } = builder.trail;
    builder.chain({ from: FROM, hours: 1 });
    builder.chain({ from: FROM, hours: 2, region: 'eu-west-1' });
    const stop = trailEvent(builder, { name: 'StopLogging', at: FROM + 9 });
    const late = trailEvent(builder, { name: 'StopLogging', at: FROM + 2 * HOUR });
    const other = trailEvent(builder, { name: 'RunInstances', at: FROM + 9 });
    builder.world.history = new Map([
      ['us-east-1', [stop, late, other, '{']],
      ['eu-west-1', [late]],
    ]);
    builder.world.selectors = new Map([[arn, { EventSelectors: [{ ReadWriteType: 'ReadOnly' }] }]]);
    await writeEvidence(builder.world, directory, 'us-east-1');
    for (const source of [
      createEvidenceTrailSource(directory, 'us-east-1'),
      createEvidenceTrailSource(directory),
    ]) {
      expect((await source.describe('main', 'us-east-1'))?.arn).toBe(arn);
      expect(valueOf(await source.status(arn, 'us-east-1'))).toEqual({
        isLogging: true,
        latestDigestDelivery: FROM + HOUR + 1800,
      });
      expect(valueOf(await source.status(arn, 'eu-west-1')).latestDigestDelivery).toBe(
        FROM + 2 * HOUR + 1800,
      );
      expect(await source.status(arn, 'eu-west-2')).toEqual({
        ok: false,
        why: 'there is no GetTrailStatus.eu-west-2.json in the evidence',
      });
      expect(valueOf(await source.leftOut(arn, 'us-east-1'))).toEqual([
        'write-only management events',
      ]);
      expect(valueOf(await source.trails('us-east-1')).map(({ name }) => name)).toEqual(['main']);
      const found = await source.lookup('us-east-1', ['StopLogging'], range);
      expect(found).toMatchObject({ records: [stop], complete: false });
      expect(found.why).toContain('doesn’t say what was asked for');
      const elsewhere = await source.lookup('eu-west-1', ['StopLogging'], range);
      expect(elsewhere).toMatchObject({ records: [], complete: false });
      const nowhere = await source.lookup('eu-west-2', ['StopLogging'], range);
      expect(nowhere.why).toBe('there is no LookupEvents.eu-west-2.json in the evidence');
    }
  });

  it('may hold the AWS CLI’s times, another trail’s selectors, or no JSON', async () => {
    const source = createEvidenceTrailSource(directory, 'us-east-1');
    const { TrailARN: arn } = new TrailBuilder().trail;
    const status = async (value: unknown): Promise<unknown> => {
      await write('GetTrailStatus.json', value);
      return source.status(arn, 'us-east-1');
    };
    for (const time of [
      iso(FROM),
      FROM + 0.5,
      '2026-03-10T09:17:33.123000+01:00',
      '2026-03-10T08:17:33.5Z',
    ]) {
      expect(await status({ LatestDigestDeliveryTime: time, IsLogging: true })).toEqual({
        ok: true,
        value: { isLogging: true, latestDigestDelivery: FROM },
      });
    }
    for (const none of ['yesterday', -1, 1e300, {}, null, '2026-99-99T00:00:00Z']) {
      const value = {
        ...{ LatestDigestDeliveryTime: none, LatestDigestDeliveryError: 7 },
        IsLogging: false,
      };
      expect(await status(value)).toEqual({ ok: true, value: { isLogging: false } });
    }
    // CloudTrail always says whether a trail is logging: without, nothing vouches for a quiet Region.
    for (const none of ['null', '{}', { IsLogging: 'no' }]) {
      expect(await status(none)).toMatchObject({ ok: false });
    }
    expect(JSON.stringify(await status('{'))).toContain('is not JSON');
    await write('x.json', {});
    expect(await source.status(arn, '/../x')).toMatchObject({ ok: false });
    await write('GetEventSelectors.json', { TrailARN: `${arn}2`, EventSelectors: [{}] });
    expect(await source.leftOut(arn, 'us-east-1')).toMatchObject({ ok: false });
    for (const value of ['null', '7', '{"Events":{}}', '{"Events":[null,{"CloudTrailEvent":5}]}']) {
      await write('LookupEvents.json', value);
      const found = await source.lookup('us-east-1', ['StopLogging'], range);
      expect(found).toMatchObject({ records: [], complete: false });
    }
  });

  it('vouches for no times and has no versions', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 1 });
    await writeEvidence(builder.world, directory, 'us-east-1');
    const source = await createDirectorySource(directory);
    const { objects } = valueOf(await source.list(BUCKET, 'AWSLogs/'));
    expect(objects.length).toBe(3);
    for (const object of objects) {
      expect(object).not.toHaveProperty('lastModified');
      const read = await source.read(BUCKET, object.key, consume, 'null');
      expect(read).toEqual({ ok: false, failure: { kind: 'absent', what: 'key' } });
    }
    expect(await source.versions(BUCKET, 'AWSLogs/')).toEqual({ ok: true, value: [] });
    expect(await source.settings(BUCKET)).toBeUndefined();
  });
});

describe('the trail builder', () => {
  const recordsIn = (builder: TrailBuilder, log: { bucket: string; key: string }): unknown[] =>
    (JSON.parse(gunzipSync(builder.get(log).body).toString()) as { Records: unknown[] }).Records;

  it('puts events into the log files of their time, and changes nothing else', () => {
    const builder = new TrailBuilder();
    const plain = new TrailBuilder().chain({ from: FROM, hours: 3 });
    const times = [FROM - HOUR, FROM + HOUR, FROM + HOUR + 1, FROM + 9 * HOUR];
    const events = times.map((at) => ({
      at,
      record: trailEvent(builder, { name: 'StopLogging', at }),
    }));
    const chain = builder.chain({ from: FROM, hours: 3, events });
    const logs = chain.digests.flatMap((digest) => digest.logs);
    const found = logs.map((log) => recordsIn(builder, log).slice(2));
    const records = events.map(({ record }) => record);
    expect(found).toEqual([[records[0]], [], records.slice(1, 3), [], [], [records[3]]]);
    expect(logs).toEqual(plain.digests.flatMap((digest) => digest.logs));
    expect(new Set(records.map((one) => (one as { eventID: string }).eventID)).size).toBe(4);
    expect((records[0] as { eventID: string }).eventID).toMatch(
      /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/,
    );
  });
});

describe('restoring a version', () => {
  it('with the AWS CLI works against the endpoint', async (context) => {
    const builder = versioned();
    const key = 'a b/+%é';
    const [, , first] = builder.versions({ bucket: BUCKET, key });
    const { url } = await serve(builder);
    // The AWS CLI encodes the source itself.
    const source = `${BUCKET}/${key}?versionId=${first!.versionId}`;
    const env = { ...process.env, AWS_ACCESS_KEY_ID: 'TEST', AWS_SECRET_ACCESS_KEY: 'test' };
    const run = promisify(execFile);
    const aws = (...args: string[]): Promise<unknown> =>
      run('aws', ['--endpoint-url', url, '--region', 'us-east-1', 's3api', ...args], { env });
    try {
      await run('aws', ['--version']);
    } catch {
      context.skip('the AWS CLI is not on the PATH');
    }
    const at = ['--bucket', BUCKET, '--key', key];
    await aws('copy-object', ...at, '--copy-source', source);
    expect(builder.get({ bucket: BUCKET, key })).toMatchObject({
      body: Buffer.from('first'),
      metadata: { signature: 'aa' },
    });
    const file = join(await mkdtemp(join(tmpdir(), 'validate-trail-')), 'body');
    undo.push(() => rm(join(file, '..'), { recursive: true }));
    await writeFile(file, 'third');
    await aws('put-object', ...at, '--body', file, '--metadata', 'signature=bb');
    expect(builder.get({ bucket: BUCKET, key })).toMatchObject({ metadata: { signature: 'bb' } });
    await aws('delete-object', ...at);
    await aws('delete-object', ...at, '--version-id', first!.versionId);
    const left = builder.versions({ bucket: BUCKET, key });
    expect(left.map(({ isDeleteMarker = false, body }) => [isDeleteMarker, String(body)])).toEqual([
      [true, ''],
      [false, 'third'],
      [false, 'first'],
      [true, ''],
      [false, 'second'],
    ]);
  }, 60_000);
});

describe.each([
  ['moto', startMoto],
  ['radosgw', startRadosgw],
])('%s', (name, start) => {
  it('keeps and gives the versions that were uploaded', async (context) => {
    const server = await start();
    if (!server) {
      context.skip(`${name} is not on the PATH`);
      return;
    }
    undo.push(() => server.stop());
    const builder = versioned();
    builder.bucket('plain').objects.set('k', { body: Buffer.from('k') });
    delete builder.bucket('plain').versioning;
    await upload(server, builder.world);
    const s3 = createS3Source({
      region: 'us-east-1',
      retry,
      client: { endpoint: server.url, credentials: server.credentials, forcePathStyle: true },
    });
    undo.push(() => s3.close());
    const found = valueOf(await s3.versions(BUCKET, 'a b/'));
    expect(found.map((one) => [one.key, one.size, one.isDeleteMarker, one.isLatest])).toEqual([
      ['a b/+%é', 0, true, true],
      ['a b/+%é', 6, false, false],
      ['a b/+%é', 5, false, false],
      ['a b/\u{FFFD}', 1, false, true],
      ['a b/\u{1F600}', 0, true, true],
      ['a b/\u{1F600}', 1, false, false],
    ]);
    const [marker, second] = found;
    const body = valueOf(await s3.read(BUCKET, second!.key, consume, second!.versionId));
    expect(body.bytes.toString()).toBe('second');
    expect(await s3.read(BUCKET, marker!.key, consume, marker!.versionId)).toEqual({
      ok: false,
      failure: { kind: 'absent', what: 'key' },
    });
    expect(await s3.settings(BUCKET)).toEqual({
      versioning: { ok: true, value: 'Enabled' },
      lifecycle: { ok: true, value: [] },
    });
    expect((await s3.settings('plain'))?.versioning).toEqual({ ok: true, value: 'Off' });
  }, 180_000);
});
