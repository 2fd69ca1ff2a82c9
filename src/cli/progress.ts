import { count, numeral } from '../core/count.js';
import type { RunEvent, RunListener } from '../runner/events.js';
import type { Io } from './main.js';

export interface Progress {
  readonly listener: RunListener;
  stop(): void;
}

interface State {
  sources: number;
  sourcesDone: number;
  digestFiles: number;
  listed: number;
  logs: number;
  bytes: number;
}

function line(state: State, seconds: number): string {
  const rate = seconds > 0 ? state.bytes / 1e6 / seconds : 0;
  const share = state.sources > 0 ? state.sourcesDone / state.sources : 0;
  // Sources are alike enough to say how long; with one alone there is nothing to go by.
  const left =
    share > 0 && share < 1 ? `, about ${Math.ceil((seconds * (1 - share)) / share)} s left` : '';
  return (
    `${numeral(state.sourcesDone)}/${count(state.sources, 'source')}, ${count(state.digestFiles, 'digest file')}, ` +
    `${numeral(state.logs)}/${count(state.listed, 'log file')}, ${rate.toFixed(1)} MB/s${left}`
  );
}

/** Progress on a terminal's stderr, four times a second; silent anywhere else. */
export function createProgress(io: Io, wanted: boolean): Progress {
  const state: State = { sources: 0, sourcesDone: 0, digestFiles: 0, listed: 0, logs: 0, bytes: 0 };
  const begun = performance.now();
  const draw = (): void => {
    const width = (io.stderr.columns ?? 80) - 1;
    const text = line(state, (performance.now() - begun) / 1000).slice(0, width);
    io.stderr.write(`\r\u001b[K${text}`);
  };
  const shown = wanted && io.stderr.isTTY === true;
  const timer = shown ? setInterval(draw, 250) : undefined;
  timer?.unref();
  const listener = (event: RunEvent): void => {
    switch (event.type) {
      case 'planned':
        state.sources = event.sources;
        break;
      case 'digests':
        state.digestFiles += event.digestFiles;
        state.bytes += event.bytes;
        break;
      case 'listed':
        state.listed += event.logFiles;
        break;
      case 'log':
        state.logs++;
        state.bytes += event.bytes;
        break;
      case 'recorded':
        break;
      case 'source-done':
        state.sourcesDone++;
        break;
    }
  };
  let stopped = false;
  return {
    listener,
    stop: () => {
      if (stopped || !shown) return;
      stopped = true;
      clearInterval(timer);
      io.stderr.write('\r\u001b[K');
    },
  };
}
