import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closeSegment } from '../src/core/close.js';
import {
  digestSegment,
  emptySegment,
  join,
  looseSegment,
  type Chain,
  type Segment,
} from '../src/core/segment.js';
import { FROM, rewrite } from './support/lies.js';
import { accusations } from './support/run-command.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';
import { validate } from './support/validate.js';

const chain: Chain = {
  accountId: '111122223333',
  region: 'us-east-1',
  kind: 'standard',
  trail: { name: 'main', homeRegion: 'us-east-1' },
};

const keyAt = (end: number): string => {
  const stamp = new Date(end * 1000).toISOString().replace(/[-:]|\.000/g, '');
  const day = `${stamp.slice(0, 4)}/${stamp.slice(4, 6)}/${stamp.slice(6, 8)}`;
  return `AWSLogs/111122223333/CloudTrail-Digest/us-east-1/${day}/111122223333_CloudTrail-Digest_us-east-1_main_us-east-1_${stamp}.json.gz`;
};

/** What may stand in each hour of a chain. */
const hour = fc.constantFrom(
  'signed',
  'signed',
  'signed',
  'start',
  'gone',
  'altered',
  'unreadable',
  'unlinked',
  'broken',
  'jump',
);

function segments(hours: readonly string[]): Segment[] {
  return hours.map((kind, at): Segment => {
    const start = FROM + at * HOUR;
    const end = start + HOUR;
    const key = keyAt(end);
    const link = {
      bucket: 'b',
      key: keyAt(kind === 'jump' ? start - 2 * HOUR : start),
      hash: kind === 'broken' ? 'other' : `hash ${start}`,
      signature: undefined,
    };
    const loose = { start, end, bucket: 'b', key };
    switch (kind) {
      case 'gone':
        return emptySegment(chain);
      case 'altered':
      case 'unreadable':
        return looseSegment(chain, { ...loose, state: kind }, true, []);
      case 'unlinked':
        return looseSegment(
          chain,
          { start, end, state: 'unreadable', cause: 'network' },
          false,
          [],
        );
      default: {
        const node = {
          ...loose,
          hash: `hash ${end}`,
          signature: '',
          link: kind === 'start' ? null : link,
          counted: at > 0,
          sound: true,
        };
        return digestSegment(chain, node, []);
      }
    }
  });
}

const asked = {
  range: { start: FROM + HOUR, end: FROM + 24 * HOUR },
  due: FROM + 100 * HOUR,
  explicitEnd: true,
};

