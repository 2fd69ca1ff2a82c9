/** A file that is written whole or not at all: made beside its place, and on the disk before it goes there. */
import { randomBytes } from 'node:crypto';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A new name in a folder: chosen at random, so that what a crash left behind is never met. */
const newName = (folder: string): string =>
  join(folder, `.${randomBytes(8).toString('hex')}.validate-trail.tmp`);

/** Not every file system and platform can; the file is in place by then. */
const CANNOT_SYNC = ['EACCES', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM'];

/** Makes a rename last through a loss of power. */
async function syncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory, 'r');
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (!CANNOT_SYNC.includes(codeOf(error) ?? '')) throw error;
  }
}

async function fill(temporary: string, text: string, mode: number | undefined): Promise<void> {
  const handle = await open(temporary, 'wx', mode ?? 0o644);
  try {
    // The mode that a file is made with loses what the umask forbids.
    if (mode !== undefined) await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a whole new file in a folder and gives it to `use`; it never stays behind. */
export async function withNewFile(
  folder: string,
  text: string,
  mode: number | undefined,
  use: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = newName(folder);
  try {
    await fill(temporary, text, mode);
    await use(temporary);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** Replaces a file by a whole new one, made in a folder of the same file system, and makes that last. */
export async function replaceFile(
  target: string,
  text: string,
  { mode, folder = dirname(target) }: { mode?: number | undefined; folder?: string } = {},
): Promise<void> {
  await withNewFile(folder, text, mode, (temporary) => rename(temporary, target));
  await syncDirectory(dirname(target));
}
