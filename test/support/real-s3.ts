/**
 * Real S3 servers on loopback for differential tests: moto, which imitates S3 in Python, and Ceph's
 * radosgw, which is an S3 in production use. Neither is a dependency of this package: a test asks
 * for one and skips itself when the machine hasn't got it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import {
  versionsOf,
  type StoredBucket,
  type StoredObject,
  type StoredVersion,
  type World,
} from './world.js';

export interface RealS3 {
  readonly name: 'moto' | 'radosgw';
  readonly url: string;
  readonly credentials: { accessKeyId: string; secretAccessKey: string };
  stop(): Promise<void>;
}

/** The user that radosgw.sh creates; moto takes any. */
const credentials = {
  accessKeyId: 'TESTACCESSKEY0000000',
  secretAccessKey: 'test-secret-key-for-loopback-only',
};

/** `undefined` when `moto_server` isn't on the PATH. */
export async function startMoto(): Promise<RealS3 | undefined> {
  if (!(await onPath('moto_server'))) return undefined;
  const port = await freePort();
  return start('moto', port, ['moto_server', '-H', '127.0.0.1', '-p', String(port)], 60_000);
}

/** `undefined` when `radosgw`, `ceph-mon` or `ceph-osd` isn't on the PATH. */
export async function startRadosgw(): Promise<RealS3 | undefined> {
  const found = await Promise.all(['radosgw', 'ceph-mon', 'ceph-osd'].map(onPath));
  if (found.includes(false)) return undefined;
  const port = await freePort();
  const script = fileURLToPath(new URL('radosgw.sh', import.meta.url));
  const directory = await mkdtemp(join(tmpdir(), 'radosgw-'));
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 3 });
  // The script bounds its own start at 120 s, and then says which daemon failed.
  return start('radosgw', port, ['bash', script, directory, String(port)], 130_000, remove);
}

/** Puts the versions of a versioned bucket as they came, oldest first. */
async function replay(
  client: S3Client,
  bucket: string,
  stored: StoredBucket,
  put: (key: string, version: StoredObject) => Promise<void>,
): Promise<void> {
  const limit = pLimit(16);
  const keys = new Set([...stored.objects.keys(), ...(stored.versions?.keys() ?? [])]);
  const all = [...keys].map((key) => ({ key, versions: versionsOf(stored, key).toReversed() }));
  const isFirst = (version: StoredVersion): boolean => version.versionId === 'null';
  await limit.map(all, async ({ key, versions }) => {
    for (const version of versions.filter(isFirst)) await put(key, version);
  });
  await client.send(
    new PutBucketVersioningCommand({
      Bucket: bucket,
      VersioningConfiguration: { Status: 'Enabled' },
    }),
  );
  await limit.map(all, async ({ key, versions }) => {
    for (const version of versions) {
      if (isFirst(version)) continue;
      if (version.isDeleteMarker !== true) await put(key, version);
      else await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    }
  });
}

/**
 * Creates the world's buckets, all in us-east-1, and puts their objects, with all versions where
 * versioning is enabled. A real server can't be told when an object was last modified, so
 * `lastModified` is left out, and gives version IDs of its own; nor to refuse, so a world that
 * refuses is an error, as is one with suspended versioning or Object Lock.
 */
export async function upload(server: RealS3, world: World): Promise<void> {
  const client = new S3Client({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: server.credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const limit = pLimit(16);
  try {
    for (const [bucket, stored] of world.buckets) {
      if (stored.refuseListing) throw new Error(`a real server can't refuse to list ${bucket}`);
      if (stored.versioning === 'Suspended') throw new Error(`${bucket}: suspended versioning`);
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      const put = async (key: string, object: StoredObject): Promise<void> => {
        const { body, metadata, refuse, retention } = object;
        if (refuse) throw new Error(`a real server can't refuse ${bucket}/${key}`);
        if (retention) throw new Error(`no Object Lock for ${bucket}/${key}`);
        await client.send(
          new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, Metadata: { ...metadata } }),
        );
      };
      if (stored.versioning === 'Enabled') await replay(client, bucket, stored, put);
      else await limit.map(stored.objects, ([key, object]) => put(key, object));
    }
  } finally {
    limit.clearQueue();
    client.destroy();
  }
}

async function onPath(program: string): Promise<boolean> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      await access(join(directory, program), constants.X_OK);
      return true;
    } catch {
      // The next directory may have it.
    }
  }
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Becomes the server, leaving behind a process that reads descriptor 3, a pipe from here, and sends
 * the server a TERM at its end. So the server also ends when a test run is killed, whichever way.
 */
const followTheTest = '(cat; kill $$) <&3 >/dev/null 2>&1 & exec "$@" 3<&-';

async function start(
  name: RealS3['name'],
  port: number,
  command: readonly string[],
  timeoutMs: number,
  cleanUp: () => Promise<void> = () => Promise.resolve(),
): Promise<RealS3> {
  const url = `http://127.0.0.1:${port}`;
  const child = spawn('sh', ['-c', followTheTest, 'sh', ...command], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-10_000);
  });

  const pipe = child.stdio[3];
  let ended: string | undefined;
  const end = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      ended = error.message;
      resolve();
    });
    child.once('exit', (code, signal) => {
      ended = signal ?? `status ${code ?? 'unknown'}`;
      pipe?.destroy();
    });
    child.once('close', resolve);
  });

  const shutDown = async () => {
    pipe?.destroy();
    const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await end;
    clearTimeout(kill);
    await cleanUp();
  };
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= shutDown());

  const deadline = Date.now() + timeoutMs;
  // In this order: another server's answer doesn't count when ours has ended, its port taken.
  while (!(await answers(url)) || ended !== undefined) {
    const late = Date.now() > deadline;
    if (late || ended !== undefined) {
      await stop();
      const why = late ? `didn't answer within ${timeoutMs / 1000} s` : `ended with ${ended}`;
      throw new Error(`${name} ${why}:\n${stderr.trimEnd().split('\n').slice(-40).join('\n')}`);
    }
    await sleep(50);
  }
  return { name, url, credentials, stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
