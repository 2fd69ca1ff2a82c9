/** Which organization's folder holds a trail: a bucket may have several, and anybody may plant one. */
import { digestDayPrefix, type Location } from '../core/object-key.js';
import { DAY, startOfDay, type Instant, type TimeRange } from '../core/timestamp.js';
import { RunError, type ObjectSource } from '../sources/ports.js';
import type { PlanOptions } from './plan.js';
import { listDay, readCandidate, type SourceReader } from './read-day.js';

/** Days before the range's end in which a location must hold something. */
const DAYS = 31;
/** Digest files of a day that are tried for one that CloudTrail signed. */
const TRIED = 20;

function* newestDays(range: TimeRange): Generator<Instant> {
  for (let day = startOfDay(range.end), tried = 0; tried < DAYS; day -= DAY, tried++) {
    if (day > range.start - DAY) yield day;
  }
}

/** Whether a location holds anything named like the trail's digest files of the range's newest days. */
async function holdsTrail(
  objects: ObjectSource,
  location: Location,
  { trail, range }: PlanOptions,
): Promise<boolean> {
  const { accountId, homeRegion: region } = trail;
  for (const day of newestDays(range)) {
    const prefix = digestDayPrefix(location, { accountId, region }, trail, day);
    const listing = await objects.list(location.bucket, prefix);
    if (listing.ok && listing.value.objects.length > 0) return true;
  }
  return false;
}

/** Whether CloudTrail signed any of the newest digest files in a location, which a planted one isn't. */
export async function isSignedPlace(reader: SourceReader, location: Location): Promise<boolean> {
  for (const day of newestDays(reader.range)) {
    const { digests } = await listDay(reader, location, day);
    for (const one of digests.slice(-TRIED)) {
      const candidate = await readCandidate(reader, one);
      if (candidate?.authentication.state === 'authentic') return true;
    }
  }
  return false;
}

/** The organization whose folder holds the trail; `undefined` where none does. */
export async function findOrganization(
  objects: ObjectSource,
  options: PlanOptions,
  ids: readonly string[],
): Promise<string | undefined> {
  const { trail, organizationId, isSigned } = options;
  if (organizationId !== undefined) return organizationId;
  const { bucket, prefix } = trail;
  const placeOf = (id: string): Location => ({ bucket, prefix, organizationId: id });
  const narrow = async (
    from: readonly string[],
    passes: (location: Location) => Promise<boolean>,
  ): Promise<string[]> => {
    const passing: string[] = [];
    for (const id of from) if (await passes(placeOf(id))) passing.push(id);
    return passing;
  };
  const holding = await narrow(ids, (location) => holdsTrail(objects, location, options));
  const candidates = trail.isOrganization === true && holding.length === 0 ? ids : holding;
  // That the trail is no organization's is CloudTrail's word; only its signature goes against it.
  if (candidates.length <= 1 && trail.isOrganization !== false) return candidates[0];
  const signed = await narrow(candidates, isSigned);
  if (signed.length === 1) return signed[0];
  if (trail.isOrganization === false && signed.length === 0) return undefined;
  throw new RunError(
    `the bucket holds several organizations: ${candidates.join(', ')}`,
    'name one with --organization-id',
  );
}
