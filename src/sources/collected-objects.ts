/** Objects and listings of an evidence directory that was collected, or is being collected. */
import { nameOf, type ObjectName } from '../core/evidence.js';
import { formatInstant, type Instant } from '../core/timestamp.js';
import { readCopy } from './copies.js';
import type { Evidence } from './evidence.js';
import { hashBody } from './hash-log.js';
import type { ListingPlace } from './manifest-index.js';
import type {
  BucketSettings,
  ListedObject,
  Listing,
  ObjectBody,
  ObjectSource,
  ObjectVersion,
  Read,
  ReadFailure,
} from './ports.js';

/** Objects of a listing that stand in one line. */
const A_LINE = 1000;

const notCollected = (what: string): Read<never> => ({
  ok: false,
  failure: {
    kind: 'unreadable',
    reason: 'not-collected',
    detail: `${what} is not in the evidence: nobody asked for it when it was collected`,
  },
});
const TOO_LARGE: ReadFailure = {
  kind: 'unreadable',
  reason: 'service',
  detail: 'too large to be collected: over 1 GiB',
};

/** Failures that another try may not meet. */
const mayPass = (failure: ReadFailure): boolean =>
  failure.kind === 'unreadable' && failure.reason !== 'altered-copy';

/** The objects of a recorded listing whose keys begin with a prefix. */
async function objectsOf(
  { manifest }: Evidence,
  { parts }: ListingPlace,
  prefix: string,
): Promise<ListedObject[]> {
  const objects: ListedObject[] = [];
  for (const offset of parts) {
    for (const [key, size, lastModified] of (await manifest.partAt(offset)).objects) {
      if (!key.startsWith(prefix)) continue;
      objects.push({ key, size, ...(lastModified === null ? {} : { lastModified }) });
    }
  }
  return objects;
}

const timeNow = (): string => formatInstant(Math.floor(Date.now() / 1000));

async function keepListing(
  { manifest }: Evidence,
  bucket: string,
  prefix: string,
  isFolders: boolean,
  read: Read<Listing>,
): Promise<void> {
  const id = ++manifest.index.lastListing;
  const { objects, folders } = read.ok ? read.value : { objects: [], folders: [] };
  for (let at = 0; at < objects.length; at += A_LINE) {
    const part = objects
      .slice(at, at + A_LINE)
      .map(({ key, size, lastModified }): [string, number, Instant | null] => [
        ...([key, size] as const),
        lastModified ?? null,
      ]);
    await manifest.add({ listed: { id, objects: part } });
  }
  const failure = read.ok ? {} : { failure: read.failure };
  const told = { id, bucket, prefix, ...(isFolders ? { folders } : {}), objects: objects.length };
  await manifest.add({ listing: { ...told, ...failure, at: timeNow() } });
}

/** A recorded listing's outcome. */
async function listingIn(
  evidence: Evidence,
  place: ListingPlace,
  prefix: string,
): Promise<Read<Listing>> {
  const { failure, folders = [] } = place.end;
  if (failure !== undefined) return { ok: false, failure: failure as ReadFailure };
  return { ok: true, value: { objects: await objectsOf(evidence, place, prefix), folders } };
}

/**
 * The objects of an evidence directory. With `live`, what isn't there is read from it and kept; what
 * could not be read is tried again. Without, there is nothing but what was collected.
 */
export function createCollectedObjects(evidence: Evidence, live?: ObjectSource): ObjectSource {
  const { manifest, directory } = evidence;
  /** Copies that were met altered, by name: what reading them told isn't told again. */
  const met = new Set<string>();

  const list: ObjectSource['list'] = async (bucket, prefix, options = {}) => {
    const isFolders = options.folders === true;
    const own = manifest.index.listing(bucket, prefix, isFolders);
    const known = own ?? (isFolders || live ? undefined : manifest.index.covering(bucket, prefix));
    if (known && !(live && known.end.failure !== undefined)) {
      return listingIn(evidence, known, prefix);
    }
    if (!live) return notCollected(`the listing of s3://${bucket}/${prefix}`);
    const read = await live.list(bucket, prefix, options);
    await keepListing(evidence, bucket, prefix, isFolders, read);
    return read;
  };

  /** What of an object is there: its copy, why there is none, or nothing. */
  const found = async <T>(
    name: ObjectName,
    consume: (body: ObjectBody) => Promise<T>,
  ): Promise<Read<T> | undefined> => {
    const known = await evidence.find(name);
    if (known && 'failed' in known)
      return { ok: false, failure: known.failed.failure as ReadFailure };
    if (!known) return undefined;
    const read = await readCopy(directory, known.object, consume);
    if (!read.ok) met.add(nameOf(name));
    return read;
  };

  const fetched = async <T>(
    source: ObjectSource,
    name: ObjectName,
    consume: (body: ObjectBody) => Promise<T>,
  ): Promise<Read<T>> => {
    const { bucket, key, version } = name;
    const read = await source.read(bucket, key, (body) => evidence.copy(name, body), version);
    if (!read.ok || !read.value) {
      const failure = read.ok ? TOO_LARGE : read.failure;
      await evidence.fail(name, failure);
      return { ok: false, failure };
    }
    return (await found(name, consume)) ?? { ok: false, failure: TOO_LARGE };
  };

  const read: ObjectSource['read'] = async (bucket, key, consume, versionId) => {
    const name = { bucket, key, ...(versionId === undefined ? {} : { version: versionId }) };
    const known = await found(name, consume);
    if (!live) {
      if (known) return known;
      const listing = versionId === undefined ? manifest.index.covering(bucket, key) : undefined;
      if (listing && listing.end.failure === undefined) {
        const isListed = (await objectsOf(evidence, listing, key)).some((one) => one.key === key);
        if (!isListed) return { ok: false, failure: { kind: 'absent', what: 'key' } };
      }
      return notCollected(`s3://${bucket}/${key}`);
    }
    if (known && (known.ok || !mayPass(known.failure))) return known;
    return fetched(live, name, consume);
  };

  const answer = <T>(
    of: string,
    asked: readonly string[],
    ask: ((source: ObjectSource) => Promise<T>) | undefined,
    lacking: T,
  ): Promise<T> =>
    evidence.answer(of, asked, live && ask && (() => ask(live))).catch((error: unknown) => {
      if ((error as Error).name === 'NotCollectedError') return lacking;
      throw error;
    });

  return {
    carriesMetadata: true,
    list,
    read,
    hashLog: (bucket, key) => read(bucket, key, hashBody),
    versions: (bucket, prefix) =>
      answer<Read<readonly ObjectVersion[]>>(
        'ListObjectVersions',
        [bucket, prefix],
        (source) => source.versions(bucket, prefix),
        notCollected(`the list of versions of s3://${bucket}/${prefix}`),
      ),
    settings: async (bucket) =>
      (await answer<BucketSettings | null>(
        'BucketSettings',
        [bucket],
        async (source) => (await source.settings(bucket)) ?? null,
        null,
      )) ?? undefined,
    regionOf: async (bucket) =>
      (await answer<string | null>(
        'GetBucketLocation',
        [bucket],
        async (source) => (await source.regionOf(bucket)) ?? null,
        null,
      )) ?? undefined,
    altered: async function* () {
      for await (const object of manifest.copies()) {
        if (met.has(nameOf(object))) continue;
        const checked = await readCopy(directory, object, () => Promise.resolve());
        if (checked.ok || checked.failure.kind !== 'unreadable') continue;
        const { bucket, key } = object;
        yield { bucket, key, detail: checked.failure.detail };
      }
    },
    close: () => live?.close(),
  };
}
