/** Counting what lies in a run's folders, while its listings pass by. */
import { PAGE, type Failure } from '../core/estimate.js';
import { logDay, logDayFolder, LOG_SLACK, logTime } from '../core/log-objects.js';
import {
  digestDayPrefix,
  digestRegionsFolder,
  parseDigestKey,
  sameLocation,
  type Location,
} from '../core/object-key.js';
import {
  DAY,
  dayFolder,
  HOUR,
  startOfDay,
  type Instant,
  type TimeRange,
} from '../core/timestamp.js';
import type { ListedObject, ObjectSource } from '../sources/ports.js';
import type { RunOptions } from './options.js';
import type { SourcePlan } from './plan.js';

/** Failures that are told one by one. */
const TOLD = 20;

/** Days that are listed at once: a whole month, or one day. */
export interface Stretch {
  readonly days: readonly Instant[];
}

/** The days from `first` to `last`, newest first, whole months together. */
export function* stretchesOf(first: Instant, last: Instant): Generator<Stretch> {
  let month: Instant[] = [];
  for (let day = last; day >= first; day -= DAY) {
    month.push(day);
    const name = dayFolder(day);
    if (day > first && !name.endsWith('/01')) continue;
    const newest = month[0] ?? day;
    const isWhole = name.endsWith('/01') && dayFolder(newest + DAY).endsWith('/01');
    if (isWhole) yield { days: month };
    else for (const one of month) yield { days: [one] };
    month = [];
  }
}

/** What the days of a run are: as `readSource` goes through them. */
export interface Days {
  readonly oldest: Instant;
  readonly newest: Instant;
  /** Whether the run looks into the log folder of the day before the oldest, too. */
  readonly before: boolean;
  /** Whether the first digest file's window may reach into that day. */
  readonly reachesBefore: boolean;
}

export function daysOf(range: TimeRange, now: Instant): Days {
  const oldest = startOfDay(range.start + 1);
  const newest = startOfDay(Math.min(range.end + HOUR - 1, now + DAY));
  const past = range.start - oldest;
  return { oldest, newest, before: past < LOG_SLACK, reachesBefore: past < HOUR };
}

/** The time that the digest files of a range cover: their windows reach out of it at both ends. */
function covered(range: TimeRange, phase: Instant | undefined): TimeRange {
  if (phase === undefined) return range;
  const past = (instant: Instant): number => (((instant - phase) % HOUR) + HOUR) % HOUR;
  const over = past(range.end);
  return {
    start: range.start - past(range.start),
    end: over === 0 ? range.end : range.end + HOUR - over,
  };
}

/** Counts while listings pass by. */
export class Counter {
  readonly digests = { files: 0, bytes: 0 };
  readonly logs = { files: 0, bytes: 0 };
  readonly withContext = new Set<SourcePlan>();
  readonly failures: Failure[] = [];
  failureCount = 0;
  listing = 0;
  readonly #objects: ObjectSource;
  readonly #options: RunOptions;
  readonly #days: Days;

  constructor(objects: ObjectSource, options: RunOptions, days: Days) {
    this.#objects = objects;
    this.#options = options;
    this.#days = days;
  }

  fail(place: string, why: string): void {
    this.failureCount++;
    if (this.failures.length < TOLD) this.failures.push({ place, why });
  }

