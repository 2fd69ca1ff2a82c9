/**
 * What a test trail consists of: buckets with objects, and CloudTrail's answers. The trail builder
 * makes one, the tamperers change it, the loopback endpoint serves it, and `writeEvidence` lays it
 * out as an evidence directory.
 */

import { Keyed } from './keyed.js';

export interface StoredObject {
  readonly body: Buffer;
  /** User metadata, names without `x-amz-meta-`. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly lastModified?: Date;
  /** Answer every GET of this object with this error instead of its body. */
  readonly refuse?: Refusal;
  /** Answer so many GETs before `refuse` begins. */
  readonly refuseAfter?: number;
  /** Object Lock's hold, `until` in epoch seconds. */
  readonly retention?: { readonly mode: string; readonly until: number };
}

/** One version of an object; a delete marker has an empty body. */
export interface StoredVersion extends StoredObject {
  readonly versionId: string;
  readonly lastModified: Date;
  readonly isDeleteMarker?: boolean;
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message?: string;
}

export interface StoredBucket {
  readonly region: string;
  /** Keys in any order; the endpoint sorts them by UTF-8 bytes as S3 does. */
  readonly objects: Map<string, StoredObject>;
  /** Answer listings of this bucket with this error; with `prefix`, only those of that very prefix. */
  refuseListing?: Refusal & { readonly prefix?: string };
  /** Change a versioned bucket's objects only through `putObject` and `deleteObject`. */
  versioning?: 'Enabled' | 'Suspended';
  /**
   * Newest first, the current one included. An object that isn't here was put before versioning: its
   * one version is `null`.
   */
  versions?: Map<string, StoredVersion[]>;
  /** The `<Rule>` elements of the bucket's lifecycle configuration, as XML. */
  lifecycle?: string;
}

/** `LastModified` of what a world gives no time. */
export const LONG_AGO = new Date('2026-03-10T12:00:00Z');

/** As in ListPublicKeys: times are epoch seconds, `Value` is base64 of the DER. */
export interface PublicKeyEntry {
  readonly Value: string;
  readonly Fingerprint: string;
  readonly ValidityStartTime: number;
  readonly ValidityEndTime: number;
}

/** As in DescribeTrails. */
export interface TrailEntry {
  readonly Name: string;
  readonly S3BucketName: string;
  readonly S3KeyPrefix?: string;
  readonly HomeRegion: string;
  readonly TrailARN: string;
  readonly IsMultiRegionTrail: boolean;
  readonly IsOrganizationTrail: boolean;
  readonly LogFileValidationEnabled: boolean;
}

export interface World {
  readonly buckets: Map<string, StoredBucket>;
  readonly trails: TrailEntry[];
  /** Region → the keys that ListPublicKeys gives there. */
  readonly keys: Map<string, PublicKeyEntry[]>;
  /** Region → GetTrailStatus there (times in epoch seconds). */
  readonly status: Map<string, Readonly<Record<string, string | number | boolean>>>;
  readonly organizationId?: string;
  /** Region → CloudTrail's event history there. A text is served as it stands, under any name. */
  history?: Map<string, (object | string)[]>;
  /** Trail ARN → GetEventSelectors; all management events where a trail isn't here. */
  selectors?: Map<string, EventSelectors>;
}

/** As in GetEventSelectors. */
export interface EventSelectors {
  readonly EventSelectors?: readonly object[];
  readonly AdvancedEventSelectors?: readonly object[];
}

/** GetEventSelectors' answer for a trail. */
export function selectorsOf(world: World, arn: string): EventSelectors & { TrailARN: string } {
  const all = { ReadWriteType: 'All', IncludeManagementEvents: true, DataResources: [] };
  const usual = { EventSelectors: [{ ...all, ExcludeManagementEventSources: [] }] };
  return { TrailARN: arn, ...(world.selectors?.get(arn) ?? usual) };
}

/** Where a trail's status in a Region stands: under the Region alone for the world's first trail. */
export function statusKey(world: World, arn: string, region: string): string {
  return world.trails[0]?.TrailARN === arn ? region : `${region} ${arn}`;
}

/** All versions of a key, newest first; also of a bucket that was never versioned. */
export function versionsOf(bucket: StoredBucket, key: string): readonly StoredVersion[] {
  const known = bucket.versions?.get(key);
  if (known) return known;
  const object = bucket.objects.get(key);
  return object ? [{ lastModified: LONG_AGO, ...object, versionId: 'null' }] : [];
}

const made = new WeakMap<StoredBucket, number>();
function nextVersionId(bucket: StoredBucket): string {
  const number = (made.get(bucket) ?? 0) + 1;
  made.set(bucket, number);
  return `version-${String(number).padStart(8, '0')}`;
}

/** Puts a new version in front; with versioning suspended it takes the place of `null`. */
function addVersion(
  bucket: StoredBucket,
  key: string,
  version: StoredObject & { isDeleteMarker?: boolean },
  at: Date | undefined,
): StoredVersion {
  const before = versionsOf(bucket, key);
  const newest = before[0]?.lastModified.getTime() ?? 0;
  const wanted = (version.lastModified ?? LONG_AGO).getTime();
  // S3's clock goes on, whatever time the object that is put again once had.
  const lastModified = at ?? new Date(newest === 0 ? wanted : Math.max(wanted, newest + 60_000));
  const versionId = bucket.versioning === 'Enabled' ? nextVersionId(bucket) : 'null';
  const added = { ...version, versionId, lastModified };
  bucket.versions ??= new Keyed();
  bucket.versions.set(key, [
    added,
    ...before.filter((one) => versionId !== 'null' || one.versionId !== 'null'),
  ]);
  return added;
}

/** Puts an object as S3 does: on a versioned bucket the one that was there becomes an older version. */
export function putObject(
  bucket: StoredBucket,
  key: string,
  object: StoredObject,
  at?: Date,
): StoredVersion | undefined {
  if (bucket.versioning === undefined) {
    bucket.objects.set(key, at ? { ...object, lastModified: at } : object);
    return undefined;
  }
  const added = addVersion(bucket, key, object, at);
  bucket.objects.set(key, added);
  return added;
}

/** Deletes as S3 does: a versioned bucket's object gets a delete marker, a named version goes. */
export function deleteObject(
  bucket: StoredBucket,
  key: string,
  { at, versionId }: { at?: Date; versionId?: string } = {},
): StoredVersion | undefined {
  if (versionId !== undefined) {
    const left = versionsOf(bucket, key).filter((one) => one.versionId !== versionId);
    bucket.versions ??= new Keyed();
    bucket.versions.set(key, left);
    const [current] = left;
    if (current && current.isDeleteMarker !== true) bucket.objects.set(key, current);
    else bucket.objects.delete(key);
    return undefined;
  }
  const marker =
    bucket.versioning === undefined
      ? undefined
      : addVersion(bucket, key, { body: Buffer.alloc(0), isDeleteMarker: true }, at);
  bucket.objects.delete(key);
  return marker;
}
