/** Who caused the gaps: events from verified log files and from CloudTrail's event history. */
import type { Interval } from '../core/coverage.js';
import { explainGap, offIntervals, type ExplainContext } from '../core/explain.js';
import { DAY, HOUR, type Instant, type TimeRange } from '../core/timestamp.js';
import {
  BUCKET_EVENTS,
  KEY_EVENTS,
  mergeEvents,
  ORGANIZATION_EVENTS,
  readTrailEvent,
  TRAIL_EVENTS,
  type EventScope,
  type TrailEvent,
} from '../core/trail-event.js';
import type { TrailSource } from '../sources/ports.js';
import type { TrailPlace } from './plan.js';
import type { SourceResult } from './read-source.js';
import { searchLogs } from './search-logs.js';

/** LookupEvents reaches back so far. */
const HISTORY = 90 * DAY;
/** Around either end of a gap, verified log files of so much delivery time are searched. */
const EDGE = 3 * HOUR;

/** One source's chain and its time, while it is being judged. */
export interface Judged {
  readonly result: SourceResult;
  readonly intervals: readonly Interval[];
}

export interface ExplainOptions {
  readonly trail: TrailPlace;
  readonly trails: TrailSource | undefined;
  readonly isOrganization: boolean;
  readonly now: Instant;
  readonly bucketRegion: (bucket: string) => Promise<string>;
}

export interface Events {
  readonly events: readonly TrailEvent[];
  /** Stretches in which every trail-changing event is known. */
  readonly complete: readonly TimeRange[];
  /** Why the event history could not be searched; empty where it was. */
  readonly why: string;
}

const isOpenTime = ({ state }: Interval): boolean => state === 'gap' || state === 'missing';

