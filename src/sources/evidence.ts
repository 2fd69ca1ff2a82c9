/**
 * An evidence directory as it was collected: the objects' copies, and every answer that a run was
 * given. While it is collected, what it lacks is asked of AWS and kept; later there is nobody to ask.
 * So the same run, made from the directory alone, comes to the same judgement.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  KEYS_FILE,
  LOCK,
  MANIFEST,
  encodeManifestLine,
  nameOf,
  type EvidenceEnd,
  type EvidenceHead,
  type ListedRow,
  type ListingEnd,
  type ObjectName,
} from '../core/evidence.js';
import {
  findKept,
  keptEntry,
  readKeptEntry,
  serializeKeptKeys,
  type KeptKeys,
} from '../core/kept-keys.js';
import { formatInstant, type Instant } from '../core/timestamp.js';
import {
  isFree,
  makeDirectory,
  readPlain,
  removeCopy,
  removeParts,
  syncCopies,
  writeCopy,
  writeOwn,
} from './copies.js';
import { systemReason } from './file-error.js';
import { listKept, readKeys, unpinnedBy } from './keys.js';
import { createKeySource, type ListKeys } from './key-source.js';
import { takeLock } from './lock.js';
import type { ListingPlace } from './manifest-index.js';
import { Manifest, type Recorded } from './manifest.js';
import { RunError, type KeySource, type ObjectBody, type ReadFailure } from './ports.js';

/** Which hashes a person wrote down apart from the evidence. */
export interface Pins {
  readonly manifest: readonly string[];
  readonly keys: readonly string[];
}

const now = (): Instant => Math.floor(Date.now() / 1000);

/** Of a file of public keys. */
const MAX_KEYS = 64 * 1024 * 1024;

const LOG_FOLDER = /\/CloudTrail\/[^/]+\//;

/** Stored bytes of an object past which it is no file of CloudTrail's, and isn't copied. */
const MAX_COPY = 1024 ** 3;

/** Whether a value says that something could not be had, so that it is worth asking again. */
function isFailure(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { ok, complete } = value as { ok?: unknown; complete?: unknown };
  if (ok === false || complete === false) return true;
  // Settings are several answers in one.
  return Object.values(value).some(
    (one: unknown) => (one as { ok?: unknown } | null | undefined)?.ok === false,
  );
}

/** Of a moment: an answer of a later one would be held against older listings. */
const OF_THE_MOMENT: readonly string[] = ['DescribeTrail', 'GetTrailStatus'];

/** Objects of a listing that stand in one line. */
const A_LINE = 1000;
/** Longest answer that is kept; an event history is cut, and said to be incomplete. */
const MAX_ANSWER = 32 * 1024 * 1024;

/** How many objects, listings or Regions' keys could not be read for one reason, and why the first of them. */
export interface Unread {
  readonly count: number;
  readonly first: string;
}

export class Evidence {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly #signal: AbortSignal | undefined;
  readonly #unlock: (() => Promise<void>) | undefined;
  /** What could not be read by this run. */
  readonly #failed = new Set<string>();

  private constructor(
    directory: string,
    manifest: Manifest,
    open?: { readonly signal: AbortSignal; readonly unlock: () => Promise<void> },
  ) {
    this.directory = directory;
    this.manifest = manifest;
    this.#signal = open?.signal;
    this.#unlock = open?.unlock;
  }

  /**
   * Opens what was collected, to judge it; `undefined` for a directory that has no manifest. Throws
   * `RunError` where the manifest is damaged, unfinished, or not the one that was pinned.
   */
  static async open(directory: string, pins: Pins): Promise<Evidence | undefined> {
    const path = join(directory, MANIFEST);
    const manifest = await Manifest.open(path, false);
    if (!manifest) {
      if (pins.manifest.length === 0) return undefined;
      throw new RunError(
        `there is no ${path}`,
        'what was collected has one; a plain copy has none',
      );
    }
    if (!manifest.end) {
      await manifest.close();
      throw new RunError(
        `collecting into ${directory} was not finished`,
        'give the same validate-trail collect command again: it goes on from what is there',
      );
    }
    if (pins.manifest.length > 0 && !pins.manifest.includes(manifest.sha256)) {
      await manifest.close();
      throw new RunError(
        `${path} is not the manifest that was pinned: its SHA-256 is ${manifest.sha256}`,
        'the evidence was changed, or the pin is of other evidence',
      );
    }
    return new Evidence(directory, manifest);
  }