  /** LIST requests of a run for a day's folder. */
  #count(names: ReadonlyMap<Instant, number>, days: readonly Instant[]): void {
    for (const day of days) {
      this.listing += Math.max(1, Math.ceil((names.get(day) ?? 0) / PAGE));
    }
  }

  /** Lists one place; `undefined` where it is to be tried in smaller parts. */
  async #list(
    bucket: string,
    prefix: string,
    dividable: boolean,
  ): Promise<readonly ListedObject[] | undefined> {
    const listing = await this.#objects.list(bucket, prefix);
    if (listing.ok) return listing.value.objects;
    const { failure } = listing;
    if (failure.kind === 'absent') return [];
    if (this.#options.signal?.aborted === true) return [];
    const [reason, detail] =
      failure.kind === 'unreadable' ? [failure.reason, failure.detail] : ['service', failure.kind];
    if (reason === 'too-many-objects' && dividable) return undefined;
    this.fail(`s3://${bucket}/${prefix}`, `${reason}: ${detail}`);
    return [];
  }

  /** A stretch's digest files in one location; gives their minute and second, if there are any. */
  async #digests(
    source: SourcePlan,
    location: Location,
    { days }: Stretch,
  ): Promise<Instant | undefined> {
    const { trail, range } = this.#options;
    const [day = 0] = days;
    const root = `${digestRegionsFolder(location, source.accountId)}${source.region}/`;
    const prefix =
      days.length > 1
        ? `${root}${dayFolder(day).slice(0, 8)}`
        : digestDayPrefix(location, source, trail, day);
    const objects = await this.#list(location.bucket, prefix, days.length > 1);
    if (!objects) return this.#divided(days, (one) => this.#digests(source, location, one));
    const names = new Map<Instant, number>();
    let phase: Instant | undefined;
    for (const { key, size } of objects) {
      const parsed = parseDigestKey(location.bucket, key, source, trail);
      if (!parsed || !sameLocation(parsed.location, location)) continue;
      const { end, kind } = parsed;
      names.set(startOfDay(end), (names.get(startOfDay(end)) ?? 0) + 1);
      if (kind === 'standard') phase = end;
      if (end > range.start && end - HOUR < range.end) {
        this.digests.files++;
        this.digests.bytes += size;
      } else if (kind === 'standard' && end - HOUR >= range.end) this.withContext.add(source);
    }
    this.#count(names, days);
    // The newest day is looked through first for what vouches for the range's end.
    const { newest } = this.#days;
    if (days.includes(newest)) this.#count(names, [newest]);
    return phase;
  }

  /** A stretch's log files in one location. */
  async #logs(
    source: SourcePlan,
    location: Location,
    { days }: Stretch,
    phase: Instant | undefined,
  ): Promise<void> {
    const { range, digestsOnly, unlisted } = this.#options;
    const [day = 0] = days;
    const folder = logDayFolder(location, source, day);
    const prefix = days.length > 1 ? folder.slice(0, -'DD/'.length) : folder;
    const objects = await this.#list(location.bucket, prefix, days.length > 1);
    if (!objects) {
      await this.#divided(days, async (one) => {
        await this.#logs(source, location, one, phase);
        return undefined;
      });
      return;
    }
    const cover = covered(range, phase);
    const names = new Map<Instant, number>();
    for (const { key, size } of objects) {
      const own = logDay(key);
      if (own !== undefined) names.set(own, (names.get(own) ?? 0) + 1);
      const time = logTime(key);
      if (digestsOnly === true || size === 0 || time === undefined) continue;
      if (time <= cover.start || time > cover.end) continue;
      this.logs.files++;
      this.logs.bytes += size;
    }
    if (unlisted === false) return;
    const { oldest, before } = this.#days;
    const from = before ? oldest - DAY : oldest;
    this.#count(
      names,
      days.filter((one) => one >= from),
    );
  }

  async #divided(
    days: readonly Instant[],
    each: (stretch: Stretch) => Promise<Instant | undefined>,
  ): Promise<Instant | undefined> {
    let phase: Instant | undefined;
    for (const day of days) phase = (await each({ days: [day] })) ?? phase;
    return phase;
  }

  /** Counts a stretch of one source in all its locations. */
  async take(source: SourcePlan, stretch: Stretch): Promise<void> {
    const { digestsOnly, unlisted } = this.#options;
    const { oldest, newest, reachesBefore } = this.#days;
    const { days } = stretch;
    let phase: Instant | undefined;
    for (const location of source.locations) {
      phase = (await this.#digests(source, location, stretch)) ?? phase;
    }
    const afterRange = days.every((day) => day > newest);
    if (afterRange || (digestsOnly === true && unlisted === false)) return;
    const withLogs = [stretch];
    if (reachesBefore && days.includes(oldest)) withLogs.push({ days: [oldest - DAY] });
    for (const location of source.locations) {
      for (const one of withLogs) await this.#logs(source, location, one, phase);
    }
  }
}
