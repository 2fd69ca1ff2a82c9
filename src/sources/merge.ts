/** Merging sorted sequences into one, holding one item of each. */

interface Head<T> {
  item: T;
  readonly rest: AsyncIterator<T>;
}

/** Lets the first of a binary heap sink to its place. */
function sink<T>(heap: Head<T>[], compare: (a: T, b: T) => number): void {
  for (let at = 0; ;) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      const one = heap[child];
      const other = heap[least];
      if (one && other && compare(one.item, other.item) < 0) least = child;
    }
    const upper = heap[at];
    const lower = heap[least];
    if (least === at || !upper || !lower) return;
    heap[at] = lower;
    heap[least] = upper;
    at = least;
  }
}

/** All items of sorted sequences, in order. Sequences that were begun are ended, whatever happens. */
export async function* mergeSorted<T>(
  sequences: readonly AsyncIterable<T>[],
  compare: (a: T, b: T) => number,
): AsyncGenerator<T> {
  const iterators = sequences.map((one) => one[Symbol.asyncIterator]());
  try {
    const heap: Head<T>[] = [];
    for (const rest of iterators) {
      const next = await rest.next();
      if (next.done !== true) heap.push({ item: next.value, rest });
    }
    // A sorted list is a heap.
    heap.sort((a, b) => compare(a.item, b.item));
    for (let [least] = heap; least; [least] = heap) {
      yield least.item;
      const next = await least.rest.next();
      if (next.done === true) {
        const last = heap.pop();
        if (last && last !== least) heap[0] = last;
      } else least.item = next.value;
      sink(heap, compare);
    }
  } finally {
    for (const one of iterators) await one.return?.();
  }
}
