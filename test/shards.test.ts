/** Shards of a run, merged: the report that one machine would have given, or a refusal by name. */
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { catalogue, FROM } from './support/lies.js';
import { runCommand, runJson } from './support/run-command.js';
import { bothWays, inTemp, partials, runShards, serving, timeless } from './support/shards.js';
import { HOUR, TrailBuilder, type BuiltChain } from './support/trail-builder.js';

const HOURS = 100;
const range = { start: FROM + HOUR, end: FROM + HOURS * HOUR };

/** Four days and a bit of one chain. */
function days(moves: readonly { hour: number; bucket?: string; prefix?: string }[] = []): {
  builder: TrailBuilder;
  chain: BuiltChain;
} {
  const builder = new TrailBuilder();
  return { builder, chain: builder.chain({ from: FROM, hours: HOURS, moves }) };
}

/** The first digest file that ends on each day but the first, and the one before it. */
function edges({ digests }: BuiltChain) {
  const day = (end: number): number => Math.floor(end / 86_400);
  return digests.flatMap((one, at) => {
    const before = digests[at - 1];
    return before && day(before.end) !== day(one.end) ? [{ first: one, last: before, at }] : [];
  });
}

const strip = (builder: TrailBuilder, at: { bucket: string; key: string }): void => {
  builder.put(at.bucket, at.key, { body: builder.get(at).body });
};

const LIES: Record<string, () => TrailBuilder> = {
  nothing: () => days().builder,
  'the last digest file of each day without its signature': () => {
    const made = days();
    for (const { last } of edges(made.chain)) strip(made.builder, last);
    return made.builder;
  },
  'no digest file with its signature': () => {
    const made = days();
    for (const one of made.chain.digests) strip(made.builder, one);
    return made.builder;
  },
  'the first digest file of each day without its signature, the last one altered': () => {
    const made = days();
    for (const { first, last } of edges(made.chain)) {
      strip(made.builder, first);
      made.builder.put(last.bucket, last.key, { body: Buffer.from('no') });
    }
    return made.builder;
  },
  'digest files on both sides of midnight removed': () => {
    const made = days();
    for (const { first, last } of edges(made.chain)) {
      made.builder.remove(first);
      made.builder.remove(last);
    }
    return made.builder;
  },
  'a whole day removed': () => {
    const made = days();
    const [one, two] = edges(made.chain);
    for (const digest of made.chain.digests.slice(one?.at, two?.at)) made.builder.remove(digest);
    return made.builder;
  },
  'the trail moved twice': () =>
    days([
      { hour: 30, bucket: 'second-bucket' },
      { hour: 60, bucket: 'third-bucket', prefix: 'deep/er' },
    ]).builder,
  'the trail moved, and the link to the older bucket was removed': () => {
    const made = days([{ hour: 40, bucket: 'second-bucket' }]);
    const link = made.chain.digests.findIndex(({ bucket }) => bucket === 'second-bucket');
    const gone = made.chain.digests[link];
    if (gone) made.builder.remove(gone);
    return made.builder;
  },
  'the trail moved there and back within three days': () =>
    days([
      { hour: 35, bucket: 'second-bucket' },
      { hour: 70, bucket: 'trail-bucket' },
    ]).builder,
  'stopped for a day and a half': () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 30 });
    builder.chain({ from: FROM + 66 * HOUR, hours: HOURS - 66 });
    return builder;
  },
};

describe('shards of one chain over four days, merged, give the single run’s report', () => {
  it.each(Object.entries(LIES))('%s', { timeout: 120_000 }, async (_name, make) => {
    await serving(make(), range, {}, async (argv, endpoint) => {
      for (const total of [5]) {
        const { single, merged } = await bothWays(argv, total);
        expect(timeless(merged.report)).toEqual(timeless(single.report));
        expect(merged.status).toBe(single.status);
      }
      expect(endpoint.requests.get('GetObject')).toBeGreaterThan(0);
    });
  });
});

// One in six: what shards could change is above, in trails of several days.
const some = catalogue().filter((_, at) => at % 6 === 0);

describe('trails of the catalogue as three shards, merged', () => {
  it.each(some.map((one) => [one.name, one] as const))(
    '%s',
    { timeout: 60_000 },
    async (_name, { builder, start, end, options = [], verdict }) => {
      await serving(builder, { start, end }, {}, async (argv) => {
        const { single, merged } = await bothWays([...argv, ...options], 3);
        expect(single.report.verdict).toBe(verdict);
        expect(timeless(merged.report)).toEqual(timeless(single.report));
      });
    },
  );
});

