import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { numeral } from '../core/count.js';
import { systemReason } from '../sources/file-error.js';
import { RunError } from '../sources/ports.js';

async function* chunks(path: string, what: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new RunError(`${what} ${path} can’t be read: ${systemReason(error)}`);
  }
}

/** Reads a file of at most so many bytes; throws `RunError`, also for a longer one. */
export async function readWhole(path: string, most: number, what: string): Promise<Buffer> {
  const read: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks(path, what)) {
    size += chunk.length;
    if (size > most) {
      throw new RunError(`${what} ${path} has more than ${numeral(most)} bytes`);
    }
    read.push(chunk);
  }
  return Buffer.concat(read);
}

/** The SHA-256 of a file's bytes, in hex; throws `RunError`. */
export async function hashFile(path: string, what: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks(path, what)) hash.update(chunk);
  return hash.digest('hex');
}
