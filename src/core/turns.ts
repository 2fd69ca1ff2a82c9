/**
 * Hands out at most `count` turns at a time, in order of asking. A turn must be short and must never
 * be held while something outside is waited for: then nobody can hold the others up.
 */
export function createTurns(count: number): <T>(task: () => Promise<T>) => Promise<T> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}
