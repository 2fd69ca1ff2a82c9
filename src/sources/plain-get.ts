/**
 * Reading objects with few instructions: the usual GET is signed here and sent through the AWS
 * client's own HTTP handler (its connections, proxy, authorities and timeouts), past the layers in
 * between, which cost many times what the request itself does. Whatever is answered with anything
 * but the object, or that there is none, is for the SDK to ask again and to understand.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import type { Readable } from 'node:stream';
import { learnRoute, type PlainRequest, type Route } from './plain-route.js';
import { isPassing } from './retry.js';
import { WholeBody } from './s3-body.js';

/** An object's answer; the body is the caller's to read or destroy. */
export interface ObjectAnswer {
  readonly size: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly lockMode?: string | undefined;
  readonly lockUntil?: Date | undefined;
  readonly body: Readable;
}

interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** S3's own word that there is no such object, as the SDK would put it. */
class AbsentObjectError extends Error {
  override readonly name = 'NoSuchKey';
  readonly $metadata = { httpStatusCode: 404 };
}

/** An answer that asks to come again later: the next try is the SDK's. */
class PassingError extends Error {
  override readonly name = 'ServiceException';
  readonly $metadata: { readonly httpStatusCode: number };
  constructor(status: number) {
    super(`answered with status ${status}`);
    this.$metadata = { httpStatusCode: status };
  }
}

const META = 'x-amz-meta-';
const MAX_ERROR_BODY = 16 * 1024;
/** A body that is thrown away unread: shorter ones are cheaper than a new connection. */
const DRAINED = 64 * 1024;
/** Answers in a row that only the SDK could use, after which so many reads are left to it. */
const MOST_REFUSED = 8;
const LEFT_TO_SDK = 1000;

/** Sends a request; no answer where what came was none of HTTP's. */
async function send(
  handler: S3Client['config']['requestHandler'],
  request: PlainRequest,
): Promise<HttpAnswer | undefined> {
  try {
    // What the handler asks of a request is in it; the class that its type names isn't exported.
    const answer = (await handler.handle(request as never)) as unknown as { response: HttpAnswer };
    return answer.response;
  } catch (error) {
    if (isPassing(error)) throw error;
    return undefined;
  }
}

/** Reads an object's headers; `undefined` where they aren't what S3 sends with every object. */
function readHeaders(headers: HttpAnswer['headers']): Omit<ObjectAnswer, 'body'> | undefined {
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
    ...(until === undefined ? {} : { lockMode, lockUntil: new Date(until) }),
  };
}

/** Lets a body go that nobody wants. */
function discard({ body, headers }: HttpAnswer): void {
  body.on('error', () => undefined);
  const length = Number(headers['content-length'] ?? NaN);
  if (length <= DRAINED) body.resume();
  else body.destroy();
}

/** Whether a 404 says, in a whole and short answer, that there is no such key. */
async function saysNoSuchKey({ body, headers }: HttpAnswer, stallMs: number): Promise<boolean> {
  const length = headers['content-length'];
  const whole = new WholeBody(body, length === undefined ? undefined : Number(length), stallMs);
  const pieces: Uint8Array[] = [];
  let read = 0;
  try {
    for await (const piece of whole) {
      pieces.push(piece);
      read += piece.length;
      if (read > MAX_ERROR_BODY) return false;
    }
  } catch {
    return false;
  }
  const text = Buffer.concat(pieces).toString();
  return /^(<\?xml[^>]*>)?\s*<Error[^>]*>(?:(?!<Code>).)*<Code>NoSuchKey<\/Code>/s.test(text);
}

/** What is known of one bucket. */
interface Place {
  route: Promise<Route | undefined> | Route | undefined;
  refused: number;
  left: number;
}

/** Gives an object's answer, or `undefined` where the SDK should ask. */
export type PlainGet = (
  client: S3Client,
  bucket: string,
  key: string,
) => Promise<ObjectAnswer | undefined>;

/**
 * Makes the reader of objects. Throws for an object that isn't there, and for what is worth another
 * try, by the SDK then: a connection that broke, a throttle, a server's error.
 */
export function createPlainGet(stallMs: number): PlainGet {
  const places = new Map<string, Place>();

  const leaveToSdk = (place: Place): void => {
    place.left = LEFT_TO_SDK;
    // One more refusal after that is enough; and the bucket may have turned out to lie elsewhere.
    place.refused = MOST_REFUSED - 1;
    place.route = undefined;
  };
  const refuse = (place: Place): void => {
    if (++place.refused >= MOST_REFUSED) leaveToSdk(place);
  };
  const learn = async (client: S3Client, bucket: string, place: Place) => {
    // What goes wrong here goes wrong for the SDK, too, and it says so better.
    const route = await learnRoute(client, bucket).catch(() => undefined);
    if (route) place.route = route;
    else leaveToSdk(place);
    return route;
  };

  return async (client, bucket, key) => {
    let place = places.get(bucket);
    if (!place) {
      place = { route: undefined, refused: 0, left: 0 };
      places.set(bucket, place);
    }
    // Without a key the path would be the bucket's own.
    if (key === '') return undefined;
    if (place.left > 0) {
      place.left--;
      return undefined;
    }
    place.route ??= learn(client, bucket, place);
    const route = typeof place.route === 'function' ? place.route : await place.route;
    if (!route) return undefined;

    const { config } = client;
    // Asked each time: the SDK keeps them, and has them renewed before they expire.
    const credentials = await config.credentials();
    const request = route(key, credentials, Date.now() + config.systemClockOffset);
    const response = await send(config.requestHandler, request);
    if (!response) {
      refuse(place);
      return undefined;
    }
    const { statusCode: status, body } = response;
    if (status === 200) {
      const answer = readHeaders(response.headers);
      if (answer) {
        place.refused = 0;
        return { ...answer, body };
      }
    } else if (status === 404 && (await saysNoSuchKey(response, stallMs))) {
      place.refused = 0;
      throw new AbsentObjectError('The specified key does not exist.');
    }
    discard(response);
    if (status === 429 || (status >= 500 && status !== 501)) throw new PassingError(status);
    refuse(place);
    return undefined;
  };
}
