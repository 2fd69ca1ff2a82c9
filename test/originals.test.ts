/** Originals among versions: in memory with every refusal, and through the real command. */
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { gzipSync } from 'node:zlib';
import type { KeyLookup } from '../src/core/authenticate.js';
import { finding, type Finding, type FindingCode } from '../src/core/finding.js';
import { parsePublicKey } from '../src/core/public-key.js';
import { findOriginals, type OriginalsOptions } from '../src/runner/originals.js';
import { createDigestReader } from '../src/runner/read-digest.js';
import type { FoundRecord } from '../src/runner/search-logs.js';
import type { ObjectSource, ReadFailure } from '../src/sources/ports.js';
import { trailEvent } from './support/events.js';
import { base, FROM } from './support/lies.js';
import {
  HOUR,
  iso,
  signingKey,
  TrailBuilder,
  type BuiltDigest,
  type BuiltLog,
} from './support/trail-builder.js';
import { validate } from './support/validate.js';
import { versionsOf, type World } from './support/world.js';

const refused = (detail: string): ReadFailure => ({
  kind: 'unreadable',
  reason: 'access-denied',
  detail,
});

interface Refusals {
  readonly listing?: ReadFailure;
  readonly reading?: ReadFailure;
}

/** What findOriginals asks of a source, from a world in memory; it counts what is read. */
function memory(world: World, { listing, reading }: Refusals = {}) {
  const read: string[] = [];
  const never = () => Promise.reject(new Error('not asked for'));
  const objects: ObjectSource = {
    carriesMetadata: true,
    list: never,
    hashLog: never,
    settings: never,
    regionOf: never,
    close: () => undefined,
    versions: (name, prefix) => {
      const bucket = world.buckets.get(name);
      if (!bucket)
        return Promise.resolve({ ok: false, failure: { kind: 'absent', what: 'bucket' } });
      if (listing) return Promise.resolve({ ok: false, failure: listing });
      const keys = new Set([...bucket.objects.keys(), ...(bucket.versions?.keys() ?? [])]);
      const value = [...keys]
        .filter((key) => key.startsWith(prefix))
        .sort()
        .flatMap((key) =>
          versionsOf(bucket, key).map((one, at) => ({
            key,
            versionId: one.versionId,
            size: one.body.length,
            lastModified: one.lastModified.getTime() / 1000,
            isDeleteMarker: one.isDeleteMarker === true,
            isLatest: at === 0,
          })),
        );
      return Promise.resolve({ ok: true, value });
    },
    read: async (name, key, consume, versionId) => {
      read.push(`${key} ${String(versionId)}`);
      const bucket = world.buckets.get(name);
      const found = bucket && versionsOf(bucket, key).find((one) => one.versionId === versionId);
      if (reading) return { ok: false, failure: reading };
      if (!found || found.isDeleteMarker)
        return { ok: false, failure: { kind: 'absent', what: 'key' } };
      const { body, metadata = {}, retention } = found;
      const chunks = (async function* () {
        await Promise.resolve();
        yield body;
      })();
      const held = retention ? { retention } : {};
      return { ok: true, value: await consume({ size: body.length, metadata, chunks, ...held }) };
    },
  };
  return { objects, read };
}

interface Asked {
  readonly refusals?: Refusals;
  readonly keys?: KeyLookup;
  readonly records?: readonly FoundRecord[];
  readonly searched?: { start: number; end: number; needles: readonly string[] }[];
}

