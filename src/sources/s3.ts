import {
  GetBucketLocationCommand,
  HeadBucketCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { isRegionName } from '../core/arn.js';
import { bucketSettings } from './bucket-settings.js';
import { createGate, type Turn } from './gate.js';
import { listVersions } from './object-versions.js';
import type { ListedObject, Listing, ObjectSource, Read } from './ports.js';
import { DEFAULT_RETRY, serviceError, withRetry, type RetryPolicy } from './retry.js';
import { classifyS3Error } from './s3-error.js';
import { nameDecoder, regionOfLocation, secondsOf } from './s3-names.js';
import { createReader } from './s3-read.js';

export interface S3SourceOptions {
  /** Where buckets are first asked for: the trail's home Region. */
  readonly region: string;
  readonly client?: S3ClientConfig;
  readonly retry?: RetryPolicy;
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a body counts as stalled. */
  readonly stallMs?: number;
  /** Requests under way together, at most; fewer where the service asks for that. */
  readonly concurrency?: number;
  /** False sends all requests through the AWS SDK, which costs more instructions. */
  readonly plainGets?: boolean;
}

/** The connections that the SDK makes by itself. */
const DEFAULT_CONCURRENCY = 50;

/** A listing longer than this is refused, not cut: whoever writes names could hide behind a cut. */
const MAX_LISTED = 200_000;

/**
 * Objects in S3, through the AWS SDK. Each bucket's Region is found once; requests are tried again
 * here, body and all, so the SDK's own retries are off. Usual reads go past most of the SDK
 * (plain-get.ts).
 */
export function createS3Source(options: S3SourceOptions): ObjectSource {
  const { retry = DEFAULT_RETRY, signal, stallMs = 30_000, plainGets = true } = options;
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

  const gate = createGate(options.concurrency ?? DEFAULT_CONCURRENCY);
  const attempt = <T>(ask: (turn: Turn) => Promise<T>): Promise<T> => {
    const inTurn = (turn: Turn): Promise<T> => {
      signal?.throwIfAborted();
      return ask(turn);
    };
    // A pause before another try holds up nobody else's.
    return withRetry(retry, () => gate.run(inTurn), signal);
  };

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
    read: createReader({ clientFor, attempt, plainGets, stallMs }),
    versions,
    settings: async (bucket) => bucketSettings(await clientFor(bucket), bucket, attempt),
    regionOf,
    close: () => {
      for (const client of clients.values()) client.destroy();
    },
  };
}
