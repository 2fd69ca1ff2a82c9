/**
 * What a reading established from bytes that it read stands until the object is found whole, whatever
 * becomes of the object, its folder or what was planted beside it before its day is read again.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from '../src/core/report.js';
import { FROM } from './support/lies.js';
import { MAX_DURATION, outOfTime } from './support/out-of-time.js';
import { accusations, runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving, timeless } from './support/shards.js';
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
const ARCHIVED = { status: 403, code: 'InvalidObjectState', message: 'archived' };
const BROKEN = { status: 500, code: 'InternalError' };
const EXPIRED = { status: 400, code: 'ExpiredToken', message: 'The token has expired.' };

function trail() {
  const builder = new TrailBuilder();
  const { digests } = builder.chain({ from: FROM, hours: 100 });
  const digest = (number: number): BuiltDigest => {
    const found = digests[number];
    if (!found) throw new Error('no digest file');
    return found;
  };
  return { builder, digest };
}

/** Takes an object's metadata away: a later digest file may still vouch for it. */
function strip(builder: TrailBuilder, { bucket, key }: BuiltLog): void {
  builder.put(bucket, key, { body: builder.get({ bucket, key }).body });
}

function alter(builder: TrailBuilder, { bucket, key }: BuiltLog): void {
  builder.put(bucket, key, { body: Buffer.from('altered') });
}

function archive(builder: TrailBuilder, at: BuiltLog): void {
  builder.put(at.bucket, at.key, { ...builder.get(at), refuse: ARCHIVED });
}

/** Plants a digest file that may yet be vouched for: its day hangs on newer ones and is read again. */
function plantOpen(builder: TrailBuilder, { bucket, key, end, fields }: BuiltDigest): BuiltLog {
  const planted = { bucket, key: key.replace(stamp(end), stamp(end + 600)) };
  builder.store({ ...fields, digestS3Object: planted.key, logFiles: [] }, signingKey(2));
  strip(builder, planted);
  return planted;
}

/** Runs shards, and what merge tells before and after something was changed. */
async function aroundChange(
  builder: TrailBuilder,
  change: () => void,
  options = {},
): Promise<Record<'single' | 'before' | 'after', Report> & { status: number }> {
  return serving(builder, range, options, async (argv) =>
    inTemp(async (directory) => {
      const { report: single } = await runJson(argv);
      const files = partials(directory, 2);
      await runShards(argv, files);
      const { report: before } = await runJson(['merge', ...files]);
      expect(timeless(before)).toEqual(timeless(single));
      change();
      const { report: after, status } = await runJson(['merge', ...files]);
      return { single, before, after, status };
    }),
  );
}

const told = ({ findings }: Report, code: string) => findings.filter((one) => one.code === code);