async function ask(builder: TrailBuilder, findings: readonly Finding[], asked: Asked = {}) {
  const { objects, read } = memory(builder.world, asked.refusals);
  const { value, fingerprint } = signingKey(1);
  const parsed = parsePublicKey({ value, fingerprint });
  if (!parsed.ok) throw new Error(parsed.detail);
  const known: KeyLookup = asked.keys ?? { state: 'known', key: parsed.key };
  const lookup = (wanted: string): Promise<KeyLookup> =>
    Promise.resolve(wanted === fingerprint ? known : { state: 'unknown' });
  const options: OriginalsOptions = {
    objects,
    readDigest: createDigestReader(objects, pLimit(4)),
    keysIn: () =>
      Promise.resolve({
        ...{ lookup, valid: [], mislabelled: [] },
        ...{ failure: '', mayCome: false, unpinned: '' },
      }),
    trail: { name: builder.trail.Name, homeRegion: builder.trail.HomeRegion },
    locationsOf: () => [{ bucket: builder.trail.S3BucketName, prefix: '' }],
    searchLogs: ({ start, end }, needles) => {
      asked.searched?.push({ start, end, needles });
      return Promise.resolve(asked.records ?? []);
    },
  };
  return { told: await findOriginals(findings, options), read };
}

const REGION = 'us-east-1';
const ACCOUNT = '111122223333';

function trail(hours = 6) {
  const builder = new TrailBuilder({ versioning: 'Enabled' });
  const chain = builder.chain({ from: FROM, hours });
  const digest = (number: number): BuiltDigest => {
    const found = chain.digests[number];
    if (!found) throw new Error('no such digest');
    return found;
  };
  const log = (number: number): BuiltLog => {
    const [first] = digest(number).logs;
    if (!first) throw new Error('no log');
    return first;
  };
  return { builder, digest, log };
}

type Made = ReturnType<typeof trail>;

/** As check-logs.ts makes it. */
function lostLog(
  { digest, log }: Made,
  number: number,
  code: FindingCode = 'LOG_MISSING',
): Finding {
  const [entry] = digest(number).fields['logFiles'] as { hashValue: string }[];
  const place = { accountId: ACCOUNT, region: REGION, kind: 'standard' as const };
  const details = { signedHash: entry?.hashValue };
  return finding(code, 'is not there', { ...place, ...log(number), details });
}

function lostDigest({ digest }: Made, number: number, code: FindingCode): Finding {
  const { bucket, key, end } = digest(number);
  const place = { accountId: ACCOUNT, region: REGION, kind: 'standard' as const };
  return finding(code, 'is wrong', { ...place, bucket, key, end });
}

function lostHours({ digest }: Made, from: number, to: number): Finding {
  return finding('DIGEST_MISSING', 'digest files are missing', {
    accountId: ACCOUNT,
    region: REGION,
    kind: 'standard',
    start: digest(from).start,
    end: digest(to).end,
  });
}

const first = (versions: readonly { versionId: string }[]): string | undefined =>
  versions.at(-1)?.versionId;
const AT = FROM + 30 * HOUR;

