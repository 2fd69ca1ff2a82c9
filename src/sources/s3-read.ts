/** Reading one object of S3 through its consumer, body and all, until it succeeds or fails for good. */
import type { S3Client } from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { s3 } from './aws-sdk.js';
import type { Turn } from './gate.js';
import { createPlainGet, type ObjectAnswer } from './plain-get.js';
import type { ObjectSource, Retention } from './ports.js';
import { WholeBody } from './s3-body.js';
import { classifyS3Error } from './s3-error.js';
import { secondsOf } from './s3-names.js';

/** An error of the consumer's own: never retried, never taken for the network's. */
class ConsumerError extends Error {}

/** Object Lock's hold as GetObject tells it; nothing where it isn't set or may not be seen. */
function retentionOf(mode: string | undefined, date: Date | undefined): { retention?: Retention } {
  const until = secondsOf(date);
  return mode === undefined || until === undefined ? {} : { retention: { mode, until } };
}

async function sdkGet(
  client: S3Client,
  bucket: string,
  key: string,
  versionId: string | undefined,
): Promise<ObjectAnswer> {
  const version = versionId === undefined ? {} : { VersionId: versionId };
  const answer = await client.send(
    new s3.GetObjectCommand({ Bucket: bucket, Key: key, ...version }),
  );
  return {
    size: answer.ContentLength,
    metadata: answer.Metadata ?? {},
    lockMode: answer.ObjectLockMode,
    lockUntil: answer.ObjectLockRetainUntilDate,
    body: answer.Body as unknown as Readable,
  };
}

export interface ReaderOptions {
  readonly clientFor: (bucket: string) => Promise<S3Client>;
  /** Tries a request until it succeeds, fails for good or was tried often enough. */
  readonly attempt: <T>(ask: (turn: Turn) => Promise<T>) => Promise<T>;
  /** Whether to ask past most of the SDK where that will do. */
  readonly isPlain: boolean;
  /** Milliseconds without a byte after which a body counts as stalled. */
  readonly stallMs: number;
}

/** Makes `ObjectSource.read` for S3. */
export function createReader(options: ReaderOptions): ObjectSource['read'] {
  const { clientFor, attempt, stallMs } = options;
  const plainGet = options.isPlain ? createPlainGet(stallMs) : undefined;

  return async (bucket, key, consume, versionId) => {
    // Only the first try is plain: what that one can't do, the SDK may.
    let isPlain = plainGet !== undefined && versionId === undefined;
    try {
      const client = await clientFor(bucket);
      const value = await attempt(async (turn) => {
        const plain = isPlain ? plainGet : undefined;
        isPlain = false;
        const answer =
          (await plain?.(client, bucket, key)) ?? (await sdkGet(client, bucket, key, versionId));
        turn.answered();
        const { size, metadata, lockMode, lockUntil } = answer;
        const chunks = new WholeBody(answer.body, size, stallMs, () => {
          turn.over();
        });
        try {
          const held = retentionOf(lockMode, lockUntil);
          return await consume({ size: size ?? 0, metadata, chunks, ...held });
        } catch (error) {
          throw chunks.broken === error ? error : new ConsumerError('', { cause: error });
        } finally {
          chunks.destroy();
        }
      });
      return { ok: true, value };
    } catch (error) {
      if (error instanceof ConsumerError) throw error.cause;
      return { ok: false, failure: classifyS3Error(error) };
    }
  };
}
