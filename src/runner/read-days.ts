/**
 * The days of one source, newest first: read and checked, or taken from the journal of an earlier
 * run that finished them.
 */
import { established, findingsIn, objectId, type Established } from '../core/established.js';
import type { Finding } from '../core/finding.js';
import { sourceName, type RecordedDay } from '../core/journal.js';
import { EMPTY_LEDGER, ledgerOfDay, within, type LogLedger } from '../core/log-objects.js';
import { inSample } from '../core/sample.js';
import { emptySegment, type Loose } from '../core/segment.js';
import { addLogs, joinSource, noLogs, type SourceSegment } from '../core/source-segment.js';
import { DAY, HOUR, type Instant } from '../core/timestamp.js';
import { createLogChecker } from './check-logs.js';
import { backfillOf, keyUse, segmentOf } from './day-segment.js';
import { oldestDay } from './days.js';
import { labelOf } from './events.js';
import { forEachBounded } from './pool.js';
import {
  readDay,
  type Day,
  type DayDigest,
  type ListedLog,
  type SourceReader,
} from './read-day.js';
import { listLogFolders } from './read-logs.js';
import type { SourceJob } from './read-source.js';
import {
  goOnFrom,
  hasPassing,
  isSame,
  isUpToDate,
  leadsOn,
  readingOf,
  recordOf,
  segmentOfRecord,
  type Reading,
} from './recorded.js';
import { withStanding } from './standing.js';

/** What was read of a source's days. */
export interface DaysRead {
  readonly total: SourceSegment;
  /**
   * The end of the time whose days were not begun, where the run had to stop: days before the range,
   * read for backfill digest files alone, are days too.
   */
  readonly unread: Instant | undefined;
  /** Log files of begun days that were not read. */
  readonly unreadLogs: number;
  /** Days that were read whole, or taken from the journal. */
  readonly segments: number;
  /** Whether that is all of them. */
  readonly whole: boolean;
}

/** The segment of no day. */
export function emptySource(reader: SourceReader): SourceSegment {
  const { standard, backfill } = reader.chains;
  return {
    standard: emptySegment(standard),
    backfill: backfillOf(backfill, []),
    logs: { standard: noLogs(), backfill: noLogs() },
    bytesRead: 0,
    verifiedBy: [],
    met: false,
    ledger: EMPTY_LEDGER,
  };
}

/** How a finding about a log file counts. */
const countOf = ({ code }: Finding) => (code === 'LOG_MISSING' ? 'missing' : 'invalid');

/**
 * Log files of a day that are left when the digest files of the next older one are fetched. Of a large
 * day, that keeps two days' lists from being in memory all the time.
 */
const LEFT_BEFORE_NEXT = 2000;

/** The counts of log files that findings accuse. */
function tallyOf(findings: Iterable<Finding>): SourceSegment['logs'] {
  const tallies = { standard: noLogs(), backfill: noLogs() };
  for (const one of findings) tallies[one.kind ?? 'standard'][countOf(one)]++;
  return tallies;
}

/**
 * Checks the log files that a day's digest files list; `left` could not be, for the run had to stop.
 * What an earlier reading established of files that can't be read now stands. Tells when few are left.
 */
export async function checkLogs(
  job: SourceJob,
  logs: readonly ListedLog[],
  before: Established['logs'],
  findings: Finding[],
  onFewLeft: () => void = () => undefined,
): Promise<Pick<SourceSegment, 'logs' | 'bytesRead'> & { left: number }> {
  const { objects, plan, limit, window, listener, sample } = job;
  const tallies = { standard: noLogs(), backfill: noLogs() };
  const check = createLogChecker(objects, plan);
  let bytesRead = 0;
  let left = 0;
  const standing = new Map(before);
  const name = labelOf(plan);
  const isLeftOut = ({ entry: { bucket, key } }: ListedLog): boolean =>
    sample !== undefined && !inSample(sample, bucket, key);
  const logFiles = sample ? logs.filter((log) => !isLeftOut(log)).length : logs.length;
  listener({ type: 'listed', source: name, logFiles });
  let begun = 0;
  await forEachBounded(logs, limit, window, async (log) => {
    if (logs.length - ++begun <= LEFT_BEFORE_NEXT) onFewLeft();
    const { bucket, key } = log.entry;
    if (isLeftOut(log)) {
      tallies[log.kind].notSampled++;
      return;
    }
    const outcome = job.stopped() ? undefined : await check(log);
    // What an interruption cut off says nothing about the file.
    if (!outcome || (job.signal?.aborted === true && outcome.count === 'unreadable')) {
      left++;
      return;
    }
    const name = objectId(bucket, key, log.entry.hashValue);
    if (outcome.count !== 'unreadable') standing.delete(name);
    if (!standing.has(name)) {
      tallies[outcome.kind][outcome.count]++;
      if (outcome.finding) findings.push(outcome.finding);
    }
    bytesRead += outcome.bytes;
    listener({ type: 'log', source: name, bytes: outcome.bytes });
  });
  findings.push(...standing.values());
  return { logs: addLogs(tallies, tallyOf(standing.values())), bytesRead, left };
}

/** The objects in a day's log folders that its digest files don't list. */
export async function lookForUnlisted(
  job: SourceJob,
  reader: SourceReader,
  day: Instant,
  logs: readonly ListedLog[],
  findings: Finding[],
): Promise<LogLedger> {
  const folder = await listLogFolders(reader, day);
  if (job.signal?.aborted === true) return EMPTY_LEDGER;
  findings.push(...folder.findings);
  const listed = logs.map(({ entry }) => entry);
  const near = { start: job.range.start, end: job.range.end + HOUR };
  return within(ledgerOfDay(day, folder.objects, listed), near, job.carried);
}

