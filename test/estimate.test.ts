/** `--estimate` held against what a run then really asks of the endpoint. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Estimate } from '../src/core/estimate.js';
import { renderEstimate, renderEstimateJson } from '../src/report/estimate.js';
import { PLAIN } from '../src/report/style.js';
import { base, FROM } from './support/lies.js';
import { startEndpoint, type Endpoint, type EndpointOptions } from './support/loopback.js';
import { runCommand, type Ran } from './support/run-command.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';

interface Compared {
  readonly estimate: Estimate;
  readonly status: number;
  /** What the endpoint was asked by the estimate, and by the run. */
  readonly asked: ReadonlyMap<string, number>;
  readonly ran: ReadonlyMap<string, number>;
}

const DAY = 24 * HOUR;

function lineOf(endpoint: Endpoint, builder: TrailBuilder, range: { start: number; end: number }) {
  return [
    ...['--trail-arn', builder.trail.TrailARN, '--endpoint-url', endpoint.url],
    ...['--start-time', iso(range.start), '--end-time', iso(range.end)],
  ];
}

/** Estimates, then runs, on one endpoint. */
async function compare(
  builder: TrailBuilder,
  range: { start: number; end: number },
  argv: readonly string[] = [],
  options: EndpointOptions = {},
): Promise<Compared> {
  const endpoint = await startEndpoint(builder.world, options);
  try {
    const line = [...lineOf(endpoint, builder, range), ...argv];
    const told = await runCommand([...line, '--estimate', '--format', 'json']);
    const asked = new Map(endpoint.requests);
    endpoint.set(options);
    const { status } = await runCommand(line);
    expect(status).toBe(0);
    const estimate = JSON.parse(told.stdout) as Estimate;
    return { estimate, status: told.status, asked, ran: new Map(endpoint.requests) };
  } finally {
    await endpoint.close();
  }
}

const gets = ({ ran }: Compared): number => ran.get('GetObject') ?? 0;
const lists = ({ ran }: Compared): number => ran.get('ListObjectsV2') ?? 0;

describe('an estimate holds', () => {
  it('for one chain within a day: every request of the run, and no object read', async () => {
    const { builder, start, end } = base();
    const all = await compare(builder, { start, end });
    const { estimate, status, asked } = all;
    expect(status).toBe(0);
    expect(estimate).toMatchObject({ sources: 1, days: 1, failureCount: 0 });
    expect([estimate.digestFiles.files, estimate.logFiles.files]).toEqual([7, 14]);
    expect(estimate.run.requests).toEqual({ get: gets(all), list: lists(all) });
    expect(asked.get('GetObject')).toBeUndefined();
    expect(estimate.made).toMatchObject({ get: 0, list: asked.get('ListObjectsV2') });
    const files = [...builder.bucket('trail-bucket').objects].filter(([key]) => {
      const first = builder.chains[0]?.digests[0];
      return key !== first?.key && !first?.logs.some((log) => log.key === key);
    });
    expect(estimate.bytes).toBe(files.reduce((sum, [, { body }]) => sum + body.length, 0));
  });

  it('for days in the midst of a chain: windows that reach out of the range count whole', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 96 });
    // Neither on the chain's minute: the first and the last window reach out, the first past midnight.
    const midnight = Math.ceil(FROM / DAY) * DAY;
    const range = { start: midnight + 300, end: midnight + 2 * DAY + 1800 };
    const all = await compare(builder, range);
    const { run, digestFiles, logFiles } = all.estimate;
    expect(run.requests.list).toBe(lists(all));
    expect([digestFiles.files, logFiles.files]).toEqual([50, 100]);
    // The run may read a file beside the range besides, where a log file's name is in doubt.
    expect(gets(all) - run.requests.get).toBeGreaterThanOrEqual(0);
    expect(gets(all) - run.requests.get).toBeLessThanOrEqual(1);
  });

  it('--digests-only and --no-unlisted leave out what the run leaves out', async () => {
    const { builder, start, end } = base();
    const digests = await compare(builder, { start, end }, ['--digests-only', '--no-unlisted']);
    expect(digests.estimate.run.requests).toEqual({ get: 7, list: lists(digests) });
    expect(digests.estimate.made.list).toBeLessThanOrEqual(lists(digests));
    const listed = await compare(builder, { start, end }, ['--no-unlisted']);
    expect(listed.estimate.run.requests).toEqual({ get: gets(listed), list: lists(listed) });
  });

  it('a whole month is listed at once: fewer requests than the run, which are counted right', async () => {
    const builder = new TrailBuilder();
    const from = Date.UTC(2026, 0, 31, 20, 30) / 1000;
    builder.chain({ from, hours: 34 * 24, logsPerHour: 1, logBytes: 400 });
    const range = { start: from + HOUR, end: from + 34 * 24 * HOUR };
    const all = await compare(builder, range);
    expect(all.estimate.days).toBe(35);
    expect(all.estimate.run.requests).toEqual({ get: gets(all), list: lists(all) });
    expect(all.asked.get('ListObjectsV2')).toBeLessThan(lists(all) / 3);
  });

  it('for an organization whose bucket was changed, where its user names the old one', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid' });
    builder.bucket('old-bucket');
    const moves = [
      { hour: 0, bucket: 'old-bucket' },
      { hour: 12, bucket: 'trail-bucket' },
    ];
    for (const accountId of [builder.accountId, '444455556666']) {
      for (const region of ['us-east-1', 'eu-west-1']) {
        builder.chain({ accountId, region, from: FROM, hours: 24, moves });
      }
    }
    const range = { start: FROM + HOUR, end: FROM + 24 * HOUR };
    const all = await compare(builder, range, ['--location', 's3://old-bucket']);
    const { estimate } = all;
    expect(estimate).toMatchObject({ sources: 4, days: 2, failureCount: 0 });
    expect([estimate.digestFiles.files, estimate.logFiles.files]).toEqual([4 * 23, 4 * 46]);
    expect(estimate.run.requests).toEqual({ get: gets(all), list: lists(all) });
  });
});

