/**
 * What is read a second time: days whose records rest on what was unread then or came later, and
 * sources that other chains know more places of. Nobody honest is accused by what the first reading
 * could not see, and nothing that it established is lost by what the second one can't.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { base, FROM } from './support/lies.js';
import type { EndpointOptions } from './support/loopback.js';
import { MAX_DURATION, outOfTime } from './support/out-of-time.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { bothWays, inTemp, partials, runShards, serving, timeless } from './support/shards.js';
import {
  HOUR,
  signingKey,
  stamp,
  TrailBuilder,
  type BuiltDigest,
  type BuiltLog,
} from './support/trail-builder.js';
import { validate } from './support/validate.js';

const range = { start: FROM + HOUR, end: FROM + 100 * HOUR };

const BROKEN = { status: 500, code: 'InternalError' };
const ARCHIVED = { status: 403, code: 'InvalidObjectState', message: 'archived' };

/** Takes an object's metadata away. */
function strip(builder: TrailBuilder, at: BuiltLog): void {
  builder.put(at.bucket, at.key, { body: builder.get(at).body });
}

/** The last digest file of a day, and the first of the day after it. */
function aroundMidnight(digests: readonly BuiltDigest[]): [BuiltDigest, BuiltDigest] {
  const day = (one: BuiltDigest | undefined): number => Math.floor((one?.end ?? 0) / 86_400);
  const at = digests.findIndex((one, i) => i > 40 && day(one) !== day(digests[i + 1]));
  const [last, next] = [digests[at], digests[at + 1]];
  if (!last || !next) throw new Error('no midnight');
  return [last, next];
}

describe('a digest file whose metadata was lost', () => {
  it('is proved by the resumption that can read the one after it', async () => {
    const builder = new TrailBuilder();
    const [last, next] = aroundMidnight(builder.chain({ from: FROM, hours: 100 }).digests);
    strip(builder, last);
    const whole = builder.get(next);
    await serving(builder, range, {}, async (argv) => {
      const single = await runJson(argv);
      expect([single.status, accusations(single.report)]).toEqual([0, []]);
      await inTemp(async (directory) => {
        const own = [...argv, '--resume', join(directory, 'journal')];
        builder.put(next.bucket, next.key, { ...whole, refuse: BROKEN });
        expect((await runJson(own)).status).toBe(3);
        builder.put(next.bucket, next.key, whole);
        const second = await runJson(own);
        expect(timeless(second.report)).toEqual(timeless(single.report));
      });
    });
  }, 60_000);

  it('is proved by the merge where the one after it came after the shards', async () => {
    const builder = new TrailBuilder();
    const [last, ...later] = builder.chain({ from: FROM, hours: 102 }).digests.slice(99);
    if (!last) throw new Error('no digest file');
    strip(builder, last);
    const kept = later.map((one) => [one, builder.get(one)] as const);
    await serving(builder, range, {}, async (argv) => {
      const single = await runJson(argv);
      expect([single.status, accusations(single.report)]).toEqual([0, []]);
      await inTemp(async (directory) => {
        const files = partials(directory, 2);
        for (const [one] of kept) builder.remove(one);
        await runShards(argv, files);
        for (const [one, object] of kept) builder.put(one.bucket, one.key, object);
        const merged = await runJson(['merge', ...files]);
        expect(timeless(merged.report)).toEqual(timeless(single.report));
      });
    });
  }, 60_000);

  it('is not accused where keys can’t be had', async () => {
    const { builder, digest, start, end } = base({}, 30);
    strip(builder, digest(10));
    const { status, report } = await validate(
      builder,
      { start, end },
      { endpoint: { denied: ['ListPublicKeys'] } },
    );
    expect([status, report.findings.filter((one) => one.class === 'violation')]).toEqual([3, []]);
    expect(report.findings.map(({ code }) => code)).toContain('KEYS_UNAVAILABLE');
    expect((await validate(builder, { start, end })).status).toBe(0);
  });

  const refusal = { archived: ARCHIVED, broken: BROKEN };
  it.each([
    ['within a day', 'archived', 30],
    ['across midnight', 'archived', 14],
    ['beyond the range', 'archived', 59],
    ['across midnight', 'broken', 14],
  ] as const)(
    'is not accused where the one after it, %s, is %s',
    { timeout: 60_000 },
    async (_where, why, at) => {
      const { builder, digest, start } = base({}, 62);
      const end = FROM + 60 * HOUR;
      strip(builder, digest(at));
      const { bucket, key } = digest(at + 1);
      const whole = builder.get(digest(at + 1));
      builder.put(bucket, key, { ...whole, refuse: refusal[why] });
      const { status, report } = await validate(builder, { start, end });
      expect([status, report.findings.filter((one) => one.class === 'violation')]).toEqual([3, []]);
      const told = report.findings.find(({ code }) => code === 'DIGEST_SIGNATURE_UNAVAILABLE');
      expect(told?.key).toBe(digest(at).key);
      builder.put(bucket, key, whole);
      expect((await validate(builder, { start, end })).status).toBe(0);
    },
  );

  it('is not accused where the folder of the one after it can’t be listed', async () => {
    const { builder, digest, start, end } = base({}, 60);
    strip(builder, digest(14));
    const folder = /CloudTrail-Digest.*2026\/03\/11/;
    const answer: EndpointOptions['answer'] = (request, response) => {
      const url = decodeURIComponent(request.url ?? '');
      if (!url.includes('list-type=2') || !folder.test(url)) return false;
      response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      return true;
    };
    const { status, report } = await validate(builder, { start, end }, { endpoint: { answer } });
    expect([status, report.findings.filter((one) => one.class === 'violation')]).toEqual([3, []]);
  });

  it('is told alike by a run and by shards where the one after it is archived', async () => {
    const builder = new TrailBuilder();
    const [last, next] = aroundMidnight(builder.chain({ from: FROM, hours: 100 }).digests);
    strip(builder, last);
    builder.put(next.bucket, next.key, { ...builder.get(next), refuse: ARCHIVED });
    await serving(builder, range, {}, async (argv) => {
      const { single, merged } = await bothWays(argv, 5);
      expect(accusations(single.report)).toContain('DIGEST_SIGNATURE_UNAVAILABLE');
      expect(timeless(merged.report)).toEqual(timeless(single.report));
    });
  }, 60_000);

  it('is accused where the one after it is signed and names another, whatever is planted', async () => {
    const { builder, chain, digest, start, end } = base({}, 30);
    strip(builder, digest(10));
    builder.resign(digest(11), {
      previousDigestS3Object: digest(9).key,
      previousDigestHashValue: chain.digests[9]?.hash,
      previousDigestSignature: chain.digests[9]?.signature,
    });
    const before = await validate(builder, { start, end });
    expect(accusations(before.report)).toContain('DIGEST_SIGNATURE_MISSING');
    const planted = digest(10).key.replace(stamp(digest(10).end), stamp(digest(10).end + 600));
    builder.put('trail-bucket', planted, { body: Buffer.from('x'), refuse: ARCHIVED });
    const after = await validate(builder, { start, end });
    expect(accusations(after.report)).toContain('DIGEST_SIGNATURE_MISSING');
  });

  it('keeps no journal open: its day reads the same each time', async () => {
    const builder = new TrailBuilder();
    const { digests } = builder.chain({ from: FROM, hours: 100 });
    const [last, next] = aroundMidnight(digests);
    strip(builder, last);
    builder.remove(next);
    const [log] = digests[5]?.logs ?? [];
    if (!log) throw new Error('no log file');
    builder.put(log.bucket, log.key, { ...builder.get(log), refuse: BROKEN });
    await serving(builder, range, {}, async (argv) =>
      inTemp(async (directory) => {
        const own = [...argv, '--shard', '1/1', '--partial', join(directory, 'part')];
        const states = [(await runCommand(own)).status, (await runCommand(own)).status];
        expect(states).toEqual([3, 0]);
      }),
    );
  }, 60_000);
});

