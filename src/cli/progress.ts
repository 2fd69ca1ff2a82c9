import type { RunListener } from '../runner/events.js';
import type { Io } from './main.js';
import { createPace } from './pace.js';
import { isAscii } from './style.js';

export interface Progress {
  readonly listener: RunListener;
  stop(): void;
}

/** Milliseconds from one drawing to the next. */
const INTERVAL = 250;

/**
 * Progress on a terminal's stderr, four times a second; silent anywhere else. The library that draws it
 * is loaded only there, and keeps the line below whatever else is written meanwhile.
 */
export function createProgress(io: Io, wanted: boolean): Progress {
  const seconds = (): number => performance.now() / 1000;
  const pace = createPace(seconds);
  const { stderr, env } = io;
  let stop = (): void => undefined;
  let stopped = !wanted || stderr.isTTY !== true;
  const begin = async (): Promise<void> => {
    const { default: ora } = await import('ora');
    if (stopped) return;
    // Whoever hides the cursor or takes stdin has to give them back on signals, and those are ours.
    const spinner = ora({
      ...{ stream: stderr, color: false, hideCursor: false, discardStdin: false },
      ...{ spinner: isAscii(env) ? 'line' : 'dots', interval: INTERVAL },
    });
    // A terminal that can't be drawn on, or a CI server that calls its log one.
    if (!spinner.isEnabled) return;
    const tell = (): void => {
      // The spinner takes two characters; a line that fills the last column may wrap.
      spinner.text = pace.line(seconds(), (stderr.columns || 80) - 3);
    };
    tell();
    const timer = setInterval(tell, INTERVAL);
    spinner.start();
    stop = () => {
      clearInterval(timer);
      spinner.stop();
    };
  };
  // A run that could draw nothing is a run all the same.
  if (!stopped) void begin().catch(() => undefined);
  return {
    listener: (event) => pace.take(event),
    stop: () => {
      stopped = true;
      stop();
      stop = () => undefined;
    },
  };
}
