/**
 * The fast way to hash what a gzip member holds, for bodies that are held whole. It only ever says
 * yes: wherever the slightest doubt is left it says nothing, and the strict reader (`hashMember`)
 * decides.
 */
import { hash, webcrypto } from 'node:crypto';
import { gunzip, gunzipSync, type InputType, type ZlibOptions } from 'node:zlib';
import { memberHeaderLength, type HashedMember } from './gzip.js';
import { createTurns } from './turns.js';

/** Inflated bytes below which a hop to another thread costs more than it saves. */
const SMALL = 128 * 1024;
/** Inflated bytes past which a stream is as fast, and needs less memory. */
const AT_ONCE = 4 * 1024 * 1024;

/** As many as Node has threads for this. */
const THREADS = 4;
/** So many inflated bodies are held at once, however many arrive. */
const inTurn = createTurns(2 * THREADS);
/** Whole bodies that are being inflated on other threads, or wait for one, in this process. */
let inflating = 0;

const HEADER_AND_TRAILER = 18;
/** Deflate never inflates to more than this many times its size. */
const MAX_RATIO = 1032;
/** The trailer of a member that holds nothing, and the beginning of the next member. */
const EMPTY_MEMBER_THEN_NEXT = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0x1f, 0x8b, 8]);

/** What Node gives with `info`, which its types don't know. */
interface Inflated {
  readonly buffer: Buffer;
  /** `bytesWritten` counts the bytes that were read. */
  readonly engine: { readonly bytesWritten: number };
}
const inflateNow = gunzipSync as unknown as (bytes: InputType, options: ZlibOptions) => Inflated;
const inflateElsewhere = gunzip as unknown as (
  bytes: InputType,
  options: ZlibOptions,
  done: (error: Error | null, inflated: Inflated) => void,
) => void;

/**
 * Whether what gunzip read without an error is certainly one member with nothing behind it. Gunzip
 * checks each member's trailer, skips zeros at the end and reads further members. The last
 * member's trailer says how long the last one is: where that is all that came out, those before it
 * were empty, and the first of them would show.
 */
function isOneMember(bytes: Buffer, size: number, { buffer, engine }: Inflated): boolean {
  return (
    engine.bytesWritten === bytes.length &&
    buffer.length === size &&
    !bytes.includes(EMPTY_MEMBER_THEN_NEXT)
  );
}

/**
 * The SHA-256 of the inflated content where the bytes are certainly exactly one gzip member and not
 * too large for this way; `undefined` where the strict reader must decide. Small ones are done at
 * once, larger ones on other threads.
 */
export function hashWhole(
  bytes: Buffer,
): HashedMember | undefined | Promise<HashedMember | undefined> {
  if (bytes.length < HEADER_AND_TRAILER) return undefined;
  // Only a hint, but what differs from it is not taken.
  const size = bytes.readUInt32LE(bytes.length - 4);
  if (size > AT_ONCE || size > bytes.length * MAX_RATIO) return undefined;
  if ((memberHeaderLength(bytes) ?? -1) < 0) return undefined;
  // One byte more than the size: with exactly the size, zlib asks for a second buffer.
  const options = {
    info: true,
    chunkSize: Math.max(64, size + 1),
    maxOutputLength: size + 1,
  };
  if (size < SMALL) {
    let inflated: Inflated;
    try {
      inflated = inflateNow(bytes, options);
    } catch {
      return undefined;
    }
    if (!isOneMember(bytes, size, inflated)) return undefined;
    return { ok: true, sha256: hash('sha256', inflated.buffer), size };
  }
  return inTurn(async () => {
    const inflated = await inflateAway(bytes, options);
    if (!inflated || !isOneMember(bytes, size, inflated)) return undefined;
    return { ok: true, sha256: await sha256(inflated.buffer), size };
  });
}

/** Inflated on another thread; `undefined` where that fails. */
function inflateAway(bytes: Buffer, options: ZlibOptions): Promise<Inflated | undefined> {
  inflating++;
  return new Promise((resolve) => {
    inflateElsewhere(bytes, options, (error, inflated) => {
      inflating--;
      resolve(error ? undefined : inflated);
    });
  });
}

/** Hashed where there is time: here while the other threads have work, else on one of them. */
async function sha256(bytes: Buffer): Promise<string> {
  if (inflating >= THREADS) return hash('sha256', bytes);
  const digest = await webcrypto.subtle.digest('SHA-256', bytes);
  return Buffer.from(digest).toString('hex');
}
