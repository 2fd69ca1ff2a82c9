/**
 * Searching verified log files a second time, around what needs an explanation: only what an
 * authenticated digest file lists, and only with the bytes that it signed.
 */
import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { inflateMember } from '../core/gzip.js';
import { checkLogFile } from '../core/log-file.js';
import { DAY, HOUR, startOfDay, type TimeRange } from '../core/timestamp.js';
import { forEachBounded } from './pool.js';
import { readDay, type ListedLog } from './read-day.js';
import type { SourceResult } from './read-source.js';

/** A record that a search found, and the verified log file that it stands in. */
export interface FoundRecord {
  readonly record: unknown;
  /** `s3://bucket/key`. */
  readonly logFile: string;
}

export interface LogSearch {
  readonly records: readonly FoundRecord[];
  /** Whether every digest and log file of the time was read and verified. */
  readonly complete: boolean;
}

/** Inflated bytes past which a log file isn't searched. */
const MAX_SEARCHED = 256 * 1024 * 1024;
const MAX_COMPRESSED = 64 * 1024 * 1024;
const MAX_RECORDS = 100_000;
/** Log files that are held whole at the same time. */
const AT_ONCE = 4;

/** The records of a log file's text that contain one of the needles. */
function recordsWith(text: Buffer, needles: readonly string[]): unknown[] {
  if (!needles.some((needle) => text.includes(needle))) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.toString('utf8'));
  } catch {
    return [];
  }
  const records = (parsed as { Records?: unknown } | null)?.Records;
  if (!Array.isArray(records)) return [];
  return (records as unknown[]).filter((record) => {
    const json = JSON.stringify(record);
    return needles.some((needle) => json.includes(needle));
  });
}

async function verifiedText(result: SourceResult, log: ListedLog): Promise<Buffer | undefined> {
  const { bucket, key, hashValue } = log.entry;
  // Hashed as it streams, first: what was put there instead is never held whole.
  const hashed = await result.reader.objects.hashLog(bucket, key);
  if (!hashed.ok || checkLogFile(log.entry, hashed.value.content).state !== 'valid')
    return undefined;
  const read = await result.reader.objects.read(bucket, key, async ({ chunks }) => {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of chunks) {
      pieces.push(piece);
      length += piece.length;
      if (length > MAX_COMPRESSED) return undefined;
    }
    return Buffer.concat(pieces, length);
  });
  if (!read.ok || !read.value) return undefined;
  const inflated = inflateMember(read.value, MAX_SEARCHED);
  if (!inflated.ok) return undefined;
  const hash = createHash('sha256').update(inflated.bytes).digest('hex');
  return hash === hashValue.toLowerCase() ? inflated.bytes : undefined;
}

/**
 * Reads the verified log files of one source that were delivered in a stretch of time and gives the
 * records that contain any of the needles.
 */
export async function searchLogs(
  result: SourceResult,
  range: TimeRange,
  needles: readonly string[],
): Promise<LogSearch> {
  const limit = pLimit(AT_ONCE);
  const reader = {
    ...result.reader,
    locations: [...result.reader.locations],
    links: new Map(result.reader.links),
    range,
    backfillFrom: range.start,
  };
  const records: FoundRecord[] = [];
  let complete = true;
  for (let day = startOfDay(range.end + HOUR); day >= startOfDay(range.start); day -= DAY) {
    const { logs, failures, digests } = await readDay(reader, day);
    complete &&= failures.length === 0 && digests.every((digest) => 'node' in digest);
    await forEachBounded(logs, limit, AT_ONCE * 2, async (log) => {
      const text = await verifiedText(result, log);
      if (!text) {
        complete = false;
        return;
      }
      const { bucket, key } = log.entry;
      for (const record of recordsWith(text, needles)) {
        if (records.length < MAX_RECORDS)
          records.push({ record, logFile: `s3://${bucket}/${key}` });
        else complete = false;
      }
    });
  }
  return { records, complete };
}
