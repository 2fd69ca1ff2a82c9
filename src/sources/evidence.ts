/**
 * An evidence directory as it was collected: the objects' copies, and every answer that a run was
 * given. While it is collected, what it lacks is asked of AWS and kept; later there is nobody to ask.
 * So the same run, made from the directory alone, comes to the same judgement.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  KEYS_FILE,
  MANIFEST,
  type EvidenceEnd,
  type EvidenceHead,
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
import { removeParts, writeCopy } from './copies.js';
import { systemReason } from './file-error.js';
import { listKept, readKeys, unpinnedBy } from './keys.js';
import { createKeySource, type ListKeys } from './key-source.js';
import { Manifest, type Recorded } from './manifest.js';
import { RunError, type KeySource, type ObjectBody, type ReadFailure } from './ports.js';
import { writeWhole } from './write-whole.js';

/** Which hashes a person wrote down apart from the evidence. */
export interface Pins {
  readonly manifest: readonly string[];
  readonly keys: readonly string[];
}

const now = (): Instant => Math.floor(Date.now() / 1000);

const LOG_FOLDER = /\/CloudTrail\/[^/]+\//;

/** Stored bytes of an object past which it is no file of CloudTrail's, and isn't copied. */
const MAX_COPY = 1024 ** 3;

/** Whether a value says that something could not be had, so that it is worth asking again. */
function isFailure(value: unknown): boolean {
  const { ok, complete } = (value ?? {}) as { ok?: unknown; complete?: unknown };
  return ok === false || complete === false;
}

export class Evidence {
  readonly directory: string;
  readonly manifest: Manifest;
  /** Whether what is lacking is asked for and kept. */
  readonly isOpen: boolean;

  private constructor(directory: string, manifest: Manifest, isOpen: boolean) {
    this.directory = directory;
    this.manifest = manifest;
    this.isOpen = isOpen;
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
    return new Evidence(directory, manifest, false);
  }

  /** Goes on with collecting, or begins it; `head` makes the first line. */
  static async collect(directory: string, head: () => Promise<EvidenceHead>): Promise<Evidence> {
    const path = join(directory, MANIFEST);
    const known = await Manifest.open(path, true);
    if (known) {
      if (!known.end) {
        await known.mend();
        await removeParts(directory);
      }
      return new Evidence(directory, known, true);
    }
    const first = await head();
    await mkdir(directory, { recursive: true }).catch((error: unknown) => {
      throw new RunError(
        `${directory} can’t be made: ${systemReason(error)}`,
        'name a directory that you may write to with --evidence',
      );
    });
    return new Evidence(directory, await Manifest.begin(path, first), true);
  }

  find(name: ObjectName): Promise<Recorded | undefined> {
    return this.manifest.find(name);
  }

  /** Copies a body; `undefined` for one that is larger than any file of CloudTrail's. */
  async copy(name: ObjectName, body: ObjectBody): Promise<Recorded | undefined> {
    if (body.size > MAX_COPY) return undefined;
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
    return { object };
  }

  async fail(name: ObjectName, failure: unknown): Promise<void> {
    await this.manifest.add({ failed: { ...name, failure, at: formatInstant(now()) } });
  }

  /** The answer to a question: the one that was kept, or `ask`'s, which is kept. */
  async answer<T>(of: string, asked: readonly unknown[], ask?: () => Promise<T>): Promise<T> {
    const place = this.manifest.index.answer(of, asked);
    if (place !== undefined) {
      const { value } = await this.manifest.answerAt(place);
      if (!ask || !isFailure(value)) return value as T;
    }
    if (!ask) throw new NotCollectedError(of);
    const value = await ask();
    await this.manifest.add({ answer: { of, asked, value, at: formatInstant(now()) } });
    return value;
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
    const { index } = this.manifest;
    for (const { end, parts } of index.listings()) {
      for (const offset of end.failure === undefined ? parts : []) {
        for (const [key, size] of (await this.manifest.partAt(offset)).objects) {
          const name = { bucket: end.bucket, key };
          const isWanted = size > 0 && !(digestsOnly && LOG_FOLDER.test(key));
          if (isWanted && !(await this.find(name))) yield name;
        }
      }
    }
  }

  /** How much could not be read, by reason; what was told to be absent isn't among it. */
  async unread(): Promise<ReadonlyMap<string, number>> {
    const reasons = new Map<string, number>();
    const note = (reason: string): void => {
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    };
    for (const failure of this.manifest.index.failures() as Iterable<ReadFailure>) {
      if (failure.kind === 'unreadable') note(failure.reason);
      if (failure.kind === 'foreign-encryption') note(failure.kind);
    }
    for await (const { value } of this.answers('ListPublicKeys')) {
      if (isFailure(value)) note('keys');
    }
    return reasons;
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
      await this.answer('ListPublicKeys', asked, () =>
        Promise.resolve(
          answer.ok
            ? keptEntry({ region, range, keys: answer.keys })
            : { ok: false, why: answer.why },
        ),
      );
      return answer;
    };
  }

  /** The keys that travel with the evidence, which count only where their hash was written down apart. */
  async keySource(pins: Pins): Promise<KeySource> {
    const path = join(this.directory, KEYS_FILE);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw new RunError(`${path} can’t be read: ${systemReason(error)}`);
    });
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
      const kept = await this.answer<{ why?: string }>('ListPublicKeys', asked).catch(
        () => undefined,
      );
      return { ...answer, why: kept?.why ?? answer.why };
    }, unpinned);
  }

  /** Closes what was collected: the keys in a file of their own, and the manifest's last line. */
  async finish(failed: number): Promise<EvidenceEnd> {
    const text = serializeKeptKeys(await this.keptKeys());
    await writeWhole(join(this.directory, KEYS_FILE), text);
    const { objects, bytes } = this.manifest;
    const end: EvidenceEnd = {
      ...{ objects, bytes, failed },
      keysSha256: createHash('sha256').update(text).digest('hex'),
      finishedAt: formatInstant(now()),
    };
    await this.manifest.finish(end);
    await removeParts(this.directory);
    return end;
  }

  close(): Promise<void> {
    return this.manifest.close();
  }
}

/** The evidence has no answer to a question. */
export class NotCollectedError extends Error {
  override readonly name = 'NotCollectedError';
  constructor(of: string) {
    super(`${of} was not asked for when the evidence was collected`);
  }
}
