/** S3 and CloudTrail as the command line says: credentials, endpoints, threads. */
import { availableParallelism } from 'node:os';
import { parseTrailArn } from '../core/arn.js';
import { clientConfigs, endpointsOf } from '../sources/client-config.js';
import { createCloudTrailSource } from '../sources/cloudtrail.js';
import { whoAmI } from '../sources/identity.js';
import { DEFAULT_RETRY, type RetryPolicy } from '../sources/retry.js';
import { createS3Source } from '../sources/s3.js';
import type { Arguments } from './args.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The trail's home Region, as the options say. */
export const homeOf = ({ trailArn, homeRegion = '' }: Arguments): string =>
  parseTrailArn(trailArn ?? '')?.homeRegion ?? homeRegion;

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

/** The threads that read log files beside the main one, and after how many they start. */
export function threadsOf({ threads }: Arguments): { count: number; after: number } {
  if (threads !== undefined) return { count: threads, after: 0 };
  // The main one has a fifth of the work, so that each core has a thread that reads.
  const cores = availableParallelism();
  return { count: cores === 1 ? 0 : Math.min(cores, AUTO_THREADS), after: WORTH_THREADS };
}

/** S3 and CloudTrail as the options say. */
export function awsSources(options: Arguments, environment: Environment, signal: AbortSignal) {
  const configs = clientConfigs({
    ...options,
    homeRegion: homeOf(options),
    maxSockets: options.concurrency,
    environment,
  });
  const { s3Direct } = configs;
  const endpoints = endpointsOf({ ...options, environment });
  const retryAt = (endpoint: string | undefined): RetryPolicy =>
    isHere(endpoint) ? BRIEF_RETRY : DEFAULT_RETRY;
  const cloudtrail = createCloudTrailSource({
    client: configs.cloudtrail,
    profile: options.profile ?? environment['AWS_PROFILE'],
    signal,
    retry: retryAt(endpoints.cloudtrail),
    // LookupEvents allows two requests a second.
    ...(isHere(endpoints.cloudtrail) ? { lookupPauseMs: 0 } : {}),
  });
  const s3 = createS3Source({
    region: homeOf(options),
    client: configs.s3,
    concurrency: options.concurrency,
    isPlain: options.s3Client === 'auto',
    retry: retryAt(endpoints.s3),
    threads: threadsOf(options),
    ...(s3Direct && { direct: s3Direct }),
    signal,
  });
  const who = () => whoAmI(configs.sts, retryAt(endpoints.cloudtrail), signal);
  const close = (): void => {
    s3.close();
    cloudtrail.close();
  };
  return { s3, cloudtrail, who, endpoints, close };
}
