import { finding, unread, type Finding } from '../core/finding.js';
import { checkLogFile, isHashSupported, type LogCheck } from '../core/log-file.js';
import type { ChainKind, Source } from '../core/object-key.js';
import type { CheckedCounts } from '../core/report.js';
import type { ObjectSource, ReadFailure, UnreadableReason } from '../sources/ports.js';
import type { ListedLog } from './read-day.js';

export interface LogOutcome {
  readonly kind: ChainKind;
  readonly count: keyof CheckedCounts;
  readonly finding?: Finding;
  readonly bytes: number;
}

/** Why a listing that would have decided between forbidden and missing could not be had. */
function undecided(listed: boolean | ReadFailure): { listing?: UnreadableReason } {
  if (typeof listed === 'boolean' || listed.kind !== 'unreadable') return {};
  return listed.reason === 'access-denied' ? {} : { listing: listed.reason };
}

const folderOf = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1);

/**
 * Checks log files of one source. A 403 is "missing" where a complete listing of the folder lacks
 * the key (S3 answers so to whoever may not list); that listing is made once a folder.
 */
export function createLogChecker(
  objects: ObjectSource,
  source: Source,
): (log: ListedLog) => Promise<LogOutcome> {
  const folders = new Map<string, Promise<ReadonlySet<string> | ReadFailure>>();

  /** Whether the listing of its folder lacks a file, or why there is no such listing. */
  const isListedAbsent = async (bucket: string, key: string): Promise<boolean | ReadFailure> => {
    const folder = folderOf(key);
    const name = JSON.stringify([bucket, folder]);
    let keys = folders.get(name);
    if (!keys) {
      keys = objects
        .list(bucket, folder)
        .then((listing) =>
          listing.ok ? new Set(listing.value.objects.map((object) => object.key)) : listing.failure,
        );
      folders.set(name, keys);
    }
    const known = await keys;
    return 'kind' in known ? known : !known.has(key);
  };

  return async ({ entry, kind, digestKey }) => {
    const { bucket, key } = entry;
    const { accountId, region } = source;
    const signed = isHashSupported(entry) ? { signedHash: entry.hashValue.toLowerCase() } : {};
    const place = { accountId, region, kind, bucket, key, digestKey, details: signed };
    let bytes = 0;

    const missing = (why: string): LogOutcome => ({
      kind,
      count: 'missing',
      finding: finding('LOG_MISSING', `is listed by a signed digest file and ${why}`, place),
      bytes,
    });
    const failed = async (failure: ReadFailure): Promise<LogOutcome> => {
      switch (failure.kind) {
        case 'absent':
          return missing(failure.what === 'bucket' ? 'its bucket does not exist' : 'is not there');
        case 'foreign-encryption': {
          const message = 'is encrypted with SSE-C, which CloudTrail never uses';
          return {
            kind,
            count: 'invalid',
            finding: finding('OBJECT_FOREIGN_ENCRYPTION', message, place),
            bytes,
          };
        }
        case 'unreadable': {
          const absent = failure.reason === 'access-denied' && (await isListedAbsent(bucket, key));
          if (absent === true) return missing('is not in the listing of its folder');
          const { code, message } = unread(failure.reason, failure.detail);
          const details = { ...signed, reason: failure.reason, ...undecided(absent) };
          return {
            kind,
            count: 'unreadable',
            finding: finding(code, message, { ...place, details }),
            bytes,
          };
        }
      }
    };
    const judged = (check: LogCheck): LogOutcome => {
      switch (check.state) {
        case 'valid':
          return { kind, count: 'valid', bytes };
        case 'hash-mismatch': {
          const details = { ...signed, foundHash: check.found };
          const message = 'its content is not what the signed digest file lists';
          return {
            kind,
            count: 'invalid',
            finding: finding('LOG_HASH_MISMATCH', message, { ...place, details }),
            bytes,
          };
        }
        case 'malformed':
          return {
            kind,
            count: 'invalid',
            finding: finding('LOG_MALFORMED', check.detail, place),
            bytes,
          };
        case 'trailing-data':
          return {
            kind,
            count: 'invalid',
            finding: finding('LOG_TRAILING_DATA', check.detail, place),
            bytes,
          };
      }
    };

    if (!isHashSupported(entry)) {
      const message = `is listed with a ${entry.hashAlgorithm} hash, which this version does not know`;
      return {
        kind,
        count: 'unreadable',
        finding: finding('LOG_HASH_UNSUPPORTED', message, place),
        bytes,
      };
    }
    const read = await objects.hashLog(bucket, key);
    if (!read.ok) return failed(read.failure);
    bytes = read.value.size;
    return judged(checkLogFile(entry, read.value.content));
  };
}
