/**
 * Backfill digest files that came after their day was read, be it by this run or by a shard. One that
 * is made later may cover an earlier hour, so a link may name a day that is newer than its own: before
 * anybody is accused of what a link names, its day is listed once more. So are days in which one was come
 * upon that no other names. None of it is recorded: a run that goes on finds it again as this one did.
 */
import { absentTargets, type BackfillSegment } from '../core/backfill.js';
import { objectId } from '../core/established.js';
import type { Finding } from '../core/finding.js';
import { ledgerOfDay } from '../core/log-objects.js';
import { isAmong, type Location } from '../core/object-key.js';
import { emptySegment, type Loose, type Segment } from '../core/segment.js';
import { joinSource, type SourceSegment } from '../core/source-segment.js';
import { DAY, startOfDay, type Instant } from '../core/timestamp.js';
import { backfillOf, keyUse } from './day-segment.js';
import { newestDay } from './days.js';
import { readEdge } from './read-context.js';
import { linkName, readDay, type Listed, type ListedLog, type SourceReader } from './read-day.js';
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

const nameOf = ({ entry: { bucket, key, hashValue } }: ListedLog): string =>
  objectId(bucket, key, hashValue);

/** Whether the hour of a standard digest file is proved, so that the log files it lists were checked. */
function isProved({ settled, last }: Segment, end: Instant): boolean {
  return (
    last?.end === end ||
    settled.some((one) => one.state === 'proved' && one.start < end && end <= one.end)
  );
}

/** The log files that digest files of a day list which were met before. */
async function checkedBefore(
  job: SourceJob,
  reader: SourceReader,
  day: Instant,
  { standard }: SourceSegment,
  wasMet: (one: Listed) => boolean,
): Promise<ReadonlySet<string>> {
  await readEdge(reader, day + DAY, newestDay(job.range, job.begunAt) + DAY);
  const read = await readDay(reader, day, (one) =>
    one.parsed.kind === 'standard' ? isProved(standard, one.parsed.end) : wasMet(one),
  );
  return new Set(read.logs.map(nameOf));
}

/** Reads what has come to a day's backfill digest files, and checks the log files that they list. */
async function readAgain(
  job: SourceJob,
  makeReader: () => SourceReader,
  day: Instant,
  known: SourceSegment,
): Promise<{ segment: SourceSegment; left: number }> {
  const reader = makeReader();
  const none = emptySource(reader);
  const failed = { ...none.backfill, loose: [unseen(day, job)] };
  if (job.stopped()) return { segment: { ...none, backfill: failed }, left: 0 };
  const met = new Set([...known.backfill.nodes, ...known.backfill.loose].map(linkName));
  const wasMet = ({ object: { key }, parsed: { location } }: Listed): boolean =>
    met.has(linkName({ bucket: location.bucket, key }));
  const read = await readDay(reader, day, (one) => one.parsed.kind === 'backfill' && !wasMet(one));
  // A log file that both chains list is one log file, as in a day that is read at once.
  const before =
    read.logs.length > 0 ? await checkedBefore(job, makeReader(), day, known, wasMet) : new Set();
  if (job.signal?.aborted === true) return { segment: { ...none, backfill: failed }, left: 0 };
  const findings: Finding[] = [...read.findings];
  const logs = job.digestsOnly ? [] : read.logs.filter((one) => !before.has(nameOf(one)));
  const { left, ...checked } = await checkLogs(job, logs, new Map(), findings);
  for (const one of findings) job.told.add(one, day);
  const { standard, backfill } = reader.chains;
  const segment = {
    standard: emptySegment(standard),
    backfill: backfillOf(backfill, read.digests, read.failures),
    logs: checked.logs,
    bytesRead: read.bytesRead + checked.bytesRead,
    verifiedBy: keyUse(read.digests),
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

/**
 * Looks again for what backfill digest files name and the reading of all days did not meet, and in
 * days of which it is known that something came.
 */
export async function readLate(
  job: SourceJob,
  reader: SourceReader,
  read: DaysRead,
  days: readonly Instant[] = [],
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
    const named = absent.map((one) => startOfDay(one.named.end));
    const day = [...days, ...named].find((one) => !looked.has(one));
    if (day === undefined) return { ...read, total, unreadLogs };
    looked.add(day);
    const known = total;
    const late = () => lateReader(reader, known.backfill, locations);
    const { segment, left } = await readAgain(job, late, day, known);
    total = joinSource(segment, total);
    unreadLogs += left;
  }
}
