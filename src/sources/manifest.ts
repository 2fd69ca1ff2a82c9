/** A manifest on disk: read through once, then a line at a time; written to at its end. */
import { createHash } from 'node:crypto';
import { constants, open, type FileHandle } from 'node:fs/promises';
import {
  decodeEnd,
  decodeManifestLine,
  encodeEnd,
  encodeManifestLine,
  EvidenceError,
  MANIFEST,
  type CopiedObject,
  type EvidenceEnd,
  type EvidenceHead,
  type FailedObject,
  type KeptAnswer,
  type ListedPart,
  type ManifestLine,
  type ObjectName,
} from '../core/evidence.js';
import { join } from 'node:path';
import { systemReason } from './file-error.js';
import { lineAt, linesOf } from './file-lines.js';
import { ManifestIndex } from './manifest-index.js';
import { RunError } from './ports.js';

const DAMAGED = 'take another copy of the evidence, or collect it again into an empty directory';

/** How an object's line begins. */
const OBJECT = Buffer.from('{"object"');

/** What collected evidence is of; `undefined` for a directory without a manifest. Throws `RunError`. */
export async function readHead(directory: string): Promise<EvidenceHead | undefined> {
  const path = join(directory, MANIFEST);
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const handle = await open(path, flags).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const line = decodeManifestLine(await lineAt(handle, 0));
    if ('head' in line) return line.head;
    throw new EvidenceError('is another kind of file');
  } catch (error) {
    throw new RunError(
      `${path} ${error instanceof EvidenceError ? error.message : 'is empty or cut'}`,
      DAMAGED,
    );
  } finally {
    await handle.close();
  }
}

/** What was recorded of an object. */
export type Recorded = { readonly object: CopiedObject } | { readonly failed: FailedObject };

export class Manifest {
  readonly index = new ManifestIndex();
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #hash = createHash('sha256');
  #head: EvidenceHead | undefined;
  #end: EvidenceEnd | undefined;
  #length = 0;
  #sha256 = '';
  /** Bytes that wait to be written, and who waits for them. */
  #waiting: { text: string; done: () => void; fail: (error: unknown) => void }[] = [];
  #writing = false;
  #broken: Error | undefined;

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  /** Opens a manifest and reads it through; `undefined` where there is none. Throws `RunError`. */
  static async open(path: string, writable: boolean): Promise<Manifest | undefined> {
    const flags = (writable ? constants.O_RDWR : constants.O_RDONLY) | constants.O_NONBLOCK;
    const handle = await open(path, flags | constants.O_NOFOLLOW).catch((error: unknown) => {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return;
      throw new RunError(`${path} can’t be opened: ${systemReason(error)}`);
    });
    if (!handle) return undefined;
    const manifest = new Manifest(handle, path);
    try {
      await manifest.#readThrough();
      return manifest;
    } catch (error) {
      await handle.close();
      if (error instanceof EvidenceError) throw new RunError(`${path} ${error.message}`, DAMAGED);
      throw error;
    }
  }

