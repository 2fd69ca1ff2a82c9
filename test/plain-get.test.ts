/** Objects read past most of the AWS SDK: what comes of it must be what the SDK gives. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import type { ObjectBody, Read } from '../src/sources/ports.js';
import type { S3SourceOptions } from '../src/sources/s3.js';
import { base, FROM, rewrite } from './support/lies.js';
import { startEndpoint, type Endpoint, type EndpointOptions } from './support/loopback.js';
import { startRadosgw, upload } from './support/real-s3.js';
import { CREDENTIALS, runJson } from './support/run-command.js';
import { s3SourceAt, SECRETS } from './support/s3-source.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';
import { validate } from './support/validate.js';

type Signer = Extract<NonNullable<S3ClientConfig['signer']>, { sign: unknown }>;
type HttpRequest = Parameters<Signer['sign']>[0];

const BUCKET = 'trail-bucket';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function serve(builder: TrailBuilder, options: EndpointOptions = {}): Promise<Endpoint> {
  const endpoint = await startEndpoint(builder.world, options);
  undo.push(() => endpoint.close());
  return endpoint;
}

function s3At(url: string, more: Partial<S3SourceOptions> = {}) {
  const source = s3SourceAt(url, more);
  undo.push(() => source.close());
  return source;
}

async function consume({ size, metadata, retention, chunks }: ObjectBody) {
  const pieces: Uint8Array[] = [];
  for await (const piece of chunks) pieces.push(piece);
  return { size, metadata, retention, text: Buffer.concat(pieces).toString('latin1') };
}

const count = (endpoint: Endpoint, name: string): number => endpoint.requests.get(name) ?? 0;
const isPlain = (request: IncomingMessage): boolean =>
  request.headers['amz-sdk-invocation-id'] === undefined;

/** Keys that a path, a URL or a signature could stumble over. */
const AWKWARD = [
  ...[' ', 'a b', 'a+b', 'a%20b', "it's (*)!~", 'é/\u{1f600}', '?x=1&y#z', '%', '\u0001'],
  ...['/leading', 'a//b', 'a/./b', 'a/../b', './x', '../x', 'trailing/', 'k'.repeat(1024)],
  Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join(''),
];

describe('the command', () => {
  it('reads every object so, with the report that the SDK alone gives', async () => {
    const { builder, start, end, log, digest } = base();
    rewrite(builder, log(2), (text) => text.replace('GetObject', 'PutObject'));
    builder.remove(log(5));
    builder.remove(digest(4));
    builder.put(BUCKET, log(6).key, {
      ...builder.get(log(6)),
      refuse: { status: 403, code: 'AccessDenied', message: 'Access Denied' },
    });
    const verify = new Map([[CREDENTIALS.AWS_ACCESS_KEY_ID, CREDENTIALS.AWS_SECRET_ACCESS_KEY]]);
    const range = { start, end };
    const usual = await validate(builder, range, { endpoint: { verify } });
    const sdk = await validate(builder, range, {
      endpoint: { verify },
      argv: ['--s3-client', 'sdk'],
    });
    const told = ({ report }: typeof sdk) => ({ ...report, startedAt: '', finishedAt: '' });
    expect(told(usual)).toEqual(told(sdk));
    expect(usual.status).toBe(1);
    expect(sdk.requests.get('plain')).toBeUndefined();
    // Each read was tried so once; the refused log file's went to the SDK as well.
    expect(usual.requests.get('plain')).toBe(sdk.requests.get('GetObject'));
    expect(usual.requests.get('GetObject')).toBe(sdk.requests.get('GetObject')! + 2);
  });

  it('goes on with new credentials where the old ones expire', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 8, logsPerHour: 12 });
    // The SDK renews credentials five minutes before they expire, so these live for one second.
    const LIFE_MS = 1000;
    const secrets = new Map<string, string>();
    let issued = 0;
    let refused = 0;
    const server = createServer((_request, response) => {
      const id = `ASIA${issued++}`;
      secrets.set(id, `secret${issued}`);
      setTimeout(() => secrets.delete(id), LIFE_MS * 3);
      const Expiration = new Date(Date.now() + 300_000 + LIFE_MS).toISOString();
      const keys = { AccessKeyId: id, SecretAccessKey: `secret${issued}`, Token: `token${id}==` };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ ...keys, Expiration }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    undo.push(() => server.close());
    const answerGet = (request: IncomingMessage): boolean => {
      const id = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      if (request.headers['x-amz-security-token'] !== `token${id}==`) refused++;
      return false;
    };
    const endpoint = await serve(builder, { latencyMs: 120, verify: secrets, answerGet });
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !(name in CREDENTIALS)),
    );
    const child = spawn(
      process.execPath,
      [
        fileURLToPath(new URL('../bin/validate-trail.js', import.meta.url)),
        ...['--trail-arn', builder.trail.TrailARN, '--endpoint-url', endpoint.url],
        ...['--start-time', iso(FROM + HOUR), '--end-time', iso(FROM + 8 * HOUR)],
        ...['--concurrency', '2', '--quiet'],
      ],
      {
        env: {
          ...env,
          AWS_CONFIG_FILE: '/dev/null',
          AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
          AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let told = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (told += text));
    }
    const [status] = (await once(child, 'close')) as [number];
    expect(status, told).toBe(0);
    expect(issued).toBeGreaterThan(3);
    expect(refused).toBe(0);
    expect(count(endpoint, 'plain')).toBe(count(endpoint, 'GetObject'));
    expect(count(endpoint, 'plain')).toBeGreaterThan(84);
  });
});

