/**
 * A journal on disk: lines are only ever added, and each is on the disk before its segment counts as
 * finished. Segments are looked up by their place in the file, so that memory doesn't grow with them.
 */
import { constants, open, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  checkLine,
  decodeLine,
  encodeLine,
  JournalError,
  otherWork,
  sourceOfName,
  type JournalLine,
  type RecordedDay,
  type Work,
} from '../core/journal.js';
import type { Instant } from '../core/timestamp.js';
import { RunError, type Journal } from './ports.js';

/** Longest line that is written or read; a day that needs more is read again by the next run. */
const MAX_LINE = 64 * 1024 * 1024;
const PIECE = 1024 * 1024;

/** Three numbers a record: its day, its line's offset in the file and its length. */
type Places = Map<string, number[]>;

interface Contents {
  readonly work: Work | undefined;
  readonly places: Places;
  readonly records: number;
  /** Whether the last line says that a shard is whole. */
  readonly ended: boolean;
  /** Where the whole lines end, and the checksum of the last. */
  readonly length: number;
  readonly sum: string;
  /** How long the file is, with what was torn. */
  readonly whole: number;
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** The lines of a file without their newlines, and a last one that has none. */
async function* linesOf(
  handle: FileHandle,
): AsyncGenerator<{ line: string; offset: number; length: number; whole: boolean }> {
  // A line's pieces so far; most lines are one.
  let pieces: Buffer[] = [];
  let held = 0;
  let offset = 0;
  const take = (end: Buffer) => {
    const bytes = pieces.length === 0 ? end : Buffer.concat([...pieces, end]);
    const line = { line: bytes.toString('utf8'), offset, length: bytes.length };
    pieces = [];
    held = 0;
    return line;
  };
  for (;;) {
    const piece = Buffer.alloc(PIECE);
    const { bytesRead } = await handle.read(piece, 0, PIECE, offset + held);
    if (bytesRead === 0) break;
    const data = piece.subarray(0, bytesRead);
    let from = 0;
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, from)) {
      const line = take(data.subarray(from, at));
      yield { ...line, whole: true };
      offset += line.length + 1;
      from = at + 1;
    }
    if (from < data.length) pieces.push(data.subarray(from));
    held += data.length - from;
    if (held > MAX_LINE) throw new JournalError('has a line that no run wrote');
  }
  if (held > 0) yield { ...take(Buffer.alloc(0)), whole: false };
}

/** Reads a journal through; what a sudden end tore off its last line is left out. */
async function readThrough(handle: FileHandle): Promise<Contents> {
  const places: Places = new Map();
  let work: Work | undefined;
  let sum = '';
  let length = 0;
  let records = 0;
  let number = 0;
  let ended = false;
  let torn = false;
  let all = 0;
  for await (const { line, offset, length: bytes, whole } of linesOf(handle)) {
    number++;
    all = offset + bytes + (whole ? 1 : 0);
    const next = whole && !torn ? checkLine(sum, line) : undefined;
    if (next === undefined) {
      // Only the last line can be torn; what stands before another one was changed.
      if (torn) throw new JournalError(`is damaged at line ${number - 1}`);
      // Somebody else's file is not taken for a journal that was torn at its beginning.
      if (!work && !isTornHead(line)) throw new JournalError('is no journal');
      torn = true;
      continue;
    }
    const value: JournalLine = decodeLine(line);
    if (ended || 'work' in value !== (work === undefined)) {
      throw new JournalError(`is damaged at line ${number}`);
    }
    if ('work' in value) work = value.work;
    else if ('end' in value) ended = true;
    else {
      const { source, day } = value.day;
      const known = places.get(source) ?? [];
      places.set(source, known);
      known.push(day, offset, bytes);
      records++;
    }
    sum = next;
    length = offset + bytes + 1;
  }
  if (ended && torn) throw new JournalError('goes on after its end');
  return { work, places, records, ended, length, sum, whole: all };
}

/** Whether a line may be the beginning of a journal's first one. */
function isTornHead(line: string): boolean {
  const [sum, begin] = [line.slice(0, 16), line.slice(16, 26)];
  return /^[0-9a-f]*$/.test(sum) && ' {"work":{'.startsWith(begin);
}

