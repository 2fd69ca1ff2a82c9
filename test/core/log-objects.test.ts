/** Ledgers and tallies are held against plain maps and lists, which is what they stand for. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Candidates, logDay, logId, type LogObject } from '../../src/core/candidates.js';
import type { Interval } from '../../src/core/coverage.js';
import {
  joinLedgers,
  ledgerOfDay,
  logTime,
  prepend,
  strike,
  within,
  type LogLedger,
} from '../../src/core/log-objects.js';
import { PackedIds } from '../../src/core/packed-ids.js';
import { DAY, formatInstant, HOUR } from '../../src/core/timestamp.js';
import { judgeUnlisted, type UnlistedScope } from '../../src/core/unlisted.js';

const FIRST = Date.UTC(2026, 0, 1) / 1000;
const stamp = (time: number): string =>
  new Date(time * 1000).toISOString().replace(/[-:]|\.000/g, '');

/** Keys of three days, of few names, so that many are met twice; honest ones and any others. */
const name = fc.oneof(
  fc.nat(40).map((at) => String(at)),
  fc.constantFrom('', '\ud800', '\ud800x', '\ufffd', 'é', 'ÿ', 'Ā', '🙂', 'x\n', '\uffff', '\0'),
  fc.string({ unit: 'binary' }),
);
const keyOf = (at: number, minute: number, own: string, form: number): string => {
  const day = FIRST + at * DAY;
  const folder = `AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/0${at + 1}/`;
  if (form === 0) return `${folder}${own}`;
  if (form === 1) return `${folder}deeper/${own}`;
  if (form === 2) return `111122223333/CloudTrail/us-east-1/2026/01/0${at + 1}/${own}`;
  if (form === 3) return own;
  const time = stamp(day + minute * 60).slice(0, 13);
  return `${folder}111122223333_CloudTrail_us-east-1_${time}Z_${own}.json.gz`;
};
const key = fc.oneof(
  { weight: 2, arbitrary: fc.nat(2).map((at) => keyOf(at, 0, 'same', 9)) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        at: fc.nat(2),
        minute: fc.constantFrom(-5, 0, 1440),
        own: fc.constantFrom('a', 'b'),
      })
      .map((one) => keyOf(one.at, one.minute, one.own, 9)),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ at: fc.nat(2), minute: fc.integer({ min: -30, max: 1470 }), name, form: fc.nat(9) })
      .map((one) => keyOf(one.at, one.minute, one.name, one.form)),
  },
);
const object: fc.Arbitrary<LogObject> = fc
  .record(
    {
      bucket: fc.oneof(
        { weight: 6, arbitrary: fc.constant('trail-bucket') },
        { weight: 1, arbitrary: fc.constantFrom('b', 'trail-bucket/odd', 'z') },
      ),
      key,
      size: fc.nat(1000),
      lastModified: fc.integer({ min: FIRST, max: FIRST + 3 * DAY }),
    },
    { requiredKeys: ['bucket', 'key', 'size'] },
  )
  .map((one) => one as LogObject);

const idOf = ({ bucket, key: own }: LogObject): string => logId(bucket, own);
const entriesOf = (objects: readonly LogObject[]): [string, LogObject][] =>
  objects.map((one) => [idOf(one), one]);

/** What ledgers stand for. */
interface Model {
  readonly candidates: ReadonlyMap<string, LogObject>;
  readonly elsewhere: ReadonlySet<string>;
}
function modelOfDay(
  day: number,
  objects: readonly LogObject[],
  listed: readonly LogObject[],
): Model {
  const ids = new Set(listed.map(idOf));
  return {
    candidates: new Map(entriesOf(objects.filter((one) => !ids.has(idOf(one))))),
    elsewhere: new Set(listed.filter((one) => logDay(one.key) !== day).map(idOf)),
  };
}
const struck = (all: Model['candidates'], ids: ReadonlySet<string>) =>
  new Map([...all].filter(([id]) => !ids.has(id)));
const joinModels = (a: Model, b: Model): Model => ({
  candidates: new Map([...struck(a.candidates, b.elsewhere), ...struck(b.candidates, a.elsewhere)]),
  elsewhere: new Set([...a.elsewhere, ...b.elsewhere]),
});

const sorted = (map: ReadonlyMap<string, LogObject>) =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('packed names', () => {
  it('are the names: in order, by number, and none besides', () => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 80 }), key, (names, other) => {
        const [absent = other, ...there] = names;
        const all = there.sort();
        const packed = new PackedIds(all);
        expect([...packed]).toEqual(all);
        all.forEach((one, at) => {
          expect(packed.indexOf(one)).toBe(at);
          expect(packed.at(at)).toBe(one);
        });
        if (!all.includes(absent)) expect(packed.indexOf(absent)).toBe(-1);
      }),
    );
  });
});

