/** Explaining gaps from events, and telling those apart that events prove to be deletions (DESIGN 4). */
import { isReal, offIntervals, offUntil, type OffInterval } from './event-off.js';
import { defaultRegions } from './regions.js';
import { DAY, HOUR, type Instant, type TimeRange } from './timestamp.js';
import type { TrailEvent } from './trail-event.js';

export { offIntervals, type OffInterval } from './event-off.js';

export type GapCause =
  | 'logging-stopped'
  | 'validation-disabled'
  | 'trail-deleted'
  | 'not-yet-enabled'
  | 'delivery-failed'
  | 'left-organization'
  | 'joined-organization'
  | 'region-dropped'
  | 'unknown';

/** Whether a cause, where an event names it, is a lawful one. */
export function isLawful(cause: GapCause): boolean {
  return cause !== 'unknown' && cause !== 'delivery-failed';
}

export interface Gap extends TimeRange {
  /** End of the authenticated digest file right before the gap. */
  readonly after?: Instant;
  /** Whether an authenticated digest file follows. */
  readonly followed: boolean;
}

export interface ExplainContext {
  readonly accountId: string;
  readonly region: string;
  readonly ownerAccountId: string;
  readonly homeRegion: string;
  /** Merged, in order of time. */
  readonly events: readonly TrailEvent[];
  /** Stretches of time in which every trail-changing event is known; sorted, disjoint. */
  readonly complete: readonly TimeRange[];
  /** CloudTrail's error of its latest delivery, for a gap that nothing follows. */
  readonly deliveryError?: string;
}

export interface ExplainedPiece extends TimeRange {
  readonly state: 'gap' | 'missing';
  readonly cause: GapCause;
  readonly events: readonly TrailEvent[];
}

/** A starting digest file ends up to an hour, and a little, after the event that asked for it. */
const GRACE = HOUR + 300;
/** At both ends of time in which a trail is proved to have been on. */
const GRANTED = 2 * HOUR;
/** Events told beside a stretch that none of them explains. */
const MAX_RELATED = 20;

/**
 * Whether an event that switched on shows that a gap before the first digest file is time before
 * that. Where it may have changed nothing, only if the gap ends with it: a digest file that comes
 * right after it and has no predecessor is one that a change made CloudTrail begin with.
 */
function showsBeginning(off: OffInterval, gap: Gap, all: readonly OffInterval[]): boolean {
  if (gap.after !== undefined) return false;
  if (gap.followed && off.end > gap.end + HOUR) return false;
  return isReal(off.events[0]) || offUntil(off, all) >= gap.end - GRACE;
}

/** The cause that an off-interval gives a gap; an event explains only what it opens. */
function causeFor(off: OffInterval, gap: Gap, all: readonly OffInterval[]): GapCause | undefined {
  const [event] = off.events;
  // What a new trail has off had never been on.
  if (off.opened) {
    return event?.effect.exists === true && gap.after === undefined ? 'not-yet-enabled' : off.cause;
  }
  if (!showsBeginning(off, gap, all)) return undefined;
  return event?.effect.joinedAccount === undefined ? 'not-yet-enabled' : 'joined-organization';
}

function clip(part: TimeRange, within: TimeRange): TimeRange | undefined {
  const start = Math.max(part.start, within.start);
  const end = Math.min(part.end, within.end);
  return start < end ? { start, end } : undefined;
}

/** What events explain of a gap, in order, without overlaps; what opened earlier wins. */
function explained(gap: Gap, all: readonly OffInterval[]): ExplainedPiece[] {
  const pieces: ExplainedPiece[] = [];
  let at = gap.start;
  for (const off of all) {
    const reach = { start: off.start - HOUR, end: off.end + GRACE };
    const part = clip(reach, { start: at, end: gap.end });
    const cause = causeFor(off, gap, all);
    if (!part || !cause) continue;
    pieces.push({ ...part, state: 'gap', cause, events: off.events });
    at = part.end;
  }
  return pieces;
}

function without(range: TimeRange, pieces: readonly TimeRange[]): TimeRange[] {
  const left: TimeRange[] = [];
  let at = range.start;
  for (const piece of pieces) {
    if (piece.start > at) left.push({ start: at, end: piece.start });
    at = Math.max(at, piece.end);
  }
  if (at < range.end) left.push({ start: at, end: range.end });
  return left;
}

const EVERYWHERE = ['aws', 'aws-cn', 'aws-us-gov'].flatMap(defaultRegions);

