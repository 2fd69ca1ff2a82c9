import { open as openFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { systemReason } from '../sources/file-error.js';
import { RunError } from '../sources/ports.js';
import type { Format } from '../report/format-names.js';
import type { Arguments } from './args.js';
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
export async function openOutput(path: string, option = '--output'): Promise<Output> {
  const fail = (error: unknown): never => {
    if (error instanceof RunError) throw error;
    const hint = 'name a file in a directory that can be written';
    throw new RunError(`${option} ${path} can’t be written: ${systemReason(error)}`, hint);
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
  const file = await openFile(place, isDirect ? (isOpen ? 'a' : 'w') : 'wx').catch(fail);
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

/** The files of all reports that are asked for. */
export interface Reports {
  /** What `--output` names. */
  readonly main: Output | undefined;
  readonly others: readonly { readonly format: Format; readonly output: Output }[];
  /** Removes what was begun and not written. */
  discard(): Promise<void>;
}

/** Opens the files of all reports, or none of them. */
export async function openReports({
  output,
  reports,
}: Pick<Arguments, 'output' | 'reports'>): Promise<Reports> {
  const opened: Output[] = [];
  const discard = async (): Promise<void> => {
    for (const one of opened) await one.discard();
  };
  const open = async (path: string, option: string): Promise<Output> => {
    const one = await openOutput(path, option);
    opened.push(one);
    return one;
  };
  try {
    const main = output === undefined ? undefined : await open(output, '--output');
    const others: { format: Format; output: Output }[] = [];
    for (const { format, path } of reports) {
      others.push({ format, output: await open(path, '--report') });
    }
    return { main, others, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}
