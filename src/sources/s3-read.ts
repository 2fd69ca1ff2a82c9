/** Reading one object of S3 through its consumer, body and all, until it succeeds or fails for good. */
import type { S3Client } from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { s3 } from './aws-sdk.js';
import type { Turn } from './gate.js';
import { hashRead } from './hash-log.js';
import type { LogThreads } from './log-threads.js';
import { objectFacts, type ObjectAnswer } from './object-answer.js';
import { createPlainGet } from './plain-get.js';
import { learnObjects } from './plain-route.js';
import { createPlainAsk } from './plain.js';
import type { ObjectBody, ObjectSource, Read, Retention } from './ports.js';
import { isObjectAnswer, StrangeAnswerError } from './s3-answer.js';
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
  const body = answer.Body as unknown as Readable;
  const { ETag: etag, ContentType: type } = answer;
  if (!isObjectAnswer(etag, type, answer.$metadata.requestId)) {
    body.destroy();
    throw new StrangeAnswerError(200, type);
  }
  return {
    size: answer.ContentLength,
    metadata: answer.Metadata ?? {},
    facts: () =>
      objectFacts({
        versionId: answer.VersionId,
        eTag: etag,
        lastModified: answer.LastModified,
        storageClass: answer.StorageClass,
        encryption: answer.ServerSideEncryption,
      }),
    lockMode: answer.ObjectLockMode,
    lockUntil: answer.ObjectLockRetainUntilDate,
    body,
  };
}

export interface ReaderOptions {
  readonly clientFor: (bucket: string) => Promise<S3Client>;
  /** Tries a request until it succeeds, fails for good or was tried often enough. */
  readonly attempt: <T>(ask: (turn: Turn) => Promise<T>) => Promise<T>;
  /** Whether to ask past most of the SDK where that will do. */
  readonly isPlain: boolean;
  /** Whether other threads reach S3 as well. */
  readonly isDirect: boolean;
  /** Milliseconds without a byte after which a body counts as stalled. */
  readonly stallMs: number;
}

/** Makes what reads objects of S3. */
export function createReader(
  options: ReaderOptions,
  threads?: LogThreads,
): Pick<ObjectSource, 'read' | 'hashLog'> {
  const { clientFor, attempt, stallMs } = options;
  const plainGet = options.isPlain ? createPlainGet(stallMs) : undefined;
  const askThread =
    threads && options.isDirect ? createPlainAsk(learnObjects, threads.bind) : undefined;

  /** Reads by what `get` answers, which the turn of a request is held for. */
  const consumed = async <T>(
    turn: Turn,
    answer: ObjectAnswer,
    consume: (body: ObjectBody) => Promise<T>,
  ): Promise<T> => {
    turn.answered();
    const { size, metadata, facts, lockMode, lockUntil } = answer;
    const chunks = new WholeBody(answer.body, size, stallMs, () => {
      turn.over();
    });
    try {
      const held = retentionOf(lockMode, lockUntil);
      return await consume({ size: size ?? 0, metadata, facts, chunks, ...held });
    } catch (error) {
      throw chunks.broken === error ? error : new ConsumerError('', { cause: error });
    } finally {
      chunks.destroy();
    }
  };

  /** Asks once as `first` does; what that one can't do, and every further try, is the SDK's. */
  const readBy = async <T>(
    first: ((client: S3Client, turn: Turn) => Promise<{ value: T } | undefined>) | undefined,
    bucket: string,
    key: string,
    consume: (body: ObjectBody) => Promise<T>,
    versionId?: string,
  ): Promise<Read<T>> => {
    let next = first;
    try {
      const client = await clientFor(bucket);
      const value = await attempt(async (turn) => {
        const ask = next;
        next = undefined;
        const found = await ask?.(client, turn);
        if (found) return found.value;
        return consumed(turn, await sdkGet(client, bucket, key, versionId), consume);
      });
      return { ok: true, value };
    } catch (error) {
      if (error instanceof ConsumerError) throw error.cause;
      return { ok: false, failure: classifyS3Error(error) };
    }
  };

  const read: ObjectSource['read'] = (bucket, key, consume, versionId) => {
    if (!plainGet || versionId !== undefined) {
      return readBy(undefined, bucket, key, consume, versionId);
    }
    const plainly = async (client: S3Client, turn: Turn) => {
      const answer = await plainGet(client, bucket, key);
      return answer && { value: await consumed(turn, answer, consume) };
    };
    return readBy(plainly, bucket, key, consume);
  };
  return {
    read,
    hashLog: (bucket, key) => {
      if (!askThread || key === '' || !threads?.isThere()) {
        return hashRead(threads, (consume) => read(bucket, key, consume));
      }
      const elsewhere = async (client: S3Client, turn: Turn) => {
        const answer = await askThread(client, bucket, key);
        if (answer) turn.answered(answer.answeredMs);
        return answer && { value: answer.hashed };
      };
      return hashRead(threads, (consume) => readBy(elsewhere, bucket, key, consume));
    },
  };
}
