import type { Dirent } from 'node:fs';
import { constants, lstat, open, readdir, readFile, stat as fileStat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashRead } from './hash-log.js';
import { createLogThreads, type ThreadsOptions } from './log-threads.js';
import type { ListedObject, ObjectBody, ObjectSource, Read, ReadFailure } from './ports.js';
import { RunError } from './ports.js';

/**
 * Whether a bucket name or key can be a path below the evidence directory. Others can't have been
 * put there, and asking for them could lead anywhere.
 */
function isSafe(path: string): boolean {
  return !path.includes('\0') && !path.split('/').some((part) => ['', '.', '..'].includes(part));
}

function classifyFileError(error: unknown): ReadFailure {
  const { code = 'EIO', message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent', what: 'key' };
  const reason = code === 'EACCES' || code === 'EPERM' ? 'access-denied' : 'service';
  return { kind: 'unreadable', reason, detail: message };
}

/** Reads an optional JSON file of an evidence directory; an unreadable one ends the run. */
export async function readEvidenceJson(
  directory: string,
  name: string,
): Promise<{ text: string; value: unknown } | undefined> {
  const path = join(directory, name);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RunError(`${path} can't be read: ${(error as Error).message}`);
  }
  try {
    return { text, value: JSON.parse(text) as unknown };
  } catch {
    throw new RunError(`${path} is not JSON`);
  }
}

type MetadataFile = Readonly<Record<string, Readonly<Record<string, string>>>>;

function metadataOf(file: MetadataFile | undefined, name: string): Record<string, string> {
  const entry: unknown = file && Object.hasOwn(file, name) ? file[name] : undefined;
  if (typeof entry !== 'object' || entry === null) return {};
  return Object.fromEntries(
    Object.entries(entry)
      .filter((pair): pair is [string, string] => typeof pair[1] === 'string')
      .map(([key, value]) => [key.toLowerCase(), value]),
  );
}

/**
 * Objects in an evidence directory: `<bucket>/<key>`, with metadata in `object-metadata.json`
 * beside the buckets where it was collected. Times of files are never used, links never followed.
 * With `options`, other threads hash large log files.
 */
export async function createDirectorySource(
  directory: string,
  options?: ThreadsOptions,
): Promise<ObjectSource> {
  const stat = await fileStat(directory).catch(() => undefined);
  if (!stat?.isDirectory())
    throw new RunError(
      `there is no evidence directory ${directory}`,
      'name the directory that holds a directory for each bucket',
    );
  const metadata = await readEvidenceJson(directory, 'object-metadata.json');
  const file = metadata?.value as MetadataFile | undefined;

  const walk = async (folder: string, prefix: string, found: ListedObject[]): Promise<void> => {
    let entries: Dirent[];
    try {
      entries = await readdir(join(directory, folder), { withFileTypes: true });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') return;
      throw error;
    }
    const bucket = folder.split('/')[0] ?? '';
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`;
      const key = path.slice(bucket.length + 1);
      if (entry.isDirectory()) {
        if (`${key}/`.startsWith(prefix) || prefix.startsWith(`${key}/`)) {
          await walk(path, prefix, found);
        }
      } else if (entry.isFile() && key.startsWith(prefix)) {
        found.push({ key, size: (await lstat(join(directory, path))).size });
      }
    }
  };

  const threads = options && createLogThreads({ ...options, sockets: 0, stallMs: 0 });
  const source: ObjectSource = {
    carriesMetadata: metadata !== undefined,
    // A directory has one version of each object, and nothing to say about buckets.
    versions: () => Promise.resolve({ ok: true, value: [] }),
    settings: () => Promise.resolve(undefined),
    regionOf: () => Promise.resolve(undefined),
    close: () => threads?.close(),
    list: async (bucket, prefix, { folders = false } = {}) => {
      if (!isSafe(bucket)) return { ok: false, failure: { kind: 'absent', what: 'bucket' } };
      const at = prefix.lastIndexOf('/');
      const folder = at < 0 ? bucket : `${bucket}/${prefix.slice(0, at)}`;
      if (!isSafe(folder)) return { ok: true, value: { objects: [], folders: [] } };
      try {
        const root = await lstat(join(directory, bucket)).catch(() => undefined);
        if (!root?.isDirectory()) return { ok: false, failure: { kind: 'absent', what: 'bucket' } };
        if (folders) {
          const entries = await readdir(join(directory, folder), { withFileTypes: true }).catch(
            (error: unknown) => {
              if (classifyFileError(error).kind === 'absent') return [];
              throw error;
            },
          );
          const names = entries
            .filter((entry) => entry.isDirectory())
            .map((entry) => `${prefix.slice(0, at + 1)}${entry.name}/`)
            .filter((name) => name.startsWith(prefix));
          return { ok: true, value: { objects: [], folders: names.sort() } };
        }
        const objects: ListedObject[] = [];
        await walk(folder, prefix, objects);
        objects.sort((a, b) => (a.key < b.key ? -1 : 1));
        return { ok: true, value: { objects, folders: [] } };
      } catch (error) {
        return { ok: false, failure: classifyFileError(error) };
      }
    },
    read: async <T>(
      bucket: string,
      key: string,
      consume: (body: ObjectBody) => Promise<T>,
      versionId?: string,
    ): Promise<Read<T>> => {
      const name = `${bucket}/${key}`;
      // A copy has no versions.
      if (!isSafe(name) || versionId !== undefined)
        return { ok: false, failure: { kind: 'absent', what: 'key' } };
      let handle;
      let size: number;
      try {
        // Not blocking, so that a named pipe in the evidence can't hold the run up.
        handle = await open(
          join(directory, name),
          constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
        );
        const stats = await handle.stat();
        size = stats.size;
        if (!stats.isFile()) {
          await handle.close();
          return { ok: false, failure: { kind: 'absent', what: 'key' } };
        }
      } catch (error) {
        await handle?.close();
        if ((error as NodeJS.ErrnoException).code === 'ELOOP') {
          return { ok: false, failure: { kind: 'absent', what: 'key' } };
        }
        return { ok: false, failure: classifyFileError(error) };
      }
      const stream = handle.createReadStream({ highWaterMark: 256 * 1024 });
      let broken: unknown;
      const chunks = (async function* () {
        try {
          yield* stream as AsyncIterable<Uint8Array>;
        } catch (error) {
          broken = error;
          throw error;
        }
      })();
      try {
        return {
          ok: true,
          value: await consume({ size, metadata: metadataOf(file, name), chunks }),
        };
      } catch (error) {
        if (error !== broken) throw error;
        return { ok: false, failure: classifyFileError(error) };
      } finally {
        stream.destroy();
      }
    },
    hashLog: (bucket, key) => hashRead(threads, (consume) => source.read(bucket, key, consume)),
  };
  return source;
}
