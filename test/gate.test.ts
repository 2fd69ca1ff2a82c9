/** How many requests are under way together: as many as S3 bears. */
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createGate, type Turn } from '../src/sources/gate.js';
import { createS3Source } from '../src/sources/s3.js';
import { FROM } from './support/lies.js';
import { startEndpoint, type Endpoint, type EndpointOptions } from './support/loopback.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';
import { validate } from './support/validate.js';

const BUCKET = 'trail-bucket';
const credentials = { accessKeyId: 'TESTACCESSKEY0000000', secretAccessKey: 'test' };

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function start(options: EndpointOptions, concurrency: number, isPlain = true) {
  const builder = new TrailBuilder();
  builder.put(BUCKET, 'k', { body: Buffer.alloc(100) });
  const endpoint = await startEndpoint(builder.world, options);
  undo.push(() => endpoint.close());
  const source = createS3Source({
    region: 'us-east-1',
    concurrency,
    isPlain,
    retry: { attempts: 10, pauseMs: 5 },
    client: {
      endpoint: endpoint.url,
      credentials,
      forcePathStyle: true,
      requestHandler: { httpAgent: new Agent({ keepAlive: true, maxSockets: concurrency }) },
    },
  });
  undo.push(() => source.close());
  return { endpoint, source };
}

type Source = Awaited<ReturnType<typeof start>>['source'];

/** Reads so many objects, all asked for at once; how many were read. */
async function readMany(source: Source, reads: number): Promise<number> {
  const all = await Promise.all(
    Array.from({ length: reads }, () =>
      source.read(BUCKET, 'k', async ({ chunks }) => {
        for await (const chunk of chunks) expect(chunk.length).toBe(100);
      }),
    ),
  );
  return all.filter((read) => read.ok).length;
}

const throttledOf = (endpoint: Endpoint): number => endpoint.requests.get('throttled') ?? 0;

describe('the gate', () => {
  it.each([0, 20, 50])('opens to 1024 within two seconds at %i ms', async (latencyMs) => {
    // Without HTTP, whose work would be the limit where client and service share a processor.
    const gate = createGate(1024);
    const begin = performance.now();
    let openAfter = Infinity;
    const ask = async ({ answered }: Turn): Promise<void> => {
      await (latencyMs === 0 ? new Promise((resolve) => setImmediate(resolve)) : sleep(latencyMs));
      answered();
      if (gate.limit === 1024) openAfter = Math.min(openAfter, performance.now() - begin);
    };
    await Promise.all(Array.from({ length: 8000 }, () => gate.run(ask)));
    expect(openAfter).toBeLessThan(2000);
  });

  it('opens no further where answers queue, and closes for none but a throttle', async () => {
    const gate = createGate(256);
    const ask = (ms: number) =>
      gate.run(async ({ answered }) => {
        await sleep(ms);
        answered();
      });
    await Promise.all(Array.from({ length: 32 }, () => ask(5)));
    await Promise.all(Array.from({ length: 128 }, () => ask(1500)));
    expect(gate.limit).toBe(32);
    const fail = (error: object) =>
      gate.run(() => Promise.reject(Object.assign(new Error(), error))).catch(() => undefined);
    await Promise.all(Array.from({ length: 32 }, () => fail({ name: 'InternalError' })));
    expect(gate.limit).toBe(32);
    // Once for all that were under way together.
    await Promise.all(Array.from({ length: 32 }, () => fail({ name: 'SlowDown' })));
    expect(gate.limit).toBe(22);
    for (let times = 0; times < 20; times++) await fail({ $metadata: { httpStatusCode: 503 } });
    expect(gate.limit).toBe(4);
  });
});

describe('requests under way', () => {
  it.each([
    [300, 256],
    [1000, 512],
  ])('at %i ms reach what was asked for, %i', async (latencyMs, most) => {
    const { endpoint, source } = await start({ latencyMs }, most);
    // As many rounds as a start at 32 that doubles needs, and two more.
    expect(await readMany(source, most * 4)).toBe(most * 4);
    expect(endpoint.peak.inFlight).toBe(most);
  });

  it.each([1, 3, 20])('are never more than were asked for: %i', async (most) => {
    const { endpoint, source } = await start({ latencyMs: 200 }, most);
    expect(await readMany(source, most * 3)).toBe(most * 3);
    expect(endpoint.peak.inFlight).toBe(most);
  });

  it('begin with few', async () => {
    const { endpoint, source } = await start({ latencyMs: 2000 }, 256);
    const all = readMany(source, 40);
    while (endpoint.peak.inFlight < 32) await sleep(5);
    await sleep(200);
    expect(endpoint.peak.inFlight).toBe(32);
    expect(await all).toBe(40);
  });

  it.each([
    [20, true],
    [30, false],
    [60, true],
  ])('settle at %i where the service takes no more (plain: %s)', async (most, isPlain) => {
    const { endpoint, source } = await start({ latencyMs: 20, throttleAbove: most }, 256, isPlain);
    // The SDK takes so much longer that half as many show it as well.
    const reads = isPlain ? 2000 : 800;
    expect(await readMany(source, reads / 2)).toBe(reads / 2);
    endpoint.peak.inFlight = 0;
    const before = throttledOf(endpoint);
    expect(await readMany(source, reads)).toBe(reads);
    // One more is tried now and then; and the service may see the end of an answer later than we do.
    expect(endpoint.peak.inFlight).toBeLessThanOrEqual(most * 1.25 + 4);
    expect(endpoint.peak.inFlight).toBeGreaterThan(most / 2);
    expect(throttledOf(endpoint) - before).toBeLessThan(reads / 10);
  });

  it('of listings are counted as well', async () => {
    const { endpoint, source } = await start({ latencyMs: 20 }, 5);
    await source.list(BUCKET, '');
    endpoint.peak.inFlight = 0;
    await Promise.all(Array.from({ length: 40 }, () => source.list(BUCKET, '')));
    expect(endpoint.peak.inFlight).toBe(5);
  });
});

it('a trail is proved where S3 throttles whatever is above 12', async () => {
  const builder = new TrailBuilder();
  builder.chain({ from: FROM, hours: 30, logsPerHour: 20 });
  const { report, status, requests } = await validate(
    builder,
    { start: FROM + HOUR, end: FROM + 30 * HOUR },
    { endpoint: { latencyMs: 3, throttleAbove: 12 }, argv: ['--concurrency', '256'] },
  );
  expect(status).toBe(0);
  expect(report.verdict).toBe('valid');
  expect(report.counts.logFiles.valid).toBe(580);
  expect(requests.get('throttled')).toBeGreaterThan(0);
});
