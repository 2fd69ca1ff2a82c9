/**
 * What may happen while shards run, or between a run and its resumption: the bucket changes, honestly
 * or not, and credentials expire. What was found stays found, and nobody honest is accused.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { trailEvent } from './support/events.js';
import { FROM } from './support/lies.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { MAX_DURATION, outOfTime } from './support/out-of-time.js';
import { bothWays, inTemp, partials, runShards, serving, timeless } from './support/shards.js';
import { HOUR, iso, stamp, TrailBuilder } from './support/trail-builder.js';

const range = { start: FROM + HOUR, end: FROM + 100 * HOUR };

const dayFolder = (at: number): string => iso(at).slice(0, 10).replaceAll('-', '/');

/** Whether a request is for the listing of a day's digest files. */
const digestsOf =
  (end: number) =>
  (url: string): boolean =>
    url.includes('list-type=2') && new RegExp(`CloudTrail-Digest/.*${dayFolder(end)}`).test(url);

const removeAll = (builder: TrailBuilder, part: string): void => {
  for (const key of [...builder.bucket('trail-bucket').objects.keys()]) {
    if (key.includes(part)) builder.remove({ bucket: 'trail-bucket', key });
  }
};

describe('between shards and their merge', () => {
  it.each([
    [
      'an account',
      { organizationId: 'o-exampleorgid' },
      { accountId: '444455556666' },
      '/444455556666/',
    ],
    ['a Region', { isMultiRegion: true }, { region: 'ap-east-1' }, 'ap-east-1'],
  ] as const)(
    '%s that vanishes keeps what was found in it',
    { timeout: 60_000 },
    async (_what, settings, place, part) => {
      const builder = new TrailBuilder(settings);
      builder.chain({ from: FROM, hours: 50 });
      const log = builder.chain({ ...place, from: FROM, hours: 50 }).digests[20]?.logs[0];
      if (log) builder.put(log.bucket, log.key, { body: Buffer.from('no') });
      await serving(builder, { ...range, end: FROM + 50 * HOUR }, {}, async (argv) => {
        await inTemp(async (directory) => {
          const files = partials(directory, 2);
          await runShards(argv, files);
          removeAll(builder, part);
          const merged = await runJson(['merge', ...files]);
          expect(accusations(merged.report)).toContain('LOG_MALFORMED');
          expect(merged.status).toBe(1);
        });
      });
    },
  );

  it('backfill digest files that come between shards are not called missing', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 100 });
    const backfill = { kind: 'backfill', hours: 1, logsPerHour: 0 } as const;
    const [one] = builder.chain({ ...backfill, from: FROM + 5 * HOUR }).digests;
    const [two] = one
      ? builder.chain({ ...backfill, from: FROM + 90 * HOUR, after: one }).digests
      : [];
    if (!one || !two) throw new Error('no backfill digest files');
    const late = [one, two].map((at) => [at, builder.get(at)] as const);
    await serving(builder, range, {}, async (argv) => {
      const single = await runJson(argv);
      expect(single.status).toBe(0);
      await inTemp(async (directory) => {
        for (const early of [1, 2]) {
          const files = partials(directory, 2).map((file) => `${file}${early}`);
          for (const [at] of late) builder.remove(at);
          const own = ['--shard', `${early}/2`, '--partial', files[early - 1] ?? ''];
          await runCommand([...argv, ...own]);
          for (const [at, object] of late) builder.put(at.bucket, at.key, object);
          await runShards(argv, files);
          const merged = await runJson(['merge', ...files]);
          expect(accusations(merged.report)).toEqual([]);
          expect(merged.status).toBe(0);
        }
      });
      // One that only its successor, in another stretch, vouches for.
      builder.put(one.bucket, one.key, { body: builder.get(one).body });
      for (const total of [2, 4]) {
        const both = await bothWays(argv, total);
        expect(timeless(both.merged.report)).toEqual(timeless(both.single.report));
        expect(both.merged.status).toBe(0);
      }
    });
  }, 120_000);

  it('backfill digest files may name one of a newer day that comes between shards, or in the run', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 100 });
    const backfill = { kind: 'backfill', hours: 1 } as const;
    const [one] = builder.chain({ ...backfill, from: FROM + 90 * HOUR }).digests;
    const [two] = one
      ? builder.chain({ ...backfill, from: FROM + 5 * HOUR, after: one }).digests
      : [];
    if (!one || !two) throw new Error('no backfill digest files');
    const late = [one, two].flatMap((at) => [at, ...at.logs]);
    const kept = late.map((at) => [at, builder.get(at)] as const);
    const come = (): void => {
      for (const [at, object] of kept) builder.put(at.bucket, at.key, object);
    };
    const go = (): void => {
      for (const at of late) builder.remove(at);
    };
    await serving(builder, range, {}, async (argv, endpoint) => {
      const single = await runJson(argv);
      expect([single.status, accusations(single.report)]).toEqual([0, []]);
      await inTemp(async (directory) => {
        for (const early of [1, 2]) {
          const files = partials(directory, 2).map((file) => `${file}${early}`);
          go();
          const own = ['--shard', `${early}/2`, '--partial', files[early - 1] ?? ''];
          await runCommand([...argv, ...own]);
          come();
          await runShards(argv, files);
          const merged = await runJson(['merge', ...files]);
          expect([merged.status, accusations(merged.report)]).toEqual([0, []]);
        }
      });
      go();
      const isOldest = digestsOf(FROM + 10 * HOUR);
      endpoint.set({
        answer: (request) => {
          if (isOldest(decodeURIComponent(request.url ?? ''))) come();
          return false;
        },
      });
      const slow = await runJson(argv);
      expect(timeless(slow.report)).toEqual(timeless(single.report));
      endpoint.set({});
      builder.remove(one);
      expect(accusations((await runJson(argv)).report)).toContain('DIGEST_MISSING');
    });
  }, 120_000);

  it('places that only a newer stretch tells of are looked at in older ones', async () => {
    const builder = new TrailBuilder();
    const moves = [
      { hour: 60, bucket: 'second-bucket' },
      { hour: 80, bucket: 'trail-bucket' },
    ];
    builder.chain({ from: FROM, hours: 100, moves });
    const planted = builder.log('111122223333', 'us-east-1', FROM + 10.5 * HOUR, 300);
    builder.put('second-bucket', planted.key, { body: planted.body });
    await serving(builder, range, {}, async (argv) => {
      for (const total of [2, 5]) {
        const { single, merged } = await bothWays(argv, total);
        expect(accusations(single.report)).toEqual(['LOG_UNLISTED']);
        expect(timeless(merged.report)).toEqual(timeless(single.report));
      }
    });
  }, 60_000);

  it('expired credentials: the shard or run is unfinished, and the same command mends it', async () => {
    const builder = new TrailBuilder();
    const chain = builder.chain({ from: FROM, hours: 100 });
    const refuse = { status: 400, code: 'ExpiredToken', message: 'The token has expired.' };
    await serving(builder, range, {}, async (argv) => {
      const whole = await runJson(argv);
      await inTemp(async (directory) => {
        const objects = builder.bucket('trail-bucket').objects;
        const kept = chain.digests.slice(0, 30).map(({ key }) => [key, objects.get(key)] as const);
        for (const [key, object] of kept) if (object) objects.set(key, { ...object, refuse });
        const journal = join(directory, 'journal');
        const early = await runCommand([...argv, '--resume', journal]);
        expect(early.status).toBe(3);
        expect(early.stderr).toContain('the same command reads');
        expect(existsSync(journal)).toBe(true);
        const files = partials(directory, 2);
        const states = [];
        for (const [at, file] of files.entries()) {
          const own = ['--shard', `${at + 1}/2`, '--partial', file];
          states.push((await runCommand([...argv, ...own])).status);
        }
        expect(states.sort()).toEqual([0, 3]);
        for (const [key, object] of kept) if (object) objects.set(key, object);
        const resumed = await runJson([...argv, '--resume', journal]);
        expect(timeless(resumed.report)).toEqual(timeless(whole.report));
        expect(existsSync(journal)).toBe(false);
        await runShards(argv, files);
        const merged = await runJson(['merge', ...files]);
        expect(timeless(merged.report)).toEqual(timeless(whole.report));
      });
    });
  }, 60_000);
});

