/** What every run does before it reads: who is asked for keys and status, and what there is to read. */
import pLimit from 'p-limit';
import { NO_EDGE } from '../core/edge.js';
import type { Location, Source } from '../core/object-key.js';
import { RunError } from '../sources/ports.js';
import { createReadingFindings } from '../sources/reading-findings.js';
import { rememberKeys, rememberStatus, type KeysIn, type StatusIn } from './ask.js';
import type { RunOptions } from './options.js';
import { isSignedPlace } from './organization.js';
import type { Plan, PlanOptions } from './plan.js';
import { planRecorded } from './plan-recorded.js';
import type { Shared } from './read-all.js';
import type { SourceReader } from './read-day.js';
import { createDigestReader } from './read-digest.js';

export interface Prepared {
  readonly statusIn: StatusIn;
  readonly keysIn: KeysIn;
  readonly shared: Shared;
  readonly planning: RunOptions & PlanOptions;
  readonly plan: Plan;
}

/** A reader for a source that the run itself does not cover. */
export async function readerOf(
  source: Source,
  locations: readonly Location[],
  options: RunOptions,
  shared: Shared,
): Promise<SourceReader> {
  const { objects, trail, range } = options;
  return {
    objects,
    readDigest: shared.readDigest,
    keys: await shared.keysIn(source.region),
    source,
    chains: {
      standard: { ...source, trail, kind: 'standard' },
      backfill: { ...source, trail, kind: 'backfill' },
    },
    locations: [...locations],
    links: new Map(),
    edges: { standard: NO_EDGE, backfill: NO_EDGE },
    range,
    backfillFrom: range.start,
  };
}

/** Signed names of buckets that others stand in for. */
export function aliasesOf({ bucketAliases = [] }: RunOptions): Map<string, string> {
  return new Map(
    bucketAliases.map((pair): [string, string] => {
      const [signed = '', actual = ''] = pair.split('=');
      return [signed, actual];
    }),
  );
}

/** What runs ask with, before anything is planned. */
export function begin(options: RunOptions): Omit<Prepared, 'plan'> {
  const { trail, objects, state } = options;
  const statusIn = rememberStatus(options);
  const keysIn = rememberKeys(options);
  const limit = pLimit(options.concurrency);
  const told = createReadingFindings();
  const shared = { keysIn, limit, told, readDigest: createDigestReader(objects, limit) };
  const isSigned = async (location: Location): Promise<boolean> => {
    const source = { accountId: trail.accountId, region: trail.homeRegion };
    return isSignedPlace(await readerOf(source, [location], options, shared), location);
  };
  const planning = { ...options, statusIn, isSigned, known: state?.chains };
  return { statusIn, keysIn, shared, planning };
}

/** Plans a run. Throws `RunError` where there can be none. */
export async function prepare(options: RunOptions): Promise<Prepared> {
  const { trail, range, objects } = options;
  if (range.start >= range.end && options.sinceState !== true) {
    throw new RunError('the time range is empty');
  }
  const begun = begin(options);
  for (const { bucket } of options.locations ?? []) {
    const listing = await objects.list(bucket, 'AWSLogs/', { folders: true });
    if (!listing.ok && listing.failure.kind === 'absent' && listing.failure.what === 'bucket') {
      throw new RunError(`the bucket ${bucket} does not exist`, 'check --location');
    }
  }
  const plan = await planRecorded(begun.planning, options.journal?.sources ?? []);
  const standIn = aliasesOf(options).get(trail.bucket);
  if (plan.bucketGone && standIn !== undefined) {
    throw new RunError(`the bucket ${standIn} does not exist`, 'check --bucket-alias');
  }
  if (plan.bucketGone && trail.isMultiRegion === undefined) {
    throw new RunError(`the bucket ${trail.bucket} does not exist`, 'check --s3-bucket');
  }
  // What status tells of must show in the listings, so it is asked before them.
  await Promise.all([...new Set(plan.sources.map(({ region }) => region))].map(begun.statusIn));
  return { ...begun, plan };
}
