/**
 * Builds signed trails. Keys are made and the vectors signed by node-forge, so that producer and
 * verifier are different implementations; the layout follows SPEC 1 to 3, field for field.
 */
import { createHash, createPrivateKey, sign as signBytes, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import forge from 'node-forge';
import { Keyed } from './keyed.js';
import {
  deleteObject,
  putObject,
  statusKey,
  versionsOf,
  type PublicKeyEntry,
  type StoredBucket,
  type StoredObject,
  type StoredVersion,
  type TrailEntry,
  type World,
} from './world.js';

export const HOUR = 3600;
export const DAY = 24 * HOUR;

export interface SigningKey {
  readonly private: forge.pki.rsa.PrivateKey;
  readonly fingerprint: string;
  readonly value: Buffer;
}

/** A generator whose numbers follow from the seed: the same keys and trails in every run. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const keys = new Map<string, SigningKey>();

/** The test key with a number; `spki` gives the other encoding that AWS has been seen to use. */
export function signingKey(number: number, encoding: 'pkcs1' | 'spki' = 'pkcs1'): SigningKey {
  const name = `${number} ${encoding}`;
  const known = keys.get(name);
  if (known) return known;
  const pem = readFileSync(
    new URL(`../../fixtures/keys/test-key-${number}.pem`, import.meta.url),
    'utf8',
  );
  const privateKey = forge.pki.privateKeyFromPem(pem);
  const publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e);
  const structure =
    encoding === 'pkcs1'
      ? (forge.pki.publicKeyToRSAPublicKey(publicKey) as forge.asn1.Asn1)
      : forge.pki.publicKeyToAsn1(publicKey);
  const value = Buffer.from(forge.asn1.toDer(structure).getBytes(), 'latin1');
  const fingerprint = createHash('md5').update(value).digest('hex');
  const key = { private: privateKey, fingerprint, value };
  keys.set(name, key);
  return key;
}

/** As node-forge signs, at fifty times the time of node:crypto. */
function signWithForge(key: SigningKey, text: string): string {
  const hash = forge.md.sha256.create();
  hash.update(text, 'utf8');
  return forge.util.bytesToHex(key.private.sign(hash));
}

const pems = new WeakMap<SigningKey, KeyObject>();
function signWithNode(key: SigningKey, text: string): string {
  const pem = pems.get(key) ?? createPrivateKey(forge.pki.privateKeyToPem(key.private));
  pems.set(key, pem);
  return signBytes('sha256', Buffer.from(text), pem).toString('hex');
}

const signatures = new Map<string, string>();

/**
 * RSASSA-PKCS1-v1_5 with SHA-256, hex. It is deterministic: the same text is signed once a process, and
 * what node:crypto signs is byte for byte what node-forge signed in the vectors, as their test holds.
 */
export function sign(key: SigningKey, text: string): string {
  const name = `${key.fingerprint} ${text}`;
  const known = signatures.get(name);
  if (known !== undefined) return known;
  const isWritten = process.env['WRITE_FIXTURES'] !== undefined;
  const signature = isWritten ? signWithForge(key, text) : signWithNode(key, text);
  signatures.set(name, signature);
  return signature;
}

export const sha256 = (bytes: Buffer | string): string =>
  createHash('sha256').update(bytes).digest('hex');

export const iso = (instant: number): string =>
  new Date(instant * 1000).toISOString().replace('.000Z', 'Z');
export const stamp = (instant: number): string => iso(instant).replace(/[-:]/g, '');
const dayOf = (instant: number): string => iso(instant).slice(0, 10).replaceAll('-', '/');

export interface BuiltLog {
  readonly bucket: string;
  readonly key: string;
}

/** One digest file as it was built; `resign` rebuilds it with other fields. */
export interface BuiltDigest {
  readonly bucket: string;
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly hash: string;
  readonly signature: string;
  readonly logs: readonly BuiltLog[];
}

export interface BuiltChain {
  readonly accountId: string;
  readonly region: string;
  readonly kind: 'standard' | 'backfill';
  /** Oldest first. */
  readonly digests: BuiltDigest[];
}

