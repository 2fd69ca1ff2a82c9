/** Between what is read of a source and what a journal keeps of it. */
import type { Finding } from '../core/finding.js';
import type { RecordedDay } from '../core/journal.js';
import { packLedger, unpackLedger } from '../core/log-objects.js';
import { sameLocation, type Location } from '../core/object-key.js';
import type { SourceSegment } from '../core/source-segment.js';
import type { Instant } from '../core/timestamp.js';
import type { SourcePlan } from './plan.js';
import type { Day, SourceReader } from './read-day.js';

/** What reading goes on from after a day. */
export type Reading = Pick<RecordedDay, 'locations' | 'links'>;

/** Names a source and where it is looked for; read in other places, it is another reading. */
export function sourceName({ accountId, region, locations }: SourcePlan): string {
  return JSON.stringify([
    accountId,
    region,
    ...locations.map(({ bucket, prefix, organizationId = '' }) => [bucket, prefix, organizationId]),
  ]);
}

/** What reading would go on from now. */
export function readingOf({ locations, links }: SourceReader): Reading {
  return { locations: [...locations], links: [...links] };
}

export function sameReading(a: Reading, b: Reading): boolean {
  const text = ({ locations, links }: Reading): string =>
    JSON.stringify([
      locations.map(({ bucket, prefix, organizationId }) => [bucket, prefix, organizationId]),
      links
        .map(([name, { link, signed }]) =>
          JSON.stringify([name, link.hash, link.signature, signed]),
        )
        .sort(),
    ]);
  return text(a) === text(b);
}

/** Puts a reader where it stood after a recorded day. */
export function goOnFrom(reader: SourceReader, { locations, links }: Reading): void {
  const known = (one: Location): boolean =>
    reader.locations.some((other) => sameLocation(other, one));
  reader.locations.push(...locations.filter((one) => !known(one)));
  reader.links.clear();
  for (const [name, link] of links) reader.links.set(name, link);
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
    source: sourceName(plan),
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

/** Reasons that may be gone the next time. */
const PASSING: readonly unknown[] = [
  'credentials',
  'throttled',
  'network',
  'service',
  'keys-unavailable',
];

/** Whether something of a day could not be read that may be readable the next time. */
export function hasPassing(read: Day, findings: readonly Finding[]): boolean {
  return (
    read.failures.some(({ cause }) => PASSING.includes(cause)) ||
    read.digests.some((one) => 'loose' in one && PASSING.includes(one.loose.cause)) ||
    findings.some(
      ({ code, details }) => code === 'OBJECT_UNREADABLE' && PASSING.includes(details?.['reason']),
    )
  );
}