/**
 * Whether a source was surely the trail's until an event. A member account may have left by a call
 * that only it knows of, and a Region that must be opted into may have been switched off; so there
 * must be a digest file that came as soon as the trail was on again.
 */
function belonged(
  gap: Gap,
  next: OffInterval,
  all: readonly OffInterval[],
  context: ExplainContext,
) {
  const { accountId, ownerAccountId, region, homeRegion } = context;
  const fixed = region === homeRegion || EVERYWHERE.includes(region);
  if ((accountId === ownerAccountId && fixed) || next.cause === 'left-organization') return true;
  return (
    gap.followed &&
    all.some((off) => off.start >= next.start && Math.abs(gap.end - off.end) <= GRACE)
  );
}

/**
 * The part of a gap in which the trail is proved to have been on: from an authenticated digest file's
 * end to the next event that switched it off, where the search between them was complete. What could
 * have stopped deliveries in between ends it, for then digest files may never have been written.
 */
function provedOn(
  gap: Gap,
  all: readonly OffInterval[],
  context: ExplainContext,
): (TimeRange & Pick<ExplainedPiece, 'events'>) | undefined {
  const { after } = gap;
  if (after === undefined) return undefined;
  // What was over when the digest file ended says nothing of the time after it.
  const next = all.find(({ opened, start, end }) => opened && end > after && start <= gap.end);
  if (!next || !belonged(gap, next, all, context)) return undefined;
  // Not there until later: that contradicts the digest file before.
  const contradicted = all.some(
    ({ events, end }) => isReal(events[0]) && end > after && end <= next.start,
  );
  // An event of the digest file's own last hours counts, so the search must have seen those too.
  const searched = context.complete.some(
    ({ start, end }) => start <= after - GRANTED && end >= next.start,
  );
  if (contradicted || !searched) return undefined;
  const hindered = context.events.find(
    ({ effect, time }) => effect.hinders !== undefined && time >= after - GRANTED,
  );
  const until = Math.min(next.start, hindered?.time ?? Infinity);
  const part = clip({ start: after + GRANTED, end: until - GRANTED }, gap);
  return part && { ...part, events: next.events };
}

function related(
  piece: TimeRange,
  context: ExplainContext,
  which: (event: TrailEvent) => boolean,
): TrailEvent[] {
  return context.events
    .filter((event) => which(event) && event.time >= piece.start - DAY && event.time <= piece.end)
    .slice(0, MAX_RELATED);
}

function unexplained(piece: TimeRange, gap: Gap, context: ExplainContext): ExplainedPiece {
  const hindering = related(piece, context, ({ effect }) => effect.hinders !== undefined);
  const failing = !gap.followed && piece.end === gap.end && context.deliveryError !== undefined;
  if (hindering.length > 0 || failing) {
    return { ...piece, state: 'gap', cause: 'delivery-failed', events: hindering };
  }
  const others = related(
    piece,
    context,
    ({ effect, name }) => effect.removes !== undefined || name === 'PutEventSelectors',
  );
  return { ...piece, state: 'gap', cause: 'unknown', events: others };
}

function merged(pieces: readonly ExplainedPiece[]): ExplainedPiece[] {
  const result: ExplainedPiece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    const same =
      last?.state === piece.state &&
      last.cause === piece.cause &&
      last.events.length === piece.events.length &&
      last.events.every((event, at) => event.eventId === piece.events[at]?.eventId);
    if (last && same) result[result.length - 1] = { ...last, end: piece.end };
    else result.push(piece);
  }
  return result;
}

/**
 * Splits a gap into pieces that together cover it exactly: what an event explains, what events prove
 * to have been removed (`missing`), and what stays unknown. The absence of events proves nothing.
 */
export function explainGap(gap: Gap, context: ExplainContext): ExplainedPiece[] {
  const all = offIntervals(context);
  const lawful = explained(gap, all);
  const on = provedOn(gap, all, context);
  const pieces: ExplainedPiece[] = [...lawful];
  for (const rest of without(gap, lawful)) {
    const part = on && clip(on, rest);
    if (!part) {
      pieces.push(unexplained(rest, gap, context));
      continue;
    }
    pieces.push({ ...part, state: 'missing', cause: 'unknown', events: on.events });
    for (const one of without(rest, [part])) pieces.push(unexplained(one, gap, context));
  }
  return merged(pieces.sort((a, b) => a.start - b.start));
}