export interface TrailSettings {
  readonly name?: string;
  readonly accountId?: string;
  readonly homeRegion?: string;
  readonly bucket?: string;
  readonly bucketRegion?: string;
  readonly prefix?: string;
  readonly organizationId?: string;
  readonly isMultiRegion?: boolean;
  readonly seed?: number;
  /** Escape slashes as CloudTrail's serializer has been seen to. */
  readonly escapeSlashes?: boolean;
  /** Of every bucket that the builder makes. */
  readonly versioning?: 'Enabled' | 'Suspended';
}

export interface ChainSettings {
  readonly accountId?: string;
  readonly region?: string;
  readonly kind?: 'standard' | 'backfill';
  /** End of the time before the first digest's window; the chain's minute and second. */
  readonly from: number;
  readonly hours: number;
  readonly logsPerHour?: number;
  /** Inflated bytes of a log file, about. */
  readonly logBytes?: number;
  /** Hours (0-based) whose digest starts the chain anew; the first always does unless `after`. */
  readonly restarts?: readonly number[];
  /** Continue this chain. */
  readonly after?: BuiltDigest;
  readonly key?: SigningKey;
  /** Where from an hour on files are delivered. */
  readonly moves?: readonly { hour: number; bucket?: string; prefix?: string }[];
  /** Records for the chain's log files: each in the first that is of its time or later, or the last. */
  readonly events?: readonly { readonly at: number; readonly record: object }[];
}

/** Records by the number of the log file that takes them. */
function placeEvents(
  events: readonly { at: number; record: object }[],
  times: readonly number[],
): Map<number, { at: number; record: object }[]> {
  const placed = new Map<number, { at: number; record: object }[]>();
  if (events.length > 0 && times.length === 0) throw new Error('no log file takes the events');
  for (const event of events) {
    const found = times.findIndex((time) => time >= event.at);
    const number = found < 0 ? times.length - 1 : found;
    placed.set(number, [...(placed.get(number) ?? []), event]);
  }
  return placed;
}

const date = (instant: number): Date => new Date(instant * 1000);

/** A trail under construction: what CloudTrail would have delivered and would answer. */
export class TrailBuilder {
  readonly world: World;
  readonly trail: TrailEntry;
  readonly accountId: string;
  readonly chains: BuiltChain[] = [];
  readonly #settings: TrailSettings;
  readonly #random: () => number;

  constructor(settings: TrailSettings = {}, world?: World) {
    const { name = 'main', accountId = '111122223333', homeRegion = 'us-east-1' } = settings;
    const { bucket = 'trail-bucket' } = settings;
    this.#settings = settings;
    this.#random = mulberry32(settings.seed ?? 1);
    this.accountId = accountId;
    this.trail = {
      Name: name,
      S3BucketName: bucket,
      ...(settings.prefix === undefined ? {} : { S3KeyPrefix: settings.prefix }),
      HomeRegion: homeRegion,
      TrailARN: `arn:aws:cloudtrail:${homeRegion}:${accountId}:trail/${name}`,
      IsMultiRegionTrail: settings.isMultiRegion ?? false,
      IsOrganizationTrail: settings.organizationId !== undefined,
      LogFileValidationEnabled: true,
    };
    this.world = world ?? {
      buckets: new Map(),
      trails: [],
      keys: new Map(),
      status: new Map(),
      ...(settings.organizationId === undefined ? {} : { organizationId: settings.organizationId }),
    };
    this.world.trails.push(this.trail);
    this.bucket(bucket);
  }

  bucket(name: string): StoredBucket {
    const known = this.world.buckets.get(name);
    if (known) return known;
    const region = this.#settings.bucketRegion ?? this.trail.HomeRegion;
    const { versioning } = this.#settings;
    const made: StoredBucket = {
      region,
      objects: new Keyed(),
      versions: new Keyed(),
      ...(versioning ? { versioning } : {}),
    };
    this.world.buckets.set(name, made);
    return made;
  }

  /** Puts an object, on a versioned bucket as a new version; `at` is its LastModified. */
  put(bucket: string, key: string, object: StoredObject, at?: number): void {
    putObject(this.bucket(bucket), key, object, at === undefined ? undefined : date(at));
  }