async function findIn(
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

/** A journal that a run goes on writing. */
export interface JournalFile extends Journal {
  /** Of which work it is: as it was begun. */
  readonly work: Work;
  /** Segments that earlier runs finished. */
  readonly records: number;
  /** Whether it was marked as whole: nothing may be added. */
  readonly ended: boolean;
  /** Segments of this run in which something could not be read that may be readable the next time. */
  readonly passing: number;
  /** Marks a shard's journal as whole. */
  end(): Promise<void>;
  close(): Promise<void>;
  /** Removes the file: its work is done and told. */
  remove(): Promise<void>;
}

/**
 * Opens a journal to go on from, or begins one where there is none. Throws `RunError` for one of other
 * work, naming what differs, and for one that is damaged.
 */
export async function openJournal(path: string, option: string, own: Work): Promise<JournalFile> {
  const fail = (error: unknown): never => {
    if (error instanceof RunError) throw error;
    if (error instanceof JournalError) {
      const hint = 'remove it, and the work begins anew';
      throw new RunError(`journal ${path} ${error.message}`, hint);
    }
    const hint = `give ${option} a file in a directory that you may write to`;
    throw new RunError(`journal ${path} can’t be used: ${messageOf(error)}`, hint);
  };
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK;
  const handle = await open(path, flags, 0o600).catch(fail);
  try {
    if (!(await handle.stat()).isFile()) throw new JournalError('is not a plain file');
    const found = await readThrough(handle);
    const differs = found.work ? otherWork(found.work, own) : undefined;
    if (differs !== undefined) {
      const hint = `give ${option} another file, or remove this one to begin anew`;
      throw new RunError(`journal ${path} is of other work: ${differs}`, hint);
    }
    const writer = createWriter(handle, path, found);
    if (!found.work) {
      await writer.add({ work: own });
      await syncDirectory(path);
    }
    const { places } = found;
    let passing = 0;
    return {
      work: found.work ?? own,
      records: found.records,
      ended: found.ended,
      sources: [...places.keys()].map(sourceOfName),
      find: (source, day) => findIn(handle, places, source, day),
      get passing() {
        return passing;
      },
      add: (day) => {
        if (day.again === 'passing') passing++;
        return writer.add({ day });
      },
      end: () => writer.add({ end: true }),
      close: () => handle.close(),
      remove: async () => {
        await handle.close();
        await unlink(path).catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') fail(error);
        });
      },
    };
  } catch (error) {
    await handle.close();
    return fail(error);
  }
}

/** So that the file's name, too, outlives the machine's sudden end. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r');
  await directory.sync().catch(() => undefined);
  await directory.close();
}

/** Writes lines, many at once where many wait, and says when they are on the disk. */
function createWriter(handle: FileHandle, path: string, { length, whole, sum }: Contents) {
  let position = length;
  let last = sum;
  let waiting: { text: string; done: () => void; fail: (error: unknown) => void }[] = [];
  let writing = false;
  let begun = false;

  const write = async (bytes: Buffer): Promise<void> => {
    const { size } = await handle.stat();
    if (size !== (begun ? position : whole)) {
      throw new RunError(`another run writes into the journal ${path}`);
    }
    if (!begun) await handle.truncate(position);
    begun = true;
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at);
      at += bytesWritten;
    }
    position += bytes.length;
    await handle.datasync();
  };
  const drain = async (): Promise<void> => {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await write(Buffer.from(batch.map(({ text }) => text).join('')));
        for (const { done } of batch) done();
      } catch (error) {
        const told =
          error instanceof RunError
            ? error
            : new RunError(`journal ${path} can’t be written: ${messageOf(error)}`);
        for (const { fail } of batch) fail(told);
      }
    }
    writing = false;
  };
  return {
    add: (line: JournalLine): Promise<void> => {
      const encoded = encodeLine(last, line);
      if (Buffer.byteLength(encoded.text) > MAX_LINE) return Promise.resolve();
      last = encoded.sum;
      return new Promise((resolve, reject) => {
        waiting.push({ text: encoded.text, done: resolve, fail: reject });
        if (!writing) void drain();
      });
    },
  };
}

