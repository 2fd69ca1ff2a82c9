import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { isRegionName } from '../core/arn.js';
import { s3 } from './aws-sdk.js';
import { bucketSettings } from './bucket-settings.js';
import type { Direct } from './client-config.js';
import { createGate, type Turn } from './gate.js';
import { createLogThreads, type ThreadsOptions } from './log-threads.js';
import { listVersions } from './object-versions.js';
import type { ObjectSource } from './ports.js';
import { DEFAULT_RETRY, isTimeout, serviceError, withRetry, type RetryPolicy } from './retry.js';
import { classifyS3Error } from './s3-error.js';
import { createLister } from './s3-list.js';
import { regionOfLocation } from './s3-names.js';
import { createReader } from './s3-read.js';
import { trustOnlyS3 } from './s3-answer.js';

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
  readonly isPlain?: boolean;
  /** Threads that hash log files besides this one. */
  readonly threads?: ThreadsOptions;
  /** How they reach S3, to read them as well. */
  readonly direct?: Direct;
}

/** The connections that the SDK makes by itself. */
const DEFAULT_CONCURRENCY = 50;

/**
 * Objects in S3, through the AWS SDK. Each bucket's Region is found once; requests are tried again
 * here, body and all, so the SDK's own retries are off. Usual requests go past most of the SDK
 * (plain.ts).
 */
export function createS3Source(options: S3SourceOptions): ObjectSource {
  const { retry = DEFAULT_RETRY, signal, stallMs = 30_000, isPlain = true } = options;
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
    const client = new s3.S3Client({ ...config, region });
    trustOnlyS3(client, stallMs, signal);
    clients.set(region, client);
    return client;
  };

  const { concurrency = DEFAULT_CONCURRENCY } = options;
  const gate = createGate(concurrency);
  const direct = isPlain ? options.direct : undefined;
  const threads =
    options.threads &&
    createLogThreads({
      ...options.threads,
      ...(direct && { direct }),
      sockets: concurrency,
      stallMs,
    });

  // One listener a run. Handing the signal to each request would leave a listener behind for each.
  const close = (): void => {
    threads?.close();
    for (const client of clients.values()) client.destroy();
  };
  signal?.addEventListener('abort', close);

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
      const answer = await attempt(() => home.send(new s3.HeadBucketCommand({ Bucket: bucket })));
      if (answer.BucketRegion !== undefined) return answer.BucketRegion;
    } catch (error) {
      const region = serviceError(error).headers['x-amz-bucket-region'];
      if (region !== undefined && isRegionName(region)) return region;
      if (isTimeout(error)) return options.region;
    }
    try {
      const answer = await attempt(() =>
        home.send(new s3.GetBucketLocationCommand({ Bucket: bucket })),
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

  const versions: ObjectSource['versions'] = async (bucket, prefix) => {
    try {
      const client = await clientFor(bucket);
      return await listVersions(prefix, (after) =>
        attempt(() =>
          client.send(
            new s3.ListObjectVersionsCommand({
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

  const usual = { clientFor, attempt, isPlain, isDirect: direct !== undefined, stallMs };
  return {
    carriesMetadata: true,
    list: createLister(usual),
    ...createReader(usual, threads),
    versions,
    settings: async (bucket) => bucketSettings(await clientFor(bucket), bucket, attempt),
    regionOf,
    close,
  };
}
