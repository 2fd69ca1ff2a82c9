import type { LogFileEntry } from './digest-file.js';
import { hashMember, type GzipProblem, type HashedMember } from './gzip.js';
import { hashWhole } from './hash-whole.js';

/** Inflated size past which a log file is malformed. */
export const MAX_LOG_BYTES = 4 * 2 ** 30;

/** Compressed bytes up to which a log file is read whole before it is inflated. */
const WHOLE = 256 * 1024;

export type LogCheck =
  | { readonly state: 'valid' }
  | { readonly state: 'hash-mismatch'; readonly found: string }
  | { readonly state: 'malformed' | 'trailing-data'; readonly detail: string };

/** Whether the entry's hash is one that can be checked: SHA-256 in hex. */
export function isHashSupported(entry: LogFileEntry): boolean {
  return entry.hashAlgorithm === 'SHA-256' && /^[0-9a-f]{64}$/i.test(entry.hashValue);
}

async function* resume(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      yield next.value;
    }
  } finally {
    await rest.return?.();
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Buffer {
  const [first, second] = pieces;
  if (first === undefined || second !== undefined) return Buffer.concat(pieces, length);
  return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
}

/** What a log file holds: its hash and size, or why it holds nothing. */
export type LogContent = HashedMember | GzipProblem;

/**
 * Hashes a log file's content (SPEC 4): what exactly one gzip member holds. Small ones are read whole,
 * others are hashed as they stream. Errors of the stream are thrown on; they say nothing about the
 * file.
 */
export async function hashLogFile(chunks: AsyncIterable<Uint8Array>): Promise<LogContent> {
  const iterator = chunks[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let length = 0;
  while (length <= WHOLE) {
    const next = await iterator.next();
    if (next.done === true) {
      const whole = joined(head, length);
      return (await hashWhole(whole)) ?? hashMember([whole], MAX_LOG_BYTES);
    }
    head.push(next.value);
    length += next.value.length;
  }
  return hashMember(resume(head, iterator), MAX_LOG_BYTES);
}

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
