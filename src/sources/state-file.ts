/** The state file on disk: read whole or refused, written whole or not at all. */
import { constants, lstat, open, realpath, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  MAX_STATE_BYTES,
  parseState,
  serializeState,
  StateError,
  type State,
} from '../core/state.js';
import { RunError } from './ports.js';
import { replaceFile, withNewFile } from './write-whole.js';

const RESTORE = 'put back the file that the last run wrote; a state file is not mended by hand';
const ELSEWHERE = 'give --state a file in a directory that you may write to';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A `RunError` as it is, anything else as one. */
function runError(path: string, what: string, error: unknown, hint: string): RunError {
  if (error instanceof RunError) return error;
  if (error instanceof StateError) return new RunError(`state file ${path} ${error.message}`, hint);
  const message = error instanceof Error ? error.message : String(error);
  return new RunError(`state file ${path} can't be ${what}: ${message}`, hint);
}

/** The file itself where the path is a link; a link that leads nowhere is not a missing file. */
async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    const link = await lstat(path).catch(() => undefined);
    if (link?.isSymbolicLink()) {
      throw new RunError(`state file ${path} is a link that leads nowhere`, 'mend the link');
    }
    return path;
  }
}

function refuseOther(path: string, stats: { isFile(): boolean; isDirectory(): boolean }): void {
  if (stats.isFile()) return;
  const what = stats.isDirectory() ? 'is a directory' : 'is not a plain file';
  throw new RunError(`state file ${path} ${what}`, 'give --state a file');
}

async function readBounded(path: string, target: string): Promise<Buffer> {
  // Not blocking, so that a named pipe can't hold the run up.
  const handle = await open(target, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    refuseOther(path, await handle.stat());
    const pieces: Buffer[] = [];
    let length = 0;
    for (;;) {
      const piece = Buffer.alloc(1024 * 1024);
      const { bytesRead } = await handle.read(piece, 0, piece.length, null);
      if (bytesRead === 0) return Buffer.concat(pieces, length);
      length += bytesRead;
      if (length > MAX_STATE_BYTES) throw new StateError('is over 64 MiB');
      pieces.push(piece.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new StateError('is not UTF-8: it was changed or damaged, or never was a state file');
  }
}

/** The state of the trail in a file; `undefined` where there is no file. Never a part of one. */
export async function loadState(path: string, trailArn: string): Promise<State | undefined> {
  try {
    const target = await targetOf(path);
    const bytes = await readBounded(path, target).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    return bytes && parseState(decode(bytes), trailArn);
  } catch (error) {
    throw runError(path, 'read', error, RESTORE);
  }
}

/** The permissions of the file that will be replaced; `undefined` where there is none. */
async function modeOf(path: string, target: string): Promise<number | undefined> {
  try {
    const stats = await stat(target);
    refuseOther(path, stats);
    return stats.mode & 0o777;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Writes a state to its file: at any moment the path holds the old state or the new one. Where it
 * is a link, the file it leads to is replaced.
 */
export async function saveState(path: string, state: State): Promise<void> {
  try {
    const text = serializeState(state);
    const target = await targetOf(path);
    const mode = await modeOf(path, target);
    await replaceFile(target, text, { mode });
  } catch (error) {
    throw runError(path, 'written', error, ELSEWHERE);
  }
}

/** Finds out before the run whether `saveState` will be able to write: makes a file and removes it. */
export async function checkWritable(path: string): Promise<void> {
  try {
    const target = await targetOf(path);
    await modeOf(path, target);
    await withNewFile(dirname(target), '', undefined, unlink);
  } catch (error) {
    throw runError(path, 'written', error, ELSEWHERE);
  }
}
