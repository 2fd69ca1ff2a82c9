/**
 * What is found in log files while sources are read: a bounded number is held in memory, the rest
 * waits on disk. A source that is read a second time tells anew, with what its first reading told of
 * a day at hand.
 */
import type { Finding } from '../core/finding.js';
import type { Instant } from '../core/timestamp.js';
import { openScratchFile, type ScratchFile, type Stretch } from './scratch-file.js';

/** Findings that are held in memory before they are written out. */
const BOUND = 10_000;

/** Takes the findings of one reading. */
export interface Reading {
  readonly count: number;
  add(finding: Finding, day: Instant): void;
  /** What it told of a day. */
  of(day: Instant): Promise<Finding[]>;
}

interface Held {
  readonly number: number;
  readonly day: Instant;
  readonly finding: Finding;
}

/** What was written out at once, and the days that it is of. */
interface Lot extends Stretch {
  readonly days: ReadonlySet<string>;
}

const dayName = ({ number, day }: Pick<Held, 'number' | 'day'>): string => `${number} ${day}`;

export interface ReadingFindings {
  begin(): Reading;
  /** What some readings told, in no order. */
  of(readings: Iterable<Reading>): AsyncGenerator<Finding>;
  close(): void;
}

export function createReadingFindings(bound = BOUND): ReadingFindings {
  const numbers = new Map<Reading, number>();
  const lots: Lot[] = [];
  let held: Held[] = [];
  let file: ScratchFile | undefined;

  const spill = (): void => {
    file ??= openScratchFile();
    const start = file.size;
    file.append(held.map((one) => `${JSON.stringify(one)}\n`).join(''));
    lots.push({ start, end: file.size, days: new Set(held.map(dayName)) });
    held = [];
  };
  const ofDay = async (name: string): Promise<Finding[]> => {
    // Others go on telling meanwhile, and may have what is held now written out.
    const now = held;
    const found: Finding[] = [];
    const take = (one: Held): void => {
      if (dayName(one) === name) found.push(one.finding);
    };
    for (const lot of lots.filter(({ days }) => days.has(name))) {
      for await (const line of file?.lines(lot) ?? []) take(JSON.parse(line) as Held);
    }
    now.forEach(take);
    return found;
  };
  return {
    begin: () => {
      const number = numbers.size;
      let count = 0;
      const reading: Reading = {
        get count() {
          return count;
        },
        of: (day) => ofDay(dayName({ number, day })),
        add: (finding, day) => {
          count++;
          held.push({ number, day, finding });
          if (held.length >= bound) spill();
        },
      };
      numbers.set(reading, number);
      return reading;
    },
    of: async function* (readings) {
      const wanted = new Set([...readings].map((one) => numbers.get(one)));
      for await (const line of file?.lines({ start: 0, end: file.size }) ?? []) {
        const { number, finding } = JSON.parse(line) as Held;
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
