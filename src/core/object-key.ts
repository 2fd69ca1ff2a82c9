import { dayFolder, parseKeyStamp, type Instant } from './timestamp.js';

/** The two chains that a trail has in each account and source Region. */
export type ChainKind = 'standard' | 'backfill';

/** A place where a trail delivers or has delivered: bucket, key prefix, and the layout below it. */
export interface Location {
  readonly bucket: string;
  /** Without a slash at its end; empty when the trail has none. */
  readonly prefix: string;
  /** Set where files lie under `AWSLogs/<organization ID>/` (organization trails). */
  readonly organizationId?: string;
}

/** What names a trail inside a digest file's key. */
export interface TrailName {
  readonly name: string;
  readonly homeRegion: string;
}

/** An account's events of one source Region. */
export interface Source {
  readonly accountId: string;
  readonly region: string;
}

/** The key prefix as CloudTrail stores it: slashes that a person put at its end are not part of it. */
export function normalizePrefix(prefix: string | undefined): string {
  return (prefix ?? '').replace(/\/+$/, '');
}

/** The folder that holds the account folders of a location, `[prefix/]AWSLogs/[o-id/]`. */
export function accountsFolder(location: Location): string {
  const prefix = location.prefix === '' ? '' : `${location.prefix}/`;
  const organization = location.organizationId === undefined ? '' : `${location.organizationId}/`;
  return `${prefix}AWSLogs/${organization}`;
}

/** The folder that holds an account's digest folders, one a source Region. */
export function digestRegionsFolder(location: Location, accountId: string): string {
  return `${accountsFolder(location)}${accountId}/CloudTrail-Digest/`;
}

/**
 * The beginning that all digest files of one trail, source and UTC day share. It reaches into the
 * time stamp, so that a listing meets no other trail's files, nor a planted name that would only
 * look like one of ours (SPEC 6c, W14 and W15).
 */
export function digestDayPrefix(
  location: Location,
  source: Source,
  trail: TrailName,
  day: Instant,
): string {
  const folder = dayFolder(day);
  return (
    `${digestRegionsFolder(location, source.accountId)}${source.region}/${folder}/` +
    `${source.accountId}_CloudTrail-Digest_${source.region}_${trail.name}_${trail.homeRegion}_` +
    `${folder.replaceAll('/', '')}T`
  );
}

/** What a digest file's key says. */
export interface DigestKey {
  readonly location: Location;
  readonly kind: ChainKind;
  /** The time stamp in the name, which is the digest's end. */
  readonly end: Instant;
}

const TAIL = /^(\d{4}\/\d\d\/\d\d)\/(.+)_(\d{8}T\d{6}Z)(_backfill)?\.json\.gz$/s;
const HEAD = /^(?:(.+)\/)?AWSLogs\/(?:(o-[a-z0-9]{10,32})\/)?$/s;

/**
 * Parses the key of a digest file of the given trail and source, in whatever bucket, prefix and
 * layout; `undefined` unless every part is exactly as CloudTrail writes it. Trail names contain
 * dots, underscores and even other trails' names with a Region, so nothing is searched for: the
 * known parts are compared, and only prefix, date and time stamp are read. Without `trail`, digest files
 * of whatever trail are taken.
 */
export function parseDigestKey(
  bucket: string,
  key: string,
  source: Source,
  trail: TrailName | undefined,
): DigestKey | undefined {
  const folder = `${source.accountId}/CloudTrail-Digest/${source.region}/`;
  const at = key.lastIndexOf(folder);
  if (at < 0) return undefined;
  const head = HEAD.exec(key.slice(0, at));
  const tail = TAIL.exec(key.slice(at + folder.length));
  if (!head || !tail) return undefined;
  const start = `${source.accountId}_CloudTrail-Digest_${source.region}_`;
  const name = trail && `${start}${trail.name}_${trail.homeRegion}`;
  const end = parseKeyStamp(tail[3] ?? '');
  if (name === undefined ? tail[2]?.startsWith(start) !== true : tail[2] !== name) return undefined;
  if (end === undefined || dayFolder(end) !== tail[1]) return undefined;
  return {
    location: {
      bucket,
      prefix: head[1] ?? '',
      ...(head[2] === undefined ? {} : { organizationId: head[2] }),
    },
    kind: tail[4] === undefined ? 'standard' : 'backfill',
    end,
  };
}

/** Whether two locations are the same place. */
export function sameLocation(a: Location, b: Location): boolean {
  return a.bucket === b.bucket && a.prefix === b.prefix && a.organizationId === b.organizationId;
}

/** Whether a place is one of those. */
export const isAmong = (places: readonly Location[], one: Location): boolean =>
  places.some((other) => sameLocation(other, one));

/** Whether all of the others are among the places. */
export const covers = (places: readonly Location[], others: readonly Location[]): boolean =>
  others.every((one) => isAmong(places, one));

/** Locations in their order, each once. */
export function uniqueLocations(locations: readonly Location[]): Location[] {
  return locations.filter(
    (one, at) => locations.findIndex((other) => sameLocation(other, one)) === at,
  );
}
