/** When a source's digest files were lawfully not made, as events show it (DESIGN 4, SPEC 9). */
import type { ExplainContext, GapCause } from './explain.js';
import type { Instant, TimeRange } from './timestamp.js';
import type { TrailEvent } from './trail-event.js';

/** Time during which a source's digest files were lawfully not made. */
export interface OffInterval extends TimeRange {
  readonly cause: GapCause;
  /** The event that opened it, where known, and the one that ended it, if any. */
  readonly events: readonly TrailEvent[];
  /** Whether the event that opened it is known; else it was only found to be off. */
  readonly opened: boolean;
}

interface Switch {
  readonly cause: GapCause;
  /** What an event sets this switch to, if it does. */
  readonly reads: (event: TrailEvent) => boolean | undefined;
}

function switchesOf(context: ExplainContext): Switch[] {
  const { accountId, region, ownerAccountId, homeRegion } = context;
  const membership = ({ effect }: TrailEvent): boolean | undefined => {
    if (effect.leftAccount === accountId) return false;
    return effect.joinedAccount === accountId ? true : undefined;
  };
  const abroad: Switch[] = [{ cause: 'region-dropped', reads: ({ effect }) => effect.multiRegion }];
  const member: Switch[] = [
    { cause: 'left-organization', reads: membership },
    { cause: 'left-organization', reads: ({ effect }) => effect.organization },
  ];
  return [
    { cause: 'logging-stopped', reads: ({ effect }) => effect.logging },
    { cause: 'validation-disabled', reads: ({ effect }) => effect.validation },
    { cause: 'trail-deleted', reads: ({ effect }) => effect.exists },
    ...(region === homeRegion ? [] : abroad),
    ...(accountId === ownerAccountId ? [] : member),
  ];
}

interface Turn {
  readonly event: TrailEvent;
  readonly on: boolean;
}

/**
 * What events turn one switch to, in order. Event times are whole seconds: within one, off is taken
 * to come before on, so that a stop and start in one breath doesn't look like time without an end.
 */
function turnsOf(one: Switch, events: readonly TrailEvent[]): Turn[] {
  return events
    .flatMap((event): Turn[] => {
      const on = one.reads(event);
      return on === undefined ? [] : [{ event, on }];
    })
    .sort((a, b) => a.event.time - b.event.time || Number(a.on) - Number(b.on));
}

/** When one switch was off. Setting a switch to what it is changes nothing. */
function offTimes(one: Switch, events: readonly TrailEvent[]): OffInterval[] {
  const { cause } = one;
  const found: OffInterval[] = [];
  let opener: TrailEvent | undefined;
  let state: boolean | undefined;
  for (const { event, on } of turnsOf(one, events)) {
    if (on === state) continue;
    if (!on) {
      opener = event;
    } else if (opener) {
      const told = [opener, event];
      found.push({ start: opener.time, end: event.time, cause, events: told, opened: true });
      opener = undefined;
    } else {
      found.push({ start: -Infinity, end: event.time, cause, events: [event], opened: false });
    }
    state = on;
  }
  if (opener) {
    found.push({ start: opener.time, end: Infinity, cause, events: [opener], opened: true });
  }
  return found;
}

/**
 * The time during which events show a source's digest files not to have been made, in order of its
 * beginning; what several switches have off overlaps. An interval that no event opened
 * (`opened: false`) begins at -Infinity and is inferred from the event that switched on: it may
 * be none at all where that event changed nothing, see `isReal`.
 */
export function offIntervals(context: ExplainContext): OffInterval[] {
  return switchesOf(context)
    .flatMap((one) => offTimes(one, context.events))
    .sort((a, b) => a.start - b.start || a.end - b.end);
}

/**
 * Whether an event can only have been a change: a trail is created once, an account joins once.
 * StartLogging and UpdateTrail succeed also where nothing changes.
 */
export function isReal(event: TrailEvent | undefined): boolean {
  return event?.effect.exists === true || event?.effect.joinedAccount !== undefined;
}

/** Up to when one off-interval and those that follow it without a break last. */
export function offUntil(off: OffInterval, all: readonly OffInterval[]): Instant {
  let end = off.end;
  for (const next of all) {
    if (next.start >= off.start && next.start <= end) end = Math.max(end, next.end);
  }
  return end;
}
