/**
 * Findings in any number, in order and each once, with few of them in memory: an external sort. What
 * is over a bound is written in sorted runs to a scratch file; at the end the runs are merged, many
 * in passes, into one that is read as often as one likes.
 */
import {
  cutFinding,
  compareFindings,
  MAX_FINDING,
  type Finding,
  type FindingClass,
  type FindingCode,
} from '../core/finding.js';
import { mergeSorted } from './merge.js';
import type { FindingCounts, FindingStore, SortedFindings } from './ports.js';
import { openScratchFile, type ScratchFile, type Stretch } from './scratch-file.js';

export interface FindingStoreOptions {
  /** Findings that are held in memory. */
  readonly bound?: number;
  /** Sorted runs that are merged at once. */
  readonly fanIn?: number;
  /** Instead of the system's own place for temporary files. */
  readonly directory?: string;
}

const BOUND = 20_000;
/** UTF-16 units of JSON that are held in memory, however few findings they are. */
const BOUND_TEXT = 16 * 1024 * 1024;
const FAN_IN = 32;
/** Text that is written at once. */
const CHUNK = 256 * 1024;

/** A finding and its JSON, by which two are the same. */
interface Line {
  readonly json: string;
  readonly finding: Finding;
}

const parseLine = (json: string): Line => ({ json, finding: JSON.parse(json) as Finding });
const compareLines = (a: Line, b: Line): number =>
  a.json === b.json ? 0 : compareFindings(a.finding, b.finding);

function sortLines(lines: Iterable<string>): Line[] {
  return [...lines].map(parseLine).sort(compareLines);
}

function createCounter(): {
  readonly add: (finding: Finding) => void;
  readonly counts: FindingCounts;
} {
  let all = 0;
  const byClass: Record<FindingClass, number> = { violation: 0, unproved: 0, notice: 0 };
  const byCode = new Map<FindingCode, number>();
  return {
    add: (finding) => {
      all++;
      byClass[finding.class]++;
      byCode.set(finding.code, (byCode.get(finding.code) ?? 0) + 1);
    },
    get counts() {
      return { all, byClass, byCode };
    },
  };
}

/** Writes lines as one sorted run; gives where it lies. */
function createRunWriter(file: ScratchFile) {
  const start = file.size;
  let text = '';
  return {
    add: (json: string): void => {
      text += `${json}\n`;
      if (text.length < CHUNK) return;
      file.append(text);
      text = '';
    },
    done: (): Stretch => {
      if (text !== '') file.append(text);
      return { start, end: file.size };
    },
  };
}

async function* linesOf(file: ScratchFile, run: Stretch): AsyncGenerator<Line> {
  for await (const json of file.lines(run)) yield parseLine(json);
}

/** Merges runs, so many at a time, into a new file. */
async function mergePass(
  from: ScratchFile,
  to: ScratchFile,
  runs: readonly Stretch[],
  fanIn: number,
  each: (finding: Finding) => void,
): Promise<Stretch[]> {
  const merged: Stretch[] = [];
  for (let at = 0; at < runs.length; at += fanIn) {
    const writer = createRunWriter(to);
    const group = runs.slice(at, at + fanIn).map((run) => linesOf(from, run));
    let last: string | undefined;
    for await (const { json, finding } of mergeSorted(group, compareLines)) {
      if (json === last) continue;
      last = json;
      writer.add(json);
      each(finding);
    }
    merged.push(writer.done());
  }
  return merged;
}

function inMemory(lines: readonly Line[]): SortedFindings {
  const counter = createCounter();
  for (const { finding } of lines) counter.add(finding);
  return {
    counts: counter.counts,
    from: async function* (at) {
      // Reading from memory waits for nothing.
      await Promise.resolve();
      for (const { finding } of lines.slice(at)) yield finding;
    },
    close: () => Promise.resolve(),
  };
}

function onDisk(file: ScratchFile, run: Stretch, counts: FindingCounts): SortedFindings {
  return {
    counts,
    from: async function* (at) {
      let skip = at;
      for await (const json of file.lines(run)) {
        if (skip-- <= 0) yield JSON.parse(json) as Finding;
      }
    },
    close: () => {
      file.close();
      return Promise.resolve();
    },
  };
}

/** A store of findings that holds up to a bound of them in memory and the others on disk. */
export function createFindingStore(options: FindingStoreOptions = {}): FindingStore {
  const { bound = BOUND, fanIn = FAN_IN, directory } = options;
  const runs: Stretch[] = [];
  let held = new Set<string>();
  let heldText = 0;
  let file: ScratchFile | undefined;
  let ended = false;

  const spill = (): ScratchFile => {
    file ??= openScratchFile(directory);
    const writer = createRunWriter(file);
    for (const { json } of sortLines(held)) writer.add(json);
    runs.push(writer.done());
    held = new Set();
    heldText = 0;
    return file;
  };
  const close = (): Promise<void> => {
    ended = true;
    held = new Set();
    file?.close();
    file = undefined;
    return Promise.resolve();
  };
  const merge = async (): Promise<SortedFindings> => {
    let from = spill();
    for (let left = [...runs]; ;) {
      const last = left.length <= fanIn;
      const counter = createCounter();
      const to = openScratchFile(directory);
      try {
        left = await mergePass(from, to, left, fanIn, last ? counter.add : () => undefined);
      } catch (error) {
        to.close();
        throw error;
      }
      from.close();
      file = from = to;
      const [run] = left;
      if (last && run) return onDisk(to, run, counter.counts);
    }
  };
  return {
    add: (finding) => {
      if (ended) throw new Error('findings were added after they were put in order');
      let json = JSON.stringify(finding);
      if (json.length > MAX_FINDING) json = JSON.stringify(cutFinding(finding));
      if (held.has(json)) return;
      held.add(json);
      heldText += json.length;
      if (held.size > bound || heldText > BOUND_TEXT) spill();
    },
    sorted: async () => {
      if (ended) throw new Error('findings were put in order already');
      ended = true;
      if (file === undefined) return inMemory(sortLines(held));
      try {
        return await merge();
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}