describe('an organization as shards', () => {
  it('gives the single run’s report, and merging reads no log file', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid' });
    for (const accountId of ['111122223333', '444455556666']) {
      for (const region of ['us-east-1', 'eu-west-1']) {
        builder.chain({ accountId, region, from: FROM, hours: 70 });
      }
    }
    const wide = { start: FROM + HOUR, end: FROM + 70 * HOUR };
    await serving(builder, wide, {}, async (argv, endpoint) => {
      const single = await runJson(argv);
      expect(single.report.counts.logFiles.valid).toBeGreaterThan(250);
      await inTemp(async (directory) => {
        const files = partials(directory, 3);
        const lines = await runShards(argv, files);
        expect(lines[0]).toMatch(/^shard 1\/3: \d+ segments of 4 sources, \d+ digest files/);
        endpoint.set({});
        const merged = await runJson(['merge', ...files]);
        expect(timeless(merged.report)).toEqual(timeless(single.report));
        // The edges of the range, the organization's digest files; nothing that a shard read.
        expect(endpoint.requests.get('GetObject') ?? 0).toBeLessThan(20);
      });
    });
  }, 120_000);
});

describe('what does not belong together', () => {
  const small = (): TrailBuilder => days().builder;
  const merge = (files: readonly string[], ...more: string[]) =>
    runCommand(['merge', ...files, ...more]);

  it('a shard that is missing, there twice, unfinished, damaged or of other work is named', async () => {
    await serving(small(), range, {}, async (argv) => {
      await inTemp(async (directory) => {
        const files = partials(directory, 3);
        const [one = '', two = '', three = ''] = files;
        await runShards(argv, files);

        const again = await runCommand([...argv, '--shard', '2/3', '--partial', two]);
        expect(again.status).toBe(0);
        expect(again.stdout).toMatch(/^shard 2\/3: finished already, begun 20.*part-2\.jsonl\n$/);

        const lost = await merge([one, three]);
        expect([lost.status, lost.stdout]).toEqual([2, '']);
        expect(lost.stderr).toContain('shard 2/3 is missing');

        const twice = await merge([one, two, three, two]);
        expect(twice.status).toBe(2);
        expect(twice.stderr).toContain('part-2.jsonl is given twice');

        const text = await readFile(two, 'utf8');
        const lines = text.split('\n');
        await writeFile(two, `${lines.slice(0, -2).join('\n')}\n`);
        const unfinished = await merge(files);
        expect(unfinished.status).toBe(2);
        expect(unfinished.stderr).toContain('part-2.jsonl is unfinished: shard 2/3');

        const at = text.indexOf('"valid":', text.indexOf('\n'));
        await writeFile(two, `${text.slice(0, at)}"valid":9${text.slice(at + 9)}`);
        const damaged = await merge(files);
        expect(damaged.status).toBe(2);
        expect(damaged.stderr).toMatch(
          /part-2\.jsonl is damaged at line 2\n.*hint: remove the file, then run the shard again/,
        );
        await writeFile(two, text);

        const other = [...argv, '--digests-only', '--shard', '2/3', '--partial', `${two}.other`];
        expect((await runCommand(other)).status).toBe(0);
        const mixed = await merge([one, `${two}.other`, three]);
        expect(mixed.status).toBe(2);
        expect(mixed.stderr).toContain(
          'it was begun with --digests-only, and this is without --digests-only',
        );

        const wide = [...argv, '--shard', '2/4', '--partial', `${two}.wide`];
        expect((await runCommand(wide)).status).toBe(0);
        expect((await merge([one, `${two}.wide`, three])).stderr).toContain('is shard 2/4, and ');
        const whole = await merge(files, '--format', 'json');
        expect(whole.status).toBe(0);
      });
    });
  }, 60_000);

  it('a shard without fixed times, or without a partial, is a usage error', async () => {
    const arn = 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main';
    const shard = ['--trail-arn', arn, '--shard', '1/2'];
    const times = ['--start-time', '2026-01-01', '--end-time', '2026-01-02'];
    for (const [argv, words] of [
      [[...shard, ...times], '--shard needs --partial'],
      [['--trail-arn', arn, ...times, '--partial', 'p'], '--partial goes with --shard'],
      [[...shard, '--partial', 'p', '--start-time', '7d'], 'is a date or time'],
      [[...shard, '--partial', 'p', '--start-time', '2026-01-01'], '--end-time'],
      [[...shard, ...times, '--partial', 'p', '--resume', 'q'], 'needs no --resume'],
      [[...shard, ...times, '--partial', 'p', '--format', 'json'], 'makes no report'],
      [['merge'], 'merge needs the files'],
      [['merge', '/nowhere/at/all'], 'can’t be read'],
    ] as const) {
      const { status, stderr } = await runCommand(argv);
      expect(status).toBe(2);
      expect(stderr).toContain(words);
    }
  });
});
