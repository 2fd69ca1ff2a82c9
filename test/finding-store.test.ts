import { readdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compareFindings,
  FINDINGS,
  MAX_FINDING,
  type Finding,
  type FindingCode,
} from '../src/core/finding.js';
import { createFindingStore, type FindingStoreOptions } from '../src/sources/finding-store.js';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-test-'));
});
afterAll(() => rm(directory, { recursive: true }));

const codes = Object.keys(FINDINGS) as FindingCode[];

/** Few values, so that many are equal in part or in whole; any text, as buckets may hold it. */
const text = fc.oneof(
  fc.constantFrom('a', 'b', 'B', 'é', '\n', '\ud800', '🙂', ''),
  fc.string({ unit: 'binary' }),
);
const findings = fc.array(
  fc
    .record(
      {
        code: fc.constantFrom(...codes),
        class: fc.constantFrom('violation', 'unproved', 'notice'),
        message: text,
        hint: fc.constantFrom('x', 'y'),
        accountId: fc.constantFrom('1', '2'),
        region: fc.constantFrom('r', 's'),
        kind: fc.constantFrom('standard', 'backfill'),
        bucket: text,
        key: text,
        start: fc.constantFrom('s1', 's2'),
        end: fc.constantFrom('e1', 'e2'),
        details: fc.dictionary(text, fc.oneof(text, fc.integer())),
      },
      { requiredKeys: ['code', 'class', 'message', 'hint'] },
    )
    .map((one) => one as Finding),
  { maxLength: 60 },
);

/** What a store is held against: everything in memory. */
function inMemory(all: readonly Finding[]): string[] {
  const unique = new Map(all.map((one) => [JSON.stringify(one), one]));
  return [...unique.values()].sort(compareFindings).map((one) => JSON.stringify(one));
}

async function stored(all: readonly Finding[], options: FindingStoreOptions) {
  const store = createFindingStore({ ...options, directory });
  for (const one of all) store.add(one);
  const sorted = await store.sorted();
  const read = async (at: number): Promise<string[]> => {
    const lines: string[] = [];
    for await (const one of sorted.from(at)) lines.push(JSON.stringify(one));
    return lines;
  };
  const lines = await read(0);
  const again = await read(Math.floor(lines.length / 2));
  await sorted.close();
  return { lines, again, counts: sorted.counts };
}

describe('the store of findings', () => {
  it('gives what sorting in memory gives, whatever is held and however it is merged', async () => {
    const options = fc.record({
      bound: fc.constantFrom(0, 1, 3, 10, 1000),
      fanIn: fc.constantFrom(2, 3, 32),
    });
    await fc.assert(
      fc.asyncProperty(findings, options, async (all, held) => {
        const expected = inMemory(all);
        const { lines, again, counts } = await stored([...all, ...all.slice(0, 9)], held);
        expect(lines).toEqual(expected);
        expect(again).toEqual(expected.slice(Math.floor(expected.length / 2)));
        expect(counts.all).toBe(expected.length);
        const parsed = expected.map((line) => JSON.parse(line) as Finding);
        for (const name of ['violation', 'unproved', 'notice'] as const) {
          expect(counts.byClass[name]).toBe(parsed.filter((one) => one.class === name).length);
        }
        for (const code of codes) {
          const own = parsed.filter((one) => one.code === code).length;
          expect(counts.byCode.get(code) ?? 0).toBe(own);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('gives the same in every order of arrival, where place, code and message are equal, too', async () => {
    const one = { code: 'LOG_MISSING', class: 'violation', message: 'm', hint: 'h' } as const;
    const all: Finding[] = [3, 1, 2].map((n) => ({ ...one, details: { n } }));
    const forth = await stored(all, { bound: 0 });
    const back = await stored([...all].reverse(), { bound: 100 });
    expect(forth.lines).toEqual(back.lines);
    expect(forth.lines).toHaveLength(3);
  });

  it('leaves nothing in its directory, not even while it is open', async () => {
    const store = createFindingStore({ bound: 1, directory });
    for (const message of ['a', 'b', 'c', 'd']) {
      store.add({ code: 'LOG_MISSING', class: 'violation', message, hint: '' });
    }
    expect(await readdir(directory)).toEqual([]);
    await store.close();
    expect(() =>
      store.add({ code: 'LOG_MISSING', class: 'violation', message: '', hint: '' }),
    ).toThrow();
    const nowhere = createFindingStore({ bound: 0, directory: join(directory, 'none') });
    expect(() =>
      nowhere.add({ code: 'LOG_MISSING', class: 'violation', message: '', hint: '' }),
    ).toThrow(/findings can't be kept on disk/);
  });

  it('cuts a finding that is longer than any honest one, and spills by size, too', async () => {
    const long = 'x'.repeat(MAX_FINDING);
    const all = Array.from({ length: 40 }, (_, at): Finding => {
      const message = `${at} ${long}`;
      return { code: 'LOG_MISSING', class: 'violation', message, hint: '', details: { long } };
    });
    const { lines } = await stored(all, {});
    expect(lines).toHaveLength(40);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(5000);
    expect(lines[0]).toContain('"details":{"cutFrom":');
    const whole = 'y'.repeat(MAX_FINDING - 200);
    const some = all.map((one, at): Finding => ({ ...one, message: `${at}${whole}`, details: {} }));
    const kept = await stored(some, {});
    expect(kept.lines).toEqual(inMemory(some));
  });
});
