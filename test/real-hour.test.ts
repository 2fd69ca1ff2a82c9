/**
 * A real hour of logs as a signed trail: from its directory, and the same objects in real S3
 * servers, with CloudTrail's answers served beside them. Skipped, visibly, where data or servers
 * are not there.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEndpoint, type Endpoint } from './support/loopback.js';
import { startMoto, startRadosgw, upload, type RealS3 } from './support/real-s3.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { inTemp } from './support/shards.js';
import type { PublicKeyEntry, StoredObject, TrailEntry, World } from './support/world.js';

const shared = fileURLToPath(new URL('../../shared/examples/real-hour', import.meta.url));
const present = existsSync(shared);
if (!present)
  console.warn(
    'real hour skipped: a recorded hour of real log files, which is not in the repository, is not beside the checkout',
  );

const BUCKET = 'real-hour-logs';
const RANGE = ['--start-time', '2023-07-10T10:58:20Z', '--end-time', '2023-07-10T12:58:20Z'];
const ARN = 'arn:aws:cloudtrail:us-east-1:218007301253:trail/management-events';

async function readWorld(): Promise<World> {
  const json = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(join(shared, name), 'utf8'));
  const metadata = (await json('object-metadata.json')) as Record<string, Record<string, string>>;
  const { trailList } = (await json('DescribeTrails.json')) as { trailList: TrailEntry[] };
  const { PublicKeyList } = (await json('ListPublicKeys.json')) as {
    PublicKeyList: PublicKeyEntry[];
  };
  const status = (await json('GetTrailStatus.json')) as Record<string, number>;
  const objects = new Map<string, StoredObject>();
  for (const entry of await readdir(join(shared, BUCKET), {
    recursive: true,
    withFileTypes: true,
  })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const key = path.slice(join(shared, BUCKET).length + 1);
    const meta = metadata[`${BUCKET}/${key}`];
    objects.set(key, { body: await readFile(path), ...(meta ? { metadata: meta } : {}) });
  }
  return {
    buckets: new Map([[BUCKET, { region: 'us-east-1', objects }]]),
    trails: trailList,
    keys: new Map([['us-east-1', PublicKeyList]]),
    status: new Map([['us-east-1', status]]),
  };
}

const logKeys = (world: World): string[] =>
  [...world.buckets.get(BUCKET)!.objects.keys()]
    .filter((key) => key.includes('/CloudTrail/'))
    .sort();

function flip(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const middle = Math.floor(copy.length / 2);
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

describe.skipIf(!present)('the real hour, from its directory', () => {
  let copy: string;
  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'validate-trail-'));
    await cp(shared, copy, { recursive: true });
  });
  afterAll(() => rm(copy, { recursive: true, force: true }));
  const argv = (): string[] => [
    '--trail-arn',
    ARN,
    ...RANGE,
    '--evidence',
    copy,
    '--public-keys',
    join(shared, 'ListPublicKeys.json'),
  ];

  it('is valid: 2 of 2 digest files, 55 of 55 log files', async () => {
    const { report, status } = await runJson(argv());
    expect([status, accusations(report)]).toEqual([0, []]);
    expect(report.counts.digestFiles).toEqual({ valid: 2, invalid: 0, missing: 0, unreadable: 0 });
    expect(report.counts.logFiles).toMatchObject({ valid: 55, unlisted: 0, unvalidated: 0 });
  });

  it('each log file with one changed byte is named', async () => {
    for (const key of logKeys(await readWorld())) {
      const path = join(copy, BUCKET, key);
      const body = await readFile(path);
      await writeFile(path, flip(body), { mode: 0o644 }).catch(async () => {
        await rm(path);
        await writeFile(path, flip(body));
      });
      const { report, status } = await runJson(argv());
      expect(status).toBe(1);
      expect(report.findings.filter((one) => one.class !== 'notice').map((one) => one.key)).toEqual(
        [key],
      );
      await writeFile(path, body);
    }
  });

  it('keys that only lie beside the evidence leave it unproved', async () => {
    const { report, status } = await runJson(['--trail-arn', ARN, ...RANGE, '--evidence', copy]);
    expect([status, accusations(report)]).toEqual([3, ['KEYS_UNPINNED']]);
  });
});

const hasAws = spawnSync('aws', ['--version']).status === 0;
if (!hasAws) console.warn('aws s3 sync of the real hour skipped: aws is not on the PATH');

const servers = {
  moto: present ? await startMoto() : undefined,
  radosgw: present ? await startRadosgw() : undefined,
};

for (const [name, server] of Object.entries(servers)) {
  if (!server) console.warn(`real hour on ${name} skipped: it is not on this machine`);
  describe.skipIf(!server)(`the real hour on ${name}`, () => {
    let world: World;
    let cloudtrail: Endpoint;
    const s3 = server as RealS3;
    beforeAll(async () => {
      world = await readWorld();
      cloudtrail = await startEndpoint({ ...world, buckets: new Map() });
      await upload(s3, world);
    });
    afterAll(async () => {
      await cloudtrail.close();
      await s3.stop();
    });
    const argv = (): string[] => [
      ...['--trail-arn', ARN, ...RANGE],
      ...['--endpoint-url', cloudtrail.url, '--s3-endpoint-url', s3.url],
    ];
    const run = () => runJson(argv());

    it('is valid: 2 of 2 digest files, 55 of 55 log files', async () => {
      const { report, status } = await run();
      expect([status, accusations(report)]).toEqual([0, []]);
      expect(report.counts.digestFiles.valid).toBe(2);
      expect(report.counts.logFiles.valid).toBe(55);
    });

    it('is collected, and judged from the copy as from the bucket', () =>
      inTemp(async (directory) => {
        const place = join(directory, 'evidence');
        const online = await run();
        const ran = await runCommand(['collect', '--evidence', place, ...argv()]);
        expect([ran.status, ran.stderr]).toEqual([0, '']);
        expect(ran.stdout).toMatch(/Collected  \d+ objects, \d+ kB, by /);
        const [, pin = ''] = /manifest\.jsonl +SHA-256 (\S+)/.exec(ran.stdout) ?? [];
        const offline = await runJson(['--evidence', place, '--manifest-sha256', pin]);
        expect(offline.status).toBe(0);
        for (const part of ['verdict', 'counts', 'chains', 'findings', 'settings'] as const) {
          expect(JSON.stringify(offline.report[part])).toBe(JSON.stringify(online.report[part]));
        }
      }));

    it.skipIf(!hasAws)('copied by aws s3 sync is proved but for its newest digest file', () =>
      inTemp(async (directory) => {
        const { accessKeyId, secretAccessKey } = s3.credentials;
        const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
        const to = join(directory, BUCKET);
        const sync = ['s3', 'sync', `s3://${BUCKET}`, to, '--endpoint-url', s3.url, '--quiet'];
        const { status: synced, stderr } = spawnSync('aws', [...sync, '--region', 'us-east-1'], {
          env: { ...process.env, ...env },
        });
        expect([synced, stderr.toString()]).toEqual([0, '']);
        const keys = ['--public-keys', join(shared, 'ListPublicKeys.json')];
        const own = ['--trail-arn', ARN, ...RANGE, '--evidence', directory, '--s3-bucket', BUCKET];
        const { report, status } = await runJson([...own, ...keys]);
        expect(status).toBe(3);
        expect(accusations(report)).toContain('DIGEST_SIGNATURE_UNAVAILABLE');
        const { valid, unreadable } = report.counts.digestFiles;
        expect([valid, unreadable]).toEqual([1, 1]);
      }),
    );

    it('each log file with one changed byte is named, eight at a time', async () => {
      const client = new S3Client({
        region: 'us-east-1',
        endpoint: s3.url,
        forcePathStyle: true,
        credentials: s3.credentials,
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
      });
      const put = (key: string, body: Buffer) =>
        client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
      const bodyOf = (key: string): Buffer => world.buckets.get(BUCKET)!.objects.get(key)!.body;
      const keys = logKeys(world);
      for (let at = 0; at < keys.length; at += 8) {
        const some = keys.slice(at, at + 8);
        for (const key of some) await put(key, flip(bodyOf(key)));
        const { report, status } = await run();
        expect(status).toBe(1);
        const accused = report.findings.filter((one) => one.class !== 'notice');
        expect(accused.map(({ key = '' }) => key).sort()).toEqual(some.toSorted());
        for (const key of some) await put(key, bodyOf(key));
      }
      client.destroy();
    });

    if (name === 'radosgw') {
      it('a wrong secret is no finding: the run could not be made', async () => {
        const argv = ['--trail-arn', ARN, ...RANGE, '--endpoint-url', cloudtrail.url];
        const ran = await runCommand([...argv, '--s3-endpoint-url', s3.url], {}, 'wrong');
        expect([ran.status, ran.stdout]).toEqual([2, '']);
        expect(ran.stderr).toContain('S3 refuses the credentials: SignatureDoesNotMatch');
      });
    }
  });
}
