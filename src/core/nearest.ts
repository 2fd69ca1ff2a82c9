/** Letters that may be wrong in a word that somebody meant. */
const MOST_WRONG = 2;

/** Letters to change, add or leave out between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let at = 0; at < a.length; at++) {
    const next = [at + 1];
    for (let to = 0; to < b.length; to++) {
      const changed = (row[to] ?? 0) + (a[at] === b[to] ? 0 : 1);
      next.push(Math.min(changed, (row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Which of these somebody meant who mistyped it; none where nothing is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const far = known.map((one) => [distance(word, one), one] as const);
  const [best] = far.sort(([a], [b]) => a - b);
  return best && best[0] <= MOST_WRONG ? best[1] : undefined;
}

/** Whether two words differ by one slip: a letter changed, added or left out, or two neighbours swapped. */
export function isSlip(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  let begin = 0;
  while (begin < shorter && a[begin] === b[begin]) begin++;
  let end = 0;
  while (end < shorter - begin && a.at(-1 - end) === b.at(-1 - end)) end++;
  const [own = '', other = ''] = [a, b].map((word) => word.slice(begin, word.length - end));
  const isOne = Math.max(own.length, other.length) === 1;
  return isOne || (own.length === 2 && own === other.slice(1) + other.slice(0, 1));
}
