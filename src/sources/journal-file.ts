/**
 * A journal on disk: lines are only ever added, and each is on the disk before its segment counts as
 * finished. Segments are looked up by their place in the file, so that memory doesn't grow with them.
 */
import { constants, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  JournalError,
  NoJournalError,
  otherWork,
  sourceOfName,
  type NewWork,
  type Work,
  type WorkPlace,
} from '../core/journal.js';
import { systemReason } from './file-error.js';
import { dayName, findIn, readThrough } from './journal-lines.js';
import { createWriter } from './journal-writer.js';
import { RunError, type Journal } from './ports.js';

/** A journal that a run goes on writing. */
export interface JournalFile extends Journal {
  /** Of which work it is: as it was begun. */
  readonly work: Work;
  /** Segments that earlier runs finished. */
  readonly records: number;
  /** Segments that this run finished. */
  readonly added: number;
  /** Whether it was marked as whole: nothing may be added. */
  readonly ended: boolean;
  /** Segments of this run in which something could not be read that may be readable the next time. */
  readonly passing: number;
  /** In how much that is so beside the segments. */
  readonly beside: number;
  /**
   * Whether it is worth going on with: somewhere that may be so for the first time, or this run could
   * read something where an earlier run could not.
   */
  readonly unsettled: boolean;
  /** Marks a shard's journal as whole. */
  end(): Promise<void>;
  close(): Promise<void>;
  /** Removes the file: its work is done and told. */
  remove(): Promise<void>;
}

/**
 * Opens a journal to go on from, or begins one where there is none, with the trail's place as it is
 * now. Throws `RunError` for one of other work, naming what differs, and for one that is damaged.
 */
export async function openJournal(
  path: string,
  option: string,
  own: NewWork,
  placeNow: () => Promise<WorkPlace>,
): Promise<JournalFile> {
  const [kind, job] = own.shard ? ['partial', 'shard'] : ['journal', 'work'];
  const fail = (error: unknown): never => {
    if (error instanceof RunError) throw error;
    if (error instanceof NoJournalError) {
      const hint = `give ${option} the name of a new file, or of one that such a run left`;
      throw new RunError(`${path} is no ${kind}: it ${error.message}`, hint);
    }
    if (error instanceof JournalError) {
      const hint = `remove it, and the ${job} begins anew`;
      throw new RunError(`${kind} ${path} ${error.message}`, hint);
    }
    const hint = `give ${option} a file in a directory that you may write to`;
    throw new RunError(`${kind} ${path} can’t be used: ${systemReason(error)}`, hint);
  };
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK;
  const handle = await open(path, flags, 0o600).catch(fail);
  try {
    if (!(await handle.stat()).isFile()) throw new NoJournalError('is not a plain file');
    const found = await readThrough(handle);
    const differs = found.work ? otherWork(found.work, own) : undefined;
    if (differs !== undefined) {
      const hint = `give ${option} another file, or remove this one to begin anew`;
      throw new RunError(`${kind} ${path} is of other work: ${differs}`, hint);
    }
    const writer = createWriter(handle, `${kind} ${path}`, found);
    const work = found.work ?? { ...own, place: await placeNow() };
    if (!found.work) {
      await writer.add({ work });
      await syncDirectory(path);
    }
    const { places } = found;
    let added = 0;
    let passing = 0;
    let beside = 0;
    let news = 0;
    return {
      work,
      records: found.records,
      ended: found.ended,
      sources: [...places.keys()].map(sourceOfName),
      find: (source, day) => findIn(handle, places, source, day),
      get added() {
        return added;
      },
      get passing() {
        return passing;
      },
      get beside() {
        return beside;
      },
      get unsettled() {
        return passing + beside > 0 && news > 0;
      },
      add: (day) => {
        added++;
        const passes = day.again === 'passing';
        if (passes) passing++;
        if (passes !== found.passing.has(dayName(day))) news++;
        return writer.add({ day });
      },
      addBeside: async (names) => {
        const own = new Set(names);
        beside = own.size;
        const all = new Set([...own, ...found.beside]);
        if (all.size > own.size || all.size > found.beside.size) news++;
        if (all.size > 0) await writer.add({ beside: [...own].sort() });
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
