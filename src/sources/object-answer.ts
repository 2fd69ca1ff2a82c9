/** What S3 answers when it is asked for an object (plain.ts). */
import type { Readable } from 'node:stream';
import type { ObjectFacts } from '../core/evidence.js';
import { formatInstant } from '../core/timestamp.js';
import type { HttpAnswer } from './http-send.js';
import { readShort } from './plain.js';
import { isObjectAnswer } from './s3-answer.js';
import { secondsOf } from './s3-names.js';

/** An object's answer; the body is the caller's to read or destroy. */
export interface ObjectAnswer {
  readonly size: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly facts: () => ObjectFacts;
  readonly lockMode?: string | undefined;
  readonly lockUntil?: Date | undefined;
  readonly body: Readable;
}

/** What an answer says beside metadata, where it says it; S3 names the storage class only of others. */
export function objectFacts(told: {
  readonly versionId: string | undefined;
  readonly eTag: string | undefined;
  readonly lastModified: Date | undefined;
  readonly storageClass: string | undefined;
  readonly encryption: string | undefined;
}): ObjectFacts {
  const { versionId, eTag, lastModified, storageClass = 'STANDARD', encryption } = told;
  const modified = secondsOf(lastModified);
  return {
    ...(versionId === undefined ? {} : { versionId }),
    ...(eTag === undefined ? {} : { eTag }),
    ...(modified === undefined ? {} : { lastModified: formatInstant(modified) }),
    storageClass,
    ...(encryption === undefined ? {} : { encryption }),
  };
}

/** S3's own word that there is no such object, as the SDK would put it. */
class AbsentObjectError extends Error {
  override readonly name = 'NoSuchKey';
  readonly $metadata = { httpStatusCode: 404 };
}

const META = 'x-amz-meta-';
const MAX_ERROR_BODY = 16 * 1024;

/** Reads an object's headers; `undefined` where they aren't what S3 sends with every object. */
function readHeaders({ headers, body }: HttpAnswer): ObjectAnswer | undefined {
  const { etag, 'content-type': type, 'x-amz-request-id': id, 'last-modified': modified } = headers;
  if (!isObjectAnswer(etag, type, id)) return undefined;
  const length = headers['content-length'] ?? '';
  if (!/^\d{1,15}$/.test(length) || headers['transfer-encoding'] !== undefined) return undefined;
  const metadata: [string, string][] = [];
  for (const name in headers) {
    if (name.startsWith(META)) metadata.push([name.slice(META.length), headers[name] ?? '']);
  }
  const lockMode = headers['x-amz-object-lock-mode'];
  const until = headers['x-amz-object-lock-retain-until-date'];
  if (until !== undefined && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(until)) {
    return undefined;
  }
  return {
    size: Number(length),
    metadata: Object.fromEntries(metadata),
    facts: () =>
      objectFacts({
        versionId: headers['x-amz-version-id'],
        eTag: etag,
        lastModified: modified === undefined ? undefined : new Date(modified),
        storageClass: headers['x-amz-storage-class'],
        encryption: headers['x-amz-server-side-encryption'],
      }),
    ...(until === undefined ? {} : { lockMode, lockUntil: new Date(until) }),
    body,
  };
}

/** Whether a 404 says, in a whole and short answer, that there is no such key. */
async function saysNoSuchKey(answer: HttpAnswer, stallMs: number): Promise<boolean> {
  const body = await readShort(answer, MAX_ERROR_BODY, stallMs).catch(() => undefined);
  const text = body?.toString() ?? '';
  return /^(<\?xml[^>]*>)?\s*<Error[^>]*>(?:(?!<Code>).)*<Code>NoSuchKey<\/Code>/s.test(text);
}

/**
 * What an answer says of an object; `undefined` where the SDK should look at it. Throws for an object
 * that isn't there.
 */
export async function understandObject(
  answer: HttpAnswer,
  stallMs: number,
): Promise<ObjectAnswer | undefined> {
  if (answer.statusCode === 200) return readHeaders(answer);
  if (answer.statusCode === 404 && (await saysNoSuchKey(answer, stallMs))) {
    throw new AbsentObjectError('The specified key does not exist.');
  }
  return undefined;
}
