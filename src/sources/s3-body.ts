/** A body that comes over the network: all of it, or an error that is worth another try. */
import type { Readable } from 'node:stream';

class TruncatedBodyError extends Error {
  override readonly name = 'TruncatedBodyError';
}
class StalledBodyError extends Error {
  override readonly name = 'StalledBodyError';
}

/**
 * The chunks of a body. Throws where it ends before `length` bytes came, or no byte came for
 * `stallMs` milliseconds.
 */
export async function* wholeBody(
  body: Readable,
  length: number | undefined,
  stallMs: number,
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  const timer = setTimeout(() => {
    body.destroy(new StalledBodyError(`no byte came for ${stallMs} ms`));
  }, stallMs);
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      seen += chunk.length;
      timer.refresh();
      yield chunk;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  if (length !== undefined && seen !== length) {
    throw new TruncatedBodyError(`the body ended after ${seen} of ${length} bytes`);
  }
}
