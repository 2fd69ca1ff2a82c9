/**
 * Objects in log folders, a year of them, in little memory: a day's are packed together, and whatever
 * is done to some of a day leaves the other days as they are.
 */
import { PackedIds } from './packed-ids.js';
import { parseKeyStamp, type Instant } from './timestamp.js';

/** An object in a log folder. */
export interface LogObject {
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  readonly lastModified?: Instant;
}

/** What identifies an object among many. */
export function logId(bucket: string, key: string): string {
  return `${bucket}/${key}`;
}

/** The first place that looks like one: folders within a day's folder are read with it. */
const FOLDER = /\/\d{12}\/CloudTrail\/[a-z0-9-]+\/(\d{4})\/(\d\d)\/(\d\d)\//s;

/** The UTC day of the log folder that a key lies in; `undefined` for a key in none. */
export function logDay(key: string): Instant | undefined {
  const match = FOLDER.exec(key);
  return match ? parseKeyStamp(`${match.slice(1, 4).join('')}T000000Z`) : undefined;
}

/** Ids by the day that they tell themselves: what only sorts them into heaps need not be right. */
const heapOf = (id: string): Instant => logDay(id) ?? -1;

function heaps<T>(items: Iterable<T>, idOf: (item: T) => string): Map<Instant, T[]> {
  const found = new Map<Instant, T[]>();
  let last: { readonly day: Instant; readonly items: T[] } | undefined;
  for (const item of items) {
    const day = heapOf(idOf(item));
    if (last?.day !== day) {
      last = { day, items: found.get(day) ?? [] };
      found.set(day, last.items);
    }
    last.items.push(item);
  }
  return found;
}

/** Whether the bit of a number is set. */
function isMarked(bits: Uint8Array | undefined, number: number): boolean {
  return (((bits?.[number >> 3] ?? 0) >> (number & 7)) & 1) === 1;
}

/** Objects of a day, in the order in which they were given. */
class PackedDay {
  readonly size: number;
  readonly #ids: PackedIds;
  readonly #bucketLengths: Uint32Array | undefined;
  readonly #sizes: Float64Array;
  readonly #times: Float64Array;
  /** Numbers of ids in the order given, where that isn't theirs. */
  readonly #order: Uint32Array | undefined;
  /** A bit for each id that was struck out. */
  readonly #gone: Uint8Array | undefined;

  private constructor(
    parts: {
      ids: PackedIds;
      bucketLengths: Uint32Array | undefined;
      sizes: Float64Array;
      times: Float64Array;
      order: Uint32Array | undefined;
    },
    gone: Uint8Array | undefined,
    size: number,
  ) {
    this.#ids = parts.ids;
    this.#bucketLengths = parts.bucketLengths;
    this.#sizes = parts.sizes;
    this.#times = parts.times;
    this.#order = parts.order;
    this.#gone = gone;
    this.size = size;
  }

  static of(entries: Iterable<readonly [string, LogObject]>): PackedDay {
    const given = [...new Map(entries)];
    const isSorted = given.every(([id], at) => at === 0 || (given[at - 1]?.[0] ?? '') < id);
    const numbers = isSorted ? undefined : Uint32Array.from(given.keys());
    const idAt = (at: number): string => given[at]?.[0] ?? '';
    numbers?.sort((a, b) => (idAt(a) < idAt(b) ? -1 : 1));
    const sorted = numbers ? Array.from(numbers, (at) => given[at] ?? given[0]) : given;
    const rows = sorted.flatMap((one) => (one ? [one] : []));
    const order = numbers && new Uint32Array(numbers.length);
    numbers?.forEach((at, number) => {
      if (order) order[at] = number;
    });
    const odd = rows.some(([id, { bucket }]) => id.indexOf('/') !== bucket.length);
    const parts = {
      ids: new PackedIds(rows.map(([id]) => id)),
      bucketLengths: odd ? Uint32Array.from(rows, ([, { bucket }]) => bucket.length) : undefined,
      sizes: Float64Array.from(rows, ([, { size }]) => size),
      times: Float64Array.from(rows, ([, { lastModified }]) => lastModified ?? NaN),
      order,
    };
    return new PackedDay(parts, undefined, rows.length);
  }

