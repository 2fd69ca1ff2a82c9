/**
 * Objects in log folders that no digest file lists (SPEC 1: whatever lies there is taken for a log
 * file, whatever its name). A ledger is what is known of a stretch of days: joining two strikes what
 * the digest files of the one list of the other's, so a log file may be listed by the first digest
 * file of the next day, or, its name being rounded up, by the last of the day before.
 */
import { accountsFolder, type Location, type Source } from './object-key.js';
import { DAY, dayFolder, parseKeyStamp, type Instant, type TimeRange } from './timestamp.js';

/** An object in a log folder. */
export interface LogObject {
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  readonly lastModified?: Instant;
}

export interface LogLedger {
  /** Objects that no digest file read so far lists, by `logId`. */
  readonly candidates: ReadonlyMap<string, LogObject>;
  /** What digest files list in folders of other days than their own, by `logId`. */
  readonly elsewhere: ReadonlySet<string>;
}

export const EMPTY_LEDGER: LogLedger = { candidates: new Map(), elsewhere: new Set() };

/** Seconds: names are on 5-minute marks, rounded, and set before the file is delivered (SPEC 1). */
export const LOG_SLACK = 900;

/** What identifies an object among many. */
export function logId(bucket: string, key: string): string {
  return `${bucket}/${key}`;
}

/** The folder that holds an account's log files of one Region and UTC day (SPEC 1). */
export function logDayFolder(location: Location, source: Source, day: Instant): string {
  return `${accountsFolder(location)}${source.accountId}/CloudTrail/${source.region}/${dayFolder(day)}/`;
}

/** The folder whose subfolders are the Regions that an account has log files of. */
export function logRegionsFolder(location: Location, accountId: string): string {
  return `${accountsFolder(location)}${accountId}/CloudTrail/`;
}

/** The first place that looks like one: folders within a day's folder are read with it. */
const FOLDER = /\/\d{12}\/CloudTrail\/[a-z0-9-]+\/(\d{4})\/(\d\d)\/(\d\d)\//s;
const STAMP = /\/\d{12}_CloudTrail_[a-z0-9-]+_(\d{8}T\d{4})Z_[^/]*$/s;

/** The UTC day of the log folder that a key lies in; `undefined` for a key in none. */
export function logDay(key: string): Instant | undefined {
  const match = FOLDER.exec(key);
  return match ? parseKeyStamp(`${match.slice(1, 4).join('')}T000000Z`) : undefined;
}

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
  const ids = new Set<string>();
  const elsewhere = new Set<string>();
  for (const { bucket, key } of listed) {
    ids.add(logId(bucket, key));
    if (logDay(key) !== day) elsewhere.add(logId(bucket, key));
  }
  const candidates = new Map<string, LogObject>();
  for (const one of objects) {
    const id = logId(one.bucket, one.key);
    if (!ids.has(id)) candidates.set(id, one);
  }
  return { candidates, elsewhere };
}

/** Drops what claims a time outside a range; what claims none stays, and what is to be kept. */
export function within(ledger: LogLedger, range: TimeRange, kept: ReadonlySet<string>): LogLedger {
  const candidates = [...ledger.candidates].filter(([id, { key }]) => {
    const time = logTime(key);
    return kept.has(id) || time === undefined || (time > range.start && time <= range.end);
  });
  return { ...ledger, candidates: new Map(candidates) };
}

/** Strikes candidates that digest files list. */
export function strike(ledger: LogLedger, listed: ReadonlySet<string>): LogLedger {
  if (listed.size === 0 || ledger.candidates.size === 0) return ledger;
  const candidates = new Map([...ledger.candidates].filter(([id]) => !listed.has(id)));
  return { ...ledger, candidates };
}

/** Joins the ledgers of neighbouring stretches of days. Pure and associative. */
export function joinLedgers(a: LogLedger, b: LogLedger): LogLedger {
  const left = strike(a, b.elsewhere);
  const right = strike(b, a.elsewhere);
  return {
    candidates: new Map([...left.candidates, ...right.candidates]),
    elsewhere: new Set([...a.elsewhere, ...b.elsewhere]),
  };
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
  return {
    candidates: new Map(candidates.map((one) => [logId(one.bucket, one.key), one])),
    elsewhere: new Set(elsewhere),
  };
}