describe('an object', () => {
  it('comes with its size, metadata and hold, whatever its key', async () => {
    const builder = new TrailBuilder();
    const metadata = {
      signature: 'aa',
      'x-y': ' inner  space ',
      latin: 'caf\u00e9',
      rfc: '=?UTF-8?Q?=C3=A9?=',
    };
    const retention = { mode: 'COMPLIANCE', until: FROM + 86_400 };
    for (const key of AWKWARD) {
      builder.put(BUCKET, key, { body: Buffer.from(`of ${key}`), metadata, retention });
    }
    builder.put(BUCKET, 'empty', { body: Buffer.alloc(0) });
    builder.put(BUCKET, 'large', { body: Buffer.alloc(3_000_000, 'abc') });
    const endpoint = await serve(builder, { verify: SECRETS });
    for (const key of [...AWKWARD, 'empty', 'large']) {
      const plain = await s3At(endpoint.url).read(BUCKET, key, consume);
      const sdk = await s3At(endpoint.url, { isPlain: false }).read(BUCKET, key, consume);
      expect(plain, key).toEqual(sdk);
      const { body } = builder.get({ bucket: BUCKET, key });
      expect(plain, key).toMatchObject({
        value: { size: body.length, text: body.toString('latin1') },
      });
    }
    expect(count(endpoint, 'plain')).toBe(AWKWARD.length + 2);
    expect(count(endpoint, 'GetObject')).toBe(2 * (AWKWARD.length + 2));
  });

  it('without a key, or with one that isn’t Unicode, is the SDK’s', async () => {
    const endpoint = await serve(new TrailBuilder());
    for (const key of ['', 'a\ud800']) {
      const plain = await s3At(endpoint.url).read(BUCKET, key, consume);
      const sdk = await s3At(endpoint.url, { isPlain: false }).read(BUCKET, key, consume);
      expect(plain).toEqual(sdk);
    }
    expect(count(endpoint, 'plain')).toBe(0);
    expect(count(endpoint, 'ListObjects')).toBe(2);
  });

  it('is read as the machine’s clock stands, if that is an hour wrong', async () => {
    const builder = new TrailBuilder();
    for (let n = 0; n < 5; n++) builder.put(BUCKET, `k${n}`, { body: Buffer.from('x') });
    const now = new Date(Date.now() + 3_600_000);
    const endpoint = await serve(builder, { verify: SECRETS, now });
    const s3 = s3At(endpoint.url);
    for (let n = 0; n < 5; n++) {
      expect(await s3.read(BUCKET, `k${n}`, consume)).toMatchObject({ value: { text: 'x' } });
    }
    expect([count(endpoint, 'plain'), count(endpoint, 'GetObject')]).toEqual([5, 5]);
  });

  it.each([
    ['not at all', ''],
    [
      'with another algorithm',
      'AWS4-ECDSA-P256-SHA256 Credential=A/20260310/us-east-1/s3/aws4_request',
    ],
    [
      'otherwise',
      `AWS4-HMAC-SHA256 Credential=A/20260310/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
    ],
  ])(
    'of a bucket whose requests are signed %s is the SDK’s to read',
    async (_how, authorization) => {
      const builder = new TrailBuilder();
      builder.put(BUCKET, 'k', { body: Buffer.from('x') });
      const endpoint = await serve(builder);
      const sign = (request: HttpRequest): Promise<HttpRequest> => {
        Object.assign(request.headers, { authorization, 'x-amz-date': '20260310T000000Z' });
        return Promise.resolve(request);
      };
      const s3 = s3At(endpoint.url, { client: { signer: { sign } } });
      expect(await s3.read(BUCKET, 'k', consume)).toMatchObject({ value: { text: 'x' } });
      expect([count(endpoint, 'plain'), count(endpoint, 'GetObject')]).toEqual([0, 1]);
    },
  );
});

type Answer = (response: ServerResponse) => void;
const error =
  (status: number, code: string, headers = {}, more = ''): Answer =>
  (response) =>
    response
      .writeHead(status, { 'content-type': 'application/xml', ...headers })
      .end(
        `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>told</Message>${more}</Error>`,
      );

/** Answers to a plain GET that only the SDK can make something of; it is then asked and answered. */
const ODD: [string, Answer][] = [
  ['403', error(403, 'AccessDenied')],
  ['a redirect', error(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-west-1' })],
  ['a redirect elsewhere', error(307, 'TemporaryRedirect', { location: 'http://127.0.0.1:9/' })],
  ['400', error(400, 'AuthorizationHeaderMalformed')],
  ['500', error(500, 'InternalError')],
  ['503', error(503, 'SlowDown')],
  ['501', error(501, 'NotImplemented')],
  ['404 of another kind', error(404, 'NoSuchBucket')],
  ['404 that only mentions it', error(404, 'Other', {}, '<Code>NoSuchKey</Code>')],
  ['404 of a proxy', (response) => response.writeHead(404).end('<Code>NoSuchKey</Code>')],
  ['404 without end', error(404, 'NoSuchKey', { 'content-length': 100_000 })],
  [
    '404 that goes on and on',
    (response) =>
      response.writeHead(404).end(`<Error>${' '.repeat(5_000_000)}<Code>NoSuchKey</Code>`),
  ],
  ['a huge error', error(400, 'Bad', {}, 'x'.repeat(20_000_000))],
  ['part of it', (response) => response.writeHead(206, { 'content-length': 1 }).end('w')],
  ['nothing new', (response) => response.writeHead(304).end()],
  ['no length', (response) => response.writeHead(200).end('wrong')],
  [
    'too much announced',
    (response) => response.writeHead(200, { 'content-length': 9 }).end('wrong'),
  ],
  ['a connection that ends', (response) => response.destroy()],
  [
    'a body that breaks off',
    (response) => {
      response.writeHead(200, { 'content-length': 9 });
      response.write('wr', () => response.destroy());
    },
  ],
  [
    'a body that stalls',
    (response) => void response.writeHead(200, { 'content-length': 9 }).write('w'),
  ],
  ['no HTTP', (response) => response.socket?.end('SSH-2.0-x\r\n\r\n')],
  [
    'headers without end',
    (response) => {
      response.socket?.write(`HTTP/1.1 200 OK\r\nx-amz-meta-a: ${'x'.repeat(100_000)}\r\n`);
    },
  ],
  [
    'a hold that is no date',
    (response) =>
      response
        .writeHead(200, { 'content-length': 5, 'x-amz-object-lock-retain-until-date': 'soon' })
        .end('wrong'),
  ],
];

/** Those that may be gone the next time: they count as a try. */
const PASSING = ['500', '503', 'a connection that ends', 'a body that breaks off'];
PASSING.push('a body that stalls', 'too much announced');

describe('an answer that isn’t the object', () => {
  it.each(ODD)('%s: the SDK is asked', async (name, answer) => {
    const retry = { attempts: PASSING.includes(name) ? 2 : 1, pauseMs: 1 };
    const builder = new TrailBuilder();
    builder.put(BUCKET, 'k', { body: Buffer.from('right') });
    const endpoint = await serve(builder, {
      answerGet: (request, response) => {
        if (!isPlain(request)) return false;
        answer(response);
        return true;
      },
    });
    expect(await s3At(endpoint.url, { retry }).read(BUCKET, 'k', consume)).toMatchObject({
      value: { size: 5, text: 'right' },
    });
    expect([count(endpoint, 'plain'), count(endpoint, 'GetObject')]).toEqual([1, 2]);
  });

  it('is told as the SDK tells it, and asked for as often', async () => {
    const answers: [number, Answer][] = [
      // Tries: the plain one comes on top where the answer was not to be waited out.
      [2, error(403, 'AccessDenied')],
      [2, error(403, 'InvalidObjectState')],
      [2, error(400, 'KMS.DisabledException')],
      [2, error(404, 'NoSuchBucket')],
      [1, error(404, 'NoSuchKey')],
      [4, error(503, 'SlowDown')],
      [4, error(500, 'InternalError')],
      [4, (response) => response.destroy()],
      [4, (response) => response.writeHead(200, { etag: '"1"', 'content-length': 9 }).end('wrong')],
      // What no object of S3's answers with is the network's doing.
      [2, (response) => response.writeHead(200, { 'content-length': 5 }).end('wrong')],
    ];
    for (const [tries, answer] of answers) {
      const endpoint = await serve(new TrailBuilder(), {
        answerGet: (_request, response) => {
          answer(response);
          return true;
        },
      });
      const plain = await s3At(endpoint.url).read(BUCKET, 'k', consume);
      expect(count(endpoint, 'GetObject')).toBe(tries);
      const sdk = await s3At(endpoint.url, { isPlain: false }).read(BUCKET, 'k', consume);
      const stable = (read: Read<unknown>): string =>
        JSON.stringify(read).replace(/socket hang up|read ECONNRESET/, 'broken');
      expect(stable(plain)).toBe(stable(sdk));
      expect(plain.ok).toBe(false);
    }
  });

  it('again and again leaves the bucket to the SDK', async () => {
    const builder = new TrailBuilder();
    const refuse = { status: 403, code: 'InvalidObjectState' };
    for (let n = 0; n < 30; n++) builder.put(BUCKET, `k${n}`, { body: Buffer.from('x'), refuse });
    const endpoint = await serve(builder);
    const s3 = s3At(endpoint.url);
    for (let n = 0; n < 30; n++) {
      expect(await s3.read(BUCKET, `k${n}`, consume)).toMatchObject({
        failure: { reason: 'archived' },
      });
    }
    expect([count(endpoint, 'plain'), count(endpoint, 'GetObject')]).toEqual([8, 38]);
  });

  it.each(['redirect', 'malformed'] as const)(
    'since the bucket lies elsewhere (%s) is the SDK’s to follow',
    async (checkRegion) => {
      const builder = new TrailBuilder({ bucketRegion: 'eu-west-1' });
      builder.put(BUCKET, 'k', { body: Buffer.from('x') });
      const locations = new Map([[BUCKET, 'us-west-2']]);
      // Nothing says at first where it lies: the answers to the reads do.
      const endpoint = await serve(builder, {
        checkRegion,
        locations,
        denied: ['HeadBucket'],
        verify: SECRETS,
      });
      const read = await s3At(endpoint.url).read(BUCKET, 'k', consume);
      const sdk = await s3At(endpoint.url, { isPlain: false }).read(BUCKET, 'k', consume);
      expect(read).toEqual(sdk);
      // The SDK follows a redirect, but not a refusal that names a Region.
      expect(read.ok).toBe(checkRegion === 'redirect');
    },
  );
});

it('a consumer that wants no more gets no more, and its own errors are its own', async () => {
  const builder = new TrailBuilder();
  builder.put(BUCKET, 'large', { body: Buffer.alloc(5_000_000) });
  const endpoint = await serve(builder);
  const s3 = s3At(endpoint.url);
  const first = await s3.read(BUCKET, 'large', async ({ chunks }) => {
    for await (const piece of chunks) return piece.length > 0;
    return false;
  });
  expect(first).toEqual({ ok: true, value: true });
  const own = new Error('mine');
  await expect(s3.read(BUCKET, 'large', () => Promise.reject(own))).rejects.toBe(own);
  expect(count(endpoint, 'GetObject')).toBe(2);
  expect(await s3.read(BUCKET, 'large', consume)).toMatchObject({ value: { size: 5_000_000 } });
});

it('a slow consumer isn’t taken for a body that stalls, and holds the sender back', async () => {
  const piece = Buffer.alloc(256 * 1024);
  const size = 256 * piece.length;
  let sent = 0;
  const send = async (response: ServerResponse): Promise<void> => {
    response.writeHead(200, { etag: '"1"', 'content-length': size });
    for (; sent < size; sent += piece.length) {
      if (!response.write(piece)) await once(response, 'drain');
    }
    response.end();
  };
  const { url } = await serve(new TrailBuilder(), {
    answerGet: (_request, response) => {
      void send(response);
      return true;
    },
  });
  let sentMeanwhile = Infinity;
  const read = await s3At(url, { stallMs: 200 }).read(BUCKET, 'large', async ({ chunks }) => {
    let length = 0;
    for await (const chunk of chunks) {
      if (length === 0) {
        await sleep(800);
        sentMeanwhile = sent;
      }
      length += chunk.length;
    }
    return length;
  });
  expect(read).toEqual({ ok: true, value: size });
  // What the operating system holds for a socket, with room to spare.
  expect(sentMeanwhile).toBeLessThan(size / 2);
});

describe('radosgw', () => {
  it('takes our signatures for a trail with an awkward prefix and for awkward keys', async (context) => {
    const server = await startRadosgw();
    if (!server) {
      context.skip('radosgw is not on the PATH');
      return;
    }
    undo.push(() => server.stop());
    const prefix = "p +%41 '(é)*!~=&\u{1f600}/./x";
    const builder = new TrailBuilder({ prefix });
    builder.chain({ from: FROM, hours: 4, logsPerHour: 2 });
    const keys = AWKWARD.filter((key) => !/\u0001/.test(key));
    for (const key of keys) builder.put('awkward', key, { body: Buffer.from(key) });
    await upload(server, builder.world);
    const cloudtrail = await serve(builder);
    const told = await Promise.all(
      ['auto', 'sdk'].map((client) =>
        runJson([
          ...['--trail-arn', builder.trail.TrailARN, '--endpoint-url', cloudtrail.url],
          ...['--s3-endpoint-url', server.url, '--s3-client', client],
          ...['--start-time', iso(FROM + HOUR), '--end-time', iso(FROM + 4 * HOUR)],
        ]),
      ),
    );
    for (const { report } of told) {
      expect(report.verdict).toBe('valid');
      expect(report.counts.logFiles.valid).toBe(6);
    }
    for (const key of keys) {
      const [plain, sdk] = await Promise.all(
        [true, false].map((isPlain) =>
          s3At(server.url, { isPlain, client: { credentials: server.credentials } }).read(
            'awkward',
            key,
            consume,
          ),
        ),
      );
      expect(plain, key).toEqual(sdk);
      expect(plain, key).toMatchObject({ value: { size: Buffer.byteLength(key) } });
    }
  }, 240_000);
});
