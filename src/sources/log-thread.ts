/**
 * A thread that hashes log files: those that it reads itself, past the AWS SDK, and those that it is
 * given in pieces (log-threads.ts).
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { parentPort, workerData } from 'node:worker_threads';
import { hashLogFile } from '../core/log-file.js';
import { hashBody } from './hash-log.js';
import { sendThrough } from './http-send.js';
import { understandObject } from './object-answer.js';
import { createObjectRoute, type Way } from './plain-request.js';
import { createAsk, type Ask } from './plain.js';
import type { HashedObject } from './ports.js';
import { serviceError } from './retry.js';
import { WholeBody } from './s3-body.js';
import type { SigningCredentials } from './sigv4.js';
import type { Asked, Batch, Piece, ThreadSettings, Told } from './thread-messages.js';

const { direct, sockets, stallMs } = workerData as ThreadSettings;
const { ca, timeouts = {} } = direct ?? {};
const pool = { keepAlive: true, maxSockets: Math.max(1, sockets) };
const agents = {
  'http:': new HttpAgent(pool),
  'https:': new HttpsAgent(ca === undefined ? pool : { ...pool, ca }),
};

const ways: Ask<string, { hashed: HashedObject; answeredAt: number }>[] = [];
let credentials: SigningCredentials | undefined;

let told: Told[] = [];
/** What was found out in one turn of the loop goes back in one message. */
function tell(one: Told): void {
  if (told.push(one) > 1) return;
  setImmediate(() => {
    parentPort?.postMessage(told);
    told = [];
  });
}

function learn(way: Way): void {
  const agent = agents[way.protocol as keyof typeof agents];
  ways.push(
    createAsk(
      createObjectRoute(way),
      (request) => sendThrough(agent, timeouts, request),
      async (answer) => {
        const object = await understandObject(answer, stallMs);
        if (!object) return undefined;
        const answeredAt = performance.now();
        const chunks = new WholeBody(object.body, object.size, stallMs);
        try {
          return { hashed: await hashBody({ size: object.size ?? 0, chunks }), answeredAt };
        } finally {
          chunks.destroy();
        }
      },
    ),
  );
}

async function hash({ id, way, key }: Asked, epochMs: number): Promise<void> {
  const begun = performance.now();
  try {
    if (!credentials) throw new Error('no credentials');
    const found = await ways[way]?.(key, credentials, epochMs);
    if (!found) tell({ id });
    else tell({ id, hashed: found.hashed, answeredMs: found.answeredAt - begun });
  } catch (error) {
    const { name, message, status } = serviceError(error);
    const { code } = error as NodeJS.ErrnoException;
    tell({ id, error: { name, message, code, status } });
  }
}

/** A body that is given in pieces. */
class GivenBody {
  readonly #id: number;
  readonly #pieces: Uint8Array[] = [];
  #end: Piece | undefined;
  #wake: (() => void) | undefined;

  constructor(id: number) {
    this.#id = id;
  }

  take(piece: Piece): void {
    if (piece.bytes) this.#pieces.push(piece.bytes);
    else this.#end = piece;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) {
        yield piece;
        tell({ body: this.#id, used: piece.length });
      } else if (this.#end) {
        if (this.#end.isBroken) throw new Error('broken off');
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}

const given = new Map<number, GivenBody>();

function take(piece: Piece): void {
  const { id } = piece;
  let body = given.get(id);
  if (!body) {
    body = new GivenBody(id);
    given.set(id, body);
    hashLogFile(body).then(
      (content) => tell({ body: id, content }),
      () => undefined,
    );
  }
  // More may come of what was decided early.
  body.take(piece);
  if (!piece.bytes) given.delete(id);
}

parentPort?.on('message', (message: Batch | Piece) => {
  if ('id' in message) take(message);
  else begin(message);
});

/** Reads and hashes what was asked for. */
function begin(batch: Batch): void {
  credentials = batch.credentials ?? credentials;
  for (const way of batch.ways) learn(way);
  for (const one of batch.asked) void hash(one, batch.epochMs);
}
