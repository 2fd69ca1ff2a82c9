import type { LimitFunction } from 'p-limit';

/**
 * Runs `task` for each item through a shared limiter, with at most `window` of them queued or
 * running, so that a million items are never a million promises. The first error stops the rest and
 * is thrown once nothing runs any more.
 */
export async function forEachBounded<T>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: LimitFunction,
  window: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  let running = 0;
  let failed: { error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const settled = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const run = async (item: T): Promise<void> => {
    try {
      await limit(task, item);
    } catch (error) {
      failed ??= { error };
    } finally {
      running--;
      wake?.();
    }
  };
  for await (const item of items) {
    if (running >= window) await settled();
    if (failed) break;
    running++;
    void run(item);
  }
  while (running > 0) await settled();
  if (failed) throw failed.error;
}