describe('a digest file that a shard found altered', () => {
  // Its signed successor records another hash, which no later digest file can excuse.
  it.each([
    ['DIGEST_SIGNATURE_MISSING', false],
    ['DIGEST_KEY_UNKNOWN', false],
    ['DIGEST_SIGNATURE_MISSING', true],
    ['DIGEST_KEY_UNKNOWN', true],
  ] as const)(
    'stands, %s, though it is archived (its day is read again: %s)',
    { timeout: 60_000 },
    async (code, again) => {
      const { builder, digest } = trail();
      const foreign = signingKey(2);
      const change = { digestPublicKeyFingerprint: foreign.fingerprint, logFiles: [] };
      if (code === 'DIGEST_KEY_UNKNOWN') builder.resign(digest(5), change, foreign);
      else {
        builder.resign(digest(5), { logFiles: [] });
        strip(builder, digest(5));
      }
      const planted = again ? plantOpen(builder, digest(7)) : undefined;
      const { before, after, status } = await aroundChange(builder, () => {
        archive(builder, digest(5));
        if (planted) builder.remove(planted);
      });
      const isOwn = ({ key }: { key?: string | undefined }) => key === digest(5).key;
      expect(told(after, code).filter(isOwn)).toEqual(told(before, code).filter(isOwn));
      expect(told(after, code).filter(isOwn)).toHaveLength(1);
      const planteds = again ? 1 : 0;
      const { invalid, unreadable } = before.counts.digestFiles;
      expect(after.counts.digestFiles).toMatchObject({ invalid: invalid - planteds, unreadable });
      // Nothing hangs on newer ones, so nothing is read again.
      if (!again) expect(timeless(after)).toEqual(timeless(before));
      expect(status).toBe(1);
    },
  );

  // What was altered is not whole: it is gone, or not to be seen. It is counted once, as it was.
  it.each(['is archived', 'can’t be listed', 'is removed'])(
    'stands though it %s when its day is read again',
    { timeout: 60_000 },
    async (how) => {
      const { builder, digest } = trail();
      const last = digest(99);
      const planted = plantOpen(builder, digest(97));
      alter(builder, last);
      const change = (): void => {
        builder.remove(planted);
        if (how === 'is archived') archive(builder, last);
        else if (how === 'is removed') builder.remove(last);
        else {
          const prefix = last.key.replace(/T\d{6}Z\.json\.gz$/, 'T');
          builder.bucket('trail-bucket').refuseListing = { ...EXPIRED, prefix };
        }
      };
      const options = { denied: ['GetTrailStatus'] };
      const { before, after, status } = await aroundChange(builder, change, options);
      expect(told(after, 'DIGEST_MALFORMED')).toEqual(told(before, 'DIGEST_MALFORMED'));
      expect(told(after, 'DIGEST_MALFORMED')).toHaveLength(1);
      expect([before, after].map(({ counts }) => counts.digestFiles.invalid)).toEqual([2, 1]);
      expect(after.counts.digestFiles).toMatchObject({ unreadable: 0, missing: 0 });
      expect(status).toBe(1);
    },
  );

  // Without the second planted digest file the day isn't read again, and the first one stands, too.
  it('stands though it was planted and is gone', async () => {
    const { builder, digest } = trail();
    const { bucket, key, end } = digest(50);
    const open = plantOpen(builder, digest(50));
    const copied = { bucket, key: key.replace(stamp(end), stamp(end + 700)) };
    builder.put(bucket, copied.key, builder.get(digest(50)));
    const { after, status } = await aroundChange(builder, () => {
      builder.remove(open);
      builder.remove(copied);
    });
    expect(accusations(after)).toEqual(['DIGEST_MOVED']);
    expect(after.counts.digestFiles.invalid).toBe(1);
    expect(status).toBe(1);
  }, 60_000);

  // Both were read: the older one's bytes are not what the newer one, signed, recorded.
  it.each(['older', 'newer'])(
    'stands though of two signed ones that contradict each other the %s is archived',
    { timeout: 60_000 },
    async (which) => {
      const { builder, digest } = trail();
      builder.resign(digest(5), { logFiles: [] });
      const planted = plantOpen(builder, digest(8));
      const { before, after, status } = await aroundChange(builder, () => {
        builder.remove(planted);
        archive(builder, digest(which === 'older' ? 5 : 6));
      });
      expect(told(after, 'CHAIN_LINK_BROKEN')).toEqual(told(before, 'CHAIN_LINK_BROKEN'));
      expect(told(after, 'CHAIN_LINK_BROKEN')).toHaveLength(1);
      expect(after.counts.digestFiles.invalid).toBe(1);
      expect(status).toBe(1);
    },
  );

  // Found whole, nothing is left of it; the planted one was only not vouched for, and is gone.
  it('is accused no more once it is whole', async () => {
    const { builder, digest } = trail();
    const good = builder.get(digest(50));
    const planted = plantOpen(builder, digest(52));
    alter(builder, digest(50));
    const { after, status } = await aroundChange(builder, () => {
      builder.remove(planted);
      builder.put(digest(50).bucket, digest(50).key, good);
    });
    expect([status, accusations(after)]).toEqual([0, []]);
    expect(after.counts.digestFiles).toMatchObject({ invalid: 0, unreadable: 0 });
  }, 60_000);

  // A day that is not read again takes back nothing of what its record accuses, nor of its counts.
  it('stands though the time is up before its day is read again', async () => {
    const { builder, digest } = trail();
    alter(builder, digest(50));
    plantOpen(builder, digest(52));
    const [log] = digest(98).logs;
    if (!log) throw new Error('no log file');
    builder.put(log.bucket, log.key, { ...builder.get(log), refuse: BROKEN });
    await serving(builder, range, {}, async (argv, endpoint) =>
      inTemp(async (directory) => {
        const own = [...argv, '--resume', join(directory, 'journal'), ...MAX_DURATION];
        expect(accusations((await runJson(own)).report)).toContain('DIGEST_MALFORMED');
        const isNewest = (url: string): boolean => url.includes(log.key);
        const { status, report } = await outOfTime(endpoint, isNewest, () => runJson(own));
        expect(accusations(report)).toContain('NOT_READ');
        expect(told(report, 'DIGEST_MALFORMED').map(({ key }) => key)).toEqual([digest(50).key]);
        expect(report.counts.digestFiles.invalid).toBe(1);
        expect(status).toBe(1);
      }),
    );
  }, 60_000);
});

describe('a second reading, in places that another chain tells of', () => {
  /** A trail that moved, one of whose chains lost the link to its older place, and its last digest file. */
  function moved() {
    const builder = new TrailBuilder({ isMultiRegion: true });
    const moves = [
      { hour: 0, bucket: 'older-bucket' },
      { hour: 4, bucket: 'trail-bucket' },
    ];
    builder.chain({ from: FROM, hours: 10, moves });
    const lost = builder.chain({ from: FROM, hours: 10, moves, region: 'eu-west-1' });
    const [gone, last] = [lost.digests[4], lost.digests[9]];
    const [log] = last?.logs ?? [];
    if (!gone || !last || !log) throw new Error('no digest file');
    builder.remove(gone);
    return { builder, last, log };
  }

  // It can be read once and no more. Accused or unreadable, it is one file, and counts as accused.
  it.each([
    ['digest', 'DIGEST_MALFORMED', 'digestFiles'],
    ['log', 'LOG_MALFORMED', 'logFiles'],
  ] as const)('keeps what the first one established of a %s file', async (what, code, counts) => {
    const { builder, last, log } = moved();
    const { bucket, key } = { digest: last, log }[what];
    builder.put(bucket, key, { body: Buffer.from('no'), refuse: ARCHIVED, refuseAfter: 1 });
    const { report } = await validate(builder, { start: FROM + HOUR, end: FROM + 10 * HOUR });
    expect(told(report, code).map((one) => one.key)).toEqual([key]);
    expect(told(report, 'OBJECT_UNREADABLE')).toEqual([]);
    expect(report.counts[counts]).toMatchObject({ invalid: 1, unreadable: 0 });
  });
});
