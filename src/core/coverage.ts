import type { DigestNode } from './segment.js';
import { HOUR, type Instant, type TimeRange } from './timestamp.js';
import type { TrailEvent } from './trail-event.js';

export type IntervalState = 'proved' | 'altered' | 'missing' | 'unreadable' | 'gap' | 'not-due';

/** A stretch of a chain's time and what is known of it. */
export interface Interval extends TimeRange {
  readonly state: IntervalState;
  /** Why, for gaps and what could not be read. */
  readonly cause?: string;
  /** The digest file that shows it. */
  readonly evidence?: string;
  /**
   * A moment at which one hourly digest file of this stretch ends or would have ended; the others
   * lie whole hours from it. Without it the stretch's own end is taken.
   */
  readonly anchor?: Instant;
  /** Of proved time: the newest digest file that proves it. */
  readonly node?: DigestNode;
  /** Of a gap: the end of the authenticated digest file right before it. */
  readonly after?: Instant;
  /** Of a gap: no authenticated digest file follows it. */
  readonly open?: true;
  /** Who caused it. */
  readonly events?: readonly TrailEvent[];
  /** Why more can't be said. */
  readonly why?: string;
}

/** The part of an interval that lies in a range; `undefined` when none does. */
function clamp(interval: Interval, range: TimeRange): Interval | undefined {
  const start = Math.max(interval.start, range.start);
  const end = Math.min(interval.end, range.end);
  return start < end ? { ...interval, start, end } : undefined;
}

/** How many hourly digest files have a window that meets the interval. */
export function expectedDigests(interval: Interval): number {
  const anchor = interval.anchor ?? interval.end;
  // Windows are (anchor + (k-1) h, anchor + k h]; the first and last k that meet (start, end].
  const first = Math.floor((interval.start - anchor) / HOUR) + 1;
  const last = Math.ceil((interval.end - anchor) / HOUR);
  return last - first + 1;
}

function sameKind(a: Interval, b: Interval): boolean {
  return (
    a.state === b.state &&
    a.cause === b.cause &&
    a.events === b.events &&
    a.why === b.why &&
    a.open === b.open &&
    a.end === b.start &&
    (a.state !== 'missing' || a.anchor === b.anchor)
  );
}

/** Adds an interval to a list in order of time; what it overlaps of earlier ones is theirs. */
export function append(intervals: Interval[], next: Interval): void {
  const last = intervals.at(-1);
  const start = last ? Math.max(last.end, next.start) : next.start;
  if (start >= next.end) return;
  if (last && start === last.end && sameKind(last, { ...next, start })) {
    const node = next.node ? { node: next.node } : {};
    intervals[intervals.length - 1] = { ...last, ...node, end: next.end };
  } else {
    intervals.push({ ...next, start });
  }
}

/** Intervals in order, without overlaps, cut to a range, equal neighbours joined. */
export function normalize(intervals: readonly Interval[], range: TimeRange): Interval[] {
  const result: Interval[] = [];
  for (const interval of intervals) {
    const part = clamp(interval, range);
    if (part) append(result, part);
  }
  return result;
}
