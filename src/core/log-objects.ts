/**
 * Objects in log folders that no digest file lists (SPEC 1: whatever lies there is taken for a log
 * file, whatever its name). A ledger is what is known of a stretch of days: joining two strikes what
 * the digest files of the one list of the other's, so a log file may be listed by the first digest
 * file of the next day, or, its name being rounded up, by the last of the day before.
 */
import { Candidates, IdsByDay, logDay, logId, type LogObject } from './candidates.js';
import { accountsFolder, type Location, type Source } from './object-key.js';
import { DAY, dayFolder, parseKeyStamp, type Instant, type TimeRange } from './timestamp.js';

export { logDay, logId, type LogObject };

export interface LogLedger {
  /** Objects that no digest file read so far lists, by `logId`. */
  readonly candidates: ReadonlyMap<string, LogObject>;
  /** What digest files list in folders of other days than their own. */
  readonly elsewhere: IdsByDay;
}

export const EMPTY_LEDGER: LogLedger = {
  candidates: Candidates.of([]),
  elsewhere: IdsByDay.of([]),
};

/** Seconds: names are on 5-minute marks, rounded, and set before the file is delivered (SPEC 1). */
export const LOG_SLACK = 900;

/** The folder that holds an account's log files of one Region and UTC day (SPEC 1). */
export function logDayFolder(location: Location, source: Source, day: Instant): string {
  return `${accountsFolder(location)}${source.accountId}/CloudTrail/${source.region}/${dayFolder(day)}/`;
}

/** The folder whose subfolders are the Regions that an account has log files of. */
export function logRegionsFolder(location: Location, accountId: string): string {
  return `${accountsFolder(location)}${accountId}/CloudTrail/`;
}

const STAMP = /\/\d{12}_CloudTrail_[a-z0-9-]+_(\d{8}T\d{4})Z_[^/]*$/s;

/**
 * The time in a log file's name, if the name has one that agrees with its folder (a name that is
 * rounded up to midnight lies in the folder of either day).
 */
export function logTime(key: string): Instant | undefined {
  const time = parseKeyStamp(`${STAMP.exec(key)?.[1] ?? ''}00Z`);
  const day = logDay(key);
  if (time === undefined || day === undefined) return undefined;
  return time >= day - LOG_SLACK && time <= day + DAY + LOG_SLACK ? time : undefined;
}

/** The ledger of one UTC day: its folders' objects, and what its digest files list. */
export function ledgerOfDay(
  day: Instant,
  objects: readonly LogObject[],
  listed: readonly { readonly bucket: string; readonly key: string }[],
): LogLedger {
  const names = new Map<string, Set<string>>();
  const elsewhere = new Set<string>();
  for (const { bucket, key } of listed) {
    const keys = names.get(bucket) ?? new Set();
    names.set(bucket, keys.add(key));
    if (logDay(key) !== day) elsewhere.add(logId(bucket, key));
  }
  const candidates = new Map<string, LogObject>();
  for (const one of objects) {
    const isListed = names.get(one.bucket)?.has(one.key) === true;
    if (!isListed) candidates.set(logId(one.bucket, one.key), one);
  }
  return { candidates: Candidates.of(candidates), elsewhere: IdsByDay.of(elsewhere) };
}

/** Drops what claims a time outside a range; what claims none stays, and what is to be kept. */
export function within(ledger: LogLedger, range: TimeRange, kept: ReadonlySet<string>): LogLedger {
  const candidates = Candidates.of(ledger.candidates).filter((id, { key }) => {
    const time = logTime(key);
    return kept.has(id) || time === undefined || (time > range.start && time <= range.end);
  });
  return { ...ledger, candidates };
}

/** Strikes candidates that digest files list. */
export function strike(ledger: LogLedger, listed: IdsByDay | ReadonlySet<string>): LogLedger {
  if (ledger.candidates.size === 0) return ledger;
  return { ...ledger, candidates: Candidates.of(ledger.candidates).without(listed) };
}

/** Puts candidates before those of a ledger; one that is in both is the ledger's. */
export function prepend(objects: readonly LogObject[], ledger: LogLedger): LogLedger {
  const older = Candidates.of(
    objects.map((one): [string, LogObject] => [logId(one.bucket, one.key), one]),
  );
  return { ...ledger, candidates: older.with(Candidates.of(ledger.candidates)) };
}

/**
 * Joins the ledgers of neighbouring stretches of days. Pure and associative, and what it costs is what
 * the days have in common: a year of days is not gone through for each of them.
 */
export function joinLedgers(a: LogLedger, b: LogLedger): LogLedger {
  const left = Candidates.of(strike(a, b.elsewhere).candidates);
  const right = Candidates.of(strike(b, a.elsewhere).candidates);
  return { candidates: left.with(right), elsewhere: a.elsewhere.with(b.elsewhere) };
}

/** A ledger as JSON can hold it. */
export interface PackedLedger {
  readonly candidates: readonly LogObject[];
  readonly elsewhere: readonly string[];
}

export function packLedger({ candidates, elsewhere }: LogLedger): PackedLedger {
  return { candidates: [...candidates.values()], elsewhere: [...elsewhere] };
}

export function unpackLedger({ candidates, elsewhere }: PackedLedger): LogLedger {
  const named = candidates.map((one): [string, LogObject] => [logId(one.bucket, one.key), one]);
  return { candidates: Candidates.of(named), elsewhere: IdsByDay.of(elsewhere) };
}
