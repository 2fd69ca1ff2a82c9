/**
 * Inflating raw deflate, chunk by chunk, in memory that doesn't depend on what comes out. It is done in
 * steps on this thread, each into the same bytes, with the call that `gunzipSync` itself is made of. That
 * one needs memory for all that comes out, and a stream takes new memory for each step and hands it to
 * another thread: they cost a quarter to a half more. The call is in no documentation of Node's, so it is
 * tried once on something known, and streams do all where it is missing or does otherwise.
 */
import { constants, createInflateRaw, deflateRawSync, type InflateRaw } from 'node:zlib';

export interface Inflation {
  /**
   * Feeds one chunk; gives back what lies behind the end of the deflate stream, if it ended. What comes
   * out goes to `onData`, and is gone after that.
   */
  feed(chunk: Buffer): Promise<Buffer | undefined>;
  /** No more bytes: the deflate stream may have ended with the very last one. */
  finish(): Promise<void>;
  stop(): void;
}

/** Who hears what comes out, and that the deflate stream is damaged or cut short. */
export interface Hearer {
  readonly onData: (data: Buffer) => void;
  readonly onError: () => void;
}

/** What one step gives, at most. */
const CHUNK = 256 * 1024;

/** What `gunzipSync` calls of a stream, which Node's types don't know. */
interface Steps {
  readonly _handle: {
    /** Tells in `_writeState` how many bytes are left of `out` and of `input`. */
    writeSync(
      flush: number,
      input: Buffer,
      inputAt: number,
      inputLength: number,
      out: Buffer,
      outAt: number,
      outLength: number,
    ): void;
  };
  readonly _writeState: Readonly<Uint32Array>;
}

/** One for all on a thread: what a step wrote is used before the next. */
const out = Buffer.allocUnsafeSlow(CHUNK);

/** Making one costs as much as inflating a small file. */
const idle: InflateRaw[] = [];
const MOST_IDLE = 4;

/** Inflates a step at a time, at once. */
class Stepper {
  readonly #inflate: InflateRaw;

  constructor() {
    const known = idle.pop();
    // Its own buffer isn't used.
    this.#inflate = known ?? createInflateRaw({ chunkSize: constants.Z_MIN_CHUNK });
    // The steps tell.
    if (!known) this.#inflate.on('error', () => undefined);
  }

  /**
   * What came out, until the next step, and how much was read for it. Unless it is as much as a step
   * gives, all was read or the deflate stream has ended. Nothing where the stream is damaged.
   */
  step(input: Buffer): { readonly read: number; readonly data: Buffer } | undefined {
    const { _handle: handle, _writeState: left } = this.#inflate as unknown as Steps;
    handle.writeSync(constants.Z_NO_FLUSH, input, 0, input.length, out, 0, CHUNK);
    if (this.#inflate.destroyed) return undefined;
    const [outLeft = CHUNK, inputLeft = 0] = left;
    return { read: input.length - inputLeft, data: out.subarray(0, CHUNK - outLeft) };
  }

  release(): void {
    if (this.#inflate.destroyed) return;
    if (idle.length >= MOST_IDLE) {
      this.#inflate.destroy();
      return;
    }
    this.#inflate.reset();
    idle.push(this.#inflate);
  }
}

/** Inflated bytes after which whatever else waits on this thread has its turn. */
const TURN = 1024 * 1024;
let sinceTurn = 0;

class SteppedInflation implements Inflation {
  readonly #hearer: Hearer;
  readonly #stepper = new Stepper();
  #isOver = false;

  constructor(hearer: Hearer) {
    this.#hearer = hearer;
  }

  async feed(chunk: Buffer): Promise<Buffer | undefined> {
    let rest = chunk;
    while (!this.#isOver) {
      if (sinceTurn >= TURN) {
        sinceTurn = 0;
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const step = this.#stepper.step(rest);
      if (!step) {
        this.#hearer.onError();
        return undefined;
      }
      const { read, data } = step;
      rest = rest.subarray(read);
      sinceTurn += data.length;
      if (data.length > 0) this.#hearer.onData(data);
      if (data.length < CHUNK) return rest.length > 0 ? rest : undefined;
    }
    return undefined;
  }

  finish(): Promise<void> {
    // What has ended reads no further byte.
    if (this.#stepper.step(Buffer.alloc(1))?.read !== 0) this.#hearer.onError();
    return Promise.resolve();
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stepper.release();
  }
}

/** By a stream, as Node documents it. */
class StreamedInflation implements Inflation {
  readonly #inflate = createInflateRaw({ chunkSize: CHUNK });
  #ended = false;
  #wake: (() => void) | undefined;

  constructor({ onData, onError }: Hearer) {
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    this.#inflate.on('data', onData);
    this.#inflate.once('end', end).once('close', end);
    this.#inflate.once('error', () => {
      onError();
      end();
    });
  }

  async feed(chunk: Buffer): Promise<Buffer | undefined> {
    const before = this.#inflate.bytesWritten;
    await this.#step((done) => this.#inflate.write(chunk, done));
    return this.#ended ? chunk.subarray(this.#inflate.bytesWritten - before) : undefined;
  }

  async finish(): Promise<void> {
    await this.#step(() => this.#inflate.end());
  }

  stop(): void {
    this.#inflate.destroy();
  }

  #step(begin: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#ended) resolve();
      else begin(resolve);
    });
  }
}

/** Whether steps read exactly what they should, and see what is damaged. */
function canStep(): boolean {
  const content = Buffer.alloc(CHUNK + 1, 'events and ');
  let input = Buffer.concat([deflateRawSync(content), Buffer.from('more')]);
  const pieces: Buffer[] = [];
  try {
    const stepper = new Stepper();
    for (const length of [10, Infinity, Infinity]) {
      const step = stepper.step(input.subarray(0, Math.min(length, input.length)));
      if (!step) return false;
      pieces.push(Buffer.from(step.data));
      input = input.subarray(step.read);
    }
    stepper.release();
    // A block of the one kind that there isn't.
    const isSeen = new Stepper().step(Buffer.from([0xff])) === undefined;
    return isSeen && input.toString() === 'more' && Buffer.concat(pieces).equals(content);
  } catch {
    return false;
  }
}

let isStepped: boolean | undefined;

export function createInflation(hearer: Hearer): Inflation {
  isStepped ??= canStep();
  return isStepped ? new SteppedInflation(hearer) : new StreamedInflation(hearer);
}