describe('a violation that was established', () => {
  /** A log file that was altered, in a day that a planted digest file makes hang on newer ones. */
  function altered() {
    const builder = new TrailBuilder();
    const { digests } = builder.chain({ from: FROM, hours: 100 });
    const [digest] = digests.slice(5);
    const [log] = digest?.logs ?? [];
    if (!digest || !log) throw new Error('no log file');
    const good = builder.get(log);
    builder.put(log.bucket, log.key, { body: Buffer.from('altered') });
    const planted = digest.key.replace(stamp(digest.end), stamp(digest.end + 600));
    builder.store({ ...digest.fields, digestS3Object: planted, logFiles: [] }, signingKey(2));
    const { bucket } = digest;
    // Without its signature nothing is established of it: a later digest file may vouch for it.
    strip(builder, { bucket, key: planted });
    return { builder, digest, log, good, planted: { bucket, key: planted } };
  }

  it.each([
    ['the log file', 'log'],
    ['its digest file', 'digest'],
  ] as const)(
    'stands though %s can’t be read by the merge',
    { timeout: 60_000 },
    async (_, what) => {
      const { builder, digest, log, good, planted } = altered();
      await serving(builder, range, {}, async (argv) =>
        inTemp(async (directory) => {
          const files = partials(directory, 2);
          await runShards(argv, files);
          builder.remove(planted);
          const at = { log, digest }[what];
          const whole = builder.get(digest);
          builder.put(at.bucket, at.key, { ...builder.get(at), refuse: ARCHIVED });
          const merged = await runJson(['merge', ...files]);
          expect(merged.status).toBe(1);
          expect(accusations(merged.report)).toContain('LOG_MALFORMED');
          expect(merged.report.counts.logFiles.invalid).toBe(1);
          builder.put(log.bucket, log.key, good);
          builder.put(digest.bucket, digest.key, whole);
          const healed = await runJson(['merge', ...files]);
          expect([healed.status, accusations(healed.report)]).toEqual([0, []]);
        }),
      );
    },
  );

  it('stands though its digest file, altered itself, can’t be read by the merge', async () => {
    const { builder, digest, planted } = altered();
    builder.put(digest.bucket, digest.key, { body: Buffer.from('altered') });
    await serving(builder, range, {}, async (argv) =>
      inTemp(async (directory) => {
        const files = partials(directory, 2);
        await runShards(argv, files);
        builder.remove(planted);
        builder.put(digest.bucket, digest.key, { ...builder.get(digest), refuse: ARCHIVED });
        const merged = await runJson(['merge', ...files]);
        expect(accusations(merged.report)).toContain('DIGEST_MALFORMED');
      }),
    );
  }, 60_000);

  it('stands though the time is up before its day is read again', async () => {
    const { builder } = altered();
    await serving(builder, range, {}, async (argv, endpoint) =>
      inTemp(async (directory) => {
        const own = [...argv, '--resume', join(directory, 'journal'), ...MAX_DURATION];
        const { digests } = builder.chains[0] ?? { digests: [] };
        // The newest day is left for a second run.
        const [last] = digests.slice(-2);
        const [log] = last?.logs ?? [];
        if (!log) throw new Error('no log file');
        builder.put(log.bucket, log.key, { ...builder.get(log), refuse: BROKEN });
        expect((await runJson(own)).status).toBe(1);
        const isNewest = (url: string): boolean => url.includes(log.key);
        const limited = await outOfTime(endpoint, isNewest, () => runJson(own));
        expect(accusations(limited.report)).toContain('NOT_READ');
        expect(accusations(limited.report)).toContain('LOG_MALFORMED');
        expect([limited.status, limited.report.counts.logFiles.invalid]).toEqual([1, 1]);
      }),
    );
  }, 60_000);

  it('and that the state remembers is told by a run whose time is up', async () => {
    const { builder, log } = altered();
    await serving(builder, range, {}, async (argv, endpoint) =>
      inTemp(async (directory) => {
        const own = [...argv, '--state', join(directory, 'state')];
        expect((await runJson([...own, '--init-state'])).status).toBe(1);
        const newest = builder.chains[0]?.digests[98]?.logs[0];
        const isNewest = (url: string): boolean => url.includes(newest?.key ?? 'none');
        const run = () => runJson([...own, ...MAX_DURATION]);
        const { status, report } = await outOfTime(endpoint, isNewest, run);
        expect(status).toBe(1);
        const told = report.findings.filter(({ code }) => code === 'LOG_MALFORMED');
        expect(told.map(({ key }) => key)).toEqual([log.key]);
        const whole = await runJson([...own, ...MAX_DURATION]);
        expect(accusations(whole.report).filter((code) => code === 'LOG_MALFORMED')).toHaveLength(
          1,
        );
      }),
    );
  }, 60_000);
});

