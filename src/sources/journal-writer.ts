import type { FileHandle } from 'node:fs/promises';
import { encodeLine, type JournalLine } from '../core/journal.js';
import { systemReason } from './file-error.js';
import { MAX_LINE } from './file-lines.js';
import type { Contents } from './journal-lines.js';
import { RunError } from './ports.js';

/** Characters of all strings within a value, counted until there are `most`. */
function charactersOf(value: unknown, most: number): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let sum = 0;
  for (const one of Object.values(value)) {
    sum += charactersOf(one, most - sum);
    if (sum >= most) break;
  }
  return sum;
}

/**
 * Writes lines, many at once where many wait, and says when they are on the disk. `name` is the file's in
 * messages.
 */
export function createWriter(handle: FileHandle, name: string, { length, whole, sum }: Contents) {
  let position = length;
  let last = sum;
  let waiting: { text: string; done: () => void; fail: (error: unknown) => void }[] = [];
  let writing = false;
  let begun = false;

  const write = async (bytes: Buffer): Promise<void> => {
    const { size } = await handle.stat();
    if (size !== (begun ? position : whole)) {
      throw new RunError(`another run writes into the ${name}`);
    }
    if (!begun) await handle.truncate(position);
    begun = true;
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
      at += bytesWritten;
    }
    position += bytes.length;
    await handle.datasync();
  };
  const drain = async (): Promise<void> => {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await write(Buffer.from(batch.map(({ text }) => text).join('')));
        for (const { done } of batch) done();
      } catch (error) {
        const told =
          error instanceof RunError
            ? error
            : new RunError(`${name} can’t be written: ${systemReason(error)}`);
        for (const { fail } of batch) fail(told);
      }
    }
    writing = false;
  };
  return {
    add: (line: JournalLine): Promise<void> => {
      // Such a day is read again by the next run; to write it out could be past any string's length.
      if (charactersOf(line, MAX_LINE) >= MAX_LINE) return Promise.resolve();
      const encoded = encodeLine(last, line);
      if (Buffer.byteLength(encoded.text) > MAX_LINE) return Promise.resolve();
      last = encoded.sum;
      return new Promise((resolve, reject) => {
        waiting.push({ text: encoded.text, done: resolve, fail: reject });
        if (!writing) void drain();
      });
    },
  };
}
