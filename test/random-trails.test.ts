/**
 * Random trails with up to five random facts each, planted where they don't touch each other: all are
 * found at their place, and nothing else is accused.
 */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FROM, rewrite } from './support/lies.js';
import {
  HOUR,
  iso,
  signingKey,
  stamp,
  TrailBuilder,
  type BuiltChain,
} from './support/trail-builder.js';
import { validate } from './support/validate.js';

const KINDS = [
  'log-altered',
  'log-deleted',
  'log-trailing-data',
  'log-injected',
  'log-injected-anyhow',
  'digest-altered',
  'digests-deleted',
  'digest-signature-lost',
  'key-unknown-planted',
] as const;

const trail = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  accounts: fc.integer({ min: 1, max: 2 }),
  regions: fc.integer({ min: 1, max: 2 }),
  minute: fc.integer({ min: 0, max: HOUR - 1 }),
  hours: fc.integer({ min: 14, max: 18 }),
  logsPerHour: fc.integer({ min: 1, max: 2 }),
  move: fc.option(fc.integer({ min: 3, max: 12 }), { nil: undefined }),
  prefix: fc.constantFrom('', 'team/a'),
  facts: fc.array(fc.tuple(fc.constantFrom(...KINDS), fc.nat(), fc.nat()), { maxLength: 5 }),
});

interface Expected {
  readonly code: string;
  readonly key?: string;
  readonly start?: string;
  readonly end?: string;
}

/** Plants one fact around an hour of a chain and says what must be found. */
function plant(
  builder: TrailBuilder,
  chain: BuiltChain,
  kind: (typeof KINDS)[number],
  hour: number,
  pick: number,
): Expected[] {
  const digest = chain.digests[hour]!;
  const log = digest.logs[pick % digest.logs.length]!;
  const lost = (one: typeof digest, to = one): Expected => ({
    ...{ code: 'LOG_UNVALIDATED', start: iso(one.start), end: iso(to.end) },
  });
  switch (kind) {
    case 'log-altered':
      rewrite(builder, log, (text) => text.replace('GetObject', 'PutObject'));
      return [{ code: 'LOG_HASH_MISMATCH', key: log.key }];
    case 'log-deleted':
      builder.remove(log);
      return [{ code: 'LOG_MISSING', key: log.key }];
    case 'log-trailing-data': {
      const object = builder.get(log);
      const body = Buffer.concat([object.body, gzipSync('x')]);
      builder.put(log.bucket, log.key, { ...object, body });
      return [{ code: 'LOG_TRAILING_DATA', key: log.key }];
    }
    case 'log-injected': {
      const at = digest.start + HOUR / 2;
      const prefix = log.key.slice(0, Math.max(0, log.key.indexOf('/AWSLogs/')));
      const { key, body } = builder.log(chain.accountId, chain.region, at, 100, prefix);
      builder.put(log.bucket, key, { body });
      return [{ code: 'LOG_UNLISTED', key }];
    }
    case 'log-injected-anyhow': {
      const key = `${log.key.slice(0, log.key.lastIndexOf('/'))}/x/notes-${hour}.txt`;
      builder.put(log.bucket, key, { body: Buffer.from('not a log file') });
      return [{ code: 'LOG_UNLISTED', key }];
    }
    case 'digest-altered':
      rewrite(builder, digest, (text) => text.replace(/"logFiles":\[.*\]/, '"logFiles":[]'));
      return [{ code: 'DIGEST_SIGNATURE_INVALID', key: digest.key }, lost(digest)];
    case 'digests-deleted': {
      const last = chain.digests[hour + 1]!;
      builder.remove(digest);
      builder.remove(last);
      const time = { start: iso(digest.start), end: iso(last.end) };
      return [{ code: 'DIGEST_MISSING', ...time }, lost(digest, last)];
    }
    case 'digest-signature-lost':
      builder.put(digest.bucket, digest.key, { body: builder.get(digest).body });
      return [];
    case 'key-unknown-planted': {
      // Within the hour before its end, in the same folder.
      const early = stamp(digest.end - (digest.end % 86_400 === 0 ? 0 : 1));
      const key = digest.key.replace(/\d{8}T\d{6}Z/, early);
      if (key === digest.key) return [];
      builder.put(digest.bucket, key, builder.get(digest));
      return [{ code: 'DIGEST_MOVED', key }];
    }
  }
}