describe('the original of a log file', () => {
  it('is the version with the signed hash, whatever lies above it', async () => {
    const made = trail();
    const at = made.log(2);
    made.builder.put(at.bucket, at.key, { body: gzipSync('{"Records":[]}') }, AT);
    made.builder.put(at.bucket, at.key, { body: Buffer.from('no gzip') }, AT + 60);
    made.builder.remove(at, AT + 120);
    const { told, read } = await ask(made.builder, [lostLog(made, 2)]);
    const original = told[0]?.details?.['original'] as Record<string, string>;
    const versionId = first(made.builder.versions(at));
    expect(original).toMatchObject({ ...at, versionId, removedAt: iso(AT) });
    expect(original['lastModified']).toBe(
      iso(made.builder.versions(at).at(-1)!.lastModified.getTime() / 1000),
    );
    expect(told[0]?.hint).toBe(`restore it: ${String(original['restore'])}`);
    expect(told[0]?.message).toContain(`; its original is version ${String(versionId)} of 2026-`);
    expect(told[0]?.message).toContain(`, removed or overwritten at ${iso(AT)}`);
    expect(told[0]?.details).not.toHaveProperty('versions');
    expect(read).toHaveLength(3);
  });

  it('is not looked for where no hash is signed, nor found in the current version', async () => {
    const made = trail();
    const unsigned = { ...lostLog(made, 1), details: {} };
    const { told, read } = await ask(made.builder, [unsigned, lostLog(made, 1)]);
    expect(told).toEqual([unsigned, lostLog(made, 1)]);
    expect(read).toEqual([]);
    const refusals = { listing: refused('not to be asked') };
    expect((await ask(made.builder, [unsigned], { refusals })).told).toEqual([unsigned]);
  });

  it('is not another object whose name only begins the same', async () => {
    const made = trail();
    const at = made.log(2);
    made.builder.remove(at, AT);
    for (let n = 0; n < 30; n++)
      made.builder.put(at.bucket, `${at.key}.bak`, { body: Buffer.from('x') }, AT + n);
    const wanted = { ...lostLog(made, 2), key: at.key.slice(0, -1) };
    expect((await ask(made.builder, [wanted])).told).toEqual([wanted]);
  });

  it.each(['LOG_MALFORMED', 'LOG_TRAILING_DATA', 'LOG_HASH_MISMATCH', 'OBJECT_FOREIGN_ENCRYPTION'])(
    'is found for %s',
    async (code) => {
      const made = trail();
      made.builder.put(made.log(2).bucket, made.log(2).key, { body: Buffer.from('x') }, AT);
      const { told } = await ask(made.builder, [lostLog(made, 2, code as FindingCode)]);
      expect(told[0]?.details).toHaveProperty('original');
    },
  );

  it('is found under more versions than are read: none can be put beneath it', async () => {
    const made = trail();
    const at = made.log(2);
    for (let n = 0; n < 60; n++)
      made.builder.put(at.bucket, at.key, { body: Buffer.from(`junk ${n}`) }, AT + n);
    const { told, read } = await ask(made.builder, [lostLog(made, 2)]);
    expect(told[0]?.details?.['original']).toMatchObject({
      versionId: first(made.builder.versions(at)),
    });
    expect(read).toHaveLength(20);
    const other = { ...lostLog(made, 2), details: { signedHash: '0'.repeat(64) } };
    const none = await ask(made.builder, [other]);
    expect(none.told[0]?.details?.['versions']).toBe(
      'could not be searched: only 20 of 60 older versions were read',
    );
  });

  it('tells what holds it', async () => {
    const made = trail();
    const at = made.log(2);
    const retention = { mode: 'COMPLIANCE', until: AT + 1000 * HOUR };
    const versions = made.builder.bucket(at.bucket).versions!.get(at.key)!;
    versions[0] = { ...versions[0]!, retention };
    made.builder.remove(at, AT);
    const { told } = await ask(made.builder, [lostLog(made, 2)]);
    expect(told[0]?.details?.['original']).toMatchObject({
      retention: { mode: 'COMPLIANCE', until: iso(retention.until) },
    });
    expect(told[0]?.message).toContain(
      `held by Object Lock (COMPLIANCE) until ${iso(retention.until)}`,
    );
  });
});

describe('a refusal', () => {
  it('to list is told, and the finding stays', async () => {
    const made = trail();
    made.builder.remove(made.log(2), AT);
    const { told } = await ask(made.builder, [lostLog(made, 2), lostHours(made, 2, 2)], {
      refusals: { listing: refused('no ListObjectVersions') },
    });
    const versions = 'could not be searched: access-denied: no ListObjectVersions';
    expect(told).toEqual(
      [lostLog(made, 2), lostHours(made, 2, 2)].map((one) => ({
        ...one,
        details: { ...one.details, versions },
      })),
    );
  });

  it('to read versions is told, too', async () => {
    const made = trail();
    made.builder.remove(made.log(2), AT);
    made.builder.remove(made.digest(3), AT);
    const { told } = await ask(
      made.builder,
      [lostLog(made, 2), lostDigest(made, 3, 'DIGEST_MALFORMED'), lostHours(made, 3, 3)],
      { refusals: { reading: refused('no GetObjectVersion') } },
    );
    for (const one of told)
      expect(one.details?.['versions']).toBe(
        'could not be searched: access-denied: no GetObjectVersion',
      );
  });

  it('of keys is told', async () => {
    const made = trail();
    made.builder.remove(made.digest(3), AT);
    const { told } = await ask(made.builder, [lostHours(made, 3, 3)], {
      keys: { state: 'unavailable' },
    });
    expect(told[0]?.details?.['versions']).toMatch(/^could not be searched: the public key/);
    const unknown = await ask(made.builder, [lostHours(made, 3, 3)], {
      keys: { state: 'unknown' },
    });
    expect(unknown.told).toEqual([lostHours(made, 3, 3)]);
  });

  it('says that a bucket is gone in words', async () => {
    const made = trail();
    made.builder.world.buckets.clear();
    const { told } = await ask(made.builder, [lostLog(made, 2)]);
    expect(told[0]?.details?.['versions']).toBe('could not be searched: the bucket does not exist');
  });
});