function mergeRanges(ranges: readonly TimeRange[]): TimeRange[] {
  const merged: { start: Instant; end: Instant }[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

function overlap(a: TimeRange, b: TimeRange): TimeRange | undefined {
  const start = Math.max(a.start, b.start);
  const end = Math.min(a.end, b.end);
  return start < end ? { start, end } : undefined;
}

function scopeOf(options: ExplainOptions, judged: readonly Judged[]): EventScope {
  const { arn, name, homeRegion, accountId, bucket, kmsKeyId } = options.trail;
  const buckets = judged.flatMap(({ result }) => result.reader.locations.map((one) => one.bucket));
  return {
    trail: { arn, name, homeRegion, accountId },
    buckets: [...new Set([bucket, ...buckets])],
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
  };
}

/** What CloudTrail's event history says, where the gaps are young enough. */
async function fromHistory(
  gaps: readonly TimeRange[],
  scope: EventScope,
  options: ExplainOptions,
): Promise<Events> {
  const { trails, now, trail } = options;
  const newest = gaps.reduce((max, gap) => Math.max(max, gap.end), 0);
  const oldest = gaps.reduce((min, gap) => Math.min(min, gap.start), now);
  if (!trails) return { events: [], complete: [], why: 'there is no CloudTrail to ask' };
  if (newest < now - HISTORY) {
    return {
      events: [],
      complete: [],
      why: 'it is older than CloudTrail’s event history of 90 days',
    };
  }
  const range = { start: Math.max(oldest - DAY, now - HISTORY), end: now };
  const home = await trails.lookup(trail.homeRegion, TRAIL_EVENTS, range);
  const events: TrailEvent[] = [];
  const read = (records: readonly unknown[], region: string): void => {
    const proof = { kind: 'api', place: `event history of ${region}` } as const;
    for (const record of records) {
      const event = readTrailEvent(record, scope, proof);
      if (event) events.push(event);
    }
  };
  read(home.records, trail.homeRegion);
  // Another account's history would be empty of this trail's events, and prove nothing by it.
  const ofOwner = events.some((event) => event.accountId === trail.accountId);
  const complete = home.complete && ofOwner ? [range] : [];
  if (options.isOrganization) {
    // Organizations is a global service; in the commercial partition its events are us-east-1's.
    const region = trail.homeRegion.startsWith('us-gov-')
      ? 'us-gov-west-1'
      : trail.homeRegion.startsWith('cn-')
        ? 'cn-northwest-1'
        : 'us-east-1';
    read((await trails.lookup(region, ORGANIZATION_EVENTS, range)).records, region);
  }
  return { events, complete, why: home.complete ? '' : home.why };
}

/** Changes of the trail in recent time, for a tail whose place may have changed. */
export async function recentChanges(
  options: ExplainOptions,
  range: TimeRange,
): Promise<TrailEvent[]> {
  const { trails, trail } = options;
  const { arn, name, homeRegion, accountId, bucket } = trail;
  const scope = { trail: { arn, name, homeRegion, accountId }, buckets: [bucket] };
  const names = ['UpdateTrail', 'CreateTrail'];
  const found = await trails?.lookup(homeRegion, names, range);
  const proof = { kind: 'api', place: `event history of ${homeRegion}` } as const;
  return (found?.records ?? []).flatMap((record) => readTrailEvent(record, scope, proof) ?? []);
}

/** What hinders deliveries or removes objects; asked only where trail events explain too little. */
async function hindrances(
  gaps: readonly TimeRange[],
  scope: EventScope,
  options: ExplainOptions,
): Promise<TrailEvent[]> {
  const { trails, now, trail } = options;
  const oldest = gaps.reduce((min, gap) => Math.min(min, gap.start), now);
  const newest = gaps.reduce((max, gap) => Math.max(max, gap.end), 0);
  if (!trails || newest < now - HISTORY) return [];
  const range = {
    start: Math.max(oldest - 2 * DAY, now - HISTORY),
    end: Math.min(newest + HOUR, now),
  };
  const regions = new Set([trail.homeRegion]);
  for (const bucket of scope.buckets) regions.add(await options.bucketRegion(bucket));
  const events: TrailEvent[] = [];
  for (const region of regions) {
    const names = scope.kmsKeyId === undefined ? BUCKET_EVENTS : [...BUCKET_EVENTS, ...KEY_EVENTS];
    const { records } = await trails.lookup(region, names, range);
    const proof = { kind: 'api', place: `event history of ${region}` } as const;
    events.push(...records.flatMap((record) => readTrailEvent(record, scope, proof) ?? []));
  }
  return events;
}

/** What verified log files of the trail's home Region say around the gaps. */
async function fromLogs(
  gaps: readonly TimeRange[],
  judged: readonly Judged[],
  scope: EventScope,
  options: ExplainOptions,
  searchWhole: boolean,
): Promise<Pick<Events, 'events' | 'complete'>> {
  const { accountId, homeRegion } = options.trail;
  const home = judged.find(
    ({ result }) => result.plan.accountId === accountId && result.plan.region === homeRegion,
  );
  if (!home) return { events: [], complete: [] };
  const proved = home.intervals.filter(({ state }) => state === 'proved');
  const edges = gaps.flatMap(({ start, end }) => [
    { start: start - EDGE, end: start + EDGE },
    { start: end - EDGE, end: end + EDGE },
  ]);
  // Where other Regions have a gap and the home Region has none, its log files tell all of it.
  const inside = searchWhole
    ? gaps.flatMap((gap) => proved.flatMap((one) => overlap(gap, one) ?? []))
    : [];
  const events: TrailEvent[] = [];
  const complete: TimeRange[] = [];
  for (const range of mergeRanges([...edges, ...inside])) {
    const names = [...TRAIL_EVENTS, ...ORGANIZATION_EVENTS, ...BUCKET_EVENTS, ...KEY_EVENTS];
    const needles = names.map((name) => `"${name}"`);
    const search = await searchLogs(home.result, range, needles);
    for (const { record, logFile } of search.records) {
      const event = readTrailEvent(record, scope, { kind: 'log', place: logFile });
      if (event) events.push(event);
    }
    if (search.complete) complete.push(...proved.flatMap((one) => overlap(one, range) ?? []));
  }
  return { events, complete };
}

/** Collects the events that may explain the gaps of a run; asks nothing where there are none. */
export async function gatherEvents(
  judged: readonly Judged[],
  options: ExplainOptions,
): Promise<Events> {
  const gaps = mergeRanges(judged.flatMap(({ intervals }) => intervals.filter(isOpenTime)));
  if (gaps.length === 0) return { events: [], complete: [], why: '' };
  const scope = scopeOf(options, judged);
  const history = await fromHistory(gaps, scope, options);
  const logs = await fromLogs(gaps, judged, scope, options, history.complete.length === 0);
  const known = mergeEvents([...history.events, ...logs.events]);
  const complete = mergeRanges([...history.complete, ...logs.complete]);
  const unexplained = judged.flatMap(({ result, intervals }) =>
    intervals
      .filter(isOpenTime)
      .flatMap((gap) => explainOne(gap, contextOf(result, options.trail, known, complete)))
      .filter(({ cause, state }) => state === 'missing' || (cause ?? 'unknown') === 'unknown'),
  );
  const more = unexplained.length > 0 ? await hindrances(unexplained, scope, options) : [];
  return { events: mergeEvents([...known, ...more]), complete, why: history.why };
}

/** What `explainGap` needs to know about one source. */
export function contextOf(
  result: SourceResult,
  trail: TrailPlace,
  events: readonly TrailEvent[],
  complete: readonly TimeRange[],
  deliveryError?: string,
): ExplainContext {
  const { accountId, region } = result.plan;
  return {
    accountId,
    region,
    ownerAccountId: trail.accountId,
    homeRegion: trail.homeRegion,
    events,
    complete,
    ...(deliveryError === undefined ? {} : { deliveryError }),
  };
}

/** A stretch of missing digest files, less what events show to have been lawfully off. */
function explainMissing(one: Interval, context: ExplainContext): Interval[] {
  // The last hour's digest file is named by its successor: it existed, whatever events say.
  const latest = one.end - HOUR;
  const pieces: Interval[] = [];
  let at = one.start;
  for (const off of offIntervals(context).filter(({ opened }) => opened)) {
    const part = overlap({ start: at, end: latest }, off);
    if (!part || part.end - part.start < HOUR) continue;
    if (part.start > at) pieces.push({ ...one, start: at, end: part.start });
    pieces.push({ ...one, ...part, state: 'gap', cause: off.cause, events: off.events });
    at = part.end;
  }
  return [...pieces, { ...one, start: at }];
}

/** Explains one stretch of time; what is neither gap nor missing stays as it is. */
export function explainOne(one: Interval, context: ExplainContext): Interval[] {
  if (one.state === 'missing') return explainMissing(one, context);
  if (one.state !== 'gap') return [one];
  const gap = {
    start: one.start,
    end: one.end,
    followed: one.open !== true,
    ...(one.after === undefined ? {} : { after: one.after }),
  };
  return explainGap(gap, context).map(({ start, end, state, cause, events }) => {
    const told = events.length > 0 ? { events } : {};
    if (state === 'gap') return { ...one, start, end, cause, ...told };
    const { evidence } = one;
    const anchor = one.after ?? one.end;
    return { start, end, state, anchor, ...(evidence === undefined ? {} : { evidence }), ...told };
  });
}