describe('a second reading, in places that another chain tells of', () => {
  /** A trail that moved, one of whose chains lost the link to its older place. */
  function moved() {
    const builder = new TrailBuilder({ isMultiRegion: true });
    const moves = [
      { hour: 0, bucket: 'older-bucket' },
      { hour: 4, bucket: 'trail-bucket' },
    ];
    const [first] = builder.chain({ from: FROM, hours: 10, moves }).digests.slice(5);
    const lost = builder.chain({ from: FROM, hours: 10, moves, region: 'eu-west-1' });
    const [gone, next] = lost.digests.slice(4);
    const [log] = next?.logs ?? [];
    const [other] = first?.logs ?? [];
    if (!gone || !log || !other) throw new Error('no digest file');
    builder.remove(gone);
    return { builder, log, other, when: { start: FROM + HOUR, end: FROM + 10 * HOUR } };
  }

  it('keeps what the first one established', async () => {
    const { builder, log, when } = moved();
    builder.put(log.bucket, log.key, { body: Buffer.from('no'), refuse: ARCHIVED, refuseAfter: 1 });
    const { report } = await validate(builder, when);
    expect(accusations(report)).toContain('LOG_MALFORMED');
  });

  it('that the time leaves no room for is told as not read', async () => {
    const { builder, other, when } = moved();
    builder.put(other.bucket, other.key, { ...builder.get(other), refuse: BROKEN });
    await serving(builder, when, {}, async (argv, endpoint) => {
      let asked = 0;
      // The other chain, which is tried and tried again, is the last one under way.
      const isLast = (url: string): boolean => url.includes(other.key) && ++asked === 3;
      const run = () => runJson([...argv, ...MAX_DURATION]);
      const { report } = await outOfTime(endpoint, isLast, run);
      const told = report.findings.filter(({ code }) => code === 'NOT_READ');
      expect(told.map(({ region, message }) => [region, message])).toContainEqual([
        'eu-west-1',
        expect.stringContaining('older places'),
      ]);
    });
  }, 60_000);
});