describe('the original of a digest file', () => {
  it('authenticates by itself', async () => {
    const made = trail();
    const at = made.digest(2);
    const { metadata } = made.builder.get(at);
    made.builder.put(at.bucket, at.key, { body: gzipSync('{}'), metadata: metadata! }, AT);
    const { told } = await ask(made.builder, [lostDigest(made, 2, 'DIGEST_MALFORMED')]);
    expect(told[0]?.details?.['original']).toMatchObject({
      versionId: first(made.builder.versions(at)),
      removedAt: iso(AT),
    });
  });

  it('is none that is forged, moved or without its signature', async () => {
    const made = trail();
    const at = made.digest(2);
    const good = made.builder.get(at);
    const forged = new TrailBuilder();
    forged.chain({ from: FROM, hours: 6, key: signingKey(2) });
    const bad = [
      forged.get(at),
      made.builder.get(made.digest(3)),
      { body: good.body },
      { ...good, metadata: { signature: 'ab'.repeat(256) } },
    ];
    made.builder.bucket(at.bucket).versions!.delete(at.key);
    made.builder.bucket(at.bucket).objects.delete(at.key);
    bad.forEach((one, n) => made.builder.put(at.bucket, at.key, one, AT + n));
    made.builder.remove(at, AT + 100);
    const wanted = [lostDigest(made, 2, 'DIGEST_SIGNATURE_INVALID'), lostHours(made, 2, 2)];
    const { told, read } = await ask(made.builder, wanted);
    expect(told).toEqual(wanted);
    expect(read).toHaveLength(8);
  });

  it('is none that only repeats what contradicts the chain', async () => {
    const made = trail();
    const at = made.digest(2);
    const same = made.builder.get(at);
    made.builder.put(at.bucket, at.key, same, AT);
    for (const code of ['CHAIN_LINK_BROKEN', 'CHAIN_STATE_BROKEN'] as const) {
      const wanted = [lostDigest(made, 2, code)];
      expect((await ask(made.builder, wanted)).told).toEqual(wanted);
    }
    made.builder.resign(at, { newestEventTime: iso(FROM) });
    made.builder.resign(at, { newestEventTime: iso(FROM + 1) });
    const { told } = await ask(made.builder, [lostDigest(made, 2, 'CHAIN_LINK_BROKEN')]);
    expect(told[0]?.details?.['original']).toMatchObject({
      versionId: made.builder.versions(at)[1]?.versionId,
    });
  });
});

