/** Putting the sources of a run together: S3 and CloudTrail, or an evidence directory. */
import { availableParallelism } from 'node:os';
import { parseTrailArn } from '../core/arn.js';
import { normalizePrefix } from '../core/object-key.js';
import type { Instant } from '../core/timestamp.js';
import type { TrailPlace } from '../runner/plan.js';
import { createAliasedSource } from '../sources/alias.js';
import { clientConfigs, endpointsOf } from '../sources/client-config.js';
import { createCloudTrailSource } from '../sources/cloudtrail.js';
import { createDirectorySource } from '../sources/directory.js';
import { createEvidenceKeySource, createKeyFileSource } from '../sources/keys.js';
import {
  RunError,
  UnansweredError,
  type KeySource,
  type ObjectSource,
  type TrailDescription,
  type TrailSource,
} from '../sources/ports.js';
import { DEFAULT_RETRY, type RetryPolicy } from '../sources/retry.js';
import { createS3Source } from '../sources/s3.js';
import { createEvidenceTrailSource } from '../sources/trail.js';
import { UsageError, type Arguments } from './args.js';

export interface Connection {
  readonly objects: ObjectSource;
  readonly keys: KeySource;
  readonly trail: TrailPlace;
  readonly trails: TrailSource;
  readonly now: Instant;
  close(): void;
}

async function findTrail(options: Arguments, trails: TrailSource): Promise<TrailPlace> {
  const { trailArn, trailName, s3Bucket } = options;
  const arn = trailArn === undefined ? undefined : parseTrailArn(trailArn);
  const homeRegion = arn?.homeRegion ?? options.homeRegion ?? '';
  if (s3Bucket !== undefined) {
    const prefix = normalizePrefix(options.s3Prefix);
    if (arn) {
      const { name, accountId } = arn;
      const place = { arn: arn.arn, name, homeRegion, accountId, bucket: s3Bucket, prefix };
      // Not needed, and the trail may be gone: but where CloudTrail knows it, its word helps.
      let unanswered: string | undefined;
      const found = await trails.describe(arn.arn, homeRegion).catch((error: unknown) => {
        if (error instanceof UnansweredError) unanswered = error.message;
        return undefined;
      });
      if (unanswered !== undefined) return { ...place, unanswered };
      if (found?.bucket !== s3Bucket || found.prefix !== prefix) return place;
      return { ...place, ...factsOf(found) };
    }
    const [accountId, ...more] = options.accountIds ?? [];
    if (trailName === undefined || accountId === undefined || more.length > 0) {
      throw new UsageError(
        '--trail-name with --s3-bucket needs one --account-id, or give --trail-arn',
      );
    }
    const partition = homeRegion.startsWith('cn-')
      ? 'aws-cn'
      : homeRegion.startsWith('us-gov-')
        ? 'aws-us-gov'
        : 'aws';
    const made = `arn:${partition}:cloudtrail:${homeRegion}:${accountId}:trail/${trailName}`;
    return { arn: made, name: trailName, homeRegion, accountId, bucket: s3Bucket, prefix };
  }
  const name = trailArn ?? trailName ?? '';
  const found = await trails.describe(name, homeRegion);
  if (!found) {
    throw new RunError(
      `there is no trail ${name} in ${homeRegion}`,
      options.evidence === undefined
        ? 'check the ARN and the credentials’ account; a deleted trail needs --s3-bucket'
        : 'DescribeTrails.json in the evidence lacks it: check the ARN, or name the bucket with --s3-bucket',
    );
  }
  const { accountId = '' } = parseTrailArn(found.arn) ?? {};
  const { bucket, prefix } = found;
  return {
    arn: found.arn,
    name: found.name,
    homeRegion: found.homeRegion,
    accountId,
    bucket,
    prefix,
    ...factsOf(found),
  };
}

/** What CloudTrail says of a trail that delivers to the place that is judged. */
function factsOf(found: TrailDescription) {
  const { isOrganization, isMultiRegion, validationEnabled, kmsKeyId } = found;
  return {
    isOrganization,
    isMultiRegion,
    validationEnabled,
    isCurrent: true,
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
  };
}

/** Whether an endpoint is on this machine: it has no quotas, and is back soon or not at all. */
function isHere(endpoint: string | undefined): boolean {
  if (endpoint === undefined || !URL.canParse(endpoint)) return false;
  return /^(localhost|127\.[\d.]+|\[::1\])$/.test(new URL(endpoint).hostname);
}

const BRIEF_RETRY: RetryPolicy = { ...DEFAULT_RETRY, pauseMs: DEFAULT_RETRY.pauseMs / 4 };

/** More than these the main thread can't keep busy with small log files (ARCHITECTURE.md). */
const AUTO_THREADS = 4;
/** Log files that are read before threads are worth their start, where nobody asked for them. */
const WORTH_THREADS = 1000;

function threadsOf({ threads }: Arguments): { count: number; after: number } {
  if (threads !== undefined) return { count: threads, after: 0 };
  // The main one has a fifth of the work, so that each core has a thread that reads.
  const cores = availableParallelism();
  return { count: cores === 1 ? 0 : Math.min(cores, AUTO_THREADS), after: WORTH_THREADS };
}

/** Connects to what the options name. Throws `RunError` where that can't be done. */
export async function connect(
  options: Arguments,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Connection> {
  const fileKeys =
    options.publicKeys === undefined ? undefined : await createKeyFileSource(options.publicKeys);
  if (options.evidence !== undefined) {
    const directory = await createDirectorySource(options.evidence);
    const objects = createAliasedSource(directory, new Map(options.bucketAliases));
    const home = parseTrailArn(options.trailArn ?? '')?.homeRegion ?? options.homeRegion ?? '';
    const trails = createEvidenceTrailSource(options.evidence, home);
    const trail = await findTrail(options, trails);
    const keys =
      fileKeys ?? createEvidenceKeySource(options.evidence, trail.homeRegion, options.keysSha256);
    const now = await trails.now(trail.homeRegion);
    return { objects, keys, trail, trails, now, close: () => objects.close() };
  }
  const {
    cloudtrail: cloudtrailConfig,
    s3: s3Config,
    s3Direct,
  } = clientConfigs({
    ...options,
    homeRegion: parseTrailArn(options.trailArn ?? '')?.homeRegion ?? options.homeRegion ?? '',
    maxSockets: options.concurrency,
    environment,
  });
  const endpoints = endpointsOf({ ...options, environment });
  const cloudtrail = createCloudTrailSource({
    client: cloudtrailConfig,
    signal,
    // LookupEvents allows two requests a second.
    ...(isHere(endpoints.cloudtrail) ? { lookupPauseMs: 0, retry: BRIEF_RETRY } : {}),
  });
  const trail = await findTrail(options, cloudtrail);
  const now = await cloudtrail.now(trail.homeRegion);
  const s3 = createS3Source({
    region: trail.homeRegion,
    client: s3Config,
    concurrency: options.concurrency,
    isPlain: options.s3Client === 'auto',
    ...(isHere(endpoints.s3) ? { retry: BRIEF_RETRY } : {}),
    ...(s3Direct && { threads: { ...threadsOf(options), ...s3Direct } }),
    signal,
  });
  const objects = createAliasedSource(s3, new Map(options.bucketAliases));
  const close = (): void => {
    objects.close();
    cloudtrail.close();
  };
  return { objects, keys: fileKeys ?? cloudtrail, trail, trails: cloudtrail, now, close };
}
