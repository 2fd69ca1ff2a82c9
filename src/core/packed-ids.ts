/**
 * Names in little memory: sorted and kept as what each has beyond the one before it. Log files of a
 * day differ in two dozen of two hundred characters, and there may be a million of them.
 */

/** Every so manieth name is kept whole, so that one is found without reading all. */
const STEP = 16;

/** Collects bytes, growing as needed. */
function createWriter() {
  let bytes = Buffer.allocUnsafe(1024);
  let size = 0;
  const reserve = (more: number): void => {
    if (size + more <= bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * bytes.length, size + more));
    bytes.copy(larger, 0, 0, size);
    bytes = larger;
  };
  return {
    get size() {
      return size;
    },
    number: (value: number): void => {
      reserve(5);
      let rest = value;
      for (; rest > 127; rest = Math.floor(rest / 128)) bytes[size++] = (rest % 128) + 128;
      bytes[size++] = rest;
    },
    text: (text: string, wide: boolean): void => {
      const length = wide ? 2 * text.length : text.length;
      reserve(length);
      size += bytes.write(text, size, wide ? 'utf16le' : 'latin1');
    },
    /** A copy of just the size. */
    done: (): Buffer => {
      const exact = Buffer.from(new ArrayBuffer(size));
      bytes.copy(exact, 0, 0, size);
      return exact;
    },
  };
}

// Beyond Latin 1, with lone surrogates as they are: two names never become one.
const isWide = (text: string): boolean => /[^\0-\xff]/.test(text);

function sharedLength(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

/** A set of names. Each has a number, in the order of names. */
export class PackedIds {
  readonly size: number;
  readonly #bytes: Buffer;
  /** Where every `STEP`th name begins. */
  readonly #starts: Uint32Array;

  /** Of names that are in order (`<`) and each there once. */
  constructor(sorted: readonly string[]) {
    const writer = createWriter();
    this.size = sorted.length;
    this.#starts = new Uint32Array(Math.ceil(sorted.length / STEP));
    let last = '';
    sorted.forEach((id, at) => {
      const whole = at % STEP === 0;
      if (whole) this.#starts[at / STEP] = writer.size;
      const shared = whole ? 0 : sharedLength(last, id);
      const rest = id.slice(shared);
      const wide = isWide(rest);
      writer.number(shared);
      writer.number(2 * rest.length + (wide ? 1 : 0));
      writer.text(rest, wide);
      last = id;
    });
    this.#bytes = writer.done();
  }

  /** The names from a multiple of `STEP` on, in order. */
  *#from(first: number, last: number): Generator<string, undefined> {
    const bytes = this.#bytes;
    let at = this.#starts[first / STEP] ?? 0;
    const number = (): number => {
      let value = 0;
      for (let unit = 1; ; unit *= 128) {
        const byte = bytes[at++] ?? 0;
        value += (byte % 128) * unit;
        if (byte < 128) return value;
      }
    };
    let id = '';
    for (let index = first; index < last; index++) {
      const shared = number();
      const length = number();
      const wide = length % 2 === 1;
      const end = at + (wide ? length - 1 : length / 2);
      id = id.slice(0, shared) + bytes.toString(wide ? 'utf16le' : 'latin1', at, end);
      at = end;
      yield id;
    }
  }

  /** All names in order. */
  [Symbol.iterator](): Generator<string, undefined> {
    return this.#from(0, this.size);
  }

  #block(block: number): Generator<string, undefined> {
    return this.#from(block * STEP, Math.min(this.size, (block + 1) * STEP));
  }

  /** The name with a number. */
  at(index: number): string | undefined {
    let here = index - (index % STEP);
    for (const id of this.#block(here / STEP)) if (here++ === index) return id;
    return undefined;
  }

  /** A name's number; -1 for one that isn't there. */
  indexOf(id: string): number {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const [first = ''] = this.#from(middle * STEP, middle * STEP + 1);
      if (first <= id) low = middle;
      else high = middle;
    }
    let index = low * STEP;
    for (const one of this.#block(low)) {
      if (one === id) return index;
      if (one > id) return -1;
      index++;
    }
    return -1;
  }
}