describe('a stretch of time without digest files', () => {
  it('gets every removed one in it, none beside it, none that is there', async () => {
    const made = trail(8);
    for (const number of [1, 2, 3, 5, 6]) made.builder.remove(made.digest(number), AT + number);
    const there = made.digest(4);
    made.builder.put(there.bucket, there.key, made.builder.get(there), AT);
    const { told } = await ask(made.builder, [lostHours(made, 2, 5)]);
    const originals = told[0]?.details?.['originals'] as { key: string; removedAt: string }[];
    expect(originals.map(({ key }) => key)).toEqual([2, 3, 5].map((n) => made.digest(n).key));
    expect(originals.map(({ removedAt }) => removedAt)).toEqual([2, 3, 5].map((n) => iso(AT + n)));
    expect(told[0]?.message).toMatch(/; 3 originals are among the versions$/);
    expect(told[0]?.hint).toMatch(/^restore them: aws s3api copy-object .* and 2 more \(/);
  });

  it('keeps what one place gave when another refuses', async () => {
    const made = trail();
    made.builder.remove(made.digest(2), AT);
    const { objects } = memory(made.builder.world);
    const denied: ObjectSource = {
      ...objects,
      versions: (bucket, prefix) =>
        bucket === 'older'
          ? Promise.resolve({ ok: false, failure: refused('older') })
          : objects.versions(bucket, prefix),
    };
    const { value, fingerprint } = signingKey(1);
    const parsed = parsePublicKey({ value, fingerprint });
    if (!parsed.ok) throw new Error(parsed.detail);
    const { key } = parsed;
    const told = await findOriginals([lostHours(made, 2, 2)], {
      objects: denied,
      readDigest: createDigestReader(denied, pLimit(1)),
      keysIn: () =>
        Promise.resolve({
          lookup: () => Promise.resolve({ state: 'known', key }),
          mislabelled: [],
          valid: [],
          failure: '',
          mayCome: false,
          unpinned: '',
        }),
      trail: { name: 'main', homeRegion: REGION },
      locationsOf: () => ['trail-bucket', 'older'].map((bucket) => ({ bucket, prefix: '' })),
      searchLogs: () => Promise.resolve([]),
    });
    expect(told[0]?.details?.['originals']).toHaveLength(1);
    expect(told[0]?.details?.['versions']).toBe('could not be searched: access-denied: older');
    expect(told[0]?.message).toMatch(/; 1 original is among the versions$/);
  });

  it('is not held up by names that somebody planted and removed', async () => {
    const made = trail();
    const at = made.digest(2);
    const stampOf = (end: number): string => iso(end).replace(/[-:]/g, '');
    for (let n = 1; n <= 2500; n++) {
      const key = at.key.replace(/\d{8}T\d{6}Z/, stampOf(at.start + n));
      made.builder.put(at.bucket, key, { body: Buffer.from('x') }, AT);
      made.builder.remove({ bucket: at.bucket, key }, AT + 1);
    }
    const { told, read } = await ask(made.builder, [lostHours(made, 2, 2)]);
    expect(read).toHaveLength(2000);
    expect(told[0]?.details?.['versions']).toBe(
      'could not be searched: more than 2000 names were removed in this time',
    );
  });
});

describe('who removed it', () => {
  const BUCKET = 'trail-bucket';
  const record = (made: Made, name: string, at: number, parameters: object): FoundRecord => ({
    record: trailEvent(made.builder, { name, at, parameters, source: 's3.amazonaws.com' }),
    logFile: 's3://trail-bucket/log',
  });

  it('is told from a verified log file, by the event that names the object', async () => {
    const made = trail();
    const at = made.log(2);
    made.builder.remove(at, AT);
    const searched: NonNullable<Asked['searched']> = [];
    const records = [
      record(made, 'DeleteObjects', AT, { bucketName: BUCKET }),
      record(made, 'DeleteObject', AT + 2, { bucketName: BUCKET, key: at.key }),
      record(made, 'DeleteObject', AT + 800, { bucketName: BUCKET, key: at.key }),
      record(made, 'DeleteObject', AT, { bucketName: BUCKET, key: made.log(3).key }),
      record(made, 'DeleteObject', AT, { bucketName: 'another', key: at.key }),
    ];
    const { told } = await ask(made.builder, [lostLog(made, 2)], { records, searched });
    expect(told[0]?.details?.['original']).toMatchObject({
      removedBy: { event: 'DeleteObject', time: iso(AT + 2), namesObject: true },
    });
    expect(told[0]?.message).toContain(
      `at ${iso(AT)} by arn:aws:iam::${ACCOUNT}:user/mallory from 203.0.113.7 (DeleteObject with aws-cli`,
    );
    expect(searched).toEqual([
      { start: AT - 600, end: AT + 2 * HOUR, needles: [at.key, 'DeleteObjects'] },
    ]);
  });

  it('is not said where only the bucket and the time fit: the event is told as it is', async () => {
    const made = trail();
    made.builder.remove(made.log(2), AT);
    const records = [record(made, 'DeleteObjects', AT + 3, { bucketName: BUCKET })];
    const { told } = await ask(made.builder, [lostLog(made, 2)], { records });
    expect(told[0]?.details?.['original']).toMatchObject({ removedBy: { namesObject: false } });
    expect(told[0]?.message).not.toContain(' by arn:');
    expect(told[0]?.message).toMatch(
      /user\/mallory called DeleteObjects on the bucket .*names no keys/,
    );
  });

  it('is asked once for removals that lie close together, in few needles', async () => {
    const made = trail(30);
    const all = Array.from({ length: 25 }, (_, n) => n);
    for (const number of all) made.builder.remove(made.log(number), AT + number);
    const searched: NonNullable<Asked['searched']> = [];
    const wanted = all.map((number) => lostLog(made, number));
    const records = [
      record(made, 'DeleteObject', AT, { bucketName: BUCKET, key: made.log(0).key }),
    ];
    const { told } = await ask(made.builder, wanted, { searched, records });
    expect(searched).toEqual([
      { start: AT - 600, end: AT + 24 + 2 * HOUR, needles: ['AWSLogs/', 'DeleteObjects'] },
    ]);
    expect(told.map(({ key }) => key)).toEqual(wanted.map(({ key }) => key));
    expect(told.filter((one) => 'original' in (one.details ?? {}))).toHaveLength(25);
    expect(told[0]?.message).toContain('user/mallory');
    expect(told[24]?.message).not.toContain('user/mallory');
  });

  it('is settled in reasonable time, however many records there are', async () => {
    const made = trail();
    made.builder.remove(made.log(2), AT);
    const one = record(made, 'DeleteObjects', AT, { bucketName: BUCKET });
    const records = Array.from({ length: 100_000 }, () => one);
    const before = performance.now();
    await ask(made.builder, [lostLog(made, 2)], { records });
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

describe('through the command', () => {
  it('a deleted log file, an overwritten one and a deleted digest file are found', async () => {
    const builder = new TrailBuilder({ versioning: 'Enabled' });
    const at = FROM + 5 * HOUR + 60;
    const chain = builder.chain({ from: FROM, hours: 10 });
    const [gone, altered] = [2, 3].map((n) => chain.digests[n]!.logs[0]!);
    builder.remove(gone!, at);
    builder.put(altered!.bucket, altered!.key, { body: gzipSync('{"Records":[]}') }, at);
    builder.remove(chain.digests[5]!, at + 3 * HOUR);
    const range = { start: FROM + HOUR, end: FROM + 10 * HOUR };
    const endpoint = { now: new Date((FROM + 13 * HOUR) * 1000) };
    const { report, status } = await validate(builder, range, { endpoint });
    expect(status).toBe(1);
    const of = (code: string) => report.findings.find((one) => one.code === code);
    expect(of('LOG_MISSING')?.details?.['original']).toMatchObject({ key: gone!.key });
    expect(of('LOG_HASH_MISMATCH')?.details?.['original']).toMatchObject({ key: altered!.key });
    expect(of('DIGEST_MISSING')?.details?.['originals']).toMatchObject([
      { key: chain.digests[5]!.key },
    ]);
    const without = await validate(builder, range, { endpoint, argv: ['--no-versions'] });
    expect(JSON.stringify(without.report.findings)).not.toContain('versionId');
    expect(without.requests.get('ListObjectVersions')).toBeUndefined();
  });

  it('nothing is added where a bucket keeps no versions', async () => {
    const { builder, start, end, log } = base();
    builder.remove(log(3));
    const { report } = await validate(builder, { start, end });
    const [lost] = report.findings.filter((one) => one.code === 'LOG_MISSING');
    expect(Object.keys(lost?.details ?? {})).toEqual(['signedHash']);
  });
});
