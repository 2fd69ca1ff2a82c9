/** Log files that other threads read: the same report, whatever becomes of the threads. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from '../src/core/report.js';
import { FROM } from './support/lies.js';
import type { EndpointOptions } from './support/loopback.js';
import { CREDENTIALS } from './support/run-command.js';
import { inTemp, serving, timeless } from './support/shards.js';
import { start } from './support/spawned.js';
import { startTls } from './support/tls.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';
import { watched } from './support/watched.js';

const HOURS = 30;
const range = { start: FROM + HOUR, end: FROM + HOURS * HOUR };
const verify = new Map([[CREDENTIALS.AWS_ACCESS_KEY_ID, CREDENTIALS.AWS_SECRET_ACCESS_KEY]]);

/** A trail with log files of every kind: altered, removed, cut, two members, large, and odd names. */
function trail(): TrailBuilder {
  const builder = new TrailBuilder();
  const { digests } = builder.chain({ from: FROM, hours: HOURS, logsPerHour: 6 });
  const log = (hour: number, at = 0) => {
    const one = digests[hour]?.logs[at];
    if (!one) throw new Error('no such log file');
    return one;
  };
  builder.put(log(3).bucket, log(3).key, { body: Buffer.from('no') });
  builder.remove(log(5));
  const { body } = builder.get(log(7));
  builder.put(log(7).bucket, log(7).key, { body: body.subarray(0, body.length - 9) });
  const other = builder.get(log(9)).body;
  builder.put(log(9).bucket, log(9).key, { body: Buffer.concat([other, other]) });
  builder.put(log(11).bucket, log(11).key, { body: builder.get(log(12)).body });
  return builder;
}

const FAULTS: [string, EndpointOptions][] = [
  ['nothing fails and signatures are checked', { verify }],
  ['one request in ten fails', { faults: { rate: 0.1, seed: 3 } }],
  ['requests above eight at a time are throttled', { throttleAbove: 8 }],
];

describe.each(FAULTS)('threads where %s', (name, options) => {
  it('read the log files, and the report is that of one thread', async () => {
    await serving(trail(), range, options, async (argv) => {
      const alone = await watched([...argv, '--threads', '0']);
      expect([...alone.requests.keys()]).toEqual([0]);
      expect(alone.status).toBe(1);
      const codes = alone.report.findings.map(({ code }) => code);
      for (const code of [
        'LOG_HASH_MISMATCH',
        'LOG_MALFORMED',
        'LOG_MISSING',
        'LOG_TRAILING_DATA',
      ]) {
        expect(codes).toContain(code);
      }
      for (const [threads, concurrency] of [
        ['1', '1'],
        ['1', '64'],
        ['4', '16'],
        ['4', '256'],
      ] as const) {
        const own = ['--threads', threads, '--concurrency', concurrency];
        const { report, status, requests } = await watched([...argv, ...own]);
        expect(timeless(report), own.join(' ')).toEqual(timeless(alone.report));
        expect(status).toBe(1);
        const elsewhere = [...requests].filter(([thread]) => thread > 0);
        // One at a time never needs a second thread.
        expect(elsewhere.length, own.join(' ')).toBe(concurrency === '1' ? 1 : Number(threads));
        const sent = elsewhere.reduce((sum, [, count]) => sum + count, 0);
        if (name.includes('nothing')) expect(sent).toBe((HOURS - 1) * 6);
        else expect(sent).toBeGreaterThan(100);
      }
    });
  }, 120_000);
});

describe('a thread', () => {
  it('that ends in the midst of its work takes nothing with it', async () => {
    await serving(trail(), range, {}, async (argv, { requests: served }) => {
      const alone = await watched([...argv, '--threads', '0']);
      const plain = served.get('plain') ?? 0;
      const own = ['--threads', '2', '--concurrency', '16'];
      const { report, requests } = await watched([...argv, ...own], { THREAD_DIES_AFTER: '20' });
      expect(timeless(report)).toEqual(timeless(alone.report));
      expect([requests.get(1), requests.get(2)]).toEqual([21, 21]);
      // What follows is read by the main thread, past the SDK as before.
      expect((served.get('plain') ?? 0) - plain).toBeGreaterThan(100);
    });
  }, 60_000);

  it.each(['0', '1'])(
    'that the system refuses is none; %s are given',
    async (given) => {
      await serving(trail(), range, {}, async (argv) => {
        const alone = await watched([...argv, '--threads', '0']);
        const env = { THREADS_GIVEN: given };
        const { report, status, requests } = await watched([...argv, '--threads', '3'], env);
        expect([timeless(report), status]).toEqual([timeless(alone.report), alone.status]);
        expect([...requests.keys()].filter((thread) => thread > 0).length).toBe(Number(given));
      });
    },
    60_000,
  );

  it('does not hold an interrupted run up', async () => {
    await serving(trail(), range, { latencyMs: 300 }, async (argv, { requests }) => {
      const { ended, signal } = start([
        ...argv,
        ...['--threads', '2', '--concurrency', '8', '--format', 'json'],
      ]);
      while ((requests.get('plain') ?? 0) < 60) await new Promise((done) => setTimeout(done, 20));
      const at = requests.get('GetObject') ?? 0;
      signal('SIGINT');
      const { status, stdout } = await ended;
      expect(status).toBe(130);
      expect((JSON.parse(stdout) as Report).verdict).toBe('incomplete');
      // Nothing is asked again by the SDK.
      expect((requests.get('GetObject') ?? 0) - at).toBeLessThan(10);
    });
  }, 60_000);

  it('is not started for what goes through the SDK, and none where it is not wanted', async () => {
    await serving(trail(), range, {}, async (argv) => {
      for (const own of [[], ['--threads', '2', '--s3-client', 'sdk']]) {
        const { requests } = await watched([...argv, ...own]);
        expect([...requests.keys()]).toEqual([0]);
      }
    });
  }, 60_000);
});

describe('log files over TLS', () => {
  it('are read on threads that trust whom AWS_CA_BUNDLE names', async () => {
    await serving(trail(), range, { verify }, async (argv, { url }) => {
      const alone = await watched([...argv, '--threads', '0']);
      const tls = await startTls(url);
      try {
        await inTemp(async (directory) => {
          const AWS_CA_BUNDLE = join(directory, 'ca.pem');
          await writeFile(AWS_CA_BUNDLE, tls.cert);
          const own = [...argv.map((one) => (one === url ? tls.url : one)), '--threads', '2'];
          const { report, requests } = await watched(own, { AWS_CA_BUNDLE });
          expect(timeless(report)).toEqual(timeless(alone.report));
          expect((requests.get(1) ?? 0) + (requests.get(2) ?? 0)).toBe((HOURS - 1) * 6);
          const untrusted = await start(own).ended;
          expect([untrusted.status, untrusted.stdout]).toEqual([2, '']);
        });
      } finally {
        tls.close();
      }
    });
  }, 60_000);
});

describe('--threads', () => {
  it.each(['-1', '65', '1.5', 'many', ''])('is no number: %s', async (value) => {
    const argv = ['--trail-arn', 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main'];
    const range = ['--start-time', '2026-03-01', `--threads=${value}`];
    const { status, stderr } = await start([...argv, ...range]).ended;
    expect(status).toBe(2);
    expect(stderr).toContain('--threads');
  });
});
