/** Keeping a distance between requests, where a service counts them. */
import { sleep } from './retry.js';

/**
 * Waits until it is a place's turn: turns of one place are at least `pauseMs` milliseconds apart,
 * whoever asks. Throws where the signal came first.
 */
export function createPacer(
  pauseMs: number,
  signal?: AbortSignal,
): (place: string) => Promise<void> {
  const next = new Map<string, number>();
  return async (place) => {
    const now = performance.now();
    const turn = Math.max(now, next.get(place) ?? 0);
    next.set(place, turn + pauseMs);
    if (turn > now) await sleep(turn - now, signal);
    signal?.throwIfAborted();
  };
}
