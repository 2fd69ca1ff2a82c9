/** Judging the objects in log folders that no digest file lists, by the time they claim. */
import { count, numeral } from './count.js';
import type { Interval } from './coverage.js';
import { finding, type Finding } from './finding.js';
import { LOG_SLACK, logDay, logId, logTime, type LogObject } from './log-objects.js';
import type { Source } from './object-key.js';
import { DAY, formatInstant, HOUR, type Instant, type TimeRange } from './timestamp.js';

/** Names that a finding tells; the rest is counted. */
const FIRST = 5;

export interface UnlistedScope {
  readonly source: Source;
  readonly range: TimeRange;
  /** The chain's whole time, in order. */
  readonly intervals: readonly Interval[];
  /** Time whose backfill digest files are gone, altered or unreadable: they would list some. */
  readonly backfillLost: readonly Interval[];
  /** Up to here digest files have been read that might list an object. */
  readonly knownUntil: Instant;
  /** Digest files that end later than this may not have been delivered yet. */
  readonly due: Instant;
  /** Whether the digest file right before the range was read, too. */
  readonly knownBefore: boolean;
  /** Objects that an earlier run left open, by `logId`: they are judged although they are older. */
  readonly carried: ReadonlySet<string>;
  /** Trails without validation that deliver here, as CloudTrail describes them. */
  readonly unvalidatedTrails: readonly string[];
  /** Trails whose log files the user lets pass; only such a one as CloudTrail shows here counts. */
  readonly acceptUnlisted: readonly string[];
}

export interface Unlisted {
  readonly findings: readonly Finding[];
  readonly unlisted: number;
  readonly unvalidated: number;
  /** Too young to be judged: digest files to come may list them. */
  readonly open: readonly LogObject[];
}

type Place = { readonly kind: 'unlisted' | 'open' | 'outside' } | { readonly gap: Interval };

