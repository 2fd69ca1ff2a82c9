/** Maps by object key that list their keys as S3 does: of a prefix, by UTF-8 bytes. */

const SURROGATE = /[\ud800-\udfff]/;

/** By UTF-8 bytes, which is the order of UTF-16 units but for what lies beyond 16 bits. */
export function compareBytes(a: string, b: string): number {
  if (SURROGATE.test(a) || SURROGATE.test(b)) {
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Sorts its keys once, not for each of the thousands of listings of a large trail. */
export class Keyed<V> extends Map<string, V> {
  #sorted: string[] | undefined;

  override set(key: string, value: V): this {
    if (!this.has(key)) this.#sorted = undefined;
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    this.#sorted = undefined;
    return super.delete(key);
  }

  override clear(): void {
    this.#sorted = undefined;
    super.clear();
  }

  /** The keys that begin with a prefix, in order. */
  under(prefix: string): string[] {
    const sorted = (this.#sorted ??= [...this.keys()].sort(compareBytes));
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(sorted[middle] ?? '', prefix) < 0) low = middle + 1;
      else high = middle;
    }
    while (sorted[high]?.startsWith(prefix) === true) high++;
    return sorted.slice(low, high);
  }
}

/** The keys of any map that begin with a prefix, in order. */
export function keysUnder(map: ReadonlyMap<string, unknown>, prefix: string): string[] {
  if (map instanceof Keyed) return map.under(prefix);
  return [...map.keys()].filter((key) => key.startsWith(prefix)).sort(compareBytes);
}
