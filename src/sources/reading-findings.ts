/**
 * What is found in log files while sources are read: a bounded number is held in memory, the rest
 * waits on disk. A source that is read a second time tells anew, and what its first reading told is
 * left out.
 */
import type { Finding } from '../core/finding.js';
import { openScratchFile, type ScratchFile } from './scratch-file.js';

/** Findings that are held in memory before they are written out. */
const BOUND = 10_000;

/** Takes the findings of one reading. */
export interface Reading {
  readonly count: number;
  add(finding: Finding): void;
}

export interface ReadingFindings {
  begin(): Reading;
  /** What some readings told, in no order. */
  of(readings: Iterable<Reading>): AsyncGenerator<Finding>;
  close(): void;
}

export function createReadingFindings(bound = BOUND): ReadingFindings {
  const numbers = new Map<Reading, number>();
  let held: { readonly number: number; readonly finding: Finding }[] = [];
  let file: ScratchFile | undefined;

  const spill = (): void => {
    file ??= openScratchFile();
    file.append(held.map((one) => `${JSON.stringify(one)}\n`).join(''));
    held = [];
  };
  return {
    begin: () => {
      const number = numbers.size;
      let count = 0;
      const reading: Reading = {
        get count() {
          return count;
        },
        add: (finding) => {
          count++;
          held.push({ number, finding });
          if (held.length >= bound) spill();
        },
      };
      numbers.set(reading, number);
      return reading;
    },
    of: async function* (readings) {
      const wanted = new Set([...readings].map((one) => numbers.get(one)));
      for await (const line of file?.lines({ start: 0, end: file.size }) ?? []) {
        const { number, finding } = JSON.parse(line) as (typeof held)[number];
        if (wanted.has(number)) yield finding;
      }
      for (const { number, finding } of held) if (wanted.has(number)) yield finding;
    },
    close: () => {
      held = [];
      file?.close();
      file = undefined;
    },
  };
}
