/** Reading the object under a digest file's key, with every size bounded. */
import pLimit, { type LimitFunction } from 'p-limit';
import type { DigestOutcome } from '../core/authenticate.js';
import { MAX_DIGEST_BYTES, parseDigestFile } from '../core/digest-file.js';
import { inflateMember } from '../core/gzip.js';
import type { ObjectBody, ObjectSource, Retention } from '../sources/ports.js';

/** Compressed size past which no digest file is read: CloudTrail's shrink to a third or less. */
const MAX_COMPRESSED = 24 * 1024 * 1024;
/** Past this, compressed or inflated, digest files are taken one at a time. */
const LARGE_COMPRESSED = 1024 * 1024;
const LARGE = 4 * 1024 * 1024;

export interface DigestRead {
  readonly outcome: DigestOutcome;
  readonly size: number;
  /** Object Lock's hold on what was read. */
  readonly retention?: Retention;
}

/** One limiter a run: it keeps hostile giants from being in memory at the same time. */
export function createDigestReader(
  objects: ObjectSource,
  limit: LimitFunction,
): (
  bucket: string,
  key: string,
  size: number,
  versionId?: string,
) => Promise<DigestRead | undefined> {
  const oneAtATime = pLimit(1);

  const decode = (bytes: Buffer, signature: string | undefined, bound: number) => {
    const inflated = inflateMember(bytes, bound);
    if (!inflated.ok) {
      if (inflated.problem === 'too-large' && bound < MAX_DIGEST_BYTES) return 'large' as const;
      const kind = inflated.problem === 'trailing-data' ? 'trailing-data' : 'malformed';
      return { kind, detail: inflated.detail } as const;
    }
    const parsed = parseDigestFile(inflated.bytes);
    return parsed.ok
      ? ({ kind: 'digest', digest: parsed.digest, signature } as const)
      : ({ kind: 'malformed', detail: parsed.detail } as const);
  };

  const attempt = async (
    bucket: string,
    key: string,
    bound: number,
    versionId: string | undefined,
  ): Promise<DigestRead | 'large' | undefined> => {
    const heavy = bound > LARGE;
    const consume = async ({ size, metadata, chunks, retention }: ObjectBody) => {
      const pieces: Uint8Array[] = [];
      let length = 0;
      for await (const piece of chunks) {
        pieces.push(piece);
        length += piece.length;
        if (!heavy && length > LARGE_COMPRESSED) return 'large' as const;
        if (length > MAX_COMPRESSED) break;
      }
      if (length > MAX_COMPRESSED) {
        const detail = `larger than ${MAX_COMPRESSED} bytes`;
        return { size, outcome: { kind: 'malformed', detail } as const };
      }
      const outcome = decode(Buffer.concat(pieces, length), metadata['signature'], bound);
      return outcome === 'large'
        ? outcome
        : { size, outcome, ...(retention === undefined ? {} : { retention }) };
    };
    const read = await objects.read(bucket, key, consume, versionId);
    if (!read.ok) {
      const { failure } = read;
      return failure.kind === 'absent' ? undefined : { outcome: failure, size: 0 };
    }
    if (read.value === 'large') return 'large';
    return read.value;
  };

  return async (bucket, key, size, versionId) => {
    const first =
      size > LARGE_COMPRESSED ? 'large' : await limit(attempt, bucket, key, LARGE, versionId);
    if (first !== 'large') return first;
    const second = await oneAtATime(() => limit(attempt, bucket, key, MAX_DIGEST_BYTES, versionId));
    if (second === 'large') throw new Error(`${key} grew while it was read`);
    return second;
  };
}
