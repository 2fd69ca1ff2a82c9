/**
 * Where in a manifest things stand. A million objects take a number or two each: their names are kept
 * as hashes, and a line that a hash leads to is read and its name compared.
 */
import { createHash } from 'node:crypto';
import {
  nameOf,
  type KeptAnswer,
  type ListingEnd,
  type ListingKind,
  type ManifestLine,
  type ObjectName,
} from '../core/evidence.js';

/** 52 bits of a name's hash, which a number holds exactly. */
const hashOf = (name: string): number => {
  const digest = createHash('sha256').update(name).digest();
  return digest.readUIntBE(0, 6) * 16 + ((digest[6] ?? 0) >> 4);
};

/** A recorded listing: where its end stands, and its parts. */
export interface ListingPlace {
  readonly end: ListingEnd;
  readonly parts: readonly number[];
}

const listingName = (kind: ListingKind, bucket: string, prefix: string): string =>
  JSON.stringify([kind, bucket, prefix]);
const answerName = (of: string, asked: readonly unknown[]): string =>
  JSON.stringify([of, ...asked]);

export class ManifestIndex {
  /** By hash of the name: the offset of its line, or several. */
  readonly #objects = new Map<number, number | number[]>();
  readonly #listings = new Map<string, ListingPlace>();
  /** Parts of listings that have no end yet, by ID. */
  readonly #parts = new Map<number, number[]>();
  readonly #answers = new Map<string, number>();
  /** What was asked, for questions that another's answer may hold the answer of. */
  readonly #asked = new Map<string, (readonly unknown[])[]>();
  /** Why objects could not be read, by the hash of their names. */
  readonly #failures = new Map<number, unknown>();
  lastListing = 0;

  /** Takes a line that stands at an offset. */
  add(line: ManifestLine, offset: number): void {
    if ('object' in line) this.#addName(line.object, offset);
    else if ('failed' in line) this.#addName(line.failed, offset, line.failed.failure);
    else if ('listed' in line) {
      const { id } = line.listed;
      this.lastListing = Math.max(this.lastListing, id);
      const parts = this.#parts.get(id);
      if (parts) parts.push(offset);
      else this.#parts.set(id, [offset]);
    } else if ('listing' in line) this.#addListing(line.listing);
    else if ('answer' in line) this.#addAnswer(line.answer, offset);
  }

  #addName(name: ObjectName, offset: number, failure?: unknown): void {
    const hash = hashOf(nameOf(name));
    if (failure === undefined) this.#failures.delete(hash);
    else this.#failures.set(hash, failure);
    const known = this.#objects.get(hash);
    if (known === undefined) this.#objects.set(hash, offset);
    else if (typeof known === 'number') this.#objects.set(hash, [known, offset]);
    else known.push(offset);
  }

  #addListing(end: ListingEnd): void {
    const { id, kind, bucket, prefix } = end;
    this.lastListing = Math.max(this.lastListing, id);
    const place = { end, parts: this.#parts.get(id) ?? [] };
    this.#parts.delete(id);
    this.#listings.set(listingName(kind, bucket, prefix), place);
  }

  #addAnswer({ of, asked }: KeptAnswer, offset: number): void {
    const name = answerName(of, asked);
    const others = this.#asked.get(of);
    if (!others) this.#asked.set(of, [asked]);
    else if (!this.#answers.has(name)) others.push(asked);
    this.#answers.set(name, offset);
  }

  /** Where lines about an object may stand, the latest first. */
  placesOf(name: ObjectName): number[] {
    const known = this.#objects.get(hashOf(nameOf(name))) ?? [];
    return typeof known === 'number' ? [known] : known.toReversed();
  }

  listing(kind: ListingKind, bucket: string, prefix: string): ListingPlace | undefined {
    return this.#listings.get(listingName(kind, bucket, prefix));
  }

  /** The recorded listing of all objects that holds those of a prefix: its own, or a wider one. */
  covering(bucket: string, prefix: string): ListingPlace | undefined {
    for (let length = prefix.length; length >= 0; length--) {
      const found = this.listing('objects', bucket, prefix.slice(0, length));
      if (found) return found;
    }
    return undefined;
  }

  /** Why objects and listings could not be read: where an object's line stands, or of what a listing is. */
  *failures(): Generator<{ readonly failure: unknown; readonly of: number | string }> {
    for (const [hash, failure] of this.#failures) {
      const offsets = this.#objects.get(hash) ?? 0;
      yield { failure, of: typeof offsets === 'number' ? offsets : (offsets.at(-1) ?? 0) };
    }
    for (const { end } of this.#listings.values()) {
      const { failure, bucket, prefix } = end;
      if (failure !== undefined) yield { failure, of: `s3://${bucket}/${prefix}` };
    }
  }

  listings(): Iterable<ListingPlace> {
    return this.#listings.values();
  }

  /** Where the answer to a question stands. */
  answer(of: string, asked: readonly unknown[]): number | undefined {
    return this.#answers.get(answerName(of, asked));
  }

  /** All that was asked of a kind. */
  asked(of: string): readonly (readonly unknown[])[] {
    return this.#asked.get(of) ?? [];
  }
}
