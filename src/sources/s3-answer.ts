/**
 * Whether an answer is S3's at all. A proxy, a portal or a broken server may answer 2xx with a page of
 * its own, of which the SDK makes an empty listing, a bucket without settings or an altered object.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { Readable } from 'node:stream';
import type { HttpAnswer } from './http-send.js';
import { readShort } from './plain.js';

/** Counts as the network's failure. */
export class StrangeAnswerError extends Error {
  override readonly name = 'StrangeAnswerError';
  readonly $metadata: { readonly httpStatusCode: number };
  constructor(status: number, contentType = 'no type') {
    super(`answered with status ${status}, but not as S3 does (${contentType})`);
    this.$metadata = { httpStatusCode: status };
  }
}

/** What the answer to a command holds, by the command's name; the second is what moto writes. */
const ROOTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['ListObjectsV2Command', ['ListBucketResult']],
  ['ListObjectVersionsCommand', ['ListVersionsResult']],
  ['GetBucketVersioningCommand', ['VersioningConfiguration', 'GetBucketVersioningResponse']],
  ['GetBucketLifecycleConfigurationCommand', ['LifecycleConfiguration']],
  ['GetBucketLocationCommand', ['LocationConstraint']],
]);

/** A page of a listing is far below. */
const MAX_ANSWER = 16 * 1024 * 1024;

type Answer = { -readonly [K in keyof HttpAnswer]: HttpAnswer[K] };

/** The whole answer, which no pause of the sender's holds up for longer than `stallMs`. */
async function whole(answer: Answer, roots: readonly string[], stallMs: number): Promise<Readable> {
  const type = answer.headers['content-type'];
  const bytes = await readShort(answer, MAX_ANSWER, stallMs);
  if (!bytes) throw new StrangeAnswerError(answer.statusCode, type);
  if (answer.statusCode === 200) {
    const text = bytes.toString('utf8', 0, 1000);
    const [, name = ''] = /^(?:\ufeff|\s|<\?[^>]*\?>)*<([A-Za-z0-9]+)[\s/>]/.exec(text) ?? [];
    // An error that came with 200 is one, as the SDK has it where it sees that.
    if (name === 'Error') answer.statusCode = 503;
    else if (!roots.includes(name)) throw new StrangeAnswerError(200, type);
  }
  return Readable.from([bytes]);
}

/** Whether the headers of an object's answer are S3's: each object has an ETag, and no page of a proxy's. */
export function isObjectAnswer(
  etag: string | undefined,
  contentType: string | undefined,
  requestId: string | undefined,
): boolean {
  if (etag === undefined) return false;
  return requestId !== undefined || !/^text\/html/i.test(contentType ?? '');
}

/** Whether it would show that a body was cut: one that ends with its connection may end anywhere. */
function hasEnd(headers: HttpAnswer['headers']): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/**
 * Has a client refuse answers that aren't S3's, whole or in part, and send nothing once the run was
 * interrupted. Bodies of objects are left to their readers.
 */
export function trustOnlyS3(client: S3Client, stallMs: number, signal?: AbortSignal): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        signal?.throwIfAborted();
        const result = await next(args);
        const answer = result.response as Answer;
        const { statusCode: status, headers } = answer;
        // Of what is asked here, S3 answers nothing with another 2xx. A firewall's challenge is a 202.
        const isOther = status !== 200 && status < 300;
        if (isOther || (commandName === 'GetObjectCommand' && status === 200 && !hasEnd(headers))) {
          answer.body.destroy();
          throw new StrangeAnswerError(status, isOther ? headers['content-type'] : 'no length');
        }
        const roots = ROOTS.get(commandName);
        const isRefusal = status >= 300 && commandName !== 'HeadBucketCommand';
        if (roots || isRefusal) answer.body = await whole(answer, roots ?? [], stallMs);
        return result;
      },
    { step: 'deserialize', priority: 'low', name: 'onlyOfS3' },
  );
}
