/**
 * The cut tail: what GetTrailStatus says was delivered, against the newest digest file that is there
 * (DESIGN 4, "Tail"). The status is asked before anything is listed, so what it tells of must show.
 */
import {
  DAY,
  dayFolder,
  formatInstant,
  HOUR,
  startOfDay,
  type Instant,
} from '../core/timestamp.js';
import { digestRegionsFolder, type Location } from '../core/object-key.js';
import type { TrailStatus } from '../sources/ports.js';
import type { TrailEvent } from '../core/trail-event.js';
import {
  listDay,
  readCandidate,
  type Candidate,
  type Listed,
  type SourceReader,
} from './read-day.js';
import type { SourceResult } from './read-source.js';

/** A digest object written this close to the delivery that status tells of may be that delivery. */
const NEAR = 300;
/** CloudTrail tries for 30 days to deliver. */
const LATE_DAYS = 31;
/** Objects that are tried for a day's newest authentic digest file. */
const TRIED = 50;
/** Day folders that are looked through for the newest digest file. */
const MAX_DAYS = 400;

/** What is known of the end of a Region's chains. */
export type Tail =
  | { readonly kind: 'whole' }
  /** Delivered later than anything that is there. */
  | {
      readonly kind: 'cut';
      /** End of the newest digest file; `undefined` where there is none at all. */
      readonly newest: Instant | undefined;
      readonly delivered: Instant;
    }
  /** It can't be told whether something is gone. */
  | { readonly kind: 'open'; readonly why: string; readonly deliveryError?: string };

interface RegionChains {
  readonly results: readonly SourceResult[];
  /** Readers for accounts of the Region that the run doesn't cover: their digest files count, too. */
  readonly others: readonly SourceReader[];
  /** Where the trail delivers now; status speaks of nothing else. */
  readonly current: readonly Location[];
}

function newestKnown({ results, current }: RegionChains): Instant | undefined {
  const ends = results.flatMap(({ standard, backfill, reader }) => {
    const nodes = [standard.last, ...backfill.nodes].filter((one) => one !== undefined);
    const lies = (bucket: string, key: string): boolean =>
      current.some(
        (one) =>
          one.bucket === bucket &&
          key.startsWith(digestRegionsFolder(one, reader.source.accountId)),
      );
    return nodes.filter((one) => lies(one.bucket, one.key)).map((one) => one.end);
  });
  return ends.length > 0 ? ends.reduce((a, b) => Math.max(a, b)) : undefined;
}

/** What was looked through, and whether some of it could not be read. */
interface Looked<T> {
  readonly found: T;
  readonly unread: boolean;
}

/** The names of the next level below a folder that are numbers of so many digits. */
async function numbered(
  reader: SourceReader,
  bucket: string,
  folder: string,
  digits: number,
  failed: () => void,
): Promise<string[]> {
  const listing = await reader.objects.list(bucket, folder, { folders: true });
  if (!listing.ok) {
    if (listing.failure.kind !== 'absent') failed();
    return [];
  }
  const names = listing.value.folders.map((one) => one.slice(folder.length, -1));
  return names.filter((name) => name.length === digits && /^\d+$/.test(name)).sort();
}

/** Days between two instants whose digest folder exists, newest first; `undefined` past a bound. */
async function existingDays(
  reader: SourceReader,
  location: Location,
  from: Instant,
  to: Instant,
): Promise<Looked<Instant[] | undefined>> {
  const { accountId, region } = reader.source;
  const root = `${digestRegionsFolder(location, accountId)}${region}/`;
  const [first, last] = [dayFolder(from), dayFolder(to)];
  const days: Instant[] = [];
  let unread = false;
  const below = (folder: string, digits: number): Promise<string[]> =>
    numbered(reader, location.bucket, folder, digits, () => {
      unread = true;
    });
  for (const year of await below(root, 4)) {
    if (year < first.slice(0, 4) || year > last.slice(0, 4)) continue;
    for (const month of await below(`${root}${year}/`, 2)) {
      const name = `${year}/${month}`;
      if (name < first.slice(0, 7) || name > last.slice(0, 7)) continue;
      for (const day of await below(`${root}${name}/`, 2)) {
        const full = `${name}/${day}`;
        const instant = Date.parse(full.replaceAll('/', '-')) / 1000;
        if (full >= first && full <= last && !Number.isNaN(instant)) days.push(instant);
      }
    }
  }
  return { found: days.length > MAX_DAYS ? undefined : days.reverse(), unread };
}

/** Whether a digest file may be one although it could not be proved. */
function isUndecided({ authentication }: Candidate): boolean {
  if (authentication.state === 'unreadable') return true;
  return authentication.state === 'open' && authentication.lookup.state === 'unavailable';
}

