import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { systemReason } from '../sources/file-error.js';
import { RunError } from '../sources/ports.js';
import { stepsOf } from './links.js';

export interface Output {
  /** Writes the report, whole or piece by piece, and puts it into its place, whole. */
  write(text: string | AsyncIterable<string>): Promise<void>;
  /** Removes what was begun; nothing after `write`. */
  discard(): Promise<void>;
}

/** Where a report is written before it is whole, that is to become this very file. */
export const partOf = (file: string): string => `${file}.part`;

/**
 * Opens the report's file before the run, so that a place that can't be written costs no run. A
 * regular file is replaced only when the new report is whole, behind whatever links lead to it. A
 * device or pipe, and what lies in /dev or /proc, is written as it is: nothing there is ours to replace.
 */
export async function openOutput(path: string): Promise<Output> {
  const fail = (error: unknown): never => {
    if (error instanceof RunError) throw error;
    const hint = 'name a file in a directory that can be written';
    throw new RunError(`--output ${path} can’t be written: ${systemReason(error)}`, hint);
  };
  const existing = await stat(path).catch((error: unknown) =>
    (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : fail(error),
  );
  const steps = stepsOf(path);
  const target = steps.at(-1) ?? path;
  const isDirect =
    steps.some((step) => /^\/(dev|proc)\//.test(step)) ||
    (existing !== undefined && !existing.isFile());
  // What somebody else holds open (/dev/stdout, with >> perhaps) is added to, not emptied.
  const isOpen = steps.some((step) => /^\/proc\/.*\/fd\//.test(step));
  const place = isDirect ? path : partOf(target);
  // What an earlier run left, or a link that somebody put there, is not to be written to.
  if (!isDirect) await rm(place, { force: true }).catch(fail);
  const file = await open(place, isDirect ? (isOpen ? 'a' : 'w') : 'wx').catch(fail);
  let done = false;
  return {
    write: async (text) => {
      try {
        await writeFile(file, text);
        await file.close();
        if (!isDirect) await rename(place, target);
        done = true;
      } catch (error) {
        fail(error);
      }
    },
    discard: async () => {
      if (done) return;
      await file.close().catch(() => undefined);
      if (!isDirect) await rm(place, { force: true });
    },
  };
}