describe('300 random trails with up to five facts each', () => {
  it('show every fact at its place, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(trail, async (made) => {
        const { accounts, regions, hours, prefix } = made;
        const organization = accounts > 1 ? { organizationId: 'o-exampleorgid' } : {};
        const builder = new TrailBuilder({
          ...{ seed: made.seed, isMultiRegion: regions > 1, prefix, ...organization },
        });
        const from = FROM + made.minute;
        const chains: BuiltChain[] = [];
        for (const accountId of ['111122223333', '444455556666'].slice(0, accounts)) {
          for (const region of ['us-east-1', 'eu-west-1'].slice(0, regions)) {
            const moves = [
              {
                hour: 0,
                bucket: made.move === undefined ? 'trail-bucket' : 'older-bucket',
                prefix,
              },
              { hour: made.move ?? 0, bucket: 'trail-bucket', prefix },
            ];
            const { logsPerHour } = made;
            const half = hours >> 1;
            const older = { accountId, region, logsPerHour, logBytes: 400 };
            const first = builder.chain({ ...older, from, hours: half, moves });
            const after = first.digests.at(-1)!;
            const rest = moves.map(({ hour, ...one }) => ({ ...one, hour: hour - half }));
            const second = builder.chain({
              ...{ ...older, from: from + half * HOUR, hours: hours - half, after },
              ...{ key: signingKey(2), moves: rest },
            });
            const digests = [...first.digests, ...second.digests];
            chains.push({ accountId, region, kind: 'standard', digests });
          }
        }
        // Facts four hours apart in one chain, none at its ends: each is alone with its neighbours.
        const slots = new Map<string, [number, number]>();
        for (const [, chain, hour] of made.facts) {
          const slot = 2 + 4 * (hour % 3);
          slots.set(`${chain % chains.length} ${slot}`, [chain % chains.length, slot]);
        }
        const places = [...slots.values()];
        const expected = made.facts.slice(0, places.length).flatMap(([kind, , pick], number) => {
          const [chain, hour] = places[number]!;
          // The digest file that links to the older bucket is the only one that knows of it.
          const links = made.move !== undefined && [hour, hour + 1].includes(made.move);
          const safe = links && /^digests?-(altered|deleted)/.test(kind) ? 'log-altered' : kind;
          return plant(builder, chains[chain]!, safe, hour, pick);
        });
        const range = { start: from + HOUR, end: from + hours * HOUR };
        const { report } = await validate(builder, range);
        const found = report.findings
          .filter((one) => one.class !== 'notice')
          .map(({ code, key, start, end }) =>
            code === 'DIGEST_MISSING' || code === 'LOG_UNVALIDATED'
              ? { code, start, end }
              : { code, key },
          );
        const order = (a: object, b: object): number =>
          JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
        // Several things injected into one folder and day are one finding.
        const counted = expected.filter(({ code }) => code === 'LOG_UNLISTED').length;
        expect(report.counts.logFiles.unlisted).toBe(counted);
        const single = (list: readonly Expected[]) =>
          list.filter(({ code }) => code !== 'LOG_UNLISTED').sort(order);
        expect(single(found as Expected[])).toEqual(single(expected));
        const told = JSON.stringify(report.findings);
        for (const one of expected.filter(({ code }) => code === 'LOG_UNLISTED')) {
          expect(told).toContain(one.key);
        }
      }),
      // More with RANDOM_TRAILS=300: a minute and a half.
      { numRuns: Number(process.env['RANDOM_TRAILS'] ?? 100), endOnFailure: false },
    );
  }, 300_000);
});
