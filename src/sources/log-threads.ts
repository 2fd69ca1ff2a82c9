/**
 * Log files hashed on other threads, and read there as well: the thread that runs the audit says which,
 * and they answer with what was found; both in batches, since a message costs as much as a small file. A
 * thread has connections of its own and no AWS SDK: what it can't do is asked again here. A large file
 * that is read here all the same is given to a thread as it comes: one of a directory, through a proxy or
 * the SDK, and what came before there were threads.
 */
import type { LogContent } from '../core/log-file.js';
import type { Way } from './plain-request.js';
import type { Ask } from './plain.js';
import type { ThreadSettings } from './thread-messages.js';
import { Thread, type ThreadAnswer } from './thread.js';

/** Which threads there shall be. */
export interface ThreadsOptions {
  readonly count: number;
  /** Small log files that are asked for before they start. */
  readonly after: number;
}

/** Stored bytes from which giving a log file away costs little beside hashing it. */
const LARGE = 16 * 1024;

export interface LogThreads {
  /**
   * Whether a thread can be asked now, for a small log file or one of so many bytes. They start at the
   * first call that finds enough to do.
   */
  readonly isThere: (size?: number) => boolean;
  /** What asks the thread that has least to do. */
  readonly bind: (client: unknown, way: Way) => Ask<string, ThreadAnswer>;
  /**
   * What a large log file holds, by the thread that has least to do; nothing where the file is small or
   * there is no thread, and `ThreadGoneError` where it ends meanwhile.
   */
  readonly hash: (
    chunks: AsyncIterable<Uint8Array>,
    size: number,
  ) => Promise<LogContent> | undefined;
  /** Ends them, with whatever they were asked. */
  readonly close: () => void;
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

/** Makes threads, once enough log files were asked for. */
export function createLogThreads({
  count,
  after,
  ...settings
}: ThreadsOptions & ThreadSettings): LogThreads {
  let threads: Thread[] | undefined;
  let wanted = 0;
  let isClosed = false;
  const findIdlest = (): Thread | undefined => {
    let idlest: Thread | undefined;
    for (const one of threads ?? []) {
      if (!one.isOver && one.load < (idlest?.load ?? Infinity)) idlest = one;
    }
    return idlest;
  };
  const isThere = (size = 0): boolean => {
    if (!threads) {
      // A large one is as much work as small ones of its size together.
      wanted += Math.max(1, size / LARGE);
      if (wanted > after && !isClosed) threads = startThreads(count, settings);
    }
    return threads?.some((one) => !one.isOver) ?? false;
  };
  return {
    isThere,
    bind: (_client, way) => async (key, credentials, epochMs) =>
      findIdlest()?.ask(way, key, credentials, epochMs),
    hash: (chunks, size) =>
      size > LARGE && isThere(size) ? findIdlest()?.hash(chunks, size) : undefined,
    close: () => {
      isClosed = true;
      for (const one of threads ?? []) one.end();
    },
  };
}