describe('the trail’s place changes', () => {
  /** Four days, and the event of a change to come. */
  function toMove(altered: boolean): TrailBuilder {
    const builder = new TrailBuilder();
    const log = builder.chain({ from: FROM, hours: 100 }).digests[20]?.logs[0];
    if (log && altered) builder.put(log.bucket, log.key, { body: Buffer.from('no') });
    const { Name: name, TrailARN: trailARN } = builder.trail;
    const record = trailEvent(builder, {
      name: 'UpdateTrail',
      at: FROM + 101 * HOUR,
      parameters: { name, s3BucketName: 'new-bucket' },
      response: { name, trailARN, s3BucketName: 'new-bucket', logFileValidationEnabled: true },
    });
    builder.world.history = new Map([['us-east-1', [record]]]);
    return builder;
  }
  function move(builder: TrailBuilder): void {
    builder.bucket('new-bucket');
    Object.assign(builder.trail, { S3BucketName: 'new-bucket' });
  }
  const now = new Date((FROM + 104 * HOUR) * 1000);

  it.each([true, false])(
    'to another bucket before merge (altered: %s): the verdict stays',
    async (altered) => {
      const builder = toMove(altered);
      await serving(builder, range, { now }, async (argv) => {
        await inTemp(async (directory) => {
          const files = partials(directory, 2);
          await runShards(argv, files);
          const before = await runJson(['merge', ...files]);
          expect(before.status).toBe(altered ? 1 : 0);
          move(builder);
          const after = await runJson(['merge', ...files]);
          expect(accusations(after.report)).toEqual(accusations(before.report));
          expect(after.status).toBe(before.status);
          expect(after.report.trail.bucket).toBe('trail-bucket');
        });
      });
    },
    60_000,
  );

  it('to another bucket before the resumption: what was found stays', async () => {
    const builder = toMove(true);
    const sick = builder.chains[0]?.digests[60]?.logs[0];
    if (!sick) throw new Error('no log file');
    const whole = builder.get(sick);
    await serving(builder, range, { now }, async (argv) => {
      await inTemp(async (directory) => {
        const own = [...argv, '--resume', join(directory, 'journal')];
        const refuse = { status: 500, code: 'InternalError' };
        builder.put(sick.bucket, sick.key, { ...whole, refuse });
        await runJson(own);
        builder.put(sick.bucket, sick.key, whole);
        move(builder);
        const { status, report } = await runJson(own);
        expect(accusations(report)).toEqual(['LOG_MALFORMED']);
        expect(status).toBe(1);
      });
    });
  }, 60_000);

  it('between two shards: merge refuses, and names both places', async () => {
    const builder = toMove(true);
    await serving(builder, range, { now }, async (argv) => {
      await inTemp(async (directory) => {
        const files = partials(directory, 2);
        for (const [at, file] of files.entries()) {
          await runCommand([...argv, '--shard', `${at + 1}/2`, '--partial', file]);
          move(builder);
        }
        const { status, stdout, stderr } = await runCommand(['merge', ...files]);
        expect([status, stdout]).toEqual([2, '']);
        expect(stderr).toContain('the trail was changed between them');
        expect(stderr).toContain('s3://trail-bucket/ ');
        expect(stderr).toContain('s3://new-bucket/ ');
      });
    });
  }, 60_000);

  it.each([false, true])(
    'an organization’s folder vanishes, what was found in it stays (status denied: %s)',
    async (denied) => {
      const builder = new TrailBuilder({ organizationId: 'o-exampleorgid' });
      builder.chain({ from: FROM, hours: 50 });
      const member = builder.chain({ accountId: '444455556666', from: FROM, hours: 50 });
      const log = member.digests[20]?.logs[0];
      if (log) builder.put(log.bucket, log.key, { body: Buffer.from('no') });
      const options = denied ? { denied: ['GetTrailStatus'] } : {};
      await serving(builder, { ...range, end: FROM + 50 * HOUR }, options, async (argv) => {
        await inTemp(async (directory) => {
          const files = partials(directory, 2);
          await runShards(argv, files);
          removeAll(builder, 'o-exampleorgid');
          const { status, report } = await runJson(['merge', ...files]);
          expect(accusations(report)).toContain('LOG_MALFORMED');
          expect(status).toBe(1);
        });
      });
    },
    60_000,
  );
});

