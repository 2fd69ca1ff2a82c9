/**
 * What a run would read, counted from listings alone. Whole months are listed at once, which takes a
 * fraction of the requests that a run's days take; nothing of a listing is kept but its counts.
 */
import pLimit from 'p-limit';
import { priceOf, workOut, type Counted, type Estimate } from '../core/estimate.js';
import { DAY, formatInstant } from '../core/timestamp.js';
import { RunError, type ObjectSource } from '../sources/ports.js';
import { countRequests } from './count-requests.js';
import { Counter, daysOf, stretchesOf, type Days, type Stretch } from './estimate-count.js';
import type { RunOptions } from './options.js';
import type { Plan, SourcePlan } from './plan.js';
import { forEachBounded } from './pool.js';
import { prepare } from './prepare.js';
import { scopeOf } from './scope.js';

/** Listings that are held at the same time. */
const LISTED_AT_ONCE = 16;
function* workOf(
  plan: Plan,
  { oldest, newest }: Days,
): Generator<{ readonly source: SourcePlan; readonly stretch: Stretch }> {
  for (const source of plan.sources) {
    // What vouches for the last digest file of the range may lie after it.
    yield { source, stretch: { days: [newest + DAY] } };
    for (const stretch of stretchesOf(oldest, newest)) yield { source, stretch };
  }
}

/** Plans as a run does. */
async function plan(options: RunOptions, objects: ObjectSource): Promise<Plan> {
  const { plan: planned } = await prepare({ ...options, objects });
  if (planned.bucketGone) {
    const { bucket } = options.trail;
    throw new RunError(`the bucket ${bucket} does not exist`, 'there is nothing to estimate');
  }
  if (planned.sources.length === 0) {
    const hint = 'check --account-id and --region';
    throw new RunError('no account and Region is left to validate', hint);
  }
  return planned;
}

/**
 * Estimates a run with these options: what it would request and read, how long and for how much. It
 * reads no log file, and digest files only where it must to tell organizations apart.
 */
export async function estimateTrail(options: RunOptions): Promise<Estimate> {
  const { trail, range, signal, concurrency } = options;
  const counted = countRequests(options.objects);
  const planned = await plan(options, counted.objects);
  const planning = counted.made();
  const days = daysOf(range, options.now);
  const counter = new Counter(counted.objects, options, days);
  for (const { message, bucket = '', key = '' } of planned.findings) {
    counter.fail(`s3://${bucket}/${key}`, message);
  }
  const atOnce = Math.min(LISTED_AT_ONCE, concurrency);
  const stopped = (): boolean => signal?.aborted === true;
  await forEachBounded(
    workOf(planned, days),
    pLimit(atOnce),
    atOnce * 2,
    async ({ source, stretch }) => {
      if (!stopped()) await counter.take(source, stretch);
    },
  );
  const made = counted.made();
  const what: Counted = {
    sources: planned.sources.length,
    days: (days.newest - days.oldest) / DAY + 1,
    digestFiles: counter.digests,
    logFiles: counter.logs,
    contextFiles: counter.withContext.size,
    planning,
    listing: counter.listing,
    latencySeconds: counted.latencySeconds(),
    concurrency,
  };
  return {
    schemaVersion: 1,
    type: 'estimate',
    tool: options.tool,
    trail: {
      arn: trail.arn,
      bucket: trail.bucket,
      ...(trail.prefix === '' ? {} : { prefix: trail.prefix }),
    },
    timeRange: { start: formatInstant(range.start), end: formatInstant(range.end) },
    scope: scopeOf(options),
    sources: what.sources,
    days: what.days,
    digestFiles: what.digestFiles,
    logFiles: what.logFiles,
    bytes: what.digestFiles.bytes + what.logFiles.bytes,
    made: { ...made, usd: priceOf(made) },
    ...workOut(what),
    failures: counter.failures,
    failureCount: counter.failureCount,
    ...(stopped() ? { interrupted: true } : {}),
  };
}
