/** Explaining gaps from events, and telling those apart that events prove to be deletions (DESIGN 4). */
import { DAY, HOUR, type Instant, type TimeRange } from './timestamp.js';
import type { TrailEvent } from './trail-event.js';

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

/** Time during which a source's digest files were lawfully not made. */
export interface OffInterval extends TimeRange {
  readonly cause: GapCause;
  readonly events: readonly TrailEvent[];
  /** Whether the event that opened it is known; else it was only found to be off. */
  readonly opened: boolean;
}

/** A starting digest file ends up to an hour, and a little, after the event that asked for it. */
const GRACE = HOUR + 300;
/** At both ends of time in which a trail is proved to have been on. */
const GRANTED = 2 * HOUR;

interface Switch {
  readonly cause: GapCause;
  /** What an event sets this switch to, if it does. */
  readonly reads: (event: TrailEvent) => boolean | undefined;
  /** Whether an on-event without an earlier off-event shows that it was off before. */
  readonly infers: boolean;
}

function switchesOf(context: ExplainContext): Switch[] {
  const { accountId, region, ownerAccountId, homeRegion } = context;
  const membership = ({ effect }: TrailEvent): boolean | undefined =>
    effect.leftAccount === accountId
      ? false
      : effect.joinedAccount === accountId
        ? true
        : undefined;
  return [
    { cause: 'logging-stopped', reads: ({ effect }) => effect.logging, infers: true },
    { cause: 'validation-disabled', reads: ({ effect }) => effect.validation, infers: false },
    { cause: 'trail-deleted', reads: ({ effect }) => effect.exists, infers: true },
    ...(region === homeRegion
      ? []
      : [
          {
            cause: 'region-dropped',
            reads: ({ effect }: TrailEvent) => effect.multiRegion,
            infers: false,
          } as const,
        ]),
    ...(accountId === ownerAccountId
      ? []
      : [{ cause: 'left-organization', reads: membership, infers: true } as const]),
  ];
}

/** When one switch was off. */
function offTimes(one: Switch, events: readonly TrailEvent[]): OffInterval[] {
  const found: OffInterval[] = [];
  let off: { since: Instant; event: TrailEvent | undefined } | undefined;
  let state: boolean | undefined;
  for (const event of events) {
    const on = one.reads(event);
    if (on === undefined || on === state) continue;
    if (!on) off = { since: event.time, event };
    else {
      if (state === undefined && one.infers) off = { since: -Infinity, event: undefined };
      if (off) {
        const told = off.event ? [off.event, event] : [event];
        const { since: start } = off;
        const opened = off.event !== undefined;
        found.push({ start, end: event.time, cause: one.cause, events: told, opened });
      }
      off = undefined;
    }
    state = on;
  }
  if (off?.event) {
    const { since: start, event } = off;
    found.push({ start, end: Infinity, cause: one.cause, events: [event], opened: true });
  }
  return found;
}

/** Whether validation was switched on by the first event that speaks of it. */
function validationBegan(events: readonly TrailEvent[]): OffInterval[] {
  // UpdateTrail tells the state that results, so a first `true` may be no change at all.
  const first = events.find(({ effect }) => effect.validation !== undefined);
  if (first?.effect.validation !== true || first.name !== 'CreateTrail') return [];
  const cause = 'not-yet-enabled';
  return [{ start: -Infinity, end: first.time, cause, events: [first], opened: false }];
}

/**
 * The time during which events show a source's digest files not to have been made: the union of all
 * that can be off, in order of their beginning.
 */
export function offIntervals(context: ExplainContext): OffInterval[] {
  const { events } = context;
  const all = switchesOf(context).flatMap((one) => offTimes(one, events));
  return [...all, ...validationBegan(events)].sort((a, b) => a.start - b.start || a.end - b.end);
}

/**
 * The cause that an off-interval gives a gap. An event explains only what it opens: where nobody saw
 * what was on being switched off, an event that switches it on explains no more than time before the
 * first digest file.
 */
function causeFor(off: OffInterval, gap: Gap): GapCause | undefined {
  if (off.opened) return off.cause;
  if (gap.after !== undefined) return undefined;
  return off.cause === 'left-organization' ? 'joined-organization' : 'not-yet-enabled';
}

function clip(part: TimeRange, within: TimeRange): TimeRange | undefined {
  const start = Math.max(part.start, within.start);
  const end = Math.min(part.end, within.end);
  return start < end ? { start, end } : undefined;
}

/** What events explain of a gap, in order, without overlaps. */
function explained(gap: Gap, context: ExplainContext): ExplainedPiece[] {
  const pieces: ExplainedPiece[] = [];
  let at = gap.start;
  for (const off of offIntervals(context)) {
    const reach = { start: off.start - HOUR, end: off.end + GRACE };
    const part = clip(reach, { start: at, end: gap.end });
    // What was off before a known digest file ended has nothing to do with the time after it.
    const cause = causeFor(off, gap);
    if (!part || !cause || (gap.after !== undefined && off.end <= gap.after - GRACE)) continue;
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

/**
 * The part of a gap in which the trail is proved to have been on: from an authenticated digest file's
 * end to the next event that switched it off, where the search between them was complete.
 */
function provedOn(
  gap: Gap,
  context: ExplainContext,
): (TimeRange & Pick<ExplainedPiece, 'events'>) | undefined {
  const { after } = gap;
  if (after === undefined) return undefined;
  const next = offIntervals(context).find(
    (off) => off.opened && off.start >= after - GRANTED && off.start <= gap.end,
  );
  if (!next) return undefined;
  // An event that switched it on in between shows that it had been off: then nothing is proved.
  const wasOff = offIntervals(context).some(
    (off) => off.start < next.start && off.end > after && off !== next,
  );
  const searched = context.complete.some(
    (one) => one.start <= after && one.end >= Math.min(next.start, gap.end),
  );
  if (wasOff || !searched) return undefined;
  const part = clip({ start: after + GRANTED, end: next.start - GRANTED }, gap);
  return part && { ...part, events: next.events };
}

function related(
  piece: TimeRange,
  context: ExplainContext,
  which: (event: TrailEvent) => boolean,
): TrailEvent[] {
  return context.events.filter(
    (event) => which(event) && event.time >= piece.start - DAY && event.time <= piece.end,
  );
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
  const lawful = explained(gap, context);
  const on = provedOn(gap, context);
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
