/** A file without a name: nothing of it is left behind, however the process ends. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { read } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RunError } from './ports.js';

const readAsync = promisify(read);

/** Bytes that are read at once. */
const BLOCK = 64 * 1024;

const NEWLINE = 10;

/** A stretch of a scratch file. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

export interface ScratchFile {
  /** Bytes written so far. */
  readonly size: number;
  append(text: string): void;
  /** The lines of a stretch that was written as whole lines, a block at a time. */
  lines(stretch: Stretch): AsyncGenerator<string>;
  close(): void;
}

/**
 * Makes one in a new directory that only its owner may enter, and unlinks both at once. Where an open
 * file can't be unlinked they go when it is closed. `directory` stands in for the system's own place
 * (`TMPDIR`).
 */
export function openScratchFile(directory: string = tmpdir()): ScratchFile {
  const fail = (error: unknown): never => {
    const hint = 'set TMPDIR to a directory that can be written and has room';
    throw new RunError(`findings can't be kept on disk: ${(error as Error).message}`, hint);
  };
  const attempt = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      return fail(error);
    }
  };
  const remove = (place: string): boolean => {
    try {
      rmSync(place, { recursive: true, force: true });
      return true;
    } catch {
      return false;
    }
  };
  const place = attempt(() => mkdtempSync(join(directory, 'validate-trail-')));
  let descriptor: number;
  try {
    descriptor = openSync(join(place, 'findings'), 'wx+', 0o600);
  } catch (error) {
    remove(place);
    return fail(error);
  }
  let gone = remove(place);
  let open = true;
  let size = 0;
  return {
    get size() {
      return size;
    },
    append: (text) => {
      const bytes = Buffer.from(text, 'utf8');
      attempt(() => {
        for (let done = 0; done < bytes.length;) {
          done += writeSync(descriptor, bytes, done, bytes.length - done, size + done);
        }
      });
      size += bytes.length;
    },
    lines: async function* ({ start, end }) {
      let rest = Buffer.alloc(0);
      for (let at = start; at < end;) {
        const block = Buffer.allocUnsafe(Math.min(BLOCK, end - at));
        const { bytesRead } = await readAsync(descriptor, block, 0, block.length, at).catch(fail);
        if (bytesRead === 0) fail(new Error('the file ends early'));
        at += bytesRead;
        // A line longer than a block is put together of several.
        let from = 0;
        const data = block.subarray(0, bytesRead);
        for (let to = data.indexOf(NEWLINE); to >= 0; to = data.indexOf(NEWLINE, from)) {
          const piece = data.subarray(from, to);
          yield (rest.length === 0 ? piece : Buffer.concat([rest, piece])).toString('utf8');
          rest = Buffer.alloc(0);
          from = to + 1;
        }
        if (from < data.length) rest = Buffer.concat([rest, data.subarray(from)]);
      }
    },
    close: () => {
      if (!open) return;
      open = false;
      try {
        // Room that another process's descriptor might hold on to is given back.
        ftruncateSync(descriptor, 0);
      } finally {
        closeSync(descriptor);
        gone ||= remove(place);
      }
    },
  };
}
