/** One thread beside the main one, and what it was asked. */
import { Worker } from 'node:worker_threads';
import type { LogContent } from '../core/log-file.js';
import type { Way } from './plain-request.js';
import type { HashedObject } from './ports.js';
import type { SigningCredentials } from './sigv4.js';
import type {
  Asked,
  Batch,
  Piece,
  ThreadSettings,
  Told,
  ToldAnswer,
  ToldError,
} from './thread-messages.js';

/** A log file that a thread read and hashed. */
export interface ThreadAnswer {
  readonly hashed: HashedObject;
  readonly answeredMs: number;
}

class ThreadError extends Error {
  override readonly name: string;
  readonly code: string | undefined;
  readonly $metadata: { readonly httpStatusCode: number | undefined };
  constructor({ name, message, code, status }: ToldError) {
    super(message);
    this.name = name;
    this.code = code;
    this.$metadata = { httpStatusCode: status };
  }
}

/** The thread that was hashing a body is there no more, and what it was given is gone. */
export class ThreadGoneError extends Error {
  override readonly name = 'ThreadGoneError';
}

interface Waiting {
  readonly resolve: (answer: ThreadAnswer | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** A body that is given in pieces. */
class Given {
  /** Nothing where the thread is gone. */
  readonly content: Promise<LogContent | undefined>;
  isOver = false;
  #unused = 0;
  #roomed: (() => void) | undefined;
  #finish: (content: LogContent | undefined) => void = () => undefined;

  constructor() {
    this.content = new Promise((resolve) => (this.#finish = resolve));
  }

  /** Waits, after so many more bytes, until the thread used enough of those before. */
  async room(bytes: number): Promise<void> {
    this.#unused += bytes;
    if (this.#unused < MOST_UNUSED || this.isOver) return;
    await new Promise<void>((resolve) => (this.#roomed = resolve));
  }

  used(bytes: number): void {
    this.#unused -= bytes;
    if (this.#unused < MOST_UNUSED) this.#roomed?.();
  }

  over(content: LogContent | undefined): void {
    this.isOver = true;
    this.#finish(content);
    this.#roomed?.();
  }
}

/** Bytes of one body that a thread was given and has not used. */
const MOST_UNUSED = 128 * 1024;

/** Nothing of a log file lives long in a thread: small is enough, and memory is by the thread. */
const YOUNG_MB = 6;

/** What a log file that is asked for counts in `load`: its size isn't known, and most are small. */
const ASKED_BYTES = 4096;

export class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #given = new Map<number, Given>();
  /** In order of telling. */
  readonly #ways = new Map<Way, number>();
  #next = 0;
  #isOver = false;
  #load = 0;
  /** What goes into the next message. */
  #asked: Asked[] = [];
  #newWays: Way[] = [];
  #credentials: SigningCredentials | undefined;
  #epochMs = 0;
  /** What the thread was told last. */
  #known: SigningCredentials | undefined;

  constructor(settings: ThreadSettings) {
    this.#worker = new Worker(new URL('./log-thread.js', import.meta.url), {
      workerData: settings,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker.unref();
    this.#worker.on('message', (told: readonly Told[]) => {
      for (const one of told) {
        if ('id' in one) this.#settle(one);
        else if ('used' in one) this.#given.get(one.body)?.used(one.used);
        else this.#given.get(one.body)?.over(one.content);
      }
    });
    // Whatever ended it: the next try of what it was asked is the SDK's.
    this.#worker.on('error', () => undefined);
    this.#worker.once('exit', () => this.#leave('ThreadEndedError'));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Bytes of log files that it was asked for or is given and has not answered, about. */
  get load(): number {
    return this.#load;
  }

  /** Asks for a log file; nothing where the SDK should. Throws what the request does. */
  ask(
    way: Way,
    key: string,
    credentials: SigningCredentials,
    epochMs: number,
  ): Promise<ThreadAnswer | undefined> {
    if (credentials !== this.#credentials) this.#post();
    if (this.#asked.length === 0) setImmediate(() => this.#post());
    const id = this.#next++;
    this.#asked.push({ id, way: this.#numberOf(way), key });
    this.#credentials = credentials;
    this.#epochMs = epochMs;
    return new Promise((resolve, reject) => {
      this.#take(ASKED_BYTES);
      this.#waiting.set(id, { resolve, reject });
    });
  }

  /** Has a body of so many bytes hashed as a log file. Throws what the body does, and where this ends. */
  async hash(chunks: AsyncIterable<Uint8Array>, size: number): Promise<LogContent> {
    const id = this.#next++;
    const given = new Given();
    this.#given.set(id, given);
    this.#take(size);
    let isWhole = false;
    try {
      for await (const chunk of chunks) {
        if (given.isOver) break;
        const { length } = chunk;
        this.#give({ id, bytes: chunk });
        await given.room(length);
      }
      isWhole = true;
    } finally {
      this.#give(isWhole ? { id } : { id, isBroken: true });
      if (!isWhole) this.#drop(id, size);
    }
    const content = await given.content;
    this.#drop(id, size);
    if (!content) throw new ThreadGoneError('the thread was ended');
    return content;
  }

  end(): void {
    this.#leave('AbortError');
    void this.#worker.terminate();
  }

  #leave(name: string): void {
    this.#isOver = true;
    const error = { name, message: 'the thread was ended', code: undefined };
    for (const id of [...this.#waiting.keys()]) this.#settle({ id, error });
    for (const given of this.#given.values()) given.over(undefined);
  }

  /** The process stays for the thread as long as it has something to do. */
  #take(load: number): void {
    if (this.#load === 0) this.#worker.ref();
    this.#load += load;
  }

  #put(load: number): void {
    this.#load -= load;
    if (this.#load === 0) this.#worker.unref();
  }

  /** Gives a piece away: its bytes are gone here, unless more than they lie in the same memory. */
  #give({ bytes, ...piece }: Piece): void {
    if (this.#isOver) return;
    if (!bytes) {
      this.#worker.postMessage(piece);
      return;
    }
    const isAlone = bytes.byteLength === bytes.buffer.byteLength;
    const own = isAlone ? bytes : new Uint8Array(bytes);
    this.#worker.postMessage({ ...piece, bytes: own }, [own.buffer as ArrayBuffer]);
  }

  #drop(id: number, size: number): void {
    this.#given.delete(id);
    this.#put(size);
  }

  #numberOf(way: Way): number {
    const known = this.#ways.get(way);
    if (known !== undefined) return known;
    const number = this.#ways.size;
    this.#ways.set(way, number);
    this.#newWays.push(way);
    return number;
  }

  #post(): void {
    if (this.#asked.length === 0) return;
    const isKnown = this.#credentials === this.#known;
    this.#known = this.#credentials;
    const batch: Batch = {
      asked: this.#asked,
      epochMs: this.#epochMs,
      ways: this.#newWays,
      ...(isKnown || !this.#known ? {} : { credentials: plain(this.#known) }),
    };
    this.#asked = [];
    this.#newWays = [];
    this.#worker.postMessage(batch);
  }

  #settle({ id, hashed, answeredMs = 0, error }: ToldAnswer): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    this.#put(ASKED_BYTES);
    if (error) waiting.reject(new ThreadError(error));
    else waiting.resolve(hashed && { hashed, answeredMs });
  }
}

/** Without what a provider adds, which may be nothing that a message can hold. */
function plain({ accessKeyId, secretAccessKey, sessionToken }: SigningCredentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