type Step =
  | { readonly day: Instant; readonly taken: RecordedDay }
  | {
      readonly day: Instant;
      readonly read: Day;
      readonly reading: Reading;
      /** What an earlier run recorded, which this reading takes the place of. */
      readonly recorded: RecordedDay | undefined;
      readonly before: Established;
    };

/** Reads days, newest first, and joins each onto what is newer. */
export async function readDays(
  job: SourceJob,
  reader: SourceReader,
  days: readonly Instant[],
  newer: SourceSegment,
): Promise<DaysRead> {
  const { range, listener, journal } = job;
  const source = sourceName(job.plan, job.plan.locations);
  const oldest = oldestDay(range);
  const name = labelOf(job.plan);
  listener({ type: 'days', source: name, days: days.length });
  let total = newer;
  let unread: Instant | undefined;
  let unreadLogs = 0;
  let segments = 0;
  // Once a day reads otherwise than it did, what was recorded of older ones rests on nothing.
  let diverged = false;

  /** What an earlier run, or an earlier reading of this one, established of a day. */
  const beforeOf = async (day: Instant, recorded: RecordedDay | undefined): Promise<Established> =>
    established([...findingsIn(recorded), ...((await job.earlier?.(day)) ?? [])]);
  /** Whether a record tells all that is established of its day. */
  const isAll = (recorded: RecordedDay, { logs, digests }: Established): boolean => {
    if (!job.earlier) return true;
    const own = established(findingsIn(recorded));
    return own.logs.size === logs.size && own.digests.size === digests.size;
  };
  const chainsOf = (
    day: Instant,
    digests: readonly DayDigest[],
    failures: readonly Loose[] = [],
  ): Pick<SourceSegment, 'standard' | 'backfill'> => {
    const { standard, backfill } = reader.chains;
    // Days before the range are read for late backfill digest files alone.
    const own = day >= oldest ? segmentOf(standard, digests, failures) : emptySegment(standard);
    return { standard: own, backfill: backfillOf(backfill, digests, failures) };
  };
  const take = async (step: Extract<Step, { read: Day }>, onFewLeft: () => void): Promise<void> => {
    const { day, read, reading, recorded, before } = step;
    listener({ type: 'digests', digestFiles: read.digests.length, bytes: read.bytesRead });
    const main = day >= oldest;
    const digests = withStanding(read.digests, before.digests);
    const own = [...read.findings];
    const [{ left, ...checked }, ledger] = await Promise.all([
      checkLogs(job, job.digestsOnly ? [] : read.logs, before.logs, own, onFewLeft),
      main && job.unlisted ? lookForUnlisted(job, reader, day, read.logs, own) : EMPTY_LEDGER,
    ]);
    const segment: SourceSegment = {
      ...chainsOf(day, digests, read.failures),
      logs: checked.logs,
      bytesRead: read.bytesRead + checked.bytesRead,
      verifiedBy: keyUse(digests),
      met: digests.length > 0 || read.failures.length > 0,
      ledger,
    };
    for (const one of own) job.told.add(one, day);
    total = joinSource(segment, total);
    unreadLogs += left;
    if (left > 0 || job.signal?.aborted === true) return;
    segments++;
    listener({ type: 'day', source: name, recorded: false });
    const edge = read.unsettled ? ('edge' as const) : undefined;
    const again = hasPassing(reader, read, own) ? ('passing' as const) : edge;
    const record = recordOf(job.plan, day, segment, own, reading, again);
    // A day that hangs on newer ones reads the same until one of them comes.
    if (again === 'passing' || !isSame(recorded, record)) await journal?.add(record);
  };

  const begin = async (day: Instant): Promise<Step> => {
    const recorded = await journal?.find(source, day);
    const before = await beforeOf(day, recorded);
    if (recorded && !diverged && isUpToDate(reader, recorded) && isAll(recorded, before)) {
      goOnFrom(reader, recorded);
      return { day, taken: recorded };
    }
    const read = await readDay(reader, day);
    const reading = readingOf(reader);
    if (recorded && !leadsOn(reading, recorded)) diverged = true;
    return { day, read, reading, recorded, before };
  };
  /** What was established of a day that is not read now stands. */
  const stand = async (day: Instant): Promise<void> => {
    const { logs, digests } = await beforeOf(day, await journal?.find(source, day));
    for (const one of logs.values()) job.told.add(one, day);
    const chains = chainsOf(day, withStanding([], digests));
    total = joinSource({ ...emptySource(reader), ...chains, logs: tallyOf(logs.values()) }, total);
  };
  const queue = days[Symbol.iterator]();
  const unreadDays: Instant[] = [];
  const next = async (): Promise<Step | undefined> => {
    const following = queue.next();
    if (following.done === true) return undefined;
    const day = following.value;
    const step = job.stopped() ? undefined : await begin(day);
    // What was read while the connections went down says nothing.
    if (step && job.signal?.aborted !== true) return step;
    unread ??= day + DAY - 1;
    unreadDays.push(day, ...queue);
    return undefined;
  };
  for (let step = await next(); step;) {
    if ('taken' in step) {
      const { segment, findings: own } = segmentOfRecord(step.taken);
      for (const one of own) job.told.add(one, step.day);
      total = joinSource(segment, total);
      segments++;
      listener({ type: 'day', source: name, recorded: true });
      step = await next();
      continue;
    }
    // The digest files of the next older day are fetched while the last log files of this one are checked.
    const now = step;
    let taken = Promise.resolve();
    await new Promise<void>((fewLeft) => {
      taken = take(now, fewLeft).finally(fewLeft);
    });
    [step] = await Promise.all([next(), taken]);
  }
  for (const day of unreadDays) await stand(day);
  return { total, unread, unreadLogs, segments, whole: segments === days.length };
}
