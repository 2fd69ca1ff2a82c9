/** Reading a journal's lines from the disk: what stands in it, and where. */
import type { FileHandle } from 'node:fs/promises';
import {
  checkLine,
  decodeLine,
  JournalError,
  NoJournalError,
  type JournalLine,
  type RecordedDay,
  type Work,
} from '../core/journal.js';
import type { Instant } from '../core/timestamp.js';
import { linesOf } from './file-lines.js';
import { RunError } from './ports.js';

/** Three numbers a record: its day, its line's offset in the file and its length. */
export type Places = Map<string, number[]>;

/** What a journal on disk holds. */
export interface Contents {
  readonly work: Work | undefined;
  readonly places: Places;
  readonly records: number;
  /** Days (`dayName`) in whose last record something could not be read that may be the next time. */
  readonly passing: ReadonlySet<string>;
  /** In what, beside the days, the last run that came to its end met the same. */
  readonly beside: ReadonlySet<string>;
  /** Whether the last line says that a shard is whole. */
  readonly ended: boolean;
  /** Where the whole lines end, and the checksum of the last. */
  readonly length: number;
  readonly sum: string;
  /** How long the file is, with what was torn. */
  readonly whole: number;
}

/** Names a source's day. */
export const dayName = ({ source, day }: Pick<RecordedDay, 'source' | 'day'>): string =>
  `${day} ${source}`;

const tooLong = (): Error => new JournalError('has a line that no run wrote');

/** Reads a journal through; what a sudden end tore off its last line is left out. */
export async function readThrough(handle: FileHandle): Promise<Contents> {
  const places: Places = new Map();
  const passing = new Set<string>();
  let beside = new Set<string>();
  let work: Work | undefined;
  let sum = '';
  let length = 0;
  let records = 0;
  let number = 0;
  let ended = false;
  let torn = false;
  let all = 0;
  for await (const { bytes: read, offset, whole } of linesOf(handle, tooLong)) {
    const line = read.toString('utf8');
    const bytes = read.length;
    number++;
    all = offset + bytes + (whole ? 1 : 0);
    const next = whole && !torn ? checkLine(sum, line) : undefined;
    if (next === undefined) {
      // Only the last line can be torn; what stands before another one was changed.
      if (torn) throw new JournalError(`is damaged at line ${number - 1}`);
      // Somebody else's file is not taken for a journal that was torn at its beginning.
      if (!work && !isTornHead(line)) throw new NoJournalError('is another kind of file');
      torn = true;
      continue;
    }
    const value: JournalLine = decodeLine(line);
    if (ended || 'work' in value !== (work === undefined)) {
      throw new JournalError(`is damaged at line ${number}`);
    }
    if ('work' in value) work = value.work;
    else if ('end' in value) ended = true;
    else if ('beside' in value) beside = new Set(value.beside);
    else {
      const { source, day, again } = value.day;
      const known = places.get(source) ?? [];
      places.set(source, known);
      known.push(day, offset, bytes);
      records++;
      if (again === 'passing') passing.add(dayName(value.day));
      else passing.delete(dayName(value.day));
    }
    sum = next;
    length = offset + bytes + 1;
  }
  if (ended && torn) throw new JournalError('goes on after its end');
  return { work, places, records, passing, beside, ended, length, sum, whole: all };
}

/** Whether a line may be the beginning of a journal's first one. */
function isTornHead(line: string): boolean {
  const [sum, begin] = [line.slice(0, 16), line.slice(16, 26)];
  return /^[0-9a-f]*$/.test(sum) && ' {"work":{'.startsWith(begin);
}

/** The record of a day, of a journal that was read through. */
export async function findIn(
  handle: FileHandle,
  places: Places,
  source: string,
  day: Instant,
): Promise<RecordedDay | undefined> {
  const known = places.get(source) ?? [];
  // The last record of a day counts: it was read again after the others.
  for (let at = known.length - 3; at >= 0; at -= 3) {
    if (known[at] !== day) continue;
    const [offset = 0, length = 0] = known.slice(at + 1, at + 3);
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await handle.read(bytes, 0, length, offset);
    if (bytesRead < length) throw new RunError('the journal was cut while it was read');
    const value = decodeLine(bytes.toString('utf8'));
    return 'day' in value ? value.day : undefined;
  }
  return undefined;
}
