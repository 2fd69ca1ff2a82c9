/**
 * A strict reader of gzip (RFC 1952). CloudTrail writes exactly one member; readers disagree about
 * anything more (SPEC 4), so anything more is a finding: a second member, padding, a cut trailer.
 */
import { createHash } from 'node:crypto';
import { crc32, inflateRawSync } from 'node:zlib';
import { createInflation } from './inflation.js';

export type GzipProblem =
  /** Not gzip, a damaged or cut member, a wrong checksum, or larger than the bound. */
  | { readonly ok: false; readonly problem: 'malformed'; readonly detail: string }
  /** One whole member, and then bytes that CloudTrail never wrote. */
  | { readonly ok: false; readonly problem: 'trailing-data'; readonly detail: string }
  /** Inflates past the bound that was given. */
  | { readonly ok: false; readonly problem: 'too-large'; readonly detail: string };

const malformed = (detail: string): GzipProblem => ({ ok: false, problem: 'malformed', detail });
const TRAILING: GzipProblem = {
  ok: false,
  problem: 'trailing-data',
  detail: 'data after the end of the gzip member',
};
const tooLarge = (limit: number): GzipProblem => ({
  ok: false,
  problem: 'too-large',
  detail: `inflates past ${limit} bytes`,
});

const TRAILER = 8;
const MAX_HEADER = 64 * 1024;

/**
 * Length of a gzip member's header; `undefined` while more bytes are needed; -1 when it is none, or
 * longer than any that is read.
 */
export function memberHeaderLength(bytes: Buffer): number | undefined {
  const length = headerLength(bytes);
  return (length ?? bytes.length) > MAX_HEADER ? -1 : length;
}

function headerLength(bytes: Buffer): number | undefined {
  const [id1, id2, method, flags = 0] = bytes;
  if (bytes.length < 4) return id1 !== undefined && id1 !== 0x1f ? -1 : undefined;
  if (id1 !== 0x1f || id2 !== 0x8b || method !== 8 || flags & 0xe0) return -1;
  let at = 10;
  if (flags & 4) {
    if (bytes.length < at + 2) return undefined;
    at += 2 + bytes.readUInt16LE(at);
  }
  for (const flag of [8, 16]) {
    if (!(flags & flag)) continue;
    const zero = bytes.length > at ? bytes.indexOf(0, at) : -1;
    if (zero < 0) return undefined;
    at = zero + 1;
  }
  if (flags & 2) {
    if (bytes.length < at + 2) return undefined;
    if ((crc32(bytes.subarray(0, at)) & 0xffff) !== bytes.readUInt16LE(at)) return -1;
    at += 2;
  }
  return bytes.length < at ? undefined : at;
}

function trailerMatches(trailer: Buffer, crc: number, size: number): boolean {
  return trailer.readUInt32LE(0) === crc && trailer.readUInt32LE(4) === size % 2 ** 32;
}

interface InflateInfo {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * Inflates bytes that must be exactly one gzip member, to at most `limit` bytes. Synchronous, and
 * memory is bounded by what really comes out: the size in the trailer is only a hint.
 */
export function inflateMember(
  bytes: Buffer,
  limit: number,
): { readonly ok: true; readonly bytes: Buffer } | GzipProblem {
  const header = memberHeaderLength(bytes);
  if (header === undefined || header < 0) return malformed('not a gzip member');
  if (bytes.length < header + TRAILER) return malformed('the gzip member is cut short');
  const hint = bytes.readUInt32LE(bytes.length - 4);
  let inflated: InflateInfo;
  try {
    inflated = inflateRawSync(bytes.subarray(header), {
      info: true,
      chunkSize: Math.max(64, Math.min(hint, limit, bytes.length * 1032) + 1),
      maxOutputLength: Math.max(1, limit),
    }) as unknown as InflateInfo;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(limit);
    return malformed('the compressed data is damaged or cut short');
  }
  const after = bytes.length - header - inflated.engine.bytesWritten;
  if (after < TRAILER) return malformed('the gzip trailer is cut short');
  const trailer = bytes.subarray(bytes.length - after, bytes.length - after + TRAILER);
  if (!trailerMatches(trailer, crc32(inflated.buffer), inflated.buffer.length)) {
    return malformed('the checksum in the gzip trailer is wrong');
  }
  return after > TRAILER ? TRAILING : { ok: true, bytes: inflated.buffer };
}

/** What a gzip member holds, without the bytes. */
export interface HashedMember {
  readonly ok: true;
  /** SHA-256 of the inflated bytes, lower-case hex. */
  readonly sha256: string;
  /** Inflated bytes. */
  readonly size: number;
}

/**
 * Hashes the inflated content of a stream that must be exactly one gzip member, in bounded memory,
 * reading no further than is needed to decide. Errors of the stream itself are thrown on.
 */
export async function hashMember(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limit: number,
): Promise<HashedMember | GzipProblem> {
  const hash = createHash('sha256');
  let crc = 0;
  let size = 0;
  let pending: Buffer = Buffer.alloc(0);
  let state: 'header' | 'body' | 'trailer' = 'header';
  let problem: GzipProblem | undefined;
  const inflation = createInflation({
    onData: (data) => {
      size += data.length;
      if (size > limit) {
        problem ??= tooLarge(limit);
        inflation.stop();
        return;
      }
      hash.update(data);
      crc = crc32(data, crc);
    },
    onError: () => {
      problem ??= malformed('the compressed data is damaged or cut short');
    },
  });
  try {
    for await (const piece of chunks) {
      const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      if (chunk.length === 0) continue;
      if (state === 'body') pending = chunk;
      else pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      if (state === 'header') {
        const header = memberHeaderLength(pending);
        if (header === -1) return malformed('not a gzip member');
        if (header === undefined) continue;
        pending = pending.subarray(header);
        state = 'body';
        if (pending.length === 0) continue;
      }
      if (state === 'body') {
        const rest = await inflation.feed(pending);
        if (problem) return problem;
        if (rest === undefined) continue;
        state = 'trailer';
        pending = rest;
      }
      if (pending.length > TRAILER) break;
    }
    if (state === 'header') return malformed('not a gzip member');
    if (state === 'body') {
      await inflation.finish();
      return problem ?? malformed('the gzip trailer is cut short');
    }
    if (pending.length < TRAILER) return malformed('the gzip trailer is cut short');
    if (!trailerMatches(pending, crc, size)) {
      return malformed('the checksum in the gzip trailer is wrong');
    }
    return pending.length > TRAILER ? TRAILING : { ok: true, sha256: hash.digest('hex'), size };
  } finally {
    inflation.stop();
  }
}
