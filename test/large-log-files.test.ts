/** Large log files, which threads read or are given: the same report, whatever becomes of the threads. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import type { EndpointOptions } from './support/loopback.js';
import { runCommand } from './support/run-command.js';
import { inTemp, serving, timeless } from './support/shards.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';
import { watched } from './support/watched.js';
import { writeEvidence } from './support/write-evidence.js';

const HOURS = 8;

/** A trail with large log files, of which many come in more pieces than a thread is given at once. */
function trail(): TrailBuilder {
  const builder = new TrailBuilder();
  const { digests } = builder.chain({
    ...{ from: FROM, hours: HOURS, logsPerHour: 4, logBytes: 800_000 },
  });
  const put = (hour: number, change: (body: Buffer) => Buffer): void => {
    const one = digests[hour]?.logs[0];
    if (!one) throw new Error('no such log file');
    const { body } = builder.get(one);
    expect(body.length).toBeGreaterThan(32 * 1024);
    builder.put(one.bucket, one.key, { body: change(body) });
  };
  const noise = randomBytes(1_500_000);
  put(2, () => gzipSync(noise));
  put(3, () => gzipSync(noise).subarray(0, -9));
  // Decided long before the last piece.
  put(4, (body) => Buffer.concat([body, noise]));
  put(5, () => noise);
  put(6, (body) => Buffer.concat([body, body]));
  return builder;
}

const range = { start: FROM + HOUR, end: FROM + HOURS * HOUR };
const FILES = (HOURS - 1) * 4;
const elsewhere = (counts: ReadonlyMap<number, number>): number =>
  [...counts].reduce((sum, [thread, count]) => sum + (thread > 0 ? count : 0), 0);

describe('large log files', () => {
  it.each<[string, EndpointOptions]>([
    ['nothing fails', {}],
    ['one request in ten fails', { faults: { rate: 0.1, seed: 5 } }],
  ])(
    'are read on threads, or given to them; the report is the same where %s',
    async (name, options) => {
      await serving(trail(), range, options, async (argv) => {
        const alone = await watched([...argv, '--threads', '0']);
        expect([...alone.hashes.keys()]).toEqual([0]);
        const codes = alone.report.findings.map(({ code }) => code);
        expect(codes.sort()).toEqual([
          'LOG_HASH_MISMATCH',
          ...['LOG_MALFORMED', 'LOG_MALFORMED'],
          ...['LOG_TRAILING_DATA', 'LOG_TRAILING_DATA'],
        ]);
        for (const more of [
          [],
          ['--s3-client', 'sdk'],
          ['--s3-client', 'sdk', '--concurrency', '1'],
        ]) {
          const { report, requests, hashes } = await watched([...argv, '--threads', '2', ...more]);
          expect(timeless(report), more.join(' ')).toEqual(timeless(alone.report));
          expect(elsewhere(requests) > 0).toBe(more.length === 0);
          if (name.includes('nothing')) expect(elsewhere(hashes)).toBe(FILES);
          else expect(elsewhere(hashes)).toBeGreaterThan(FILES / 2);
        }
      });
    },
    120_000,
  );

  it('are read again where a thread ends with what it was given', async () => {
    await serving(trail(), range, {}, async (argv) => {
      const alone = await watched([...argv, '--threads', '0']);
      const own = ['--threads', '2', '--s3-client', 'sdk', '--concurrency', '8'];
      const env = { THREAD_DIES_HASHING: '3' };
      const { report, hashes } = await watched([...argv, ...own], env);
      expect(timeless(report)).toEqual(timeless(alone.report));
      expect([hashes.get(1), hashes.get(2)]).toEqual([4, 4]);
    });
  }, 60_000);

  it('of a directory are given to threads', async () => {
    const builder = trail();
    await inTemp(async (directory) => {
      await writeEvidence(builder.world, directory, 'us-east-1');
      const argv = [
        ...['--trail-arn', builder.trail.TrailARN, '--evidence', directory],
        ...['--start-time', iso(range.start), '--end-time', iso(range.end)],
      ];
      const alone = await watched([...argv, '--threads', '0']);
      const { report, hashes } = await watched([...argv, '--threads', '2']);
      expect(timeless(report)).toEqual(timeless(alone.report));
      expect([elsewhere(alone.hashes), elsewhere(hashes)]).toEqual([0, FILES]);
    });
  }, 60_000);

  it('that were collected are given to threads', async () => {
    await serving(trail(), range, {}, async (argv) => {
      await inTemp(async (directory) => {
        const ran = await runCommand(['collect', '--evidence', directory, ...argv]);
        const [pin = ''] = /[0-9a-f]{64}/.exec(ran.stdout) ?? [];
        const own = ['--evidence', directory, '--manifest-sha256', pin];
        const alone = await watched([...own, '--threads', '0']);
        const { report, hashes } = await watched([...own, '--threads', '2']);
        expect(timeless(report)).toEqual(timeless(alone.report));
        expect([elsewhere(alone.hashes), elsewhere(hashes)]).toEqual([0, FILES]);
      });
    });
  }, 60_000);
});

describe('inflating in steps', () => {
  it('needs hardly an inflater, and streams do the same where it does not work', async () => {
    await serving(trail(), range, {}, async (argv) => {
      const own = [...argv, '--threads', '2'];
      const steps = await watched(own);
      const streams = await watched(own, { NO_STEPS: '1' });
      expect(timeless(streams.report)).toEqual(timeless(steps.report));
      expect(elsewhere(steps.inflaters)).toBeLessThan(FILES);
      expect(elsewhere(streams.inflaters)).toBeGreaterThanOrEqual(FILES);
    });
  }, 60_000);
});
