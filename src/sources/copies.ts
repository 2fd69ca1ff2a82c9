/** Copies of objects in an evidence directory: written whole or not at all, read as they were collected. */
import { createHash, randomBytes, type Hash } from 'node:crypto';
import {
  constants,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  type FileHandle,
} from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import {
  hashedPath,
  LOCK,
  PARTS,
  plainPath,
  type CopiedObject,
  type ObjectName,
} from '../core/evidence.js';
import { systemReason } from './file-error.js';
import { RunError, type ObjectBody, type Read } from './ports.js';
import { replaceFile } from './write-whole.js';

/** Copies up to this size are held whole while they are looked at. */
const SMALL = 1024 * 1024;
const PIECE = 256 * 1024;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

function cannotWrite(path: string, error: unknown): never {
  const isFull = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(error) ?? '');
  throw new RunError(
    `${path} can’t be written: ${systemReason(error)}`,
    isFull
      ? 'make room and give the same command again: it goes on from what is there'
      : 'name a directory that you may write to with --evidence',
  );
}

/** SHA-256 of a file; `undefined` where there is no plain file. */
export async function hashOfFile(path: string): Promise<string | undefined> {
  const handle = await openPlain(path);
  if (!handle) return undefined;
  try {
    const hash = createHash('sha256');
    const { size } = await handle.stat();
    for await (const piece of piecesOf(handle, size)) hash.update(piece);
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

/** A file's bytes; a small one needs no more memory than it has, and a byte to see its end by. */
async function* piecesOf(handle: FileHandle, size: number): AsyncGenerator<Buffer> {
  const length = Math.min(PIECE, size + 1);
  for (;;) {
    const piece = Buffer.allocUnsafe(length);
    const { bytesRead } = await handle.read(piece, 0, length, null);
    if (bytesRead === 0) return;
    yield piece.subarray(0, bytesRead);
  }
}

/** Opens a plain file; links aren't followed, and a named pipe can't hold the run up. */
async function openPlain(path: string): Promise<FileHandle | undefined> {
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await open(path, flags);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENAMETOOLONG'].includes(codeOf(error) ?? ''))
      throw error;
  }
  return undefined;
}

/** Makes a directory and those above it; what is there stays. Node's own way spins for ever in /proc. */
export async function makeDirectory(path: string): Promise<void> {
  const whole = resolve(path);
  try {
    await mkdir(whole);
  } catch (error) {
    const isThere = (at: string) => stat(at).catch(() => undefined);
    if (codeOf(error) === 'EEXIST') {
      if ((await isThere(whole))?.isDirectory() === true) return;
      throw new RunError(`${path} is not a directory`, 'name a new or empty directory');
    }
    const above = dirname(whole);
    if (codeOf(error) !== 'ENOENT' || above === whole || (await isThere(above))) throw error;
    await makeDirectory(above);
    await makeDirectory(whole);
  }
}

/** Whether a directory holds nothing but what a file system keeps there, and what a sudden end left. */
export async function isFree(directory: string): Promise<boolean> {
  const names = await readdir(directory);
  return names.every((name) => name.startsWith('.') || [LOCK, PARTS, 'lost+found'].includes(name));
}

/** Names of files that are not whole: copies, and the directory's own. */
const PART = /^([0-9a-f]{24}|\.[0-9a-f]{16}\.validate-trail\.tmp)$/;

/** Folders that were made, or looked at, by path; of one directory there are few at a time. */
const known = new Set<string>();
const MOST_KNOWN = 10_000;

/** Makes a file's folder below the directory; false where a link would lead out of it. */
async function makeFolder(directory: string, path: string): Promise<boolean> {
  const folder = dirname(path);
  if (known.has(folder)) return true;
  const [root, within] = [await realpath(directory), relative(directory, folder)];
  let at = root;
  for (const name of within.split(sep)) {
    at = join(at, name);
    await mkdir(at).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    if (!(await lstat(at)).isDirectory()) return false;
  }
  if (known.size >= MOST_KNOWN) known.clear();
  known.add(folder);
  return true;
}

/** Puts a whole file into its place unless something lies there. */
async function place(directory: string, part: string, path: string): Promise<'placed' | 'taken'> {
  try {
    if (!(await makeFolder(directory, path))) return 'taken';
    await link(part, path);
    await rm(part);
    return 'placed';
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (['EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(code)) return 'taken';
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK'].includes(code))
      throw error;
  }
  // Where the file system has no links, nobody else writes here, either.
  if (await lstat(path).catch(() => undefined)) return 'taken';
  await rename(part, path);
  return 'placed';
}

/** Where a copy went, and what it holds. */
export type Copied = Pick<CopiedObject, 'path' | 'size' | 'sha256'>;

/**
 * Copies a body into the evidence directory, byte for byte. What is there is never overwritten: a name
 * that is taken by something else (keys that differ in case, a key that is another's folder) goes to its
 * place by hash. Throws `RunError` where it can't be written, and what the body throws.
 */
export async function writeCopy(
  directory: string,
  name: ObjectName,
  body: Pick<ObjectBody, 'chunks'>,
): Promise<Copied> {
  const part = join(directory, PARTS, randomBytes(12).toString('hex'));
  const hash = createHash('sha256');
  let size = 0;
  try {
    await makeDirectory(dirname(part)).catch((error: unknown) => cannotWrite(dirname(part), error));
    const handle = await open(part, 'wx').catch((error: unknown) => cannotWrite(part, error));
    try {
      for await (const chunk of body.chunks) {
        hash.update(chunk);
        size += chunk.length;
        await handle.writeFile(chunk).catch((error: unknown) => cannotWrite(part, error));
      }
    } finally {
      await handle.close();
    }
    const sha256 = hash.digest('hex');
    const plain = plainPath(name);
    for (const path of [...(plain === undefined ? [] : [plain]), hashedPath(name, sha256)]) {
      const file = join(directory, path);
      const state = await place(directory, part, file).catch((error: unknown) =>
        cannotWrite(file, error),
      );
      if (state === 'placed') return { path, size, sha256 };
      if ((await hashOfFile(file)) === sha256) return { path, size, sha256 };
    }
    throw new RunError(
      `${join(directory, hashedPath(name, sha256))} is there and holds something else`,
      'collect into an empty directory',
    );
  } finally {
    await rm(part, { force: true }).catch(() => undefined);
  }
}

/** Reads a plain file whole, up to a size. Throws `RunError`. */
export async function readPlain(path: string, limit: number): Promise<Buffer> {
  const handle = await openPlain(path).catch((error: unknown) => {
    throw new RunError(`${path} can’t be read: ${systemReason(error)}`);
  });
  if (!handle) throw new RunError(`${path} is not there, or is not a plain file`);
  try {
    const { size } = await handle.stat();
    if (size > limit) throw new RunError(`${path} is larger than any that was collected`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Has all copies on the disk, and gives how many there are and the bytes that were copied. */
export async function syncCopies(
  directory: string,
  copies: AsyncIterable<Pick<CopiedObject, 'path' | 'size'>>,
): Promise<{ objects: number; bytes: number }> {
  let [objects, bytes] = [0, 0];
  for await (const { path, size } of copies) {
    objects++;
    bytes += size;
    const file = join(directory, path);
    const handle = await openPlain(file).catch((error: unknown) => cannotWrite(file, error));
    if (!handle) continue;
    try {
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
  return { objects, bytes };
}

/** Writes a file of the directory's own, beside the copies: it is there whole or not at all. Throws `RunError`. */
export async function writeOwn(directory: string, name: string, text: string): Promise<void> {
  const [file, folder] = [join(directory, name), join(directory, PARTS)];
  try {
    await makeDirectory(folder);
    await replaceFile(file, text, { folder });
  } catch (error) {
    cannotWrite(file, error);
  }
}

/** Removes a copy that is of no use, unless a link leads to it: what lies elsewhere isn't ours. */
export async function removeCopy(directory: string, path: string): Promise<void> {
  const folder = dirname(join(directory, path));
  const own = join(await realpath(directory), dirname(path));
  if ((await realpath(folder).catch(() => undefined)) !== own) return;
  await rm(join(directory, path), { force: true });
}

/** Removes what a sudden end left of copies, and nothing that somebody else put there. */
export async function removeParts(directory: string): Promise<void> {
  const folder = join(directory, PARTS);
  if ((await lstat(folder).catch(() => undefined))?.isDirectory() !== true) return;
  for (const name of await readdir(folder)) {
    if (PART.test(name)) await rm(join(folder, name), { force: true });
  }
  await rmdir(folder).catch(() => undefined);
}

const altered = (detail: string): Read<never> => ({
  ok: false,
  failure: { kind: 'unreadable', reason: 'altered-copy', detail },
});

class CopyError extends Error {}

/** The bytes of a copy, hashed as they are passed on. */
async function* hashing(handle: FileHandle, size: number, hash: Hash): AsyncGenerator<Buffer> {
  try {
    for await (const piece of piecesOf(handle, size)) {
      hash.update(piece);
      yield piece;
    }
  } catch (error) {
    throw new CopyError(systemReason(error));
  }
}

/**
 * Reads a copy through `consume`, and gives what that gives only where the copy is what was collected,
 * to the last byte.
 */
export async function readCopy<T>(
  directory: string,
  object: CopiedObject,
  consume: (body: ObjectBody) => Promise<T>,
): Promise<Read<T>> {
  const { path, size, sha256, metadata, retention } = object;
  const gone = altered('the copy in the evidence is gone');
  const changed = altered(
    `the copy in the evidence is not what was collected, whose SHA-256 is ${sha256}`,
  );
  let handle: FileHandle | undefined;
  try {
    handle = await openPlain(join(directory, path));
  } catch (error) {
    return altered(`the copy in the evidence can’t be opened: ${systemReason(error)}`);
  }
  if (!handle) return gone;
  const body = { size, metadata, ...(retention ? { retention } : {}) };
  try {
    if ((await handle.stat()).size !== size) return changed;
    const hash = createHash('sha256');
    const pieces = hashing(handle, size, hash);
    if (size <= SMALL) {
      const whole: Buffer[] = [];
      for await (const piece of pieces) whole.push(piece);
      if (hash.digest('hex') !== sha256) return changed;
      return { ok: true, value: await consume({ ...body, chunks: each(whole) }) };
    }
    const value = await consume({ ...body, chunks: keptOpen(pieces) });
    while ((await pieces.next()).done !== true);
    return hash.digest('hex') === sha256 ? { ok: true, value } : changed;
  } catch (error) {
    if (!(error instanceof CopyError)) throw error;
    return altered(`the copy in the evidence can’t be read: ${error.message}`);
  } finally {
    await handle.close();
  }
}

async function* each(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* await Promise.resolve(pieces);
}

/** The same pieces, which go on to be there when their reader wants no more of them. */
function keptOpen(pieces: AsyncGenerator<Buffer>): AsyncIterable<Buffer> {
  return { [Symbol.asyncIterator]: () => ({ next: () => pieces.next() }) };
}