  async #readThrough(): Promise<void> {
    const whole = createHash('sha256');
    const tooLong = (): Error => new EvidenceError('has a line that no collecting wrote');
    let isTorn = false;
    for await (const { bytes, offset, whole: hasEnd } of linesOf(this.#handle, tooLong)) {
      if (isTorn || this.#end) throw new EvidenceError('goes on after its end, or is damaged');
      whole.update(bytes).update(hasEnd ? '\n' : '');
      if (!hasEnd) {
        // What a sudden end tore off; where everything is closed, nothing is torn.
        isTorn = true;
        continue;
      }
      const text = bytes.toString('utf8');
      this.#end = decodeEnd(text, this.#hash);
      if (!this.#end) this.#take(decodeManifestLine(text), offset);
      this.#hash.update(bytes).update('\n');
      this.#length = offset + bytes.length + 1;
    }
    this.#sha256 = whole.digest('hex');
    if (this.#head === undefined) throw new EvidenceError('is another kind of file, or empty');
  }

  #take(line: ManifestLine, offset: number): void {
    if ('head' in line !== (this.#head === undefined)) {
      throw new EvidenceError('holds a line that no collecting wrote');
    }
    if ('head' in line) this.#head = line.head;
    this.index.add(line, offset);
  }

  get head(): EvidenceHead {
    if (!this.#head) throw new Error('a manifest without a head');
    return this.#head;
  }

  /** Absent while collecting isn't finished. */
  get end(): EvidenceEnd | undefined {
    return this.#end;
  }

  /** Of the whole file, as it was read or closed. */
  get sha256(): string {
    return this.#sha256;
  }

  /** What was recorded of an object last. */
  async find(name: ObjectName): Promise<Recorded | undefined> {
    return (await this.#lastOf(name))?.line;
  }

  async #lastOf(name: ObjectName): Promise<{ line: Recorded; offset: number } | undefined> {
    for (const offset of this.index.placesOf(name)) {
      const line = await this.#lineAt(offset);
      const found = 'object' in line ? line.object : 'failed' in line ? line.failed : undefined;
      const isSame =
        found?.bucket === name.bucket &&
        found.key === name.key &&
        (found.version ?? '') === (name.version ?? '');
      if (isSame) return { line: line as Recorded, offset };
    }
    return undefined;
  }

  async answerAt(offset: number): Promise<KeptAnswer> {
    return ((await this.#lineAt(offset)) as { answer: KeptAnswer }).answer;
  }

  async failedAt(offset: number): Promise<FailedObject> {
    return ((await this.#lineAt(offset)) as { failed: FailedObject }).failed;
  }

  async partAt(offset: number): Promise<ListedPart> {
    return ((await this.#lineAt(offset)) as { listed: ListedPart }).listed;
  }

  /** Every object that was copied, in order; of one that was fetched again, the last copy. */
  async *copies(): AsyncGenerator<CopiedObject> {
    const tooLong = (): Error => new EvidenceError('has a line that no collecting wrote');
    for await (const { bytes, offset } of linesOf(this.#handle, tooLong)) {
      if (!bytes.subarray(0, OBJECT.length).equals(OBJECT)) continue;
      const line = decodeManifestLine(bytes.toString('utf8'));
      if (!('object' in line)) continue;
      const isOnly = this.index.placesOf(line.object).length === 1;
      if (isOnly || (await this.#lastOf(line.object))?.offset === offset) yield line.object;
    }
  }

  async #lineAt(offset: number): Promise<ManifestLine> {
    return decodeManifestLine(await lineAt(this.#handle, offset));
  }

  /** Writes a line at the end; it can be found once this resolves. */
  async add(line: ManifestLine): Promise<void> {
    if (this.#broken) throw this.#broken;
    if (this.#end) throw new Error('the manifest is closed');
    const text = encodeManifestLine(line);
    const offset = this.#length;
    this.#length += Buffer.byteLength(text);
    this.#hash.update(text);
    await this.#write(text, offset);
    this.#take(line, offset);
  }

  #write(text: string, at: number): Promise<void> {
    return new Promise((done, fail) => {
      this.#waiting.push({ text, done, fail });
      if (!this.#writing) void this.#drain(at);
    });
  }

  async #drain(from: number): Promise<void> {
    this.#writing = true;
    let position = from;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const bytes = Buffer.from(batch.map(({ text }) => text).join(''));
      try {
        for (let at = 0; at < bytes.length;) {
          const left = bytes.length - at;
          const written = await this.#handle.write(bytes, at, left, position + at);
          at += written.bytesWritten;
        }
        position += bytes.length;
        for (const { done } of batch) done();
      } catch (error) {
        const told = new RunError(
          `${this.#path} can’t be written: ${systemReason(error)}`,
          'make room and give the same command again: it goes on from what is there',
        );
        // What comes after a hole could not be read.
        this.#broken = told;
        for (const { fail } of [...batch, ...this.#waiting]) fail(told);
        this.#waiting = [];
      }
    }
    this.#writing = false;
  }

  /** Cuts off what a sudden end tore, before anything is written. */
  async mend(): Promise<void> {
    await this.#handle.truncate(this.#length);
  }

  /** Writes the last line, and has all of it on the disk. */
  async finish(end: EvidenceEnd): Promise<void> {
    const text = encodeEnd(end, this.#hash);
    await this.#write(text, this.#length);
    await this.#handle.sync();
    this.#end = end;
    this.#sha256 = this.#hash.copy().update(text).digest('hex');
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
