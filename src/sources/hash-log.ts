/** Hashing log files as they are read: what every source of objects does alike. */
import { hashLogFile } from '../core/log-file.js';
import type { LogThreads } from './log-threads.js';
import type { HashedObject, ObjectBody, Read } from './ports.js';
import { ThreadGoneError } from './thread.js';

type Body = Pick<ObjectBody, 'size' | 'chunks'>;

/** Hashes a body as a log file, here. Errors of the body are thrown on. */
export async function hashBody({ size, chunks }: Body): Promise<HashedObject> {
  return { size, content: await hashLogFile(chunks) };
}

/**
 * Hashes what `read` reads as a log file, on another thread where that is worth it. One that ends takes
 * with it what it was given: that is read again, and hashed here.
 */
export async function hashRead(
  threads: LogThreads | undefined,
  read: (consume: (body: Body) => Promise<HashedObject>) => Promise<Read<HashedObject>>,
): Promise<Read<HashedObject>> {
  if (!threads) return read(hashBody);
  try {
    return await read(async (body) => {
      const { size, chunks } = body;
      const elsewhere = threads.hash(chunks, size);
      return elsewhere ? { size, content: await elsewhere } : hashBody(body);
    });
  } catch (error) {
    if (!(error instanceof ThreadGoneError)) throw error;
    return read(hashBody);
  }
}