/** What shards left, to be merged. */
export interface Partials extends Journal {
  /** Of which work they are: the first shard's, with the earliest times of all. */
  readonly work: Work;
  readonly segments: number;
  close(): Promise<void>;
}

const HINT = 'run the shard again, and give merge every shard’s file once';

/**
 * Opens what shards left. Throws `RunError` that names the file where one is damaged or unfinished, is
 * of other work or another number of shards than the rest, is there twice, or where one is missing.
 */
export async function openPartials(paths: readonly string[], tool: string): Promise<Partials> {
  const opened: { path: string; handle: FileHandle; contents: Contents; work: Work }[] = [];
  const close = async (): Promise<void> => {
    for (const { handle } of opened) await handle.close();
  };
  try {
    for (const path of paths) opened.push(await openPartial(path));
    const [first] = opened;
    if (!first) throw new RunError('no partial to merge', HINT);
    refuseOthers(opened, tool);
    const works = opened.map(({ work }) => work);
    return {
      work: {
        ...first.work,
        begunAt: Math.min(...works.map((one) => one.begunAt)),
        startedAt: Math.min(...works.map((one) => one.startedAt)),
      },
      segments: opened.reduce((sum, { contents }) => sum + contents.records, 0),
      sources: opened.flatMap(({ contents }) => [...contents.places.keys()].map(sourceOfName)),
      find: async (source, day) => {
        for (const { handle, contents } of opened) {
          const found = await findIn(handle, contents.places, source, day);
          if (found) return found;
        }
        return undefined;
      },
      add: () => Promise.resolve(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openPartial(path: string) {
  const fail = (error: unknown): never => {
    if (error instanceof RunError) throw error;
    throw new RunError(`partial ${path} ${messageOf(error)}`, HINT);
  };
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: unknown) => fail(new Error(`can’t be read: ${messageOf(error)}`)),
  );
  try {
    if (!(await handle.stat()).isFile()) throw new JournalError('is not a plain file');
    const contents = await readThrough(handle);
    const { work } = contents;
    if (!work?.shard) throw new JournalError('is no shard’s partial');
    if (!contents.ended) {
      const { index, total } = work.shard;
      throw new JournalError(`is unfinished: shard ${index}/${total} must run to its end`);
    }
    return { path, handle, contents, work };
  } catch (error) {
    await handle.close();
    return fail(error);
  }
}

type Opened = Awaited<ReturnType<typeof openPartial>>;

function refuseOthers(opened: readonly Opened[], tool: string): void {
  const [first] = opened;
  if (!first) return;
  const { shard: { total } = { total: 1 } } = first.work;
  const seen = new Map<number, string>();
  for (const { path, work } of opened) {
    if (work.tool !== tool) {
      throw new RunError(
        `partial ${path} is of validate-trail ${work.tool}, and this is ${tool}`,
        'merge with the version that ran the shards',
      );
    }
    const { shard = { index: 1, total } } = work;
    const differs = otherWork(work, { ...first.work, shard });
    if (differs !== undefined) {
      throw new RunError(`partial ${path} is not of the work of ${first.path}: ${differs}`, HINT);
    }
    if (shard.total !== total) {
      throw new RunError(
        `partial ${path} is shard ${shard.index}/${shard.total}, and ${first.path} is one of ${total}`,
        HINT,
      );
    }
    const twin = seen.get(shard.index);
    if (twin !== undefined) {
      throw new RunError(
        `${twin} and ${path} overlap: both are shard ${shard.index}/${total}`,
        HINT,
      );
    }
    const { start, end } = first.work.range;
    if (work.range.start !== start || work.range.end !== end) {
      throw new RunError(`partial ${path} covers another range than ${first.path}`, HINT);
    }
    seen.set(shard.index, path);
  }
  const missing = Array.from({ length: total }, (_, at) => at + 1).filter((one) => !seen.has(one));
  if (missing.length > 0) {
    const named = missing.slice(0, 20).map((index) => `${index}/${total}`);
    const more = missing.length > named.length ? ` and ${missing.length - named.length} more` : '';
    const many = missing.length > 1;
    throw new RunError(
      `shard${many ? 's' : ''} ${named.join(', ')}${more} ${many ? 'are' : 'is'} missing`,
      HINT,
    );
  }
}
