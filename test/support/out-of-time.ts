/** Runs whose time is up at a moment of the test's choosing, whatever the machine's speed. */
import { vi } from 'vitest';
import type { Endpoint, EndpointOptions } from './loopback.js';

/** More than any test takes; the clock is put past it when the time is to be up. */
export const MAX_DURATION = ['--max-duration', '999999s'];

/** Runs a task; the time is up as soon as the endpoint is asked for what `isLast` knows by its URL. */
export async function outOfTime<T>(
  endpoint: Endpoint,
  isLast: (url: string) => boolean,
  task: () => Promise<T>,
  options: EndpointOptions = {},
): Promise<T> {
  const real = performance.now.bind(performance);
  let offset = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => real() + offset);
  endpoint.set({
    ...options,
    answer: (request) => {
      if (isLast(decodeURIComponent(request.url ?? ''))) offset = 1e10;
      return false;
    },
  });
  try {
    return await task();
  } finally {
    clock.mockRestore();
    endpoint.set(options);
  }
}
