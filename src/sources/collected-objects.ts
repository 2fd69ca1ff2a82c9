/** Objects and listings of an evidence directory that was collected, or is being collected. */
import type { ListedRow, ObjectName } from '../core/evidence.js';
import { readCopy } from './copies.js';
import type { Evidence } from './evidence.js';
import { hashRead } from './hash-log.js';
import { createLogThreads, type ThreadsOptions } from './log-threads.js';
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

/** The objects of a recorded listing whose keys begin with a prefix. */
async function objectsOf(
  evidence: Evidence,
  place: ListingPlace,
  prefix: string,
): Promise<ListedObject[]> {
  const objects: ListedObject[] = [];
  for await (const row of evidence.rows(place)) {
    const [key, size, lastModified] = row as readonly [string, number, number | null];
    if (!key.startsWith(prefix)) continue;
    objects.push({ key, size, ...(lastModified === null ? {} : { lastModified }) });
  }
  return objects;
}

const rowOf = ({ key, size, lastModified }: ListedObject): ListedRow => [
  key,
  size,
  lastModified ?? null,
];

/** A recorded listing's outcome. */
async function listingIn(
  evidence: Evidence,
  place: ListingPlace,
  prefix: string,
): Promise<Read<Listing>> {
  const { failure, kind } = place.end;
  if (failure !== undefined) return { ok: false, failure: failure as ReadFailure };
  if (kind === 'objects') {
    return { ok: true, value: { objects: await objectsOf(evidence, place, prefix), folders: [] } };
  }
  const folders: string[] = [];
  for await (const row of evidence.rows(place)) folders.push(row as string);
  return { ok: true, value: { objects: [], folders } };
}

/** What is behind the evidence while it is collected, or the threads that hash when it is judged. */
export interface Behind {
  readonly live?: ObjectSource;
  readonly threads?: ThreadsOptions;
}

/**
 * The objects of an evidence directory. With `live`, what isn't there is read from it and kept; what
 * could not be read is tried again. Without, there is nothing but what was collected.
 */
export function createCollectedObjects(
  evidence: Evidence,
  { live, threads: options }: Behind,
): ObjectSource {
  const { manifest, directory } = evidence;
  const threads = options && createLogThreads({ ...options, sockets: 0, stallMs: 0 });

  const list: ObjectSource['list'] = async (bucket, prefix, options = {}) => {
    const kind = options.folders === true ? 'folders' : 'objects';
    const own = manifest.index.listing(kind, bucket, prefix);
    const wider = kind === 'folders' || live ? undefined : manifest.index.covering(bucket, prefix);
    const known = own ?? wider;
    if (known && !(live && known.end.failure !== undefined)) {
      return listingIn(evidence, known, prefix);
    }
    if (!live) return notCollected(`the listing of s3://${bucket}/${prefix}`);
    const read = await live.list(bucket, prefix, options);
    const rows = read.ok
      ? kind === 'folders'
        ? read.value.folders
        : read.value.objects.map(rowOf)
      : [];
    await evidence.keepListing({ kind, bucket, prefix }, read.ok ? undefined : read.failure, rows);
    return read;
  };

  const versions: ObjectSource['versions'] = async (bucket, prefix) => {
    const known = manifest.index.listing('versions', bucket, prefix);
    if (known && !(live && known.end.failure !== undefined)) {
      if (known.end.failure !== undefined) {
        return { ok: false, failure: known.end.failure as ReadFailure };
      }
      const found: ObjectVersion[] = [];
      for await (const row of evidence.rows(known)) found.push(row as unknown as ObjectVersion);
      return { ok: true, value: found };
    }
    if (!live) return notCollected(`the list of versions of s3://${bucket}/${prefix}`);
    const read = await live.versions(bucket, prefix);
    const rows = read.ok ? read.value.map((one): ListedRow => ({ ...one })) : [];
    const failure = read.ok ? undefined : read.failure;
    await evidence.keepListing({ kind: 'versions', bucket, prefix }, failure, rows);
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
    return readCopy(directory, known.object, consume);
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
    // A copy that was damaged since is fetched again, and what could not be read is tried again.
    if (known?.ok === true) return known;
    return fetched(live, name, consume);
  };

  return {
    carriesMetadata: true,
    list,
    read,
    hashLog: (bucket, key) => hashRead(threads, (consume) => read(bucket, key, consume)),
    versions,
    settings: async (bucket) =>
      (await evidence.answer<BucketSettings | null>(
        'BucketSettings',
        [bucket],
        live && (async () => (await live.settings(bucket)) ?? null),
        null,
      )) ?? undefined,
    regionOf: async (bucket) =>
      (await evidence.answer<string | null>(
        'GetBucketLocation',
        [bucket],
        live && (async () => (await live.regionOf(bucket)) ?? null),
        null,
      )) ?? undefined,
    altered: async function* () {
      for await (const object of manifest.copies()) {
        const checked = await readCopy(directory, object, () => Promise.resolve());
        if (checked.ok || checked.failure.kind !== 'unreadable') continue;
        const { bucket, key } = object;
        yield { bucket, key, detail: checked.failure.detail };
      }
    },
    close: () => {
      threads?.close();
      live?.close();
    },
  };
}
