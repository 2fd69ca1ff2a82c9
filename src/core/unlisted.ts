/** Judging the objects in log folders that no digest file lists, by the time they claim. */
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

/** The interval that speaks of a time; near an edge the less proved neighbour does. */
function intervalAt(time: Instant, scope: UnlistedScope): Interval | undefined {
  const { intervals } = scope;
  const at = intervals.findIndex((one) => time > one.start && time <= one.end);
  const found = intervals[at];
  if (found?.state !== 'proved') return found;
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
    const touching = intervals.filter((one) => one.start < day + DAY && one.end > day);
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

function summary(objects: readonly LogObject[]) {
  const sorted = [...objects].sort((a, b) => (a.key < b.key ? -1 : 1));
  const times = objects.flatMap(({ lastModified }) =>
    lastModified === undefined ? [] : [lastModified],
  );
  return {
    count: objects.length,
    bytes: objects.reduce((sum, one) => sum + one.size, 0),
    ...(times.length === 0
      ? {}
      : {
          oldestModified: formatInstant(times.reduce((a, b) => Math.min(a, b))),
          newestModified: formatInstant(times.reduce((a, b) => Math.max(a, b))),
        }),
    first: sorted.slice(0, FIRST).map(({ bucket, key, size, lastModified }) => ({
      bucket,
      key,
      size,
      ...(lastModified === undefined ? {} : { lastModified: formatInstant(lastModified) }),
    })),
  };
}

function inWords(objects: readonly LogObject[]): string {
  const { count, bytes, first } = summary(objects);
  const names = first.map(({ key, size, lastModified }) => {
    const written = lastModified === undefined ? '' : `, written ${lastModified}`;
    return `${key.slice(key.lastIndexOf('/') + 1)} (${size} bytes${written})`;
  });
  const more = count > names.length ? ` and ${count - names.length} more` : '';
  return `${count} object${count === 1 ? '' : 's'} of ${bytes} bytes: ${names.join(', ')}${more}`;
}

function placeOfObjects(objects: readonly LogObject[], source: Source) {
  const [first] = objects;
  const folder = first && first.key.slice(0, first.key.lastIndexOf('/') + 1);
  const { accountId, region } = source;
  return {
    accountId,
    region,
    bucket: first?.bucket,
    key: objects.length === 1 ? first?.key : folder,
  };
}

function unlistedFinding(
  objects: readonly LogObject[],
  scope: UnlistedScope,
  accepted: string | undefined,
): Finding {
  const { unvalidatedTrails } = scope;
  const known =
    unvalidatedTrails.length === 0
      ? ''
      : `; a trail without validation delivers here: ${unvalidatedTrails.join(', ')}`;
  const word = accepted === undefined ? '' : `; accepted as files of ${accepted}`;
  const [first] = objects;
  const day = first && logDay(first.key);
  return finding(
    'LOG_UNLISTED',
    `no digest file lists ${inWords(objects)}${accepted === undefined ? known : word}`,
    {
      ...placeOfObjects(objects, scope.source),
      ...(day === undefined ? {} : { start: day, end: day + DAY }),
      details: { ...summary(objects), ...(accepted === undefined ? {} : { accepted }) },
      class: accepted === undefined ? undefined : 'notice',
    },
  );
}

function group<T>(items: readonly T[], name: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const list = groups.get(name(item)) ?? [];
    groups.set(name(item), list);
    list.push(item);
  }
  return [...groups.values()];
}

/**
 * Judges what is left of a source's log folders: `LOG_UNLISTED` in time that digest files cover, one
 * finding a folder and day; `LOG_UNVALIDATED` elsewhere, one finding a stretch of time; what may
 * still be listed by digest files that are not due stays open.
 */
export function judgeUnlisted(candidates: Iterable<LogObject>, scope: UnlistedScope): Unlisted {
  const unlisted: LogObject[] = [];
  const open: LogObject[] = [];
  const gaps: { gap: Interval; object: LogObject }[] = [];
  for (const object of candidates) {
    const place = placeOf(object, scope);
    if ('gap' in place) gaps.push({ gap: place.gap, object });
    else if (place.kind === 'unlisted') unlisted.push(object);
    else if (place.kind === 'open') open.push(object);
  }
  const folder = ({ bucket, key }: LogObject): string =>
    `${bucket}/${key.slice(0, key.lastIndexOf('/'))}`;
  const accepted = scope.unvalidatedTrails.find((arn) => scope.acceptUnlisted.includes(arn));
  const passing = ({ key }: LogObject): boolean =>
    accepted !== undefined && logTime(key) !== undefined;
  const findings = [
    ...group(unlisted.filter(passing), folder).map((own) => unlistedFinding(own, scope, accepted)),
    ...group(
      unlisted.filter((one) => !passing(one)),
      folder,
    ).map((own) => unlistedFinding(own, scope, undefined)),
  ];
  for (const members of group(gaps, ({ gap }) => `${gap.start} ${gap.end}`)) {
    const objects = members.map(({ object }) => object);
    const gap: Partial<Interval> = members[0]?.gap ?? {};
    const { start, end, state, cause } = gap;
    const details = { ...summary(objects), state, ...(cause === undefined ? {} : { cause }) };
    const message = `nothing vouches for ${inWords(objects)}`;
    const place = { ...placeOfObjects(objects, scope.source), start, end, details };
    findings.push(finding('LOG_UNVALIDATED', message, place));
  }
  return { findings, unlisted: unlisted.length, unvalidated: gaps.length, open };
}