describe('join', () => {
  it('is associative, with the empty segment as its neutral element', () => {
    fc.assert(
      fc.property(
        fc.array(hour, { minLength: 3, maxLength: 24 }),
        fc.nat(),
        fc.nat(),
        (hours, a, b) => {
          const all = segments(hours);
          const [first = 0, second = 0] = [a % all.length, b % all.length].sort((x, y) => x - y);
          const fold = (part: readonly Segment[]): Segment =>
            part.reduce(join, emptySegment(chain));
          const [x, y, z] = [all.slice(0, first), all.slice(first, second), all.slice(second)].map(
            fold,
          );
          const left = join(join(x!, y!), z!);
          const right = join(x!, join(y!, z!));
          expect(right).toEqual(left);
          expect(closeSegment(right, asked)).toEqual(closeSegment(fold(all), asked));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('accounts for every second of the range exactly once', () => {
    fc.assert(
      fc.property(fc.array(hour, { minLength: 1, maxLength: 24 }), (hours) => {
        const closed = closeSegment(segments(hours).reduce(join, emptySegment(chain)), asked);
        let at = asked.range.start;
        for (const { start, end } of closed.intervals) {
          expect(Date.parse(start) / 1000).toBe(at);
          at = Date.parse(end) / 1000;
        }
        expect(at).toBe(asked.range.end);
        const proved = closed.intervals.every(({ state }) => state === 'proved');
        const clean =
          closed.findings.every((one) => one.class === 'notice') &&
          closed.digestFiles.invalid + closed.digestFiles.unreadable === 0;
        expect(clean && !proved, JSON.stringify(closed)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

const shape = fc.record({
  hours: fc.integer({ min: 2, max: 12 }),
  logsPerHour: fc.integer({ min: 0, max: 3 }),
  offset: fc.integer({ min: 0, max: 86_399 }),
  prefix: fc.option(fc.constantFrom('p', 'a/b', 'o-exampleorgid', 'AWSLogs'), { nil: undefined }),
  name: fc.constantFrom('main', 'a.b_c-d', 'main_us-east-1', 'foo_us-east-1_x'),
  region: fc.constantFrom('us-east-1', 'ap-southeast-2'),
  seed: fc.nat(),
});

function build({
  hours,
  logsPerHour,
  offset,
  prefix,
  name,
  region,
  seed,
}: typeof shape extends fc.Arbitrary<infer T> ? T : never) {
  const builder = new TrailBuilder({
    name,
    seed,
    isMultiRegion: true,
    ...(prefix === undefined ? {} : { prefix }),
  });
  const from = FROM + offset;
  const home = builder.chain({ from, hours, logsPerHour });
  const chains =
    region === 'us-east-1' ? [home] : [home, builder.chain({ from, hours, logsPerHour, region })];
  return { builder, chains, range: { start: from + HOUR, end: from + hours * HOUR } };
}

function sameContent(a: Buffer, b: Buffer): boolean {
  try {
    return gunzipSync(a).equals(gunzipSync(b));
  } catch {
    return false;
  }
}

describe('built trails', () => {
  it('any is valid, and complete', async () => {
    await fc.assert(
      fc.asyncProperty(shape, async (one) => {
        const { builder, chains, range } = build(one);
        const { report } = await validate(builder, range, { endpoint: { pageSize: 5 } });
        expect(accusations(report)).toEqual([]);
        expect(report.verdict).toBe('valid');
        expect(report.counts.digestFiles.valid).toBe(chains.length * (one.hours - 1));
        expect(report.counts.logFiles.valid).toBe(
          chains.length * (one.hours - 1) * one.logsPerHour,
        );
      }),
      { numRuns: 15 },
    );
  });

  it('any single lie is found at its object', async () => {
    const lie = fc.constantFrom(
      'log-gone',
      'log-altered',
      'log-flip',
      'digest-gone',
      'digest-altered',
      'digest-flip',
    );
    await fc.assert(
      fc.asyncProperty(shape, lie, fc.nat(), fc.nat(), async (one, what, pick, place) => {
        const { builder, chains, range } = build({
          ...one,
          logsPerHour: one.logsPerHour + 1,
          hours: one.hours + 2,
        });
        const chosen = chains[pick % chains.length]!;
        // Not the newest digest: one that is gone from the end is a gap, which the catalogue has.
        const digest = chosen.digests[1 + (place % (chosen.digests.length - 2))]!;
        const target = what.startsWith('log') ? digest.logs[place % digest.logs.length]! : digest;
        if (what.endsWith('gone')) builder.remove(target);
        else if (what.endsWith('altered'))
          rewrite(builder, target, (text) => text.replace('2026', '2025'));
        else {
          const object = builder.get(target);
          const body = Buffer.from(object.body);
          // Past the header, whose time and system bytes nobody signs.
          const at = 10 + (place % (body.length - 10));
          body[at] = (body[at] ?? 0) ^ (1 << (pick % 8));
          // A flip in deflate's padding changes no content, and so nothing that was signed.
          fc.pre(!sameContent(object.body, body));
          builder.put(target.bucket, target.key, { ...object, body });
        }
        const { report, status } = await validate(builder, range);
        expect(status, what).toBe(1);
        const violations = report.findings.filter((found) => found.class === 'violation');
        expect(violations).toHaveLength(1);
        if (what === 'digest-gone') {
          expect(violations[0]).toMatchObject({ code: 'DIGEST_MISSING', region: chosen.region });
          expect(Date.parse(violations[0]?.end ?? '') / 1000).toBe(digest.end);
        } else expect(violations[0]?.key).toBe(target.key);
      }),
      { numRuns: 30 },
    );
  });
});
