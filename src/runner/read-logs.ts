/** Log folders: what lies in them, and which of it digest files of other trails list. */
import { authenticate } from '../core/authenticate.js';
import type { LogFileEntry } from '../core/digest-file.js';
import { finding, type Finding } from '../core/finding.js';
import { checkLogFile, isHashSupported } from '../core/log-file.js';
import {
  logDay,
  logDayFolder,
  logId,
  logTime,
  strike,
  type LogLedger,
  type LogObject,
} from '../core/log-objects.js';
import { digestRegionsFolder, parseDigestKey } from '../core/object-key.js';
import { DAY, dayFolder, HOUR, startOfDay, type Instant } from '../core/timestamp.js';
import { linkName, type Listed, type SourceReader } from './read-day.js';

/** Digest files of other trails that are read for one folder and day. */
const MAX_OTHERS = 2000;

export interface LogFolder {
  readonly objects: readonly LogObject[];
  readonly findings: readonly Finding[];
}

/** Every non-empty object in the log folders of a day, in all known locations. */
export async function listLogFolders(reader: SourceReader, day: Instant): Promise<LogFolder> {
  const { source, objects, locations } = reader;
  const found: LogObject[] = [];
  const findings: Finding[] = [];
  for (const location of [...locations]) {
    const { bucket } = location;
    const prefix = logDayFolder(location, source, day);
    const listing = await objects.list(bucket, prefix);
    if (listing.ok) {
      for (const one of listing.value.objects) {
        // Folder placeholders are empty. What lies deeper counts: Athena reads folders whole.
        if (one.size > 0) found.push({ bucket, ...one });
      }
    } else if (listing.failure.kind !== 'absent') {
      const { failure } = listing;
      const [reason, detail] =
        failure.kind === 'unreadable'
          ? [failure.reason, failure.detail]
          : ['service', failure.kind];
      const message = `the log folder could not be listed (${reason}): ${detail}; log files that nobody lists would not show`;
      const time = { start: day, end: day + DAY };
      const place = { ...source, bucket, key: prefix, ...time, details: { reason } };
      findings.push(finding('OBJECT_UNREADABLE', message, place));
    }
  }
  return { objects: found, findings };
}

/** The days in whose digest folders a digest file would lie that lists an object. */
function digestDays(object: LogObject): Instant[] {
  const day = logDay(object.key);
  if (day === undefined) return [];
  const time = logTime(object.key);
  if (time === undefined) return [day, day + DAY];
  return [time - HOUR, time, time + 2 * HOUR].map(startOfDay);
}

async function strikeBy(
  reader: SourceReader,
  ledger: LogLedger,
  { parsed, object }: Listed,
): Promise<LogLedger> {
  const { chains, objects } = reader;
  const { bucket } = parsed.location;
  const { key, size } = object;
  const read = await reader.readDigest(bucket, key, size);
  if (read?.outcome.kind !== 'digest') return ledger;
  const lookup = await reader.keys.lookup(read.outcome.digest.fingerprint, parsed.end);
  const place = { chain: chains[parsed.kind], bucket, key };
  const result = authenticate(place, read.outcome, () => lookup, objects.carriesMetadata);
  if (result.state !== 'authentic') return ledger;
  return strikeProved(reader, ledger, result.digest.logFiles);
}

/** Strikes what an authenticated list names, where the bytes there have the hash that it signed. */
export async function strikeProved(
  reader: SourceReader,
  ledger: LogLedger,
  logFiles: readonly LogFileEntry[],
): Promise<LogLedger> {
  const proved = new Set<string>();
  for (const entry of logFiles) {
    const id = logId(entry.bucket, entry.key);
    if (!ledger.candidates.has(id) || !isHashSupported(entry)) continue;
    // Whoever overwrote a file must not have it vouched for by its name.
    const read = await reader.objects.hashLog(entry.bucket, entry.key);
    if (read.ok && checkLogFile(entry, read.value.content).state === 'valid') proved.add(id);
  }
  return strike(ledger, proved);
}

/** What listing the digest folders of candidates' days came to. */
export interface Others {
  readonly ledger: LogLedger;
  /** Days with backfill digest files of this trail that were not there when the day was read. */
  readonly late: readonly Instant[];
}

/**
 * Strikes what authenticated digest files of other trails in the same folders list and whose bytes
 * have the hash that they signed (log file names carry no trail, SPEC 1). This trail's own were read with
 * their days, but for those that came since.
 */
export async function strikeByOthers(
  reader: SourceReader,
  ledger: LogLedger,
  met: readonly { readonly bucket?: string; readonly key?: string }[],
): Promise<Others> {
  const { source, objects, locations, chains } = reader;
  const days = new Set([...ledger.candidates.values()].flatMap(digestDays));
  const names = new Set(met.map(linkName));
  const late = new Set<Instant>();
  let left = ledger;
  for (const day of [...days].sort((a, b) => b - a)) {
    for (const location of locations) {
      if (left.candidates.size === 0) return { ledger: left, late: [...late] };
      const { bucket } = location;
      const folder = `${digestRegionsFolder(location, source.accountId)}${source.region}/${dayFolder(day)}/`;
      const listing = await objects.list(bucket, folder);
      if (!listing.ok) continue;
      const others: Listed[] = [];
      for (const object of listing.value.objects) {
        const own = parseDigestKey(bucket, object.key, source, chains.standard.trail);
        const parsed = own ?? parseDigestKey(bucket, object.key, source, undefined);
        if (parsed && !own) others.push({ object, parsed });
        if (own?.kind === 'backfill' && !names.has(linkName({ bucket, key: object.key })))
          late.add(day);
      }
      for (const one of others.slice(0, MAX_OTHERS)) {
        if (left.candidates.size === 0) break;
        left = await strikeBy(reader, left, one);
      }
    }
  }
  return { ledger: left, late: [...late] };
}