/** Where the first of intervals in order stands that ends at a time or later. */
function firstEnding(time: Instant, intervals: readonly Interval[]): number {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((intervals[middle]?.end ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The interval that speaks of a time; near an edge the less proved neighbour does. */
function intervalAt(time: Instant, scope: UnlistedScope): Interval | undefined {
  const { intervals } = scope;
  const at = firstEnding(time, intervals);
  const found = intervals[at];
  if (!found || time <= found.start) return undefined;
  if (found.state !== 'proved') return found;
  const before = intervals[at - 1];
  const after = intervals[at + 1];
  if (after && time > found.end - LOG_SLACK) return after;
  if (before && time <= found.start + LOG_SLACK) return before;
  return found;
}

function placeOf(object: LogObject, scope: UnlistedScope): Place {
  const { range, intervals, knownUntil, knownBefore, due } = scope;
  const named = logTime(object.key);
  if (named === undefined) {
    // A name without a time: the folder's day speaks, and the proved part of it before any other.
    const day = logDay(object.key) ?? range.start;
    const touching: Interval[] = [];
    for (let at = firstEnding(day + 1, intervals); at < intervals.length; at++) {
      const one = intervals[at];
      if (!one || one.start >= day + DAY) break;
      touching.push(one);
    }
    if (touching.some((one) => one.state === 'proved')) return { kind: 'unlisted' };
    const gap = touching.find((one) => one.state !== 'not-due');
    if (gap) return { gap };
    return { kind: touching.length > 0 ? 'open' : 'outside' };
  }
  const carried = scope.carried.has(logId(object.bucket, object.key));
  if ((named <= range.start && !carried) || named > range.end) return { kind: 'outside' };
  // The digest file of the next hour may list it, and may still be under way.
  if (named > knownUntil - LOG_SLACK && knownUntil + HOUR > due) return { kind: 'open' };
  const interval = intervalAt(named, scope);
  if (carried && named <= range.start) return { kind: 'unlisted' };
  if (!interval) return { kind: 'outside' };
  if (interval.state === 'not-due') return { kind: 'open' };
  if (interval.state !== 'proved') return { gap: interval };
  const lost = scope.backfillLost.find(
    (one) => named > one.start - LOG_SLACK && named <= one.end + LOG_SLACK,
  );
  if (lost) return { gap: lost };
  // Right after the range's start, the digest file before it may be the one that lists it.
  if (named <= range.start + LOG_SLACK && !knownBefore) {
    return { gap: { start: range.start, end: range.start + LOG_SLACK, state: 'unreadable' } };
  }
  return { kind: 'unlisted' };
}

/** What a finding tells of objects: of any number it keeps the first names. */
interface Tally {
  count: number;
  bytes: number;
  oldest: Instant;
  newest: Instant;
  /** The one that came first. */
  readonly one: LogObject;
  /** The first by name. */
  readonly first: LogObject[];
}

function addTo(tally: Tally, object: LogObject): void {
  const { key, size, lastModified } = object;
  tally.count++;
  tally.bytes += size;
  if (lastModified !== undefined) {
    tally.oldest = Math.min(tally.oldest, lastModified);
    tally.newest = Math.max(tally.newest, lastModified);
  }
  const { first } = tally;
  const after = first.findIndex((other) => key < other.key);
  if (after >= 0) first.splice(after, 0, object);
  else first.push(object);
  if (first.length > FIRST) first.pop();
}

/** Tallies by name, in the order in which the names came. */
class Tallies {
  readonly #tallies = new Map<string, Tally>();

  add(name: string, object: LogObject): void {
    let tally = this.#tallies.get(name);
    if (!tally) {
      tally = { count: 0, bytes: 0, oldest: Infinity, newest: -Infinity, one: object, first: [] };
      this.#tallies.set(name, tally);
    }
    addTo(tally, object);
  }

  get(name: string): Tally | undefined {
    return this.#tallies.get(name);
  }

  values(): Iterable<Tally> {
    return this.#tallies.values();
  }
}

function summary({ count, bytes, oldest, newest, first }: Tally) {
  return {
    count,
    bytes,
    ...(oldest > newest
      ? {}
      : { oldestModified: formatInstant(oldest), newestModified: formatInstant(newest) }),
    first: first.map(({ bucket, key, size, lastModified }) => ({
      bucket,
      key,
      size,
      ...(lastModified === undefined ? {} : { lastModified: formatInstant(lastModified) }),
    })),
  };
}

function inWords(tally: Tally): string {
  const { count: all, bytes, first } = summary(tally);
  const names = first.map(({ key, size, lastModified }) => {
    const written = lastModified === undefined ? '' : `, written ${lastModified}`;
    return `${key.slice(key.lastIndexOf('/') + 1)} (${count(size, 'byte')}${written})`;
  });
  const more = all > names.length ? ` and ${numeral(all - names.length)} more` : '';
  return `${count(all, 'object')} of ${count(bytes, 'byte')}: ${names.join(', ')}${more}`;
}

function placeOfObjects({ one, count }: Tally, source: Source) {
  const folder = one.key.slice(0, one.key.lastIndexOf('/') + 1);
  const { accountId, region } = source;
  return { accountId, region, bucket: one.bucket, key: count === 1 ? one.key : folder };
}

function unlistedFinding(
  tally: Tally,
  scope: UnlistedScope,
  accepted: string | undefined,
): Finding {
  const { unvalidatedTrails } = scope;
  const known =
    unvalidatedTrails.length === 0
      ? ''
      : `; a trail without validation delivers here: ${unvalidatedTrails.join(', ')}`;
  const word = accepted === undefined ? '' : `; accepted as files of ${accepted}`;
  const day = logDay(tally.one.key);
  return finding(
    'LOG_UNLISTED',
    `no digest file lists ${inWords(tally)}${accepted === undefined ? known : word}`,
    {
      ...placeOfObjects(tally, scope.source),
      ...(day === undefined ? {} : { start: day, end: day + DAY }),
      details: { ...summary(tally), ...(accepted === undefined ? {} : { accepted }) },
      class: accepted === undefined ? undefined : 'notice',
    },
  );
}

function unvalidatedFinding(tally: Tally, gap: Interval, source: Source): Finding {
  const { start, end, state, cause } = gap;
  const details = { ...summary(tally), state, ...(cause === undefined ? {} : { cause }) };
  const message = `nothing vouches for ${inWords(tally)}`;
  return finding('LOG_UNVALIDATED', message, {
    ...placeOfObjects(tally, source),
    start,
    end,
    details,
  });
}

/**
 * Judges what is left of a source's log folders: `LOG_UNLISTED` in time that digest files cover, one
 * finding a folder and day; `LOG_UNVALIDATED` elsewhere, one finding a stretch of time; what may
 * still be listed by digest files that are not due stays open.
 */
export function judgeUnlisted(candidates: Iterable<LogObject>, scope: UnlistedScope): Unlisted {
  const accepted = scope.unvalidatedTrails.find((arn) => scope.acceptUnlisted.includes(arn));
  const passed = new Tallies();
  const unlisted = new Tallies();
  const gaps = new Tallies();
  const gapOf = new Map<string, Interval>();
  const open: LogObject[] = [];
  let unlistedCount = 0;
  let unvalidated = 0;
  // One at a time: there may be a million.
  for (const object of candidates) {
    const place = placeOf(object, scope);
    if ('gap' in place) {
      const { gap } = place;
      const name = `${gap.start} ${gap.end}`;
      if (!gapOf.has(name)) gapOf.set(name, gap);
      gaps.add(name, object);
      unvalidated++;
    } else if (place.kind === 'unlisted') {
      const { bucket, key } = object;
      const passes = accepted !== undefined && logTime(key) !== undefined;
      const folder = `${bucket}/${key.slice(0, key.lastIndexOf('/'))}`;
      (passes ? passed : unlisted).add(folder, object);
      unlistedCount++;
    } else if (place.kind === 'open') open.push(object);
  }
  const findings = [
    ...[...passed.values()].map((own) => unlistedFinding(own, scope, accepted)),
    ...[...unlisted.values()].map((own) => unlistedFinding(own, scope, undefined)),
    ...[...gapOf].flatMap(([name, gap]) => {
      const tally = gaps.get(name);
      return tally ? [unvalidatedFinding(tally, gap, scope.source)] : [];
    }),
  ];
  return { findings, unlisted: unlistedCount, unvalidated, open };
}
