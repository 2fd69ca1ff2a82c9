/**
 * The limit: what fetching, inflating and hashing log files costs and nothing else. No digest files,
 * no signatures, no report; URLs and hashes are known beforehand, headers are ready-made.
 *
 *   node bare.js PLAN CONNECTIONS [THREADS]
 *
 * PLAN is a file of JSON, `{ url, logs: [[path, hash], ...] }`. It prints the milliseconds without
 * start-up, and fails where a hash is not the one that was given.
 */
import { createHash, hash, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { createGunzip, gunzip, gunzipSync } from 'node:zlib';

interface Plan {
  readonly url: string;
  readonly logs: readonly (readonly [path: string, hash: string])[];
}

/** Where one of Node's documented ways to inflate becomes faster than another. */
const SMALL = 128 * 1024;
const LARGE = 4 * 1024 * 1024;
const WHOLE = 256 * 1024;
const STEP = 256 * 1024;
const gunzipAway = promisify(gunzip);

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const HEADERS = {
  'x-amz-date': '20260302T000000Z',
  'x-amz-content-sha256': EMPTY,
  authorization: `AWS4-HMAC-SHA256 Credential=TESTACCESSKEY0000000/20260302/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${EMPTY}`,
};

/** SHA-256 of what streams out of an inflater. */
function hashStream(source: IncomingMessage | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const sum = createHash('sha256');
    const inflater = createGunzip({ chunkSize: STEP });
    inflater.on('data', (chunk: Buffer) => sum.update(chunk));
    inflater.once('end', () => resolve(sum.digest('hex'))).once('error', reject);
    if (Buffer.isBuffer(source)) inflater.end(source);
    else source.once('error', reject).pipe(inflater);
  });
}

/** SHA-256 of an inflated body: at once where it is small, on another thread where it is not. */
async function hashBody(body: Buffer): Promise<string> {
  const size = body.readUInt32LE(body.length - 4);
  if (size > LARGE) return hashStream(body);
  const settings = { chunkSize: Math.max(64, size + 1), maxOutputLength: size + 1 };
  if (size < SMALL) return hash('sha256', gunzipSync(body, settings));
  const inflated = await gunzipAway(body, settings);
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', inflated)).toString('hex');
}

async function validate(plan: Plan, connections: number): Promise<void> {
  const { hostname, port } = new URL(plan.url);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const ask = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      get({ hostname, port, path, agent, headers: HEADERS }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode ?? 0}`));
        if (Number(response.headers['content-length']) > WHOLE) {
          resolve(hashStream(response));
          return;
        }
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('end', () => {
          const [first, ...more] = chunks;
          resolve(hashBody(first && more.length === 0 ? first : Buffer.concat(chunks)));
        });
      }).once('error', reject);
    });
  let next = 0;
  const work = async (): Promise<void> => {
    for (;;) {
      const log = plan.logs[next++];
      if (!log) return;
      if ((await ask(log[0])) !== log[1]) throw new Error(`${log[0]}: another hash`);
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  agent.destroy();
}

const shareOf = (plan: Plan, thread: number, threads: number): Plan => ({
  url: plan.url,
  logs: plan.logs.filter((_, number) => number % threads === thread),
});

if (isMainThread) {
  const [file = '', connections = '64', count = '1'] = process.argv.slice(2);
  const plan = JSON.parse(readFileSync(file, 'utf8')) as Plan;
  const threads = Number(count);
  const each = Math.ceil(Number(connections) / threads);
  const begun = performance.now();
  const workers = Array.from({ length: threads - 1 }, (_, number) => {
    const data = { plan: shareOf(plan, number + 1, threads), connections: each };
    const worker = new Worker(new URL(import.meta.url), { workerData: data });
    return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  });
  await Promise.all([validate(shareOf(plan, 0, threads), each), ...workers]);
  console.log((performance.now() - begun).toFixed(1));
} else {
  const { plan, connections } = workerData as { plan: Plan; connections: number };
  await validate(plan, connections);
}
