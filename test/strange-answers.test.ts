/** Answers that aren't S3's, never end or never come: they say nothing about the trail, and end. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Report } from '../src/core/report.js';
import { clientConfigs } from '../src/sources/client-config.js';
import { createCloudTrailSource } from '../src/sources/cloudtrail.js';
import { RunError } from '../src/sources/ports.js';
import { FROM } from './support/lies.js';
import { startEndpoint, type EndpointOptions } from './support/loopback.js';
import { accusations, CREDENTIALS, runJson } from './support/run-command.js';
import { s3SourceAt } from './support/s3-source.js';
import { serving } from './support/shards.js';
import { start } from './support/spawned.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  while (undo.length > 0) await undo.pop()?.();
});

const range = { start: FROM + HOUR, end: FROM + 5 * HOUR };
const BUCKET = 'trail-bucket';

function builtTrail(): { builder: TrailBuilder; log: { bucket: string; key: string } } {
  const builder = new TrailBuilder();
  const [log] = builder.chain({ from: FROM, hours: 5, logsPerHour: 2 }).digests[3]?.logs ?? [];
  if (!log) throw new Error('no log file');
  return { builder, log };
}

type Answer = NonNullable<EndpointOptions['answer']>;

/** Answers what a pattern matches with a status, 200 unless told, and a page. */
const paged =
  (pattern: RegExp, page: string, headers: Record<string, string> = {}, status = 200): Answer =>
  (request, response) => {
    if (!pattern.test(decodeURIComponent(request.url ?? ''))) return false;
    response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(page);
    return true;
  };

const PAGES = ['', '<html><body>sign in</body></html>', '<Other/>', 'ok'];
const LISTINGS = /list-type=2/;
const LOG_FOLDERS = /list-type=2.*AWSLogs\/\d+\/CloudTrail\/us-east-1\/2026/;
const DIGEST_FOLDERS = /list-type=2.*CloudTrail-Digest\/us-east-1\/2026/;

describe.each(PAGES)('status 200 with %j', (page) => {
  it('for a log folder hides nothing that was planted there', async () => {
    const { builder, log } = builtTrail();
    builder.put(log.bucket, log.key.replace('.json.gz', 'x.json.gz'), { body: Buffer.from('no') });
    await serving(builder, range, { answer: paged(LOG_FOLDERS, page) }, async (argv) => {
      const { report, status } = await runJson(argv);
      expect([status, accusations(report)]).toEqual([3, ['OBJECT_UNREADABLE']]);
      expect(report.findings[0]?.message).toContain('not as S3 does');
    });
  });

  it('for digest folders accuses nobody', async () => {
    const { builder } = builtTrail();
    await serving(builder, range, { answer: paged(DIGEST_FOLDERS, page) }, async (argv) => {
      const { report, status } = await runJson(argv);
      expect(status).toBe(3);
      expect(report.findings.every(({ class: kind }) => kind !== 'violation')).toBe(true);
    });
  });

  it('for every listing is no trail', async () => {
    const { builder } = builtTrail();
    await serving(builder, range, { answer: paged(LISTINGS, page) }, async (argv) => {
      expect((await start(argv).ended).status).toBeGreaterThanOrEqual(2);
    });
  });

  it('for objects accuses none, with or without an ETag', async () => {
    for (const headers of [{}, { etag: '"1"' }]) {
      const { builder } = builtTrail();
      const answer = paged(/\.json\.gz\?x-id/, page, headers);
      await serving(builder, range, { answer }, async (argv) => {
        const { report, status } = await runJson(argv);
        expect(status).toBe(3);
        expect(report.findings.every(({ class: kind }) => kind !== 'violation')).toBe(true);
      });
    }
  });

  it('is no word on versions, settings or the Region', async () => {
    const { builder } = builtTrail();
    const answer = paged(/[?&](versions|versioning|lifecycle|location)\b/, page);
    const endpoint = await startEndpoint(builder.world, { answer });
    undo.push(() => endpoint.close());
    const source = s3SourceAt(endpoint.url);
    undo.push(() => source.close());
    expect(await source.versions(BUCKET, 'AWSLogs/')).toMatchObject({ ok: false });
    expect(await source.settings(BUCKET)).toMatchObject({
      versioning: { ok: false },
      lifecycle: { ok: false },
    });
  });
});

