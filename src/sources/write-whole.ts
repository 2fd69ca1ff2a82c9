/** A file that is written whole or not at all. */
import { open, rename, rm } from 'node:fs/promises';
import { systemReason } from './file-error.js';
import { RunError } from './ports.js';

/** Replaces a file by a whole new one. Throws `RunError` where that can't be done. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  try {
    await rm(part, { force: true });
    const handle = await open(part, 'wx');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw new RunError(`${path} can’t be written: ${systemReason(error)}`);
  }
}
