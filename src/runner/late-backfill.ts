/**
 * Backfill digest files that came after their day was read, be it by this run or by a shard. One that
 * is made later may cover an earlier hour, so a link may name a day that is newer than its own: before
 * anybody is accused of what a link names, its day is listed once more.
 */
import { absentTargets, type BackfillSegment } from '../core/backfill.js';
import type { Finding } from '../core/finding.js';
import { ledgerOfDay } from '../core/log-objects.js';
import { isAmong, type Location } from '../core/object-key.js';
import { emptySegment, type Loose } from '../core/segment.js';
import { joinSource, type SourceSegment } from '../core/source-segment.js';
import { DAY, startOfDay, type Instant } from '../core/timestamp.js';
import { backfillOf } from './day-segment.js';
import { linkName, readDay, type SourceReader } from './read-day.js';
import { checkLogs, emptySource, type DaysRead } from './read-days.js';
import type { SourceJob } from './read-source.js';

/** What was not looked at again may have come. */
function unseen(day: Instant, { signal }: SourceJob): Loose {
  const cause = signal?.aborted === true ? 'interrupted' : 'time-limit';
  return { start: day - 1, end: day + DAY - 1, state: 'unreadable', cause };
}

/** A reader of those places, who knows what the digest files that were met record of others. */
function lateReader(
  reader: SourceReader,
  { nodes }: BackfillSegment,
  locations: readonly Location[],
): SourceReader {
  const links = nodes.flatMap(({ link }) => (link ? [link] : []));
  return {
    ...reader,
    locations: [...locations],
    links: new Map(links.map((link) => [linkName(link), { link, signed: true }])),
  };
}

/** Reads what has come to a day's backfill digest files, and checks the log files that they list. */
async function readAgain(
  job: SourceJob,
  reader: SourceReader,
  day: Instant,
  { nodes, loose }: BackfillSegment,
): Promise<{ segment: SourceSegment; left: number }> {
  const none = emptySource(reader);
  const failed = { ...none.backfill, loose: [unseen(day, job)] };
  if (job.stopped()) return { segment: { ...none, backfill: failed }, left: 0 };
  const met = new Set([...nodes, ...loose].map(linkName));
  const read = await readDay(
    reader,
    day,
    ({ object: { key }, parsed: { kind, location } }) =>
      kind === 'backfill' && !met.has(linkName({ bucket: location.bucket, key })),
  );
  if (job.signal?.aborted === true) return { segment: { ...none, backfill: failed }, left: 0 };
  const findings: Finding[] = [...read.findings];
  const logs = job.digestsOnly ? [] : read.logs;
  const { left, ...checked } = await checkLogs(job, logs, new Map(), findings);
  for (const one of findings) job.told.add(one, day);
  const { standard, backfill } = reader.chains;
  const segment = {
    standard: emptySegment(standard),
    backfill: backfillOf(backfill, read.digests, read.failures),
    logs: checked.logs,
    bytesRead: read.bytesRead + checked.bytesRead,
    met: read.digests.length > 0,
    // In whatever folder: the objects there were listed with another day.
    ledger: ledgerOfDay(
      -Infinity,
      [],
      read.logs.map(({ entry }) => entry),
    ),
  };
  return { segment, left };
}

/** Looks again for what backfill digest files name and the reading of all days did not meet. */
export async function readLate(
  job: SourceJob,
  reader: SourceReader,
  read: DaysRead,
): Promise<DaysRead> {
  const { range, backfillFrom } = job;
  const time = { start: Math.min(range.start, backfillFrom), end: range.end };
  // Days that were not begun are not accused; they are told as unread.
  const isRead = (end: Instant): boolean => read.unread === undefined || end > read.unread;
  const looked = new Set<Instant>();
  const locations = [...reader.locations];
  let { total, unreadLogs } = read;
  for (;;) {
    const absent = absentTargets(total.backfill, time).filter(({ named }) => isRead(named.end));
    for (const { named } of absent) {
      if (!isAmong(locations, named.location)) locations.push(named.location);
    }
    const day = absent.map(({ named }) => startOfDay(named.end)).find((one) => !looked.has(one));
    if (day === undefined) return { ...read, total, unreadLogs };
    looked.add(day);
    const late = lateReader(reader, total.backfill, locations);
    const { segment, left } = await readAgain(job, late, day, total.backfill);
    total = joinSource(segment, total);
    unreadLogs += left;
  }
}