describe.each([201, 202, 203, 204, 206])('status %i, which S3 never answers', (status) => {
  const page = status === 204 ? '' : '<html><body>challenge</body></html>';
  const headers = { etag: '"1"', 'x-amz-request-id': 'R' };
  const answer = (pattern: RegExp): Answer => paged(pattern, page, headers, status);

  it('for a log folder hides nothing that was planted there', async () => {
    const { builder, log } = builtTrail();
    builder.put(log.bucket, log.key.replace('.json.gz', 'x.json.gz'), { body: Buffer.from('no') });
    await serving(builder, range, { answer: answer(LOG_FOLDERS) }, async (argv) => {
      const ran = await runJson(argv);
      expect([ran.status, accusations(ran.report)]).toEqual([3, ['OBJECT_UNREADABLE']]);
      expect(ran.report.findings[0]?.message).toContain(
        `(network): StrangeAnswerError: answered with status ${status}, but not as S3 does`,
      );
    });
  });

  it('accuses nobody, whatever is answered so', async () => {
    for (const pattern of [DIGEST_FOLDERS, /\.json\.gz\?x-id/]) {
      const { builder } = builtTrail();
      await serving(builder, range, { answer: answer(pattern) }, async (argv) => {
        const ran = await runJson(argv);
        expect([ran.status, String(pattern)]).toEqual([3, String(pattern)]);
        expect(ran.report.findings.every(({ class: kind }) => kind !== 'violation')).toBe(true);
      });
    }
  });

  it('for every listing is no trail', async () => {
    await serving(builtTrail().builder, range, { answer: answer(LISTINGS) }, async (argv) => {
      const ran = await start(argv).ended;
      expect([ran.status, ran.stdout]).toEqual([2, '']);
      expect(ran.stderr).toContain(`answered with status ${status}, but not as S3 does`);
    });
  });
});

describe('an answer that HTTP allows, and S3 never gives', () => {
  const OBJECTS = /CloudTrail\/.*\.json\.gz\?x-id/;
  const THREADS = ['0', '2'].map((count) => ['--threads', count]);

  it.each(['<Error/>', '<Error xmlns="x"/>', '<?xml version="1.0"?>\n<Error >\n</Error>'])(
    'as %j with 200 for a listing is an error',
    async (page) => {
      const { builder } = builtTrail();
      await serving(builder, range, { answer: paged(LISTINGS, page) }, async (argv) => {
        const { report, status } = await runJson(argv);
        expect(status).toBe(3);
        expect(report.findings.every(({ class: kind }) => kind !== 'violation')).toBe(true);
      });
    },
  );

  it('as pages of a listing that turn in a circle ends', async () => {
    let page = 0;
    const answer: Answer = (request, response) => {
      if (!LISTINGS.test(request.url ?? '')) return false;
      const next = `<NextContinuationToken>${page++ % 2 === 0 ? 'a' : 'b'}</NextContinuationToken>`;
      const fields = `<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>${next}`;
      response.writeHead(200).end(`<ListBucketResult>${fields}</ListBucketResult>`);
      return true;
    };
    const endpoint = await startEndpoint(builtTrail().builder.world, { answer });
    undo.push(() => endpoint.close());
    for (const isPlain of [true, false]) {
      const source = s3SourceAt(endpoint.url, { isPlain });
      undo.push(() => source.close());
      const detail = 'the listing says that it goes on, but not where';
      expect(await source.list(BUCKET, 'AWSLogs/')).toMatchObject({ failure: { detail } });
    }
    expect(page).toBe(6);
  });

  it('as a body that ends with its connection is no altered file where it is cut', async () => {
    const { builder, log } = builtTrail();
    const answer: Answer = (request, response) => {
      if (!OBJECTS.test(request.url ?? '')) return false;
      const head =
        'HTTP/1.1 200 OK\r\netag: "1"\r\nx-amz-request-id: R\r\nconnection: close\r\n\r\n';
      response.socket?.end(
        Buffer.concat([Buffer.from(head), builder.get(log).body.subarray(0, 99)]),
      );
      return true;
    };
    await serving(builder, range, { answer }, async (argv) => {
      for (const threads of THREADS) {
        const { status, stdout } = await start([...argv, ...threads, '--format', 'json']).ended;
        expect([status, new Set(accusations(JSON.parse(stdout) as Report))]).toEqual([
          3,
          new Set(['OBJECT_UNREADABLE']),
        ]);
      }
    });
  });

  it('as one that would go on in another protocol ends, and nobody is accused', async () => {
    const { builder } = builtTrail();
    let left = 2;
    const answer: Answer = (request, response) => {
      if (!OBJECTS.test(request.url ?? '') || --left < 0) return false;
      response.socket?.write('HTTP/1.1 101 Other\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n');
      return true;
    };
    await serving(builder, range, { answer }, async (argv) => {
      for (const threads of THREADS) {
        left = 1;
        expect((await start([...argv, ...threads]).ended).status).toBe(0);
      }
    });
  }, 20_000);
});

