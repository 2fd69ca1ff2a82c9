/** How many requests may be under way together: as many as the service bears. */
import { isThrottle, serviceError } from './retry.js';

/** One request that was let in. */
export interface Turn {
  /**
   * The first byte of an answer came, after some milliseconds or now. Called only for answers that
   * take alike long.
   */
  readonly answered: (afterMs?: number) => void;
  /** The answer is in, whatever its reader still does with it. */
  readonly over: () => void;
}

export interface Gate {
  /** Runs a request when its turn comes. */
  run<T>(ask: (turn: Turn) => Promise<T>): Promise<T>;
  /** Requests that may be under way together at present. */
  readonly limit: number;
}

const START = 32;
/** Never fewer, so that one throttled service doesn't look like one that stands still. */
const FEWEST = 4;
/** What a throttle leaves of the requests under way. */
const SHRINK = 0.7;
/**
 * Answers that take longer than this, against the quickest, are queueing at the service: growing won't
 * help. It is much, since answers also wait for this process on a machine that is busy.
 */
const SLOWER_BY = 4;
const SLOWER_MS = 1000;
/** A loop busier than this makes answers wait itself: their lateness says nothing of the service. */
const BUSY = 0.85;

/**
 * A gate that opens as long as it helps: it begins at 32, doubles with each round of answers until
 * the service first asks for fewer requests, and from then on grows by one a round. A throttle takes
 * away 3 in 10, once for all requests that were under way together. It stops growing, but doesn't
 * shrink, where answers have become slow while this process had time to spare.
 */
export function createGate(most: number): Gate {
  const fewest = Math.min(FEWEST, most);
  let limit = Math.min(START, most);
  let inFlight = 0;
  let isDoubling = true;
  let shrunkAt = 0;
  /** The quickest answer, forgotten slowly. */
  let quickest = Infinity;

  // Of the round that runs: as many answers as may be under way.
  let done = 0;
  let hadToWait = false;
  let throttled = false;
  let latencies = 0;
  let samples = 0;
  let least = Infinity;
  let loop = performance.eventLoopUtilization();

  // First come, first served; a list with a head, since shift() is slow on a long one.
  let waiting: (() => void)[] = [];
  let head = 0;
  const letIn = (): void => {
    while (inFlight < limit && head < waiting.length) {
      inFlight++;
      waiting[head++]?.();
    }
    if (head === waiting.length) {
      waiting = [];
      head = 0;
    } else if (head >= 1024) {
      waiting = waiting.slice(head);
      head = 0;
    }
  };

  const holds = (): boolean => {
    if (samples === 0) return true;
    quickest = Math.min(quickest * 1.02, least);
    if (latencies / samples <= quickest * SLOWER_BY + SLOWER_MS) return true;
    return performance.eventLoopUtilization(loop).utilization >= BUSY;
  };

  const endRound = (): void => {
    const mayGrow = holds() && hadToWait && !throttled;
    if (mayGrow) limit = Math.min(most, isDoubling ? limit * 2 : limit + 1);
    done = 0;
    hadToWait = head < waiting.length;
    throttled = false;
    latencies = 0;
    samples = 0;
    least = Infinity;
    loop = performance.eventLoopUtilization();
  };

  const shrink = (startedAt: number): void => {
    throttled = true;
    isDoubling = false;
    if (startedAt < shrunkAt) return;
    limit = Math.max(fewest, Math.floor(Math.min(limit, inFlight) * SHRINK));
    shrunkAt = performance.now();
  };

  const leave = (): void => {
    if (++done >= limit) endRound();
    inFlight--;
    letIn();
  };

  return {
    get limit() {
      return limit;
    },
    run: async (ask) => {
      if (inFlight < limit) inFlight++;
      else {
        hadToWait = true;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      const startedAt = performance.now();
      let isOver = false;
      const over = (): void => {
        if (isOver) return;
        isOver = true;
        leave();
      };
      const answered = (afterMs?: number): void => {
        const latency = afterMs ?? performance.now() - startedAt;
        latencies += latency;
        samples++;
        if (latency < least) least = latency;
      };
      try {
        return await ask({ answered, over });
      } catch (error) {
        if (isThrottle(serviceError(error))) shrink(startedAt);
        throw error;
      } finally {
        over();
      }
    },
  };
}