describe('ledgers', () => {
  const objects = fc.array(object, { maxLength: 40 });
  const day = fc.record({ objects, listed: objects });

  it('what two days list is struck once', () => {
    const own = (at: number): LogObject => ({ bucket: 'b', key: keyOf(0, at, 'x', 9), size: 1 });
    const listing = [1, 2].map((at) => ledgerOfDay(FIRST + at * DAY, [], [own(5)]));
    const [second, third] = listing as [LogLedger, LogLedger];
    const first = ledgerOfDay(FIRST, [own(5), own(10)], []);
    const { candidates } = joinLedgers(first, joinLedgers(second, third));
    expect(candidates.size).toBe(1);
    expect([...candidates.values()]).toEqual([own(10)]);
  });

  it('one day keeps the order that its objects were given in', () => {
    fc.assert(
      fc.property(objects, (given) => {
        const own = given.filter((one) => logDay(`/${one.key}`) === FIRST);
        const entries = entriesOf(own.filter(({ bucket }) => bucket !== 'trail-bucket/odd'));
        expect([...Candidates.of(entries)]).toEqual([...new Map(entries)]);
      }),
    );
  });

  it('join as maps do, in any association, and strike as maps do', () => {
    fc.assert(
      fc.property(fc.tuple(day, day, day), objects, objects, (days, older, listed) => {
        const ledgers = days.map((one, at) =>
          ledgerOfDay(FIRST + at * DAY, one.objects, one.listed),
        );
        const models = days.map((one, at) => modelOfDay(FIRST + at * DAY, one.objects, one.listed));
        const [a, b, c] = ledgers as [LogLedger, LogLedger, LogLedger];
        const [ma, mb, mc] = models as [Model, Model, Model];
        const joined = joinLedgers(a, joinLedgers(b, c));
        const model = joinModels(ma, joinModels(mb, mc));
        expect(sorted(joined.candidates)).toEqual(sorted(model.candidates));
        expect(joined.candidates.size).toBe(model.candidates.size);
        const otherwise = joinLedgers(joinLedgers(a, b), c);
        expect(sorted(otherwise.candidates)).toEqual(sorted(model.candidates));

        const ids = new Set(listed.map(idOf));
        const once = strike(joined, ids);
        const twice = strike(once, ids);
        expect(twice.candidates).toBe(once.candidates);
        expect(sorted(twice.candidates)).toEqual(sorted(struck(model.candidates, ids)));
        for (const one of [...listed, ...older]) {
          expect(twice.candidates.get(idOf(one))).toEqual(
            ids.has(idOf(one)) ? undefined : model.candidates.get(idOf(one)),
          );
        }
        const range = { start: FIRST + HOUR, end: FIRST + DAY + HOUR };
        const kept = within(joined, range, ids).candidates;
        const inTime = [...model.candidates].filter(([id, one]) => {
          const time = logTime(one.key);
          return ids.has(id) || time === undefined || (time > range.start && time <= range.end);
        });
        expect(sorted(kept)).toEqual(sorted(new Map(inTime)));
        const whole = prepend(older, joined).candidates;
        expect(sorted(whole)).toEqual(sorted(new Map([...entriesOf(older), ...model.candidates])));
        const again = strike(prepend(older, joined), joined.elsewhere);
        expect(sorted(again.candidates)).toEqual(
          sorted(struck(new Map([...entriesOf(older), ...model.candidates]), model.elsewhere)),
        );
      }),
    );
  });
});

