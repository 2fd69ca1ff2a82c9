/** A thread that reads log files and hashes them, past the AWS SDK (log-threads.ts). */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { parentPort, workerData } from 'node:worker_threads';
import { hashBody } from './hash-log.js';
import { sendThrough } from './http-send.js';
import type { Asked, Batch, ThreadSettings, Told } from './log-threads.js';
import { understandObject } from './object-answer.js';
import { createObjectRoute, type Way } from './plain-request.js';
import { createAsk, type Ask } from './plain.js';
import type { HashedObject } from './ports.js';
import { serviceError } from './retry.js';
import { WholeBody } from './s3-body.js';
import type { SigningCredentials } from './sigv4.js';

const { ca, sockets, stallMs, timeouts } = workerData as ThreadSettings;
const pool = { keepAlive: true, maxSockets: sockets };
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

parentPort?.on('message', (batch: Batch) => {
  credentials = batch.credentials ?? credentials;
  for (const way of batch.ways) learn(way);
  for (const one of batch.asked) void hash(one, batch.epochMs);
});