describe('an estimate says', () => {
  const { builder, start, end } = base();
  let endpoint: Endpoint;
  beforeAll(async () => {
    endpoint = await startEndpoint(builder.world);
  });
  afterAll(() => endpoint.close());
  const estimate = (...argv: string[]): Promise<Ran> =>
    runCommand([...lineOf(endpoint, builder, { start, end }), '--estimate', ...argv]);

  it('in words: what is read, asked, what it costs and takes, all of it about', async () => {
    endpoint.set({});
    const { stdout, stderr, status } = await estimate();
    expect([status, stderr]).toEqual([0, '']);
    for (const words of [
      'nothing was read, nothing is proved',
      '1 source (account and Region), 1 day',
      '7 digest files',
      '14 log files',
      'and 21 GET requests',
      'Costs   under $0.01 for these requests: $0.005 a thousand LIST,',
      'S3 Standard in us-east-1, 2026-11',
      'with --concurrency 64',
      'and 0 GET requests: under $0.01.',
    ]) {
      expect(stdout).toContain(words);
    }
    expect(stdout).not.toContain('about under');
    const own = stdout.split('\n').filter((line) => !/^(Trail|Bucket) /.test(line));
    expect(own.filter((line) => line.length > 80)).toEqual([]);
  });

  it('shares of it in the same column', async () => {
    endpoint.set({});
    const found = JSON.parse((await estimate('--format', 'json')).stdout) as Estimate;
    const shards = [
      { ...found.run, shards: 10, seconds: 1.5, usd: 0.002 },
      { ...found.run, shards: 1000, seconds: 0.2, usd: 12 },
    ];
    const text = renderEstimate({ ...found, shards }, PLAIN);
    expect(text).toContain(
      '\n        about 1.5 s with 10 shards at the same time: under $0.01 for requests\n' +
        '        under 1 s with 1,000 shards at the same time: about $12.00 for requests\n',
    );
  });

  it('its money in JSON to the millionth of a dollar', async () => {
    endpoint.set({});
    const found = JSON.parse((await estimate('--format', 'json')).stdout) as Estimate;
    const noise = 0.000044999999999999996;
    const [made, run] = [
      { ...found.made, usd: noise },
      { ...found.run, usd: 1.0050000000000001 },
    ];
    const shards = [{ ...run, shards: 10, usd: noise }];
    const told = JSON.parse(renderEstimateJson({ ...found, made, run, shards })) as Estimate;
    expect([told.made.usd, told.run.usd, told.shards[0]?.usd]).toEqual([0.000045, 1.005, 0.000045]);
    expect({ ...told, made, run, shards }).toEqual({ ...found, made, run, shards });
  });

  it('as one line of JSON, and into a file', async () => {
    endpoint.set({});
    const { stdout } = await estimate('--format', 'ndjson');
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'estimate', schemaVersion: 1 });
  });

  it('the time by the latency that it met and the concurrency that is asked for', async () => {
    endpoint.set({ latencyMs: 50 });
    const [one, many] = await Promise.all(
      ['1', '8'].map(async (concurrency) => {
        const ran = await estimate('--format', 'json', '--concurrency', concurrency);
        return JSON.parse(ran.stdout) as Estimate;
      }),
    );
    expect(one?.assumed.latencySeconds).toBeGreaterThanOrEqual(0.05);
    expect(one?.run.seconds).toBeGreaterThan(21 * 0.05);
    expect(many?.run.networkSeconds).toBeLessThan((one?.run.networkSeconds ?? 0) / 4);
  });

  it('what can’t be listed, with 3, and counts the rest', async () => {
    const { builder: other } = base();
    const at = await startEndpoint(other.world, { denied: ['ListObjectsV2'] });
    try {
      const line = [...lineOf(at, other, { start, end }), '--estimate'];
      const { status, stdout } = await runCommand(line);
      expect(status).toBe(3);
      expect(stdout).toContain('could not be listed');
      expect(stdout).toMatch(/s3:\/\/trail-bucket\/AWSLogs\/\S+ .*access-denied/);
    } finally {
      await at.close();
    }
  });

  it('no bucket, an own range of sense, no state and no evidence: status 2', async () => {
    endpoint.set({});
    for (const [argv, words] of [
      [['--s3-bucket', 'no-such-bucket'], 'no-such-bucket does not exist'],
      [['--state', 'state.json', '--init-state'], '--estimate says what a range in S3 costs'],
      [['--evidence', '.'], 'leave --evidence out'],
    ] as const) {
      const { status, stderr } = await estimate(...argv);
      expect(stderr).toContain(words);
      expect(status).toBe(2);
    }
  });
});
