import { describe, expect, it } from 'vitest';
import type { Finding } from '../src/core/finding.js';
import { DAY } from '../src/core/timestamp.js';
import { createReadingFindings } from '../src/sources/reading-findings.js';

const made = (message: string): Finding => ({
  code: 'LOG_MISSING',
  class: 'violation',
  message,
  hint: '',
});

describe('what a reading told', () => {
  it.each([1, 3, 100])('is had by day, on disk or in memory (held: %s)', async (bound) => {
    const all = createReadingFindings(bound);
    const [one, other] = [all.begin(), all.begin()];
    for (const day of [2, 1, 2, 0]) {
      one.add(made(`one ${day}`), day * DAY);
      other.add(made(`other ${day}`), day * DAY);
    }
    // Told while a day is looked up: another source's, which may have what is held written out.
    const asked = one.of(2 * DAY);
    for (let more = 0; more < 5; more++) other.add(made('more'), 2 * DAY);
    expect(await asked).toEqual([made('one 2'), made('one 2')]);
    expect(await other.of(DAY)).toEqual([made('other 1')]);
    expect(await one.of(3 * DAY)).toEqual([]);
    const messages = [];
    for await (const { message } of all.of([one])) messages.push(message);
    expect(messages.sort()).toEqual(['one 0', 'one 1', 'one 2', 'one 2']);
    all.close();
  });
});
