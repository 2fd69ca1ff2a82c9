/** What came to the bucket or went from it after the shards had read: the merge says what a single run does. */
import { describe, expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import { accusations, runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving, timeless } from './support/shards.js';
import { HOUR, TrailBuilder, type BuiltDigest } from './support/trail-builder.js';

const range = { start: FROM + HOUR, end: FROM + 100 * HOUR };
const BACKFILL = { kind: 'backfill', hours: 1 } as const;

function only<T>(items: readonly T[]): T {
  const [one] = items;
  if (one === undefined) throw new Error('there is none');
  return one;
}

function removeRegion(builder: TrailBuilder, region: string): void {
  for (const key of [...builder.bucket('trail-bucket').objects.keys()]) {
    if (key.includes(`/${region}/`)) builder.remove({ bucket: 'trail-bucket', key });
  }
}

describe('a Region’s folder that is emptied between shards and merge', () => {
  // Right: 0, as a single run says before and after: it held another trail's files alone.
  it('makes no chain of this trail where it was another’s', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 100 });
    const other = new TrailBuilder({ name: 'other', homeRegion: 'eu-west-1' }, builder.world);
    other.chain({ from: FROM, hours: 100 });
    await serving(builder, range, {}, async (argv) =>
      inTemp(async (directory) => {
        expect((await runJson(argv)).status).toBe(0);
        const files = partials(directory, 2);
        await runShards(argv, files);
        removeRegion(builder, 'eu-west-1');
        expect((await runJson(argv)).status).toBe(0);
        const merged = await runJson(['merge', ...files]);
        expect([merged.status, accusations(merged.report)]).toEqual([0, []]);
      }),
    );
  }, 60_000);

  // Right: 1. The records met this trail's own digest files, whatever its settings say of the Region now.
  it('keeps what was found there of a trail that was narrowed to its home Region', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 100 });
    const { digests } = builder.chain({ region: 'eu-west-1', from: FROM, hours: 100 });
    const log = only(digests[20]?.logs ?? []);
    builder.put(log.bucket, log.key, { body: Buffer.from('no') });
    await serving(builder, range, {}, async (argv) =>
      inTemp(async (directory) => {
        const files = partials(directory, 2);
        await runShards(argv, files);
        const before = await runJson(['merge', ...files]);
        removeRegion(builder, 'eu-west-1');
        const after = await runJson(['merge', ...files]);
        expect(accusations(before.report)).toContain('LOG_MALFORMED');
        expect(accusations(after.report)).toEqual(accusations(before.report));
        expect(after.status).toBe(1);
      }),
    );
  }, 60_000);
});

describe('a backfill digest file that comes after the shards', () => {
  /** The single run's report and the merged one, where the shards saw nothing of what came late. */
  async function whereLate(
    builder: TrailBuilder,
    digest: BuiltDigest,
    late: readonly { readonly bucket: string; readonly key: string }[],
  ) {
    const kept = [digest, ...late].map((each) => [each, builder.get(each)] as const);
    return serving(builder, range, {}, async (argv) => {
      const single = await runJson(argv);
      return inTemp(async (directory) => {
        const files = partials(directory, 2);
        for (const [each] of kept) builder.remove(each);
        await runShards(argv, files);
        for (const [each, object] of kept) builder.put(each.bucket, each.key, object);
        return { single, merged: await runJson(['merge', ...files]) };
      });
    });
  }

  // Right: CloudTrail signed who wrote them, in time for the merge; and the bytes are not what it signed.
  it.each([false, true])(
    'vouches for the log files that it lists though no other names it (altered: %s)',
    { timeout: 60_000 },
    async (altered) => {
      const builder = new TrailBuilder();
      builder.chain({ from: FROM, hours: 100 });
      const one = only(builder.chain({ ...BACKFILL, from: FROM + 20 * HOUR }).digests);
      const log = only(one.logs);
      if (altered) builder.put(log.bucket, log.key, { body: Buffer.from('no') });
      const { single, merged } = await whereLate(builder, one, []);
      expect(accusations(single.report)).toEqual(altered ? ['LOG_MALFORMED'] : []);
      expect(timeless(merged.report)).toEqual(timeless(single.report));
    },
  );

  // Right: the single run's report. A log file that both chains list is one, counted and accused once.
  it.each([
    ['it is there', true, false],
    ['it is there, and the standard digest file is proved by the next day’s alone', true, true],
    ['it is missing', false, false],
  ] as const)(
    'lists what a standard one of its day lists, too: %s',
    { timeout: 60_000 },
    async (_what, isThere, isBare) => {
      const builder = new TrailBuilder();
      const { digests } = builder.chain({ from: FROM, hours: 100 });
      const last = digests.findLastIndex(
        ({ key }, at) => at < 90 && key.slice(0, -22) !== digests[at + 1]?.key.slice(0, -22),
      );
      const standard = digests[last];
      if (!standard) throw new Error('no digest file');
      const one = only(builder.chain({ ...BACKFILL, from: FROM + last * HOUR }).digests);
      const two = only(builder.chain({ ...BACKFILL, from: FROM + 5 * HOUR, after: one }).digests);
      const entries = (of: BuiltDigest) => of.fields['logFiles'] as object[];
      const { hash, signature } = builder.resign(one, {
        logFiles: [...entries(one), ...entries(standard)],
      });
      builder.resign(two, { previousDigestHashValue: hash, previousDigestSignature: signature });
      if (isBare) builder.put(standard.bucket, standard.key, { body: builder.get(standard).body });
      if (!isThere) builder.remove(only(standard.logs));
      const { single, merged } = await whereLate(builder, one, one.logs);
      expect(accusations(single.report)).toEqual(isThere ? [] : ['LOG_MISSING']);
      expect(timeless(merged.report)).toEqual(timeless(single.report));
    },
  );
});
