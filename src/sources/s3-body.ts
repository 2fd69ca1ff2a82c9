/** A body that comes over the network: all of it, or an error that is worth another try. */
import type { Readable } from 'node:stream';

class TruncatedBodyError extends Error {
  override readonly name = 'TruncatedBodyError';
}
class StalledBodyError extends Error {
  override readonly name = 'StalledBodyError';
}

/** Bytes that wait for the reader before the sender is held back. */
const MOST_WAITING = 128 * 1024;

interface Waiting {
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * The chunks of a body, to be read once. Throws where it ends before `length` bytes came, or where
 * the reader waited `stallMs` milliseconds for a byte. Written out rather than as a generator over
 * the stream: most bodies are a chunk or two, and the machinery would cost more than they do.
 */
export class WholeBody implements AsyncIterableIterator<Uint8Array, undefined> {
  /** What the reader was told went wrong with the body. */
  broken: unknown;
  readonly #stream: Readable;
  readonly #stallMs: number;
  readonly #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #started = false;
  #ended = false;
  #error: unknown;
  #reader: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `arrived` is called once all of it came. */
  constructor(stream: Readable, length: number | undefined, stallMs: number, arrived?: () => void) {
    this.#stream = stream;
    this.#stallMs = stallMs;
    let seen = 0;
    const finish = (error?: unknown): void => {
      if (this.#ended) return;
      this.#ended = true;
      this.#error = error;
      clearTimeout(this.#timer);
      this.#serve();
    };
    const truncated = (): Error =>
      new TruncatedBodyError(`the body ended after ${seen} of ${length ?? 'unknown'} bytes`);
    stream.on('end', () => {
      const whole = length === undefined || seen === length;
      if (whole) arrived?.();
      finish(whole ? undefined : truncated());
    });
    stream.on('error', finish);
    stream.on('close', () => {
      if (!this.#ended) finish(truncated());
    });
    this.#onData = (chunk) => {
      seen += chunk.length;
      this.#chunks.push(chunk);
      this.#waitingBytes += chunk.length;
      if (this.#reader) this.#serve();
      else if (this.#waitingBytes > MOST_WAITING) stream.pause();
    };
  }
  readonly #onData: (chunk: Uint8Array) => void;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#started) {
      this.#started = true;
      this.#stream.on('data', this.#onData);
    }
    const chunk = this.#take();
    if (chunk) return Promise.resolve({ done: false, value: chunk });
    if (this.#ended) return this.#atEnd();
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#watch();
    });
  }

  /** The reader wants no more. */
  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.destroy();
    return Promise.resolve(DONE);
  }

  /** Frees the connection. Nothing that the stream says afterwards matters. */
  destroy(): void {
    clearTimeout(this.#timer);
    if (!this.#ended || this.#chunks.length > 0) {
      this.#error ??= new TruncatedBodyError('the body was let go before its end');
    }
    this.#ended = true;
    this.#chunks.length = 0;
    this.#stream.destroy();
    this.#serve();
  }

  #atEnd(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#error === undefined) return Promise.resolve(DONE);
    this.broken = this.#error;
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the stream's own
    return Promise.reject(this.#error);
  }

  #take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (!chunk) return undefined;
    this.#waitingBytes -= chunk.length;
    if (this.#waitingBytes <= MOST_WAITING && this.#stream.isPaused()) this.#stream.resume();
    return chunk;
  }

  /** Gives a reader that waits what there is by now. */
  #serve(): void {
    const reader = this.#reader;
    if (!reader) return;
    this.#reader = undefined;
    const chunk = this.#take();
    if (chunk) reader.resolve({ done: false, value: chunk });
    else this.#atEnd().then(reader.resolve, reader.reject);
  }

  #watch(): void {
    if (this.#timer) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(() => {
      // Only a reader that waits can be kept waiting; a slow one is no fault of the body's.
      if (!this.#reader) return;
      this.#stream.destroy(new StalledBodyError(`no byte came for ${this.#stallMs} ms`));
    }, this.#stallMs);
  }
}