describe('an endpoint that the environment names', () => {
  const VARIABLES = ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL_CLOUDTRAIL'];
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each(VARIABLES)('is part of the work: %s', { timeout: 60_000 }, async (variable) => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 5 });
    const own = { ...range, end: FROM + 5 * HOUR };
    await serving(builder, own, {}, async (argv, { url }) => {
      await inTemp(async (directory) => {
        const bare = argv.filter(
          (one, at) => one !== '--endpoint-url' && argv[at - 1] !== '--endpoint-url',
        );
        const isS3 = variable.endsWith('S3');
        const rest = VARIABLES.find((one) => one.endsWith(isS3 ? 'CLOUDTRAIL' : 'S3')) ?? '';
        // The other service stays where it is.
        if (variable !== 'AWS_ENDPOINT_URL') vi.stubEnv(rest, url);
        vi.stubEnv(variable, url);
        const [file = ''] = partials(directory, 1);
        await runShards(bare, [file]);
        expect((await runCommand(['merge', file])).status).toBe(0);
        vi.stubEnv(variable, url.replace('127.0.0.1', 'localhost'));
        const again = await runCommand([...bare, '--shard', '1/1', '--partial', file]);
        const merged = await runCommand(['merge', file]);
        for (const { status, stdout, stderr } of [again, merged]) {
          expect([status, stdout]).toEqual([2, '']);
          expect(stderr).toContain(
            `it was begun with the ${isS3 ? 's3' : 'cloudtrail'} endpoint ${url}`,
          );
          expect(stderr).toContain(variable);
        }
        expect(
          (await runCommand(['merge', file, '--endpoint-url', url, '--s3-endpoint-url', url]))
            .status,
        ).toBe(0);
      });
    });
  });
});

