/**
 * What one reading established from bytes that it read. A later reading that can't read them, or does
 * not meet them any more, lifts nothing: only one that finds the object whole does.
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
  'CHAIN_LINK_BROKEN',
  'OBJECT_FOREIGN_ENCRYPTION',
];

/** Those that a later digest file can excuse, unless a signed one recorded another hash. */
const UNLESS_RECORDED: readonly FindingCode[] = ['DIGEST_SIGNATURE_MISSING', 'DIGEST_KEY_UNKNOWN'];

/** Whether a finding accuses a log file that a digest file lists. */
function accusesLog({ code, digestKey }: Finding): boolean {
  return digestKey !== undefined && OF_LOGS.includes(code);
}

/** The hash that a signed digest file recorded of a digest file that has another. */
export function recordedHash({ details }: Finding): string | undefined {
  const hash = details?.['recordedHash'];
  return typeof hash === 'string' ? hash : undefined;
}

/** Whether a finding accuses a digest file of what its bytes are. */
export function accusesDigest(one: Finding): boolean {
  if (accusesLog(one)) return false;
  if (OF_DIGESTS.includes(one.code)) return true;
  return UNLESS_RECORDED.includes(one.code) && recordedHash(one) !== undefined;
}

/** Names an object, and what was signed for it where that is known. */
export const objectId = (bucket = '', key = '', signedHash?: unknown): string =>
  JSON.stringify([bucket, key, typeof signedHash === 'string' ? signedHash.toLowerCase() : '']);

/** What is established of objects, by `objectId`: of log files, and of digest files by their bytes. */
export interface Established {
  readonly logs: ReadonlyMap<string, Finding>;
  readonly digests: ReadonlyMap<string, readonly Finding[]>;
}

/** What findings establish; of a digest file, each kind once. */
export function established(findings: Iterable<Finding>): Established {
  const logs = new Map<string, Finding>();
  const digests = new Map<string, Finding[]>();
  for (const one of findings) {
    if (accusesLog(one)) {
      logs.set(objectId(one.bucket, one.key, one.details?.['signedHash']), one);
    } else if (accusesDigest(one)) {
      const name = objectId(one.bucket, one.key);
      const known = digests.get(name) ?? [];
      if (!known.some(({ code }) => code === one.code)) digests.set(name, [...known, one]);
    }
  }
  return { logs, digests };
}

/** Everything that a day's record tells. */
export function findingsIn(record: RecordedDay | undefined): readonly Finding[] {
  const { findings = [], standard, backfill } = record?.segment ?? {};
  return [...findings, ...(standard?.findings ?? []), ...(backfill?.findings ?? [])];
}