  #object(id: string, number: number): LogObject {
    const cut = this.#bucketLengths?.[number] ?? id.indexOf('/');
    const lastModified = this.#times[number] ?? NaN;
    return {
      bucket: id.slice(0, cut),
      key: id.slice(cut + 1),
      size: this.#sizes[number] ?? 0,
      ...(Number.isNaN(lastModified) ? {} : { lastModified }),
    };
  }

  get(id: string): LogObject | undefined {
    const number = this.#ids.indexOf(id);
    return number < 0 || isMarked(this.#gone, number) ? undefined : this.#object(id, number);
  }

  *[Symbol.iterator](): Generator<[string, LogObject], undefined> {
    if (this.#order) {
      for (const number of this.#order) {
        const id = this.#ids.at(number) ?? '';
        if (!isMarked(this.#gone, number)) yield [id, this.#object(id, number)];
      }
      return;
    }
    let number = 0;
    for (const id of this.#ids) {
      if (!isMarked(this.#gone, number)) yield [id, this.#object(id, number)];
      number++;
    }
  }

  /** Without some ids; itself where it has none of them. */
  without(ids: Iterable<string>): PackedDay {
    let gone: Uint8Array | undefined;
    let { size } = this;
    for (const id of ids) {
      const number = this.#ids.indexOf(id);
      if (number < 0 || isMarked(gone ?? this.#gone, number)) continue;
      gone ??= this.#gone?.slice() ?? new Uint8Array(Math.ceil(this.#ids.size / 8));
      gone[number >> 3] = (gone[number >> 3] ?? 0) | (1 << (number & 7));
      size--;
    }
    if (!gone) return this;
    const parts = {
      ids: this.#ids,
      bucketLengths: this.#bucketLengths,
      sizes: this.#sizes,
      times: this.#times,
      order: this.#order,
    };
    return new PackedDay(parts, gone, size);
  }
}

/** Ids by their days. */
export class IdsByDay {
  readonly days: ReadonlyMap<Instant, readonly PackedIds[]>;

  private constructor(days: ReadonlyMap<Instant, readonly PackedIds[]>) {
    this.days = days;
  }

  static of(ids: Iterable<string>): IdsByDay {
    const days = [...heaps(new Set(ids), (id) => id)];
    return new IdsByDay(new Map(days.map(([day, own]) => [day, [new PackedIds(own.sort())]])));
  }

  *[Symbol.iterator](): Generator<string, undefined> {
    for (const lists of this.days.values()) yield* flat(lists);
  }

  with(other: IdsByDay): IdsByDay {
    const days = new Map(this.days);
    for (const [day, own] of other.days) days.set(day, [...(days.get(day) ?? []), ...own]);
    return new IdsByDay(days);
  }
}

function* flat(lists: readonly (PackedIds | string)[]): Generator<string, undefined> {
  for (const one of lists) {
    if (typeof one === 'string') yield one;
    else yield* one;
  }
}

/** Objects by `logId`; the map never changes. */
export class Candidates implements ReadonlyMap<string, LogObject> {
  readonly size: number;
  readonly #days: ReadonlyMap<Instant, PackedDay>;

  private constructor(days: ReadonlyMap<Instant, PackedDay>) {
    this.#days = days;
    this.size = 0;
    for (const { size } of days.values()) this.size += size;
  }

  static of(entries: Iterable<readonly [string, LogObject]>): Candidates {
    if (entries instanceof Candidates) return entries;
    const days = [...heaps(entries, ([id]) => id)];
    return new Candidates(new Map(days.map(([day, own]) => [day, PackedDay.of(own)])));
  }

  /** With others after them. */
  with(other: Candidates): Candidates {
    const days = new Map(this.#days);
    for (const [day, own] of other.#days) {
      const known = days.get(day);
      days.set(day, known ? PackedDay.of([...known, ...own]) : own);
    }
    return new Candidates(days);
  }

  /** Without some ids. What it costs is theirs, not what is left; itself where it has none of them. */
  without(ids: IdsByDay | ReadonlySet<string>): Candidates {
    const days = new Map<Instant, PackedDay>();
    const struck = ids instanceof IdsByDay ? ids.days : heaps(ids, (id) => id);
    for (const [day, lists] of struck) {
      const own = this.#days.get(day);
      const rest = own?.without(flat(lists));
      if (rest && rest !== own) days.set(day, rest);
    }
    return days.size === 0 ? this : this.#changed(days);
  }

  /** Those that pass. */
  filter(passes: (id: string, object: LogObject) => boolean): Candidates {
    const days = new Map<Instant, PackedDay>();
    for (const [day, own] of this.#days) {
      const struck: string[] = [];
      for (const [id, object] of own) if (!passes(id, object)) struck.push(id);
      if (struck.length > 0) days.set(day, own.without(struck));
    }
    return days.size === 0 ? this : this.#changed(days);
  }

  #changed(changed: ReadonlyMap<Instant, PackedDay>): Candidates {
    const days = new Map(this.#days);
    for (const [day, own] of changed) {
      if (own.size > 0) days.set(day, own);
      else days.delete(day);
    }
    return new Candidates(days);
  }

  get(id: string): LogObject | undefined {
    return this.#days.get(heapOf(id))?.get(id);
  }

  has(id: string): boolean {
    return this.get(id) !== undefined;
  }

  *entries(): Generator<[string, LogObject], undefined> {
    for (const day of this.#days.values()) yield* day;
  }

  [Symbol.iterator](): Generator<[string, LogObject], undefined> {
    return this.entries();
  }

  *keys(): Generator<string, undefined> {
    for (const [id] of this.entries()) yield id;
  }

  *values(): Generator<LogObject, undefined> {
    for (const [, object] of this.entries()) yield object;
  }

  forEach(call: (object: LogObject, id: string, map: this) => void): void {
    for (const [id, object] of this.entries()) call(object, id, this);
  }
}
