/** What lies beside what a run reads: log files that no digest file lists, or that nobody could vouch for. */
import pLimit from 'p-limit';
import type { ObjectSource } from '../sources/ports.js';
import { forEachBounded } from './pool.js';

/** An object that was listed and has no copy yet. */
export interface Uncopied {
  readonly bucket: string;
  readonly key: string;
}

/** Reads what was listed and not read, so that it is kept; stops when the run is interrupted. */
export async function collectRest(
  uncopied: AsyncIterable<Uncopied>,
  objects: ObjectSource,
  concurrency: number,
  signal: AbortSignal,
): Promise<void> {
  await forEachBounded(uncopied, pLimit(concurrency), concurrency * 2, async ({ bucket, key }) => {
    if (!signal.aborted) await objects.read(bucket, key, () => Promise.resolve(undefined));
  });
}
