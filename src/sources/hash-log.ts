/** Hashing log files as they are read: what every source of objects does alike. */
import { hashLogFile } from '../core/log-file.js';
import type { HashedObject, ObjectBody } from './ports.js';

/** Hashes a body as a log file. Errors of the body are thrown on. */
export async function hashBody({
  size,
  chunks,
}: Pick<ObjectBody, 'size' | 'chunks'>): Promise<HashedObject> {
  return { size, content: await hashLogFile(chunks) };
}
