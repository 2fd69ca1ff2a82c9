import { createHash } from 'node:crypto';
import { open as openFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { systemReason } from '../sources/file-error.js';
import { RunError } from '../sources/ports.js';
import type { Format } from '../report/format-names.js';
import type { Arguments } from './args.js';
import { stepsOf } from './links.js';
import { UsageError } from './usage-error.js';

export interface Output {
  /** As it was named. */
  readonly path: string;
  /** Whether a file is put there, not a device or pipe written to. */
  readonly isFile: boolean;
  /**
   * Writes the report, whole or piece by piece, and puts it into its place, whole. Gives the SHA-256 of
   * the bytes in hex.
   */
  write(text: string | AsyncIterable<string>): Promise<string>;
  /** Removes what was begun; nothing after `write`. */
  discard(): Promise<void>;
}

/** Where a report is written before it is whole, that is to become this very file. */
export const partOf = (file: string): string => `${file}.part`;

/** The bytes of a text that is written, each of them counted into a hash on its way. */
async function* hashed(
  text: string | AsyncIterable<string>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Buffer> {
  for await (const piece of typeof text === 'string' ? [text] : text) {
    const bytes = Buffer.from(piece, 'utf8');
    hash.update(bytes);
    yield bytes;
  }
}

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
    path,
    isFile: !isDirect,
    write: async (text) => {
      const hash = createHash('sha256');
      try {
        await writeFile(file, hashed(text, hash));
        await file.close();
        if (!isDirect) await rename(place, target);
        done = true;
      } catch (error) {
        fail(error);
      }
      return hash.digest('hex');
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
  /** What takes the signature of the others. */
  readonly attestation: Output | undefined;
  /** Removes what was begun and not written. */
  discard(): Promise<void>;
}

/** Opens the files of all reports, or none of them. */
export async function openReports({
  output,
  reports,
  attestation: signature,
}: Pick<Arguments, 'output' | 'reports' | 'attestation'>): Promise<Reports> {
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
    if (
      signature !== undefined &&
      ![main, ...others.map(({ output }) => output)].some((one) => one?.isFile)
    ) {
      throw new UsageError('--attest signs a report’s file, and devices and pipes keep none');
    }
    const attestation =
      signature === undefined ? undefined : await open(signature, '--attestation');
    return { main, others, attestation, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}
