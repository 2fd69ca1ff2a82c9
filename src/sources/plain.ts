/**
 * Asking S3 with few instructions: the usual requests are signed here and sent over the connections of
 * the AWS client (with its proxy, authorities and timeouts: http-send.ts), past the layers in between,
 * which cost many times what the request itself does. Whatever is answered in any other way than the
 * usual one is for the SDK to ask again and to understand.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { sendGet, type HttpAnswer } from './http-send.js';
import type { PlainRequest, Route, Way } from './plain-request.js';
import { isPassing } from './retry.js';
import { WholeBody } from './s3-body.js';
import type { SigningCredentials } from './sigv4.js';

/** An answer that asks to come again later: the next try is the SDK's. */
class PassingError extends Error {
  override readonly name = 'ServiceException';
  readonly $metadata: { readonly httpStatusCode: number };
  constructor(status: number) {
    super(`answered with status ${status}`);
    this.$metadata = { httpStatusCode: status };
  }
}

/** A body that is thrown away unread: shorter ones are cheaper than a new connection. */
const DRAINED = 64 * 1024;
const DRAINED_MS = 5000;
/** Answers in a row that only the SDK could use, after which so many reads are left to it. */
const MOST_REFUSED = 8;
const LEFT_TO_SDK = 1000;

/** Sends a request; no answer where what came was none of HTTP's. */
async function sent(answer: Promise<HttpAnswer>): Promise<HttpAnswer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isPassing(error)) throw error;
    return undefined;
  }
}

/** Lets a body go that nobody wants. */
function discard({ body, headers }: HttpAnswer): void {
  body.on('error', () => undefined);
  const length = Number(headers['content-length'] ?? NaN);
  if (!(length <= DRAINED)) {
    body.destroy();
    return;
  }
  const timer = setTimeout(() => body.destroy(), DRAINED_MS);
  body.once('close', () => {
    clearTimeout(timer);
  });
  body.resume();
}

/**
 * Reads a body that should be short; `undefined` where it has more than `most` bytes. Throws where it
 * does not come whole.
 */
export async function readShort(
  { body, headers }: HttpAnswer,
  most: number,
  stallMs: number,
): Promise<Buffer | undefined> {
  const length = headers['content-length'];
  const whole = new WholeBody(body, length === undefined ? undefined : Number(length), stallMs);
  const pieces: Uint8Array[] = [];
  let read = 0;
  for await (const piece of whole) {
    pieces.push(piece);
    read += piece.length;
    if (read > most) return undefined;
  }
  return Buffer.concat(pieces);
}

/** Asks for one thing; `undefined` where the SDK should. */
export type Ask<Asked, Answer> = (
  asked: Asked,
  credentials: SigningCredentials,
  epochMs: number,
) => Promise<Answer | undefined>;

/**
 * Makes what asks over a connection. `understand` gives what an answer says, nothing where the SDK
 * should look at it, and may throw what an answer says for certain. Throws besides for what is worth
 * another try, by the SDK then: a connection that broke, a throttle, a server's error.
 */
export function createAsk<Asked, Answer>(
  route: Route<Asked>,
  send: (request: PlainRequest) => Promise<HttpAnswer>,
  understand: (answer: HttpAnswer) => Promise<Answer | undefined> | Answer | undefined,
): Ask<Asked, Answer> {
  return async (asked, credentials, epochMs) => {
    const response = await sent(send(route(asked, credentials, epochMs)));
    if (!response) return undefined;
    const answer = await understand(response);
    if (answer !== undefined) return answer;
    discard(response);
    const { statusCode: status } = response;
    if (status === 429 || (status >= 500 && status !== 501)) throw new PassingError(status);
    return undefined;
  };
}

/** Sends over the connections of an AWS client. */
export const sendBy =
  (client: S3Client) =>
  (request: PlainRequest): Promise<HttpAnswer> =>
    sendGet(client.config.requestHandler, request);

/** What is known of one bucket. */
interface Place<Asked, Answer> {
  ask: Promise<Ask<Asked, Answer> | undefined> | Ask<Asked, Answer> | undefined;
  refused: number;
  left: number;
}

/** Asks a bucket; `undefined` where the SDK should. */
export type PlainAsk<Asked, Answer> = (
  client: S3Client,
  bucket: string,
  asked: Asked,
) => Promise<Answer | undefined>;

/**
 * Makes what asks buckets for one kind of thing: learns the way to each, and leaves a bucket to the SDK
 * for a while where that has to be asked again too often. Throws what `bind`'s asking throws.
 */
export function createPlainAsk<Asked, Answer>(
  learnWay: (client: S3Client, bucket: string) => Promise<Way | undefined>,
  bind: (client: S3Client, way: Way) => Ask<Asked, Answer>,
): PlainAsk<Asked, Answer> {
  const places = new Map<string, Place<Asked, Answer>>();

  const leaveToSdk = (place: Place<Asked, Answer>): void => {
    place.left = LEFT_TO_SDK;
    // One more refusal after that is enough; and the bucket may have turned out to lie elsewhere.
    place.refused = MOST_REFUSED - 1;
    place.ask = undefined;
  };
  const learn = async (client: S3Client, bucket: string, place: Place<Asked, Answer>) => {
    // What goes wrong here goes wrong for the SDK, too, and it says so better.
    const way = await learnWay(client, bucket).catch(() => undefined);
    const ask = way && bind(client, way);
    if (ask) place.ask = ask;
    else leaveToSdk(place);
    return ask;
  };

  return async (client, bucket, asked) => {
    let place = places.get(bucket);
    if (!place) {
      place = { ask: undefined, refused: 0, left: 0 };
      places.set(bucket, place);
    }
    if (place.left > 0) {
      place.left--;
      return undefined;
    }
    place.ask ??= learn(client, bucket, place);
    const ask = typeof place.ask === 'function' ? place.ask : await place.ask;
    if (!ask) return undefined;

    const { config } = client;
    // Asked each time: the SDK keeps them, and has them renewed before they expire.
    const credentials = await config.credentials();
    const answer = await ask(asked, credentials, Date.now() + config.systemClockOffset);
    if (answer !== undefined) place.refused = 0;
    else if (++place.refused >= MOST_REFUSED) leaveToSdk(place);
    return answer;
  };
}
