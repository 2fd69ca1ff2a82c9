import {
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { isRegionName } from '../core/arn.js';
import type { Listing, ObjectBody, ObjectSource, Read, ReadFailure } from './ports.js';
import { DEFAULT_RETRY, isThrottle, serviceError, withRetry, type RetryPolicy } from './retry.js';

export interface S3SourceOptions {
  /** Where buckets are first asked for: the trail's home Region. */
  readonly region: string;
  readonly client?: S3ClientConfig;
  readonly retry?: RetryPolicy;
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a body counts as stalled. */
  readonly stallMs?: number;
}

/** Undoes `EncodingType=url`, which writes a space as `+`; what isn't encoded so stays as it is. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

/** A listing longer than this is refused, not cut: whoever writes names could hide behind a cut. */
const MAX_LISTED = 200_000;

class TruncatedBodyError extends Error {
  override readonly name = 'TruncatedBodyError';
}
class StalledBodyError extends Error {
  override readonly name = 'StalledBodyError';
}
/** An error of the consumer's own: never retried, never taken for the network's. */
class ConsumerError extends Error {}

/** The legacy answers of GetBucketLocation: nothing is us-east-1, `EU` is eu-west-1. */
function regionOfLocation(location: string | undefined): string | undefined {
  if (location === undefined || location === '') return 'us-east-1';
  if (location === 'EU') return 'eu-west-1';
  return isRegionName(location) ? location : undefined;
}

const CREDENTIALS =
  /^(CredentialsProviderError|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired|AuthorizationHeaderMalformed)/;

/** Tells absent, forbidden and broken apart (SPEC 8, "S3 codes to separate"). */
export function classifyS3Error(error: unknown): ReadFailure {
  const found = serviceError(error);
  const { name, status, message } = found;
  const unreadable = (
    reason: Extract<ReadFailure, { kind: 'unreadable' }>['reason'],
  ): ReadFailure => ({ kind: 'unreadable', reason, detail: `${name}: ${message}` });
  if (name === 'NoSuchBucket') return { kind: 'absent', what: 'bucket' };
  if (name === 'NoSuchKey') return { kind: 'absent', what: 'key' };
  if (name === 'InvalidObjectState') return unreadable('archived');
  if (/^KMS\./i.test(name) || /\bkms\b/i.test(message)) return unreadable('kms');
  if (status === 400 && /Server Side Encryption|customer.provided|SSE-C/i.test(message)) {
    return { kind: 'foreign-encryption' };
  }
  if (CREDENTIALS.test(name)) return unreadable('credentials');
  if (isThrottle(found)) return unreadable('throttled');
  if (status === 403 || status === 401) return unreadable('access-denied');
  if (status === undefined || status === 200) return unreadable('network');
  return unreadable('service');
}

async function* wholeBody(
  body: Readable,
  length: number | undefined,
  stallMs: number,
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  const timer = setTimeout(() => {
    body.destroy(new StalledBodyError(`no byte came for ${stallMs} ms`));
  }, stallMs);
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      seen += chunk.length;
      timer.refresh();
      yield chunk;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  if (length !== undefined && seen !== length) {
    throw new TruncatedBodyError(`the body ended after ${seen} of ${length} bytes`);
  }
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

  const findRegion = async (bucket: string): Promise<string> => {
    const home = clientIn(options.region);
    try {
      const answer = await withRetry(
        retry,
        () => home.send(new HeadBucketCommand({ Bucket: bucket })),
        signal,
      );
      if (answer.BucketRegion !== undefined) return answer.BucketRegion;
    } catch (error) {
      const region = serviceError(error).headers['x-amz-bucket-region'];
      if (region !== undefined && isRegionName(region)) return region;
    }
    try {
      const answer = await withRetry(
        retry,
        () => home.send(new GetBucketLocationCommand({ Bucket: bucket })),
        signal,
      );
      return regionOfLocation(answer.LocationConstraint) ?? options.region;
    } catch {
      return options.region;
    }
  };
  const regions = new Map<string, Promise<string>>();
  const clientFor = async (bucket: string): Promise<S3Client> => {
    let region = regions.get(bucket);
    if (!region) {
      region = findRegion(bucket);
      regions.set(bucket, region);
    }
    return clientIn(await region);
  };

  const list = async (
    bucket: string,
    prefix: string,
    { folders = false }: { folders?: boolean } = {},
  ): Promise<Read<Listing>> => {
    const objects: { key: string; size: number }[] = [];
    const found: string[] = [];
    let token: string | undefined;
    try {
      const client = await clientFor(bucket);
      do {
        const page = await withRetry(
          retry,
          () =>
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
          signal,
        );
        const decode = page.EncodingType === 'url' ? decodeKey : (key: string): string => key;
        for (const { Key, Size } of page.Contents ?? []) {
          if (Key !== undefined) objects.push({ key: decode(Key), size: Size ?? 0 });
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
  ): Promise<Read<T>> => {
    try {
      const client = await clientFor(bucket);
      const value = await withRetry(
        retry,
        async () => {
          const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
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
            const size = answer.ContentLength ?? 0;
            return await consume({ size, metadata: answer.Metadata ?? {}, chunks });
          } catch (error) {
            throw broken === error ? error : new ConsumerError('', { cause: error });
          } finally {
            body.destroy();
          }
        },
        signal,
      );
      return { ok: true, value };
    } catch (error) {
      if (error instanceof ConsumerError) throw error.cause;
      return { ok: false, failure: classifyS3Error(error) };
    }
  };

  return {
    carriesMetadata: true,
    list,
    read,
    close: () => {
      for (const client of clients.values()) client.destroy();
    },
  };
}
