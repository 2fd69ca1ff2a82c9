import {
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { isRegionName } from '../core/arn.js';
import { bucketSettings } from './bucket-settings.js';
import { listVersions } from './object-versions.js';
import type { ListedObject, Listing, ObjectBody, ObjectSource, Read, Retention } from './ports.js';
import { DEFAULT_RETRY, serviceError, withRetry, type RetryPolicy } from './retry.js';
import { wholeBody } from './s3-body.js';
import { classifyS3Error } from './s3-error.js';
import { nameDecoder, regionOfLocation, secondsOf } from './s3-names.js';

export interface S3SourceOptions {
  /** Where buckets are first asked for: the trail's home Region. */
  readonly region: string;
  readonly client?: S3ClientConfig;
  readonly retry?: RetryPolicy;
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a body counts as stalled. */
  readonly stallMs?: number;
}

/** A listing longer than this is refused, not cut: whoever writes names could hide behind a cut. */
const MAX_LISTED = 200_000;

/** An error of the consumer's own: never retried, never taken for the network's. */
class ConsumerError extends Error {}

/** Object Lock's hold as GetObject tells it; nothing where it isn't set or may not be seen. */
function retentionOf(mode: string | undefined, date: Date | undefined): { retention?: Retention } {
  const until = secondsOf(date);
  return mode === undefined || until === undefined ? {} : { retention: { mode, until } };
}

/**
 * Objects in S3, through the AWS SDK. Each bucket's Region is found once; requests are tried again
 * here, body and all, so the SDK's own retries are off.
 */
export function createS3Source(options: S3SourceOptions): ObjectSource {
  const { retry = DEFAULT_RETRY, signal, stallMs = 30_000 } = options;
  const config: S3ClientConfig = {
    ...options.client,
    maxAttempts: 1,
    // Bodies are checked against signed SHA-256s, which is stronger than any checksum of S3's.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // `cacheMiddleware` stays off: its handlers share one context, and requests for two buckets that
    // are under way together then get each other's endpoint.
    followRegionRedirects: true,
  };
  const clients = new Map<string, S3Client>();
  const clientIn = (region: string): S3Client => {
    const known = clients.get(region);
    if (known) return known;
    const client = new S3Client({ ...config, region });
    clients.set(region, client);
    return client;
  };

  // One listener a run. Handing the signal to each request would leave a listener behind for each.
  signal?.addEventListener('abort', () => {
    for (const client of clients.values()) client.destroy();
  });

  const attempt = <T>(ask: () => Promise<T>): Promise<T> => withRetry(retry, ask, signal);

  const findRegion = async (bucket: string): Promise<string> => {
    const home = clientIn(options.region);
    try {
      const answer = await attempt(() => home.send(new HeadBucketCommand({ Bucket: bucket })));
      if (answer.BucketRegion !== undefined) return answer.BucketRegion;
    } catch (error) {
      const region = serviceError(error).headers['x-amz-bucket-region'];
      if (region !== undefined && isRegionName(region)) return region;
    }
    try {
      const answer = await attempt(() =>
        home.send(new GetBucketLocationCommand({ Bucket: bucket })),
      );
      return regionOfLocation(answer.LocationConstraint) ?? options.region;
    } catch {
      return options.region;
    }
  };
  const regions = new Map<string, Promise<string>>();
  const regionOf = (bucket: string): Promise<string> => {
    let region = regions.get(bucket);
    if (!region) {
      region = findRegion(bucket);
      regions.set(bucket, region);
    }
    return region;
  };
  const clientFor = async (bucket: string): Promise<S3Client> => clientIn(await regionOf(bucket));

  const list = async (
    bucket: string,
    prefix: string,
    { folders = false }: { folders?: boolean } = {},
  ): Promise<Read<Listing>> => {
    const objects: ListedObject[] = [];
    const found: string[] = [];
    let token: string | undefined;
    try {
      const client = await clientFor(bucket);
      do {
        const page = await attempt(() =>
          client.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: prefix,
              // Keys may hold characters that XML can't: one planted name must not end a listing.
              EncodingType: 'url',
              ...(folders ? { Delimiter: '/' } : {}),
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
          ),
        );
        const decode = nameDecoder(page.EncodingType);
        for (const { Key, Size, LastModified } of page.Contents ?? []) {
          if (Key === undefined) continue;
          const lastModified = secondsOf(LastModified);
          objects.push({
            key: decode(Key),
            size: Size ?? 0,
            ...(lastModified === undefined ? {} : { lastModified }),
          });
        }
        for (const { Prefix } of page.CommonPrefixes ?? []) {
          if (Prefix !== undefined) found.push(decode(Prefix));
        }
        const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
        if (page.IsTruncated === true && (next === undefined || next === token)) {
          const detail = 'the listing says that it goes on, but not where';
          return { ok: false, failure: { kind: 'unreadable', reason: 'service', detail } };
        }
        token = next;
        if (objects.length + found.length > MAX_LISTED && token !== undefined) {
          const detail = `more than ${MAX_LISTED} objects under ${prefix}`;
          return { ok: false, failure: { kind: 'unreadable', reason: 'too-many-objects', detail } };
        }
      } while (token !== undefined);
      return { ok: true, value: { objects, folders: found } };
    } catch (error) {
      return { ok: false, failure: classifyS3Error(error) };
    }
  };

  const read = async <T>(
    bucket: string,
    key: string,
    consume: (body: ObjectBody) => Promise<T>,
    versionId?: string,
  ): Promise<Read<T>> => {
    const wanted = {
      Bucket: bucket,
      Key: key,
      ...(versionId === undefined ? {} : { VersionId: versionId }),
    };
    try {
      const client = await clientFor(bucket);
      const value = await attempt(async () => {
        const answer = await client.send(new GetObjectCommand(wanted));
        const body = answer.Body as unknown as Readable;
        let broken: unknown;
        const chunks = (async function* () {
          try {
            yield* wholeBody(body, answer.ContentLength, stallMs);
          } catch (error) {
            broken = error;
            throw error;
          }
        })();
        try {
          const { ContentLength: size = 0, Metadata: metadata = {} } = answer;
          const held = retentionOf(answer.ObjectLockMode, answer.ObjectLockRetainUntilDate);
          return await consume({ size, metadata, chunks, ...held });
        } catch (error) {
          throw broken === error ? error : new ConsumerError('', { cause: error });
        } finally {
          body.destroy();
        }
      });
      return { ok: true, value };
    } catch (error) {
      if (error instanceof ConsumerError) throw error.cause;
      return { ok: false, failure: classifyS3Error(error) };
    }
  };

  const versions: ObjectSource['versions'] = async (bucket, prefix) => {
    try {
      const client = await clientFor(bucket);
      return await listVersions(prefix, (after) =>
        attempt(() =>
          client.send(
            new ListObjectVersionsCommand({
              Bucket: bucket,
              Prefix: prefix,
              EncodingType: 'url',
              ...after,
            }),
          ),
        ),
      );
    } catch (error) {
      return { ok: false, failure: classifyS3Error(error) };
    }
  };

  return {
    carriesMetadata: true,
    list,
    read,
    versions,
    settings: async (bucket) => bucketSettings(await clientFor(bucket), bucket, attempt),
    regionOf,
    close: () => {
      for (const client of clients.values()) client.destroy();
    },
  };
}
