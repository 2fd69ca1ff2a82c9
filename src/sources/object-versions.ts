/** Listing the versions of objects (S3's ListObjectVersions). */
import type { ListObjectVersionsCommandOutput } from '@aws-sdk/client-s3';
import type { ObjectVersion, Read, ReadFailure } from './ports.js';
import { nameDecoder, secondsOf } from './s3-names.js';

/** A listing longer than this is refused, not cut: whoever writes names could hide behind a cut. */
const MAX_VERSIONS = 20_000;
/** Pages may be short, or empty; a service that turns them forever must not hold the run up. */
const MAX_PAGES = 2_000;

/** Where a page begins: after this version. */
export interface VersionMarker {
  readonly KeyMarker: string;
  readonly VersionIdMarker?: string;
}

interface Entry {
  readonly version: ObjectVersion;
  /** UTF-8 of the key, by which S3 sorts. */
  readonly name: Buffer;
  /** Milliseconds, which some servers give. */
  readonly time: number;
}

/**
 * The versions and delete markers of a page in one order, which the SDK gives as two lists: each is
 * in S3's order, and two entries of one list never change places.
 */
function merged(page: ListObjectVersionsCommandOutput): ObjectVersion[] {
  const decode = nameDecoder(page.EncodingType);
  const entries = (
    list: readonly {
      Key?: string | undefined;
      VersionId?: string | undefined;
      LastModified?: Date | undefined;
      IsLatest?: boolean | undefined;
      Size?: number | undefined;
    }[] = [],
    isDeleteMarker: boolean,
  ): Entry[] =>
    list.flatMap(({ Key, VersionId, LastModified, IsLatest, Size }) => {
      if (Key === undefined) return [];
      const key = decode(Key);
      const version = {
        key,
        // An object that was put before versioning has `null`; servers without versions leave it out.
        versionId: VersionId ?? 'null',
        size: Size ?? 0,
        lastModified: secondsOf(LastModified) ?? 0,
        isDeleteMarker,
        isLatest: IsLatest === true,
      };
      return [{ version, name: Buffer.from(key), time: LastModified?.getTime() ?? 0 }];
    });
  const versions = entries(page.Versions, false);
  const markers = entries(page.DeleteMarkers, true);
  const isBefore = (a: Entry, b: Entry): boolean => {
    const order = Buffer.compare(a.name, b.name);
    if (order !== 0) return order < 0;
    if (a.version.isLatest !== b.version.isLatest) return a.version.isLatest;
    return a.time > b.time;
  };
  const all: ObjectVersion[] = [];
  for (const marker of markers) {
    // Within the same second the deletion is taken for the later one.
    while (versions[0] && isBefore(versions[0], marker)) {
      all.push(versions[0].version);
      versions.shift();
    }
    all.push(marker.version);
  }
  return [...all, ...versions.map(({ version }) => version)];
}

const unreadable = (reason: 'service' | 'too-many-objects', detail: string): Read<never> => {
  const failure: ReadFailure = { kind: 'unreadable', reason, detail };
  return { ok: false, failure };
};

/**
 * All versions under a prefix, by key, newest first, through `ask`, which gets the page after a
 * marker. Errors that `ask` throws are thrown on.
 */
export async function listVersions(
  prefix: string,
  ask: (after: VersionMarker | undefined) => Promise<ListObjectVersionsCommandOutput>,
): Promise<Read<readonly ObjectVersion[]>> {
  const all: ObjectVersion[] = [];
  const seen = new Set<string>();
  let marker: VersionMarker | undefined;
  for (;;) {
    const page = await ask(marker);
    for (const version of merged(page)) all.push(version);
    if (all.length > MAX_VERSIONS) {
      return unreadable('too-many-objects', `more than ${MAX_VERSIONS} versions under ${prefix}`);
    }
    if (page.IsTruncated !== true) return { ok: true, value: all };
    const { NextKeyMarker: key, NextVersionIdMarker: version } = page;
    const place = JSON.stringify([key, version]);
    if (key === undefined || seen.has(place) || seen.size >= MAX_PAGES) {
      return unreadable('service', 'the listing of versions says that it goes on, but not where');
    }
    seen.add(place);
    const KeyMarker = nameDecoder(page.EncodingType)(key);
    marker = { KeyMarker, ...(version ? { VersionIdMarker: version } : {}) };
  }
}
