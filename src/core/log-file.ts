import type { LogFileEntry } from './digest-file.js';
import { hashMember, type GzipProblem, type HashedMember } from './gzip.js';

/** Inflated size past which a log file is malformed. */
export const MAX_LOG_BYTES = 4 * 2 ** 30;

export type LogCheck =
  | { readonly state: 'valid' }
  | { readonly state: 'hash-mismatch'; readonly found: string }
  | { readonly state: 'malformed' | 'trailing-data'; readonly detail: string };

/** Whether the entry's hash is one that can be checked: SHA-256 in hex. */
export function isHashSupported(entry: LogFileEntry): boolean {
  return entry.hashAlgorithm === 'SHA-256' && /^[0-9a-f]{64}$/i.test(entry.hashValue);
}

/** What a log file holds: its hash and size, or why it holds nothing. */
export type LogContent = HashedMember | GzipProblem;

/**
 * Hashes a log file's content (SPEC 4): what exactly one gzip member holds. Errors of the stream are
 * thrown on; they say nothing about the file.
 */
export const hashLogFile = (
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<LogContent> => hashMember(chunks, MAX_LOG_BYTES);

/** Checks a log file's content against the hash that an authenticated digest file signed (SPEC 4). */
export function checkLogFile(
  entry: Pick<LogFileEntry, 'hashValue'>,
  content: LogContent,
): LogCheck {
  if (content.ok) {
    return content.sha256 === entry.hashValue.toLowerCase()
      ? { state: 'valid' }
      : { state: 'hash-mismatch', found: content.sha256 };
  }
  if (content.problem === 'trailing-data') {
    return { state: 'trailing-data', detail: content.detail };
  }
  return { state: 'malformed', detail: content.detail };
}