  get(at: BuiltLog): StoredObject {
    const object = this.world.buckets.get(at.bucket)?.objects.get(at.key);
    if (!object) throw new Error(`no object ${at.bucket}/${at.key}`);
    return object;
  }

  /** Deletes an object, on a versioned bucket with a delete marker; `time` is its LastModified. */
  remove(at: BuiltLog, time?: number): void {
    const when = time === undefined ? {} : { at: date(time) };
    deleteObject(this.bucket(at.bucket), at.key, when);
  }

  /** An object's versions, newest first. */
  versions(at: BuiltLog): readonly StoredVersion[] {
    return versionsOf(this.bucket(at.bucket), at.key);
  }

  /** Makes a key one of a Region's, valid 10 days around a time. */
  publish(region: string, key: SigningKey, around: number): void {
    const list: PublicKeyEntry[] = this.world.keys.get(region) ?? [];
    this.world.keys.set(region, list);
    if (list.some((entry) => entry.Fingerprint === key.fingerprint)) return;
    list.push({
      Value: key.value.toString('base64'),
      Fingerprint: key.fingerprint,
      ValidityStartTime: around - 15 * 24 * HOUR,
      ValidityEndTime: around + 15 * 24 * HOUR,
    });
  }

  folder(accountId: string, kind: string, region: string, at: number, prefix?: string): string {
    const { organizationId } = this.#settings;
    const before = prefix ?? this.#settings.prefix;
    return (
      (before === undefined || before === '' ? '' : `${before}/`) +
      `AWSLogs/${organizationId === undefined ? '' : `${organizationId}/`}${accountId}/${kind}/${region}/${dayOf(at)}/`
    );
  }