const ANSWERS: [number, string, string][] = [
  [200, 'text/html', ''],
  [200, 'application/json', '{}'],
  [200, 'application/json', '[]'],
  [202, 'text/html', ''],
  [204, 'text/html', ''],
];

describe.each(ANSWERS)('status %i with %s %j in CloudTrail’s place', (status, type, page) => {
  const answer =
    (operation: string): Answer =>
    (request, response) => {
      if (request.headers['x-amz-target']?.toString().endsWith(operation) !== true) return false;
      response.writeHead(status, { 'content-type': type }).end(page);
      return true;
    };
  const words = `answered with status ${status}, not as AWS does`;

  it('is no status of a trail that never delivered in a Region', async () => {
    const builder = new TrailBuilder({ isMultiRegion: true });
    builder.chain({ from: FROM, hours: 5 });
    await serving(builder, range, { answer: answer('GetTrailStatus') }, async (argv) => {
      const { report } = await runJson([
        ...argv,
        '--region',
        'us-east-1',
        '--region',
        'me-south-1',
      ]);
      const open = report.findings.filter(({ code }) => code === 'REGION_UNCONFIRMED');
      expect(open.map(({ region }) => region).sort()).toEqual(['me-south-1', 'us-east-1']);
      expect(open[0]?.message).toContain(words);
      expect(report.settings.map(({ code }) => code)).not.toContain('LOGGING_OFF');
    });
  });

  it('does not say that there is no trail, nor that it knows no key', async () => {
    const { builder } = builtTrail();
    await serving(builder, range, { answer: answer('DescribeTrails') }, async (argv) => {
      const { status: exit, stderr } = await start(argv).ended;
      expect([exit, stderr.includes(words)]).toEqual([2, true]);
      expect(stderr).toContain('hint: check network, proxy and endpoint');
    });
    await serving(builder, range, { answer: answer('ListPublicKeys') }, async (argv) => {
      const { report, status: exit } = await runJson(argv);
      expect(exit).toBe(3);
      const [first] = report.findings.filter(({ code }) => code === 'KEYS_UNAVAILABLE');
      expect(first?.message).toContain(words);
    });
  });

  it('leaves keys to be asked for again, and a search incomplete', async () => {
    const { builder } = builtTrail();
    for (const operation of ['ListPublicKeys', 'LookupEvents']) {
      const endpoint = await startEndpoint(builder.world, { answer: answer(operation) });
      undo.push(() => endpoint.close());
      const client = {
        endpoint: endpoint.url,
        credentials: { accessKeyId: 'A', secretAccessKey: 'B' },
      };
      const trails = createCloudTrailSource({ client, lookupPauseMs: 0 });
      undo.push(() => trails.close());
      const keys = await trails.keysFor('us-east-1', range, range.end);
      expect(keys.mayCome).toBe(operation === 'ListPublicKeys');
      const { complete, why } = await trails.lookup('us-east-1', ['StopLogging'], range);
      const isForeign = operation === 'LookupEvents';
      expect([complete, why]).toEqual([!isForeign, isForeign ? words : '']);
    }
  });
});

