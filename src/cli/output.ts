import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { RunError } from '../sources/ports.js';

export interface Output {
  /** Writes the report, whole or piece by piece, and puts it into its place, whole. */
  write(text: string | AsyncIterable<string>): Promise<void>;
  /** Removes what was begun; nothing after `write`. */
  discard(): Promise<void>;
}

/**
 * Opens the report's file before the run, so that a place that can't be written costs no run. A
 * regular file is replaced only when the new report is whole; a device or pipe is written as it is.
 */
export async function openOutput(path: string): Promise<Output> {
  const fail = (error: unknown): never => {
    if (error instanceof RunError) throw error;
    const hint = 'name a file in a directory that can be written';
    throw new RunError(`--output: ${(error as Error).message}`, hint);
  };
  const existing = await stat(path).catch(() => undefined);
  const direct = existing !== undefined && !existing.isFile();
  const place = direct ? path : `${path}.part`;
  const file = await open(place, 'w').catch(fail);
  let done = false;
  return {
    write: async (text) => {
      try {
        await writeFile(file, text);
        await file.close();
        if (!direct) await rename(place, path);
        done = true;
      } catch (error) {
        fail(error);
      }
    },
    discard: async () => {
      if (done) return;
      await file.close().catch(() => undefined);
      if (!direct) await rm(place, { force: true });
    },
  };
}
