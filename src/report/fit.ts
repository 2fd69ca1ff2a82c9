/** Lines of the text, fitted to a terminal: its width, and its signs where it shows ASCII alone. */
import { stripVTControlCharacters } from 'node:util';
import { asciiText } from './escape.js';

export interface FitOptions {
  /** Columns of the terminal; without them lines are as long as they are. */
  readonly width?: number | undefined;
  /** Whether the terminal shows no more than ASCII. */
  readonly ascii?: boolean | undefined;
}

/** On less, a terminal's own breaks are no worse. */
const NARROWEST = 40;
/** Columns that what hangs has at least. */
const LEAST = 20;

/** Characters of a text, colours aside. */
export const widthOf = (text: string): number => Array.from(stripVTControlCharacters(text)).length;

/** Breaks a line at blanks. A word that no line has room for stands whole on a line of its own. */
function wrapped(line: string, width: number, hang: number, blanks: RegExp): string[] {
  const indent = line.search(/[^ ]|$/);
  const column = width - hang < LEAST ? indent + 2 : hang;
  const words = line.slice(indent).split(blanks);
  const lines: string[] = [];
  let current = line.slice(0, indent) + (words[0] ?? '');
  for (let at = 2; at < words.length; at += 2) {
    const [blank = '', word = ''] = [words[at - 1], words[at]];
    const size = widthOf(word);
    const fits = widthOf(current) + widthOf(blank) + size <= width;
    // Behind its label alone, a word that has no room there has none below it, either.
    const isOnlyLabelled = hang + size > width && lines.length === 0 && widthOf(current) < hang;
    if (fits || isOnlyLabelled) {
      current += blank + word;
      continue;
    }
    lines.push(current);
    // Deep, else as deep as the line itself: nothing that somebody named begins a line as a verdict does.
    const depth = column + size <= width ? column : indent;
    current = ' '.repeat(depth) + word;
  }
  return [...lines, current];
}

export interface Fit {
  /**
   * A line, or the lines that it is broken into; what follows the first hangs so many columns deep.
   * `blanks`, in a group, is where it may be broken.
   */
  readonly line: (text: string, hang?: number, blanks?: RegExp) => string[];
  /** Sentences, of which some may go on in a line that begins with a small letter. */
  readonly prose: (lines: readonly string[]) => string[];
  /** Whether a line has room. */
  readonly hasRoom: (text: string) => boolean;
  /** What somebody named, exactly. */
  readonly name: (text: string) => string;
}

/** Fits lines to a terminal; to anything else they go as they are. */
export function createFit({ width = 0, ascii = false }: FitOptions): Fit {
  const isNarrow = width >= NARROWEST;
  const signs = ascii ? asciiText : (text: string): string => text;
  const hasRoom = (text: string): boolean => !isNarrow || widthOf(text) <= width;
  const line = (text: string, hang = 0, blanks = /( +)/): string[] => {
    const shown = signs(text);
    return hasRoom(shown) ? [shown] : wrapped(shown, width, hang, blanks);
  };
  return {
    line,
    prose: (lines) => {
      const whole: string[] = [];
      for (const one of lines) {
        const before = isNarrow && /^[a-z]/.test(one) ? whole.pop() : undefined;
        whole.push(before === undefined ? one : `${before} ${one}`);
      }
      return whole.flatMap((one) => line(one));
    },
    hasRoom,
    name: ascii ? (text) => asciiText(text, {}) : (text) => text,
  };
}