describe('files of other uses', () => {
  it('are refused and left as they are', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 5 });
    await serving(builder, { ...range, end: FROM + 5 * HOUR }, {}, async (argv) => {
      await inTemp(async (directory) => {
        const path = join(directory, 'precious.json');
        await writeFile(path, '{"precious":true}\n');
        const refused = await runCommand([...argv, '--resume', path]);
        expect([refused.status, refused.stdout]).toEqual([2, '']);
        expect(refused.stderr).toContain('is no journal');
        expect(await readFile(path, 'utf8')).toBe('{"precious":true}\n');
        const same = await runCommand([...argv, '--resume', `${path}2`, '--output', `${path}2`]);
        expect(same.status).toBe(2);
        expect(same.stderr).toContain('--output and --resume name the same file');
      });
    });
  }, 60_000);
});

describe('out of time', () => {
  it('is never valid, whatever was left to look at', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 60 });
    const midnight = Math.ceil((FROM + 2 * HOUR) / 86_400) * 86_400;
    // Rounded up past midnight: it lies in the folder of the day before the range.
    const folder = builder.folder('111122223333', 'CloudTrail', 'us-east-1', midnight - 100);
    const minute = stamp(midnight + 300).slice(0, 13);
    const key = `${folder}111122223333_CloudTrail_us-east-1_${minute}Z_AAAAAAAAAAAAAAAA.json.gz`;
    builder.put('trail-bucket', key, { body: gzipSync('{"Records":[]}') });
    await serving(builder, { start: midnight, end: FROM + 60 * HOUR }, {}, async (argv) => {
      const whole = await runJson(argv);
      expect(accusations(whole.report)).toEqual(['LOG_UNLISTED']);
      for (let seconds = 1; seconds <= 3; seconds++) {
        const limit = `${Math.floor(performance.now() / 1000) + seconds - 2}s`;
        const limited = await runJson([...argv, '--max-duration', limit === '0s' ? '1s' : limit]);
        expect(limited.status).toBe(3);
      }
    });
  }, 60_000);

  it('accuses no backfill chain of which only the newer part was read', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 100 });
    const backfill = { kind: 'backfill', hours: 1, logsPerHour: 0 } as const;
    const [one] = builder.chain({ ...backfill, from: FROM + 5 * HOUR }).digests;
    if (!one) throw new Error('no backfill digest file');
    builder.chain({ ...backfill, from: FROM + 90 * HOUR, after: one });
    await serving(builder, range, {}, async (argv, endpoint) => {
      const run = () => runJson([...argv, ...MAX_DURATION]);
      const { status, report } = await outOfTime(endpoint, digestsOf(FROM + 60 * HOUR), run);
      expect([status, accusations(report)]).toEqual([3, ['NOT_READ']]);
      const chain = report.chains.find(({ kind }) => kind === 'backfill');
      expect(chain?.intervals[0]).toMatchObject({ state: 'unreadable' });
    });
  }, 60_000);

  it('accuses none whose older part lies in the days before a state’s range', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 30 });
    const now = (hours: number): Date => new Date((FROM + hours * HOUR) * 1000);
    await serving(builder, { ...range, end: FROM + 30 * HOUR }, {}, async (argv, endpoint) =>
      inTemp(async (directory) => {
        endpoint.set({ now: now(33) });
        const state = ['--state', join(directory, 'state')];
        expect((await runCommand([...argv, ...state, '--init-state'])).status).toBe(0);
        const [last] = builder.chains[0]?.digests.slice(-1) ?? [];
        if (!last) throw new Error('no digest file');
        builder.chain({ from: FROM + 30 * HOUR, hours: 70, after: last });
        const backfill = { kind: 'backfill', hours: 1, logsPerHour: 0 } as const;
        const [one] = builder.chain({ ...backfill, from: FROM - 100 * HOUR }).digests;
        if (!one) throw new Error('no backfill digest file');
        builder.chain({ ...backfill, from: FROM + 90 * HOUR, after: one });
        const since = [...argv.slice(0, 4), ...state, '--since-state'];
        const options = { now: now(102) };
        const run = () => runJson([...since, ...MAX_DURATION]);
        const limited = await outOfTime(endpoint, digestsOf(FROM), run, options);
        expect([limited.status, accusations(limited.report)]).toEqual([3, ['NOT_READ']]);
        const told = limited.report.findings.find(({ code }) => code === 'NOT_READ');
        expect(told?.message).toContain('late backfill digest files until');
        const whole = await runJson(since);
        expect([whole.status, accusations(whole.report)]).toEqual([0, []]);
      }),
    );
  }, 60_000);
});