  /**
   * Goes on with collecting, or begins it: `head` makes the first line. What is closed already is only
   * opened. Throws `RunError` where somebody else collects there, or nobody can.
   */
  static async collect(
    directory: string,
    head: () => Promise<EvidenceHead>,
    signal: AbortSignal,
  ): Promise<Evidence> {
    const path = join(directory, MANIFEST);
    const closed = await Manifest.open(path, false);
    if (closed?.end) return new Evidence(directory, closed);
    await closed?.close();
    const first = closed ? undefined : await head();
    const cannot = (error: unknown): never => {
      if (error instanceof RunError) throw error;
      throw new RunError(
        `${directory} can’t be written: ${systemReason(error)}`,
        'name a directory that you may write to with --evidence',
      );
    };
    await makeDirectory(directory).catch(cannot);
    const busy = `another validate-trail collects into ${directory}`;
    const unlock = await takeLock(join(directory, LOCK), busy).catch(cannot);
    try {
      let manifest = await Manifest.open(path, true);
      if (!manifest) {
        if (!(await isFree(directory).catch(cannot))) {
          throw new RunError(
            `${directory} is not empty, and no collecting was begun there`,
            'name a new or empty directory with --evidence',
          );
        }
        // With its first line at once: a sudden end leaves none without.
        await writeOwn(directory, MANIFEST, encodeManifestLine({ head: first ?? (await head()) }));
        manifest = await Manifest.open(path, true);
      }
      if (!manifest) throw new RunError(`${path} was removed`);
      await manifest.mend();
      await removeParts(directory);
      return new Evidence(directory, manifest, { signal, unlock });
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  find(name: ObjectName): Promise<Recorded | undefined> {
    return this.manifest.find(name);
  }

  /** Copies a body; `undefined` for one that is larger than any file of CloudTrail's. */
  async copy(name: ObjectName, body: ObjectBody): Promise<Recorded | undefined> {
    if (body.size > MAX_COPY) return undefined;
    const before = await this.find(name);
    const copied = await writeCopy(this.directory, name, body);
    const { metadata, retention, facts } = body;
    const object = {
      ...name,
      ...copied,
      ...facts?.(),
      metadata,
      ...(retention ? { retention } : {}),
      at: formatInstant(now()),
    };
    await this.manifest.add({ object });
    // What it takes the place of was damaged.
    if (before && 'object' in before && before.object.path !== copied.path) {
      await removeCopy(this.directory, before.object.path);
    }
    return { object };
  }

  async fail(name: ObjectName, failure: ReadFailure): Promise<void> {
    this.#failed.add(nameOf(name));
    if (this.#isStopped(true)) return;
    await this.manifest.add({ failed: { ...name, failure, at: formatInstant(now()) } });
  }

  /** The answer to a question: the one that was kept, or `ask`'s, which is kept; `lacking` without either. */
  async answer<T>(
    of: string,
    asked: readonly unknown[],
    ask: (() => Promise<T>) | undefined,
    lacking: T,
  ): Promise<T> {
    const place = this.manifest.index.answer(of, asked);
    if (place !== undefined) {
      const { value } = await this.manifest.answerAt(place);
      if (!ask || !isFailure(value) || OF_THE_MOMENT.includes(of)) return value as T;
    }
    if (!ask) return lacking;
    const value = bounded(await ask());
    if (!this.#isStopped(isFailure(value))) {
      await this.manifest.add({ answer: { of, asked, value, at: formatInstant(now()) } });
    }
    return value;
  }

  /** What fails while a run is being stopped fails for that reason: the next one asks again. */
  #isStopped(failed: boolean): boolean {
    return failed && this.#signal?.aborted === true;
  }

  /** Keeps a listing: its rows, a few a line, and how it ended. */
  async keepListing(
    of: Pick<ListingEnd, 'kind' | 'bucket' | 'prefix'>,
    failure: ReadFailure | undefined,
    rows: readonly ListedRow[],
  ): Promise<void> {
    if (this.#isStopped(failure !== undefined)) return;
    const id = ++this.manifest.index.lastListing;
    for (let at = 0; at < rows.length; at += A_LINE) {
      await this.manifest.add({ listed: { id, rows: rows.slice(at, at + A_LINE) } });
    }
    const end = { id, ...of, rows: rows.length, ...(failure === undefined ? {} : { failure }) };
    await this.manifest.add({ listing: { ...end, at: formatInstant(now()) } });
  }

  /** The rows of a listing that was kept. */
  async *rows({ parts }: ListingPlace): AsyncGenerator<ListedRow> {
    for (const offset of parts) yield* (await this.manifest.partAt(offset)).rows;
  }

  /** All answers of a kind. */
  async *answers(of: string): AsyncGenerator<{ asked: readonly unknown[]; value: unknown }> {
    for (const asked of this.manifest.index.asked(of)) {
      const place = this.manifest.index.answer(of, asked);
      if (place !== undefined) yield { asked, value: (await this.manifest.answerAt(place)).value };
    }
  }

  /** Objects that were listed and of which there is neither a copy nor word why not. */
  async *uncopied(
    digestsOnly: boolean,
  ): AsyncGenerator<{ readonly bucket: string; readonly key: string }> {
    for (const place of this.manifest.index.listings()) {
      const { kind, bucket, failure } = place.end;
      if (kind !== 'objects' || failure !== undefined) continue;
      for await (const row of this.rows(place)) {
        const [key, size] = row as readonly [string, number, unknown];
        const name = { bucket, key };
        if (size === 0 || (digestsOnly && LOG_FOLDER.test(key))) continue;
        const known = await this.find(name);
        const isTried = this.#failed.has(nameOf(name));
        if (!known || ('failed' in known && !isTried)) yield name;
      }
    }
  }

  /** What could not be read, by reason; what was told to be absent isn't among it. */
  async unread(): Promise<ReadonlyMap<string, Unread>> {
    const reasons = new Map<string, Unread>();
    const note = async (reason: string, first: () => Promise<string>): Promise<void> => {
      const known = reasons.get(reason);
      reasons.set(reason, {
        count: (known?.count ?? 0) + 1,
        first: known?.first ?? (await first()),
      });
    };
    for (const { failure, of } of this.manifest.index.failures()) {
      const { kind, reason = kind, detail = kind } = failure as Partial<Record<string, string>>;
      if (reason === undefined || kind === 'absent') continue;
      await note(reason, async () => `${await this.#nameAt(of)}: ${detail}`);
    }
    const regions = new Set<unknown>();
    for await (const { asked, value } of this.answers('ListPublicKeys')) {
      const [region] = asked;
      if (!isFailure(value) || regions.has(region)) continue;
      regions.add(region);
      const { why } = value as { why?: unknown };
      await note('keys', () => Promise.resolve(`${String(region)}: ${String(why)}`));
    }
    return reasons;
  }

  /** The name of an object by its line, or of a listing. */
  async #nameAt(of: number | string): Promise<string> {
    if (typeof of === 'string') return of;
    const { bucket, key } = await this.manifest.failedAt(of);
    return `s3://${bucket}/${key}`;
  }

  /** Questions beside objects and keys that were not answered, and why. */
  async *unanswered(): AsyncGenerator<string> {
    for (const of of [...OF_THE_MOMENT, 'GetEventSelectors', 'DescribeTrails', 'LookupEvents']) {
      for await (const { asked, value } of this.answers(of)) {
        if (!isFailure(value)) continue;
        const { why, message } = value as { why?: unknown; message?: unknown };
        const where = asked.filter((one) => typeof one === 'string').join(' ');
        const words = [why, message].find((one) => typeof one === 'string') ?? 'no answer';
        yield `${of} ${where}: ${words}`;
      }
    }
  }

  /** The public keys that were asked for. */
  async keptKeys(): Promise<KeptKeys[]> {
    const kept: KeptKeys[] = [];
    for await (const { value } of this.answers('ListPublicKeys')) {
      if (!isFailure(value)) kept.push(readKeptEntry(value));
    }
    return kept;
  }

  /** Lists keys as `live` does, and keeps what it answers. */
  listKeys(live: ListKeys): ListKeys {
    return async (region, range) => {
      const { keys, whole } = findKept(await this.keptKeys(), region, range);
      if (whole) return { ok: true, keys };
      const answer = await live(region, range);
      const asked = [region, range.start, range.end];
      const value = answer.ok
        ? keptEntry({ region, range, keys: answer.keys })
        : { ok: false, why: answer.why };
      await this.answer<object>('ListPublicKeys', asked, () => Promise.resolve(value), value);
      return answer;
    };
  }

  /** The keys that travel with the evidence, which count only where their hash was written down apart. */
  async keySource(pins: Pins): Promise<KeySource> {
    const path = join(this.directory, KEYS_FILE);
    const text = (await readPlain(path, MAX_KEYS)).toString('utf8');
    const sha256 = createHash('sha256').update(text).digest('hex');
    if (sha256 !== this.manifest.end?.keysSha256) {
      throw new RunError(
        `${path} is not the key file that was collected`,
        'take another copy of the evidence',
      );
    }
    // The manifest names the keys' hash: whoever pinned it has pinned them.
    const isPinned = pins.manifest.length > 0;
    const unpinned = isPinned ? '' : unpinnedBy(text, KEYS_FILE, pins.keys);
    const found = readKeys(text, path);
    const fromFile = listKept(Array.isArray(found) ? found : [], KEYS_FILE);
    return createKeySource(async (region, range) => {
      const answer = await fromFile(region, range);
      if (answer.ok) return answer;
      // Why they could not be had when they were asked for.
      const asked = [region, range.start, range.end];
      const kept = await this.answer<{ why?: string }>('ListPublicKeys', asked, undefined, {});
      return { ...answer, why: kept.why ?? answer.why };
    }, unpinned);
  }

  /** Closes what was collected: the keys in a file of their own, and the manifest's last line. */
  async finish(failed: number): Promise<EvidenceEnd> {
    const text = serializeKeptKeys(await this.keptKeys());
    await writeOwn(this.directory, KEYS_FILE, text);
    // Closed means that it is there, whatever happens to the machine.
    const synced = await syncCopies(this.directory, this.manifest.copies());
    const end: EvidenceEnd = {
      ...synced,
      failed,
      keysSha256: createHash('sha256').update(text).digest('hex'),
      finishedAt: formatInstant(now()),
    };
    await this.manifest.finish(end);
    await removeParts(this.directory);
    return end;
  }

  async close(): Promise<void> {
    await this.manifest.close();
    await this.#unlock?.();
  }
}

/** An answer that a line can hold. */
function bounded<T>(value: T): T {
  if (JSON.stringify(value ?? null).length <= MAX_ANSWER) return value;
  const why = 'the answer is too long to be kept in the evidence';
  return { ok: false, records: [], complete: false, why } as T;
}
