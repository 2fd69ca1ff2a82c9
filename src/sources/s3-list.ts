/** Listing what is under a prefix of S3, page by page. */
import type { S3Client } from '@aws-sdk/client-s3';
import { s3 } from './aws-sdk.js';
import { createPlainList, type ListingPage } from './plain-list.js';
import type { ListingQuery } from './plain-request.js';
import type { ListedObject, Listing, ObjectSource, Read } from './ports.js';
import { classifyS3Error } from './s3-error.js';
import { nameDecoder, secondsOf } from './s3-names.js';
import type { ReaderOptions } from './s3-read.js';

/** A listing longer than this is refused, not cut: whoever writes names could hide behind a cut. */
const MAX_LISTED = 200_000;
/** Pages may be short, or empty; a service that turns them forever must not hold the run up. */
const MAX_PAGES = 20_000;

async function sdkPage(
  client: S3Client,
  bucket: string,
  { prefix, delimiter, 'continuation-token': token }: ListingQuery,
): Promise<ListingPage> {
  const page = await client.send(
    new s3.ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      // Keys may hold characters that XML can't: one planted name must not end a listing.
      EncodingType: 'url',
      ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    }),
  );
  const decode = nameDecoder(page.EncodingType);
  const objects: ListedObject[] = [];
  for (const { Key, Size, LastModified } of page.Contents ?? []) {
    if (Key === undefined) continue;
    const lastModified = secondsOf(LastModified);
    objects.push({
      key: decode(Key),
      size: Size ?? 0,
      ...(lastModified === undefined ? {} : { lastModified }),
    });
  }
  return {
    objects,
    folders: (page.CommonPrefixes ?? []).flatMap(({ Prefix }) =>
      Prefix === undefined ? [] : [decode(Prefix)],
    ),
    isTruncated: page.IsTruncated === true,
    next: page.NextContinuationToken,
  };
}

const unreadable = (reason: 'service' | 'too-many-objects', detail: string): Read<Listing> => ({
  ok: false,
  failure: { kind: 'unreadable', reason, detail },
});

/** Makes `ObjectSource.list` for S3. */
export function createLister(options: ReaderOptions): ObjectSource['list'] {
  const { clientFor, attempt, stallMs } = options;
  const plainList = options.isPlain ? createPlainList(stallMs) : undefined;

  return async (bucket, prefix, { folders: onlyFolders = false } = {}) => {
    const objects: ListedObject[] = [];
    const folders: string[] = [];
    const seen = new Set<string>();
    let token: string | undefined;
    try {
      const client = await clientFor(bucket);
      do {
        const query: ListingQuery = {
          prefix,
          ...(onlyFolders ? { delimiter: '/' } : {}),
          ...(token === undefined ? {} : { 'continuation-token': token }),
        };
        // Only the first try is plain: what that one can't do, the SDK may.
        let plain = plainList;
        const page = await attempt(async () => {
          const first = plain;
          plain = undefined;
          return (await first?.(client, bucket, query)) ?? (await sdkPage(client, bucket, query));
        });
        for (const one of page.objects) objects.push(one);
        for (const one of page.folders) folders.push(one);
        const next = page.isTruncated ? page.next : undefined;
        const leadsOn = next !== undefined && !seen.has(next) && seen.size < MAX_PAGES;
        if (page.isTruncated && !leadsOn) {
          return unreadable('service', 'the listing says that it goes on, but not where');
        }
        if (next !== undefined) seen.add(next);
        token = next;
        if (objects.length + folders.length > MAX_LISTED && token !== undefined) {
          const detail = `more than ${MAX_LISTED} objects under ${prefix}`;
          return unreadable('too-many-objects', detail);
        }
      } while (token !== undefined);
      return { ok: true, value: { objects, folders } };
    } catch (error) {
      return { ok: false, failure: classifyS3Error(error) };
    }
  };
}
