/**
 * What one reading established from bytes that it read. A later reading that can't read them lifts
 * nothing: only one that finds the object whole does.
 */
import type { Finding, FindingCode } from './finding.js';
import type { RecordedDay } from './journal.js';

const OF_LOGS: readonly FindingCode[] = [
  'LOG_MISSING',
  'LOG_MALFORMED',
  'LOG_TRAILING_DATA',
  'LOG_HASH_MISMATCH',
  'OBJECT_FOREIGN_ENCRYPTION',
];

/** Those that no later digest file can excuse. */
const OF_DIGESTS: readonly FindingCode[] = [
  'DIGEST_MALFORMED',
  'DIGEST_TRAILING_DATA',
  'DIGEST_MOVED',
  'DIGEST_IDENTITY_MISMATCH',
  'DIGEST_SIGNATURE_INVALID',
  'OBJECT_FOREIGN_ENCRYPTION',
];

/** Whether a finding accuses a log file that a digest file lists. */
export function accusesLog({ code, digestKey }: Finding): boolean {
  return digestKey !== undefined && OF_LOGS.includes(code);
}

/** Names an object, and what was signed for it where that is known. */
export const objectId = (bucket = '', key = '', signedHash?: unknown): string =>
  JSON.stringify([bucket, key, typeof signedHash === 'string' ? signedHash.toLowerCase() : '']);

/** What a day's record accuses, by `objectId`: log files, and digest files by their own bytes. */
export interface Established {
  readonly logs: ReadonlyMap<string, Finding>;
  readonly digests: ReadonlyMap<string, Finding>;
}

export function establishedIn(record: RecordedDay | undefined): Established {
  const { findings = [], standard, backfill } = record?.segment ?? {};
  const all = [...findings, ...(standard?.findings ?? []), ...(backfill?.findings ?? [])];
  const logs = all.filter(accusesLog);
  const digests = all.filter((one) => !accusesLog(one) && OF_DIGESTS.includes(one.code));
  return {
    logs: new Map(
      logs.map((one) => [objectId(one.bucket, one.key, one.details?.['signedHash']), one]),
    ),
    digests: new Map(digests.map((one) => [objectId(one.bucket, one.key), one])),
  };
}