async function newestOfDay(
  reader: SourceReader,
  location: Location,
  day: Instant,
  after: Instant,
): Promise<Looked<Instant | undefined>> {
  const { digests, failed } = await listDay(reader, location, day);
  let unread = failed !== undefined;
  const newestFirst = digests
    .filter(({ parsed }: Listed) => parsed.end > after)
    .sort((a, b) => b.parsed.end - a.parsed.end);
  for (const one of newestFirst.slice(0, TRIED)) {
    const candidate = await readCandidate(reader, one);
    if (candidate?.authentication.state === 'authentic') return { found: one.parsed.end, unread };
    unread ||= candidate !== undefined && isUndecided(candidate);
  }
  return { found: undefined, unread };
}

/** The newest authentic digest file of an account that is newer than `after`. */
async function newestLater(
  reader: SourceReader,
  locations: readonly Location[],
  after: Instant,
  until: Instant,
): Promise<Looked<Instant | undefined> & { readonly bounded: boolean }> {
  let found: Instant | undefined;
  let unread = false;
  for (const location of locations) {
    const days = await existingDays(reader, location, after, until);
    unread ||= days.unread;
    if (!days.found) return { found, unread, bounded: true };
    for (const day of days.found) {
      const newest = await newestOfDay(reader, location, day, found ?? after);
      unread ||= newest.unread;
      if (newest.found === undefined) continue;
      found = newest.found;
      break;
    }
  }
  return { found, unread, bounded: false };
}

/** Whether a digest object of the Region was written about when status says that one was. */
async function writtenNear(
  readers: readonly SourceReader[],
  locations: readonly Location[],
  delivered: Instant,
): Promise<Looked<boolean>> {
  let unread = false;
  for (const reader of readers) {
    for (const location of locations) {
      for (let back = -1; back <= LATE_DAYS; back++) {
        const day = startOfDay(delivered) - back * DAY;
        const { digests, failed } = await listDay(reader, location, day);
        unread ||= failed !== undefined;
        const near = ({ object }: Listed): boolean =>
          object.lastModified !== undefined && Math.abs(object.lastModified - delivered) <= NEAR;
        if (digests.some(near)) return { found: true, unread };
      }
    }
  }
  return { found: false, unread };
}

/** What could not be read may be what status tells of: nothing is said to be gone. */
const UNDECIDED: Tail = {
  kind: 'open',
  why: 'whether digest files were removed can’t be decided: some that lie after these could not be read',
};

function movedSince(delivered: Instant, events: readonly TrailEvent[]): boolean {
  return events.some(
    ({ effect, time }) =>
      (effect.bucket !== undefined || effect.prefix !== undefined) && time > delivered - HOUR,
  );
}

/** Decides about the tail of one Region, all accounts and both kinds together. */
export async function findTail(
  chains: RegionChains,
  status: TrailStatus,
  floor: Instant,
  now: Instant,
  changes: () => Promise<readonly TrailEvent[]>,
): Promise<Tail> {
  const { latestDigestDelivery: delivered, latestDigestDeliveryError: error } = status;
  if (delivered === undefined) {
    return error === undefined
      ? { kind: 'open', why: 'CloudTrail says that it has delivered no digest file here' }
      : { kind: 'open', why: `digest files can’t be delivered: ${error}`, deliveryError: error };
  }
  const known = newestKnown(chains);
  const failing: Tail | undefined =
    error === undefined
      ? undefined
      : { kind: 'open', why: `digest files can’t be delivered: ${error}`, deliveryError: error };
  if (known !== undefined && delivered < known + HOUR) return failing ?? { kind: 'whole' };
  const readers = [...chains.results.map(({ reader }) => reader), ...chains.others];
  let newest = known;
  let isUnread = false;
  for (const reader of readers) {
    const after = newest ?? floor - HOUR;
    const { found, unread, bounded } = await newestLater(
      reader,
      chains.current,
      after,
      Math.min(now, delivered) + DAY,
    );
    isUnread ||= unread;
    if (bounded) return { kind: 'open', why: 'too many digest folders lie after the range' };
    if (found !== undefined) newest = Math.max(newest ?? found, found);
  }
  if (newest !== undefined && delivered < newest + HOUR) return failing ?? { kind: 'whole' };
  if (failing) return failing;
  if (isUnread) return UNDECIDED;
  const near = await writtenNear(readers, chains.current, delivered);
  if (near.found) {
    const why = `CloudTrail’s newest delivery, at ${formatInstant(delivered)}, may have been a late or a backfill digest file`;
    return { kind: 'open', why };
  }
  if (near.unread) return UNDECIDED;
  // Digest files that lie here show that this was the place before, whatever was changed since.
  if (newest === undefined && movedSince(delivered, await changes())) {
    return {
      kind: 'open',
      why: 'the trail’s bucket or prefix was changed since its last delivery',
    };
  }
  return { kind: 'cut', newest, delivered };
}