  #id(): string {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
    return Array.from({ length: 16 }, () => letters[Math.floor(this.#random() * 62)]).join('');
  }

  log(
    accountId: string,
    region: string,
    at: number,
    bytes: number,
    prefix?: string,
    events: readonly object[] = [],
  ): StoredObject & { key: string } {
    const minute = stamp(Math.floor(at / 300) * 300).slice(0, 13) + 'Z';
    const key = `${this.folder(accountId, 'CloudTrail', region, at, prefix)}${accountId}_CloudTrail_${region}_${minute}_${this.#id()}.json.gz`;
    const records: object[] = [];
    for (let size = 0; size < bytes; size += 400) {
      records.push({
        eventVersion: '1.08',
        eventTime: iso(at),
        eventSource: 's3.amazonaws.com',
        eventName: 'GetObject',
        awsRegion: region,
        sourceIPAddress: `198.51.100.${Math.floor(this.#random() * 250)}`,
        eventID: this.#id() + this.#id(),
        recipientAccountId: accountId,
      });
    }
    records.push(...events);
    return { key, body: gzipSync(JSON.stringify({ Records: records })) };
  }

  /** Serializes, signs, compresses and stores a digest file's fields. */
  store(
    fields: Readonly<Record<string, unknown>>,
    key: SigningKey,
    metadata: Readonly<Record<string, string>> = {},
  ): Pick<BuiltDigest, 'hash' | 'signature' | 'fields'> {
    let json = JSON.stringify(fields);
    if (this.#settings.escapeSlashes === true) json = json.replaceAll('/', '\\/');
    const bucket = String(fields['digestS3Bucket']);
    const object = String(fields['digestS3Object']);
    const hash = sha256(json);
    const previous = (fields['previousDigestSignature'] as string | null | undefined) ?? 'null';
    const signature = sign(
      key,
      `${String(fields['digestEndTime'])}\n${bucket}/${object}\n${hash}\n${previous}`,
    );
    const end = Date.parse(String(fields['digestEndTime']));
    const delay = object.endsWith('_backfill.json.gz') ? 86_400 : 1800;
    this.put(bucket, object, {
      body: gzipSync(json),
      ...(Number.isNaN(end) ? {} : { lastModified: date(end / 1000 + delay) }),
      metadata: { signature, 'signature-algorithm': 'SHA256withRSA', ...metadata },
    });
    return { fields, hash, signature };
  }

  /** Delivers a chain of digest files and their log files. */
  chain(settings: ChainSettings): BuiltChain {
    const {
      accountId = this.accountId,
      region = this.trail.HomeRegion,
      kind = 'standard',
    } = settings;
    const { from, hours, logsPerHour = 2, logBytes = 800, restarts = [] } = settings;
    const key = settings.key ?? signingKey(1);
    this.publish(region, key, from + (hours * HOUR) / 2);
    const built: BuiltChain = { accountId, region, kind, digests: [] };
    const timeOf = (number: number): number =>
      from +
      Math.floor(number / logsPerHour) * HOUR +
      Math.floor((((number % logsPerHour) + 0.5) * HOUR) / logsPerHour);
    const times = Array.from({ length: hours * logsPerHour }, (_, number) => timeOf(number));
    const events = placeEvents(settings.events ?? [], times);
    let previous = settings.after;
    for (let hour = 0; hour < hours; hour++) {
      const move = (settings.moves ?? []).filter((one) => one.hour <= hour).at(-1);
      const bucket = move?.bucket ?? this.trail.S3BucketName;
      const start = from + hour * HOUR;
      const end = start + HOUR;
      if (restarts.includes(hour)) previous = undefined;
      const logs: BuiltLog[] = [];
      const entries: object[] = [];
      for (let number = 0; number < logsPerHour; number++) {
        const at = timeOf(hour * logsPerHour + number);
        const own = events.get(hour * logsPerHour + number) ?? [];
        const records = own.map(({ record }) => record);
        const { key: name, body } = this.log(
          ...([accountId, region, at, logBytes, move?.prefix, records] as const),
        );
        this.put(bucket, name, { body, lastModified: date(at + 300) });
        logs.push({ bucket, key: name });
        entries.push({
          s3Bucket: bucket,
          s3Object: name,
          hashValue: sha256(gunzipSync(body)),
          hashAlgorithm: 'SHA-256',
          newestEventTime: iso(at),
          oldestEventTime: iso(Math.min(at - 240, ...own.map((event) => event.at))),
        });
      }
      const suffix = kind === 'backfill' ? '_backfill' : '';
      const object =
        this.folder(accountId, 'CloudTrail-Digest', region, end, move?.prefix) +
        `${accountId}_CloudTrail-Digest_${region}_${this.trail.Name}_${this.trail.HomeRegion}_${stamp(end)}${suffix}.json.gz`;
      const fields = {
        awsAccountId: accountId,
        digestStartTime: iso(start),
        digestEndTime: iso(end),
        digestS3Bucket: bucket,
        digestS3Object: object,
        digestPublicKeyFingerprint: key.fingerprint,
        digestSignatureAlgorithm: 'SHA256withRSA',
        newestEventTime: entries.length > 0 ? iso(end - 600) : null,
        oldestEventTime: entries.length > 0 ? iso(start) : null,
        previousDigestS3Bucket: previous?.bucket ?? null,
        previousDigestS3Object: previous?.key ?? null,
        previousDigestHashValue: previous?.hash ?? null,
        previousDigestHashAlgorithm: previous ? 'SHA-256' : null,
        previousDigestSignature: previous?.signature ?? null,
        logFiles: entries,
      };
      const metadata: Record<string, string> =
        kind === 'backfill' ? { 'backfill-generation-timestamp': iso(end + 86_400) } : {};
      const stored = this.store(fields, key, metadata);
      const digest: BuiltDigest = { bucket, key: object, start, end, logs, ...stored };
      built.digests.push(digest);
      previous = digest;
    }
    this.chains.push(built);
    const newest = built.digests.at(-1);
    const place = statusKey(this.world, this.trail.TrailARN, region);
    const known = Number(this.world.status.get(place)?.['LatestDigestDeliveryTime'] ?? 0);
    if (newest) {
      this.world.status.set(place, {
        IsLogging: true,
        LatestDigestDeliveryTime: Math.max(known, newest.end + 1800),
        LatestDeliveryTime: newest.end,
      });
    }
    return built;
  }

  /** Stores a digest file again with other fields, signed: what only CloudTrail could do. */
  resign(
    digest: BuiltDigest,
    change: Readonly<Record<string, unknown>>,
    key: SigningKey = signingKey(1),
  ): BuiltDigest {
    return { ...digest, ...this.store({ ...digest.fields, ...change }, key) };
  }
}
