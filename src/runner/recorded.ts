/** Between what is read of a source and what a journal keeps of it. */
import type { Finding } from '../core/finding.js';
import type { SuccessorLink } from '../core/authenticate.js';
import { beyondDay } from '../core/edge.js';
import { sourceName, type RecordedDay } from '../core/journal.js';
import { packLedger, unpackLedger } from '../core/log-objects.js';
import { covers, isAmong, parseDigestKey } from '../core/object-key.js';
import type { SourceSegment } from '../core/source-segment.js';
import { DAY, type Instant } from '../core/timestamp.js';
import type { SourcePlan } from './plan.js';
import type { Day, SourceReader } from './read-day.js';
import { isPassing, unreadIn } from './unread.js';

/** Whether reading a day again gave its record, word for word. */
export function isSame(known: RecordedDay | undefined, record: RecordedDay): boolean {
  return known !== undefined && JSON.stringify(known) === JSON.stringify(record);
}

/** What reading goes on from after a day. */
export type Reading = Pick<RecordedDay, 'locations' | 'links'>;

/** What reading would go on from now. */
export function readingOf({ locations, links }: SourceReader): Reading {
  return { locations: [...locations], links: [...links] };
}

/**
 * Whether a day read anew leads on as its record does: to the same places, by the links that it had.
 * More links are no harm: what might hang on them was marked when it was recorded.
 */
export function leadsOn(live: Reading, recorded: Reading): boolean {
  const links = new Map(live.links);
  return (
    covers(recorded.locations, live.locations) &&
    covers(live.locations, recorded.locations) &&
    recorded.links.every(([name, { link, signed }]) => {
      const own = links.get(name);
      return (
        own?.signed === signed &&
        own.link.hash === link.hash &&
        own.link.signature === link.signature
      );
    })
  );
}

/** The end of the digest file that a link names, where it is this source's. */
function endOf({ link }: SuccessorLink, { source, chains }: SourceReader): Instant | undefined {
  return parseDigestKey(link.bucket, link.key, source, chains.standard.trail)?.end;
}

/**
 * Whether a record says what reading the day now would: nothing in it is better read again, it was
 * read in every place that is known by now, and has every digest file of the day that newer ones name.
 */
export function isUpToDate(
  reader: SourceReader,
  { day, locations, segment, again }: RecordedDay,
): boolean {
  if (again !== undefined || !covers(locations, reader.locations)) return false;
  const { standard, backfill } = segment;
  const has = ({ bucket, key }: { bucket?: string; key?: string }): string => `${bucket}/${key}`;
  const met = new Set(
    [
      ...(standard.last ? [standard.last] : []),
      ...standard.before,
      ...standard.after,
      ...backfill.nodes,
      ...backfill.loose,
    ].map(has),
  );
  return [...reader.links.values()].every((one) => {
    const end = endOf(one, reader);
    return end === undefined || end < day || end >= day + DAY || met.has(has(one.link));
  });
}

/** Puts a reader where it stood after a recorded day, with what it knows of older ones besides. */
export function goOnFrom(reader: SourceReader, recorded: RecordedDay): void {
  const { day, locations, links, segment } = recorded;
  reader.locations.push(...locations.filter((one) => !isAmong(reader.locations, one)));
  for (const [name, one] of reader.links) {
    if ((endOf(one, reader) ?? Infinity) >= day) reader.links.delete(name);
  }
  for (const [name, link] of links) reader.links.set(name, link);
  reader.edges = beyondDay(reader.edges, segment.standard, segment.backfill);
}

export function recordOf(
  plan: SourcePlan,
  day: Instant,
  segment: SourceSegment,
  findings: readonly Finding[],
  reading: Reading,
  again: RecordedDay['again'],
): RecordedDay {
  const { ledger, ...rest } = segment;
  return {
    source: sourceName(plan, plan.locations),
    day,
    segment: { ...rest, ...packLedger(ledger), findings },
    ...reading,
    ...(again === undefined ? {} : { again }),
  };
}

export function segmentOfRecord({ segment }: RecordedDay): {
  segment: SourceSegment;
  findings: readonly Finding[];
} {
  const { candidates, elsewhere, findings, ...rest } = segment;
  return { segment: { ...rest, ledger: unpackLedger({ candidates, elsewhere }) }, findings };
}

/** Whether something of a day could not be read or proved that may be the next time. */
export function hasPassing(
  { keys }: SourceReader,
  read: Day,
  findings: readonly Finding[],
): boolean {
  const passes = (cause: unknown): boolean =>
    cause === 'keys-unavailable' ? keys.mayCome : isPassing(cause);
  const told = [...findings, ...read.digests.flatMap((one) => one.findings)];
  return (
    read.failures.some(({ cause }) => passes(cause)) ||
    read.digests.some((one) => 'loose' in one && passes(one.loose.cause)) ||
    [...unreadIn(told)].some(({ reason }) => passes(reason))
  );
}
