/**
 * Log files read and hashed on other threads. The thread that runs the audit says which, and they
 * answer with what was found; both in batches, since a message costs as much as a small file. A
 * thread has connections of its own and no AWS SDK: what it can't do is asked again here.
 */
import { Worker } from 'node:worker_threads';
import type { Direct } from './client-config.js';
import type { Way } from './plain-request.js';
import type { Ask } from './plain.js';
import type { HashedObject } from './ports.js';
import type { SigningCredentials } from './sigv4.js';

/** Which threads there shall be. */
export interface ThreadsOptions extends Direct {
  readonly count: number;
  /** Log files that are asked for before they start. */
  readonly after: number;
}

/** What a thread is started with. */
export interface ThreadSettings extends Direct {
  /** Connections of one thread, at most. */
  readonly sockets: number;
  readonly stallMs: number;
}

/** A log file that a thread shall hash. */
export interface Asked {
  readonly id: number;
  /** The number of the way, in order of telling. */
  readonly way: number;
  readonly key: string;
}

export interface Batch {
  readonly asked: readonly Asked[];
  readonly epochMs: number;
  /** Those that the thread wasn't told before. */
  readonly ways: readonly Way[];
  readonly credentials?: SigningCredentials;
}

/** What an error keeps on its way to another thread. */
export interface ToldError {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly status?: number | undefined;
}

/** Of one log file: what it holds, or an error; neither where the SDK should ask. */
export interface Told {
  readonly id: number;
  readonly hashed?: HashedObject;
  /** Milliseconds until the answer began. */
  readonly answeredMs?: number;
  readonly error?: ToldError;
}

/** A log file that a thread hashed. */
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

interface Waiting {
  readonly resolve: (answer: ThreadAnswer | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Nothing of a log file lives long in a thread: small is enough, and memory is by the thread. */
const YOUNG_MB = 6;

/** One thread, and what it was asked. */
class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  /** In order of telling. */
  readonly #ways = new Map<Way, number>();
  #next = 0;
  #isOver = false;
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
      for (const one of told) this.#settle(one);
    });
    // Whatever ended it: the next try of what it was asked is the SDK's.
    this.#worker.on('error', () => undefined);
    this.#worker.once('exit', () => this.#leave('ThreadEndedError'));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Log files that it was asked for and has not answered. */
  get busy(): number {
    return this.#waiting.size;
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
      // The process stays for the thread as long as it is asked for something.
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(id, { resolve, reject });
    });
  }

  end(): void {
    this.#leave('AbortError');
    void this.#worker.terminate();
  }

  #leave(name: string): void {
    this.#isOver = true;
    const error = { name, message: 'the thread was ended', code: undefined };
    for (const id of [...this.#waiting.keys()]) this.#settle({ id, error });
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

  #settle({ id, hashed, answeredMs = 0, error }: Told): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (error) waiting.reject(new ThreadError(error));
    else waiting.resolve(hashed && { hashed, answeredMs });
  }
}

/** Without what a provider adds, which may be nothing that a message can hold. */
function plain({ accessKeyId, secretAccessKey, sessionToken }: SigningCredentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** Starts threads, or as many as the system gives: it may bound them for a user or a container. */
function startThreads(count: number, settings: ThreadSettings): Thread[] {
  const threads: Thread[] = [];
  try {
    while (threads.length < count) threads.push(new Thread(settings));
  } catch {
    // Those that there are will do, and without any the main thread reads all.
  }
  return threads;
}

export interface LogThreads {
  /** Whether a thread can be asked now. They start at the first call that finds enough to do. */
  readonly isThere: () => boolean;
  /** What asks the thread that has least to do. */
  readonly bind: (client: unknown, way: Way) => Ask<string, ThreadAnswer>;
  /** Ends them, with whatever they were asked. */
  readonly close: () => void;
}

/** Makes threads, once enough log files were asked for. */
export function createLogThreads({
  count,
  after,
  ...settings
}: ThreadsOptions & ThreadSettings): LogThreads {
  let threads: Thread[] | undefined;
  let wanted = 0;
  let isClosed = false;
  return {
    isThere: () => {
      if (!threads && ++wanted > after && !isClosed) {
        threads = startThreads(count, settings);
      }
      return threads?.some((one) => !one.isOver) ?? false;
    },
    bind: (_client, way) => async (key, credentials, epochMs) => {
      let idlest: Thread | undefined;
      for (const one of threads ?? []) {
        if (!one.isOver && one.busy < (idlest?.busy ?? Infinity)) idlest = one;
      }
      return idlest?.ask(way, key, credentials, epochMs);
    },
    close: () => {
      isClosed = true;
      for (const one of threads ?? []) one.end();
    },
  };
}
