/** What shards left on disk, held against each other before they are merged. */
import { constants, open, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  JournalError,
  NoJournalError,
  otherPlace,
  otherWork,
  sourceOfName,
  type Work,
} from '../core/journal.js';
import type { Instant } from '../core/timestamp.js';
import { systemReason } from './file-error.js';
import { findIn, readThrough, type Contents } from './journal-lines.js';
import { RunError, type Journal } from './ports.js';

/** What shards left, to be merged. */
export interface Partials extends Journal {
  /** Of which work they are: the first shard's, with the earliest times of all. */
  readonly work: Work;
  readonly segments: number;
  /** The one that was begun first, by the service's clock. */
  readonly oldest: { readonly path: string; readonly begunAt: Instant };
  close(): Promise<void>;
}

const HINT = 'run the shard again, and give merge every shard’s file once';
const ONE = 'give merge only one of them';
const DAMAGED = 'remove the file, then run the shard again';
const FOREIGN = 'give merge the files that the shards wrote (--partial), and no others';

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
    const oldest = opened.reduce((one, other) =>
      other.work.begunAt < one.work.begunAt ? other : one,
    );
    return {
      work: {
        ...first.work,
        begunAt: oldest.work.begunAt,
        startedAt: Math.min(...works.map((one) => one.startedAt)),
      },
      oldest: { path: oldest.path, begunAt: oldest.work.begunAt },
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
      addBeside: () => Promise.resolve(),
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
    if (error instanceof NoJournalError) {
      throw new RunError(`${path} is no partial: it ${error.message}`, FOREIGN);
    }
    if (error instanceof JournalError) {
      throw new RunError(`partial ${path} ${error.message}`, DAMAGED);
    }
    const hint = /[*?[]/.test(path)
      ? 'no file has such a name: the shell leaves a pattern as it is where nothing matches'
      : 'check the name, and that you may read the file';
    throw new RunError(`partial ${path} can’t be read: ${systemReason(error)}`, hint);
  };
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(fail);
  try {
    if (!(await handle.stat()).isFile()) throw new NoJournalError('is not a plain file');
    const contents = await readThrough(handle);
    const { work } = contents;
    // Created, or torn in its first line.
    if (!work) {
      const words = contents.whole === 0 ? 'is empty' : 'ends in its first line';
      throw new RunError(`partial ${path} ${words}: its shard has read nothing yet`, HINT);
    }
    if (!work.shard) throw new NoJournalError('is a whole run’s journal');
    if (!contents.ended) {
      const { index, total } = work.shard;
      const words = `partial ${path} is unfinished: shard ${index}/${total} must run to its end`;
      throw new RunError(words, HINT);
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
    const differs = otherWork(work, { ...first.work, shard }) ?? otherPlace(work, first.work);
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
    if (twin !== undefined && resolve(twin) === resolve(path)) {
      throw new RunError(`partial ${path} is given twice`, 'give merge every shard’s file once');
    }
    if (twin !== undefined) {
      throw new RunError(
        `${twin} and ${path} overlap: both are shard ${shard.index}/${total}`,
        ONE,
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