describe('what is told of many objects', () => {
  const interval: fc.Arbitrary<Interval['state']> = fc.constantFrom(
    'proved',
    'gap',
    'missing',
    'not-due',
  );
  const scopes = fc
    .record({
      states: fc.array(interval, { maxLength: 8 }),
      hours: fc.integer({ min: 1, max: 12 }),
    })
    .map(({ states, hours }): UnlistedScope => {
      const length = hours * HOUR;
      return {
        source: { accountId: '111122223333', region: 'us-east-1' },
        range: { start: FIRST, end: FIRST + states.length * length },
        intervals: states.map((state, at) => ({
          start: FIRST + at * length,
          end: FIRST + (at + 1) * length,
          state,
        })),
        backfillLost: [],
        knownUntil: FIRST + 3 * DAY,
        due: FIRST + 3 * DAY,
        knownBefore: true,
        carried: new Set(),
        unvalidatedTrails: [],
        acceptUnlisted: [],
      };
    });

  it('is what lists of all of them would tell', () => {
    fc.assert(
      fc.property(fc.array(object, { maxLength: 60 }), scopes, (objects, scope) => {
        const outcome = judgeUnlisted(objects, scope);
        // Each by itself says where it belongs; told together they are grouped.
        const alone = objects.map((one) => ({ one, own: judgeUnlisted([one], scope) }));
        const sum = (count: (own: typeof outcome) => number): number =>
          alone.reduce((total, { own }) => total + count(own), 0);
        expect(outcome.unlisted).toBe(sum((own) => own.unlisted));
        expect(outcome.unvalidated).toBe(sum((own) => own.unvalidated));
        expect(outcome.open).toEqual(alone.flatMap(({ own }) => own.open));
        const groups = new Map<string, LogObject[]>();
        for (const { one, own } of alone) {
          const [found] = own.findings;
          if (!found) continue;
          const folder = `${one.bucket}/${one.key.slice(0, one.key.lastIndexOf('/'))}`;
          const where = found.code === 'LOG_UNLISTED' ? folder : `${found.start} ${found.end}`;
          const group = `${found.code} ${where}`;
          groups.set(group, [...(groups.get(group) ?? []), one]);
        }
        expect(outcome.findings).toHaveLength(groups.size);
        const told = outcome.findings.map(({ details }) => JSON.stringify(details)).sort();
        const expected = [...groups].map(([group, own]) => {
          const times = own.flatMap(({ lastModified }) => lastModified ?? []);
          const [found] = judgeUnlisted(own.slice(0, 1), scope).findings;
          const first = [...own].sort((x, y) => (x.key < y.key ? -1 : x.key > y.key ? 1 : 0));
          return JSON.stringify({
            count: own.length,
            bytes: own.reduce((total, { size }) => total + size, 0),
            ...(times.length === 0
              ? {}
              : {
                  oldestModified: formatInstant(Math.min(...times)),
                  newestModified: formatInstant(Math.max(...times)),
                }),
            first: first.slice(0, 5).map(({ bucket, key: own_, size, lastModified }) => ({
              bucket,
              key: own_,
              size,
              ...(lastModified === undefined ? {} : { lastModified: formatInstant(lastModified) }),
            })),
            ...(group.startsWith('LOG_UNVALIDATED') ? { state: found?.details?.['state'] } : {}),
          });
        });
        expect(told).toEqual(expected.sort());
      }),
    );
  });

  it('an object is judged by the interval that its time lies in', () => {
    const intervals = Array.from({ length: 48 }, (_, at): Interval => {
      const state = at >= 24 ? 'proved' : at % 2 === 0 ? 'gap' : 'missing';
      return { start: FIRST + at * HOUR, end: FIRST + (at + 1) * HOUR, state };
    });
    const told = (own: string): string => {
      const { findings } = judgeUnlisted([{ bucket: 'b', key: own, size: 1 }], {
        source: { accountId: '111122223333', region: 'us-east-1' },
        range: { start: FIRST, end: FIRST + 2 * DAY },
        intervals,
        backfillLost: [],
        knownUntil: FIRST + 3 * DAY,
        due: FIRST + 3 * DAY,
        knownBefore: true,
        carried: new Set(),
        unvalidatedTrails: [],
        acceptUnlisted: [],
      });
      return findings.map(({ code, start }) => `${code} ${start}`).join();
    };
    for (let at = 0; at < 24; at++) {
      const start = formatInstant(FIRST + at * HOUR);
      for (const minute of [5, 30, 60]) {
        const expected = `LOG_UNVALIDATED ${start}`;
        expect(told(keyOf(0, at * 60 + minute, 'x', 9))).toBe(expected);
      }
    }
    expect(told(keyOf(1, 30, 'x', 9))).toBe(`LOG_UNLISTED ${formatInstant(FIRST + DAY)}`);
    // Without a time in its name, the folder's day speaks.
    expect(told(keyOf(0, 0, 'x', 0))).toBe(`LOG_UNVALIDATED ${formatInstant(FIRST)}`);
    expect(told(keyOf(1, 0, 'x', 0))).toBe(`LOG_UNLISTED ${formatInstant(FIRST + DAY)}`);
    expect(told(keyOf(2, 30, 'x', 9))).toBe('');
    expect(told(keyOf(2, 0, 'x', 0))).toBe('');
  });
});