/** A server that begins answers, or none, and never ends them. */
async function silent(begin?: {
  status: number;
  body: string;
}): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    if (!begin) return;
    response.writeHead(begin.status, { 'content-type': 'application/xml', 'content-length': 5000 });
    response.write(begin.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked: () => asked };
}

const SILENCES: [string, { status: number; body: string } | undefined][] = [
  ['never begins', undefined],
  ['begins with 200', { status: 200, body: '<?xml version="1.0"?>' }],
  ['begins with 500', { status: 500, body: '<?xml version="1.0"?>' }],
];
const timeouts = { connectionTimeout: 300, requestTimeout: 300, socketTimeout: 300 };

describe.each(SILENCES)('an answer that %s and never ends', (_, begin) => {
  it('is a failure in the end, of whatever was asked', async () => {
    const { url } = await silent(begin);
    const own = { endpointUrl: url, maxSockets: 8, homeRegion: 'us-east-1', environment: {} };
    const { s3, cloudtrail } = clientConfigs({ ...own, timeouts });
    Object.assign(process.env, CREDENTIALS);
    const source = s3SourceAt(url, { client: { ...s3, endpoint: url } });
    undo.push(() => source.close());
    const trails = createCloudTrailSource({
      client: cloudtrail,
      retry: { attempts: 4, pauseMs: 1 },
      lookupPauseMs: 0,
    });
    undo.push(() => trails.close());
    const failed = { ok: false, failure: { kind: 'unreadable' } };
    const [listed, hashed, versions, settings, error, keys] = await Promise.all([
      source.list(BUCKET, 'AWSLogs/'),
      source.hashLog(BUCKET, 'a'),
      source.versions(BUCKET, 'a'),
      source.settings(BUCKET),
      trails.describe('main', 'us-east-1').catch((reason: unknown) => reason),
      trails.keysFor('us-east-1', range, range.end),
    ]);
    expect([listed, hashed, versions]).toMatchObject([failed, failed, failed]);
    expect(settings).toMatchObject({ versioning: { ok: false } });
    expect(error).toBeInstanceOf(RunError);
    const told = [JSON.stringify([listed, hashed]), String(error)];
    for (const words of told) expect(words).not.toMatch(/TimeoutError|smithy|\bms\b.*Timeout/);
    if (!begin) for (const words of told) expect(words).toContain('no answer came within 0.3 s');
    expect([keys.failure !== '', keys.mayCome]).toEqual([true, true]);
  }, 60_000);
});

describe('a run that waits for an answer', () => {
  it('ends at once when it is interrupted', async () => {
    const { url, asked } = await silent();
    const argv = ['--trail-arn', 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main'];
    const times = ['--start-time', '2026-03-10', '--end-time', '2026-03-11'];
    for (const place of [[], ['--s3-bucket', BUCKET]]) {
      const before = asked();
      const run = start([...argv, ...times, ...place, '--endpoint-url', url]);
      while (asked() === before) await new Promise((resolve) => setTimeout(resolve, 20));
      const begun = Date.now();
      run.signal('SIGINT');
      expect((await run.ended).status).toBe(130);
      expect(Date.now() - begun).toBeLessThan(5000);
    }
  }, 30_000);
});
