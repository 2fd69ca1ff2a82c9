/**
 * What is read a second time: days whose records rest on what was unread then or came later, and
 * sources that other chains know more places of. Nobody honest is accused by what the first reading
 * could not see, and nothing that it established is lost by what the second one can't.
 */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving, timeless } from './support/shards.js';
import {
  HOUR,
  signWithNode,
  TrailBuilder,
  type BuiltDigest,
  type BuiltLog,
} from './support/trail-builder.js';

beforeAll(() => signWithNode());

const range = { start: FROM + HOUR, end: FROM + 100 * HOUR };

const BROKEN = { status: 500, code: 'InternalError' };

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
        expect((await runJson(own)).status).not.toBe(0);
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
