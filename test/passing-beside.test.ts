/** What could not be read beside the days, for a reason that may pass: what becomes of a journal with it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import type { EndpointOptions } from './support/loopback.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { inTemp, partials, serving } from './support/shards.js';
import { DAY, HOUR, TrailBuilder } from './support/trail-builder.js';

const HOURS = 60;
const range = { start: FROM + HOUR, end: FROM + HOURS * HOUR };

/** An endpoint that gives nothing but a 500 for an object. */
const without = (key: string): EndpointOptions => ({
  answerGet: (request, response) => {
    if (request.url?.includes(key) !== true) return false;
    response.writeHead(500).end('<Error><Code>InternalError</Code></Error>');
    return true;
  },
});

describe('a reason that may pass, beside the days', () => {
  const BROKEN = { status: 500, code: 'InternalError' };
  const EXPIRED = { status: 400, code: 'ExpiredToken', message: 'The token has expired.' };
  const ORGANIZATION = 'AWSLogs/o-exampleorgid/';

  /** An organization whose members can’t be listed for the moment. */
  function hidden(): TrailBuilder {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid' });
    builder.chain({ from: FROM, hours: 30 });
    builder.chain({ accountId: '444455556666', from: FROM, hours: 30 });
    builder.bucket('trail-bucket').refuseListing = { ...BROKEN, prefix: ORGANIZATION };
    return builder;
  }
  const when = { start: FROM + HOUR, end: FROM + 30 * HOUR };

  // Right: 3, "the same command goes on": else merge would have to read the member by itself.
  it('of the listing of accounts leaves a shard unfinished, for one more try', async () => {
    for (const passes of [false, true]) {
      const builder = hidden();
      await serving(builder, when, {}, (argv) =>
        inTemp(async (directory) => {
          const [file = ''] = partials(directory, 1);
          const own = [...argv, '--shard', '1/1', '--partial', file];
          const first = await runCommand(own);
          expect(first.status).toBe(3);
          expect(first.stderr).toContain('beside the segments something could not be read');
          if (passes) delete builder.bucket('trail-bucket').refuseListing;
          const second = await runCommand(own);
          expect([second.status, second.stdout.includes('of 2 sources')]).toEqual([0, passes]);
          expect((await runJson(['merge', file])).status).toBe(passes ? 0 : 3);
        }),
      );
    }
  }, 60_000);

  // Right: the journal stays for one more run, which ends it whatever it finds.
  it('of the listing of accounts keeps the journal for one more run', async () => {
    for (const passes of [false, true]) {
      const builder = hidden();
      await serving(builder, when, {}, (argv) =>
        inTemp(async (directory) => {
          const journal = join(directory, 'journal');
          const own = [...argv, '--resume', journal];
          const first = await runJson(own);
          expect([first.status, accusations(first.report)]).toEqual([3, ['OBJECT_UNREADABLE']]);
          expect(existsSync(journal)).toBe(true);
          if (passes) delete builder.bucket('trail-bucket').refuseListing;
          expect((await runJson(own)).status).toBe(passes ? 0 : 3);
          expect(existsSync(journal)).toBe(false);
        }),
      );
    }
  }, 60_000);

  // The same, of the folder of the day before the range, which is in no day's record.
  it('of the listing of the eve keeps the journal', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 40 });
    const midnight = Math.ceil((FROM + 2 * HOUR) / DAY) * DAY;
    const prefix = builder.folder('111122223333', 'CloudTrail', 'us-east-1', midnight - 100);
    builder.bucket('trail-bucket').refuseListing = { ...EXPIRED, prefix };
    await serving(builder, { start: midnight, end: FROM + 40 * HOUR }, {}, (argv) =>
      inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const own = [...argv, '--resume', journal];
        const { status, report } = await runJson(own);
        expect([status, accusations(report)]).toEqual([3, ['OBJECT_UNREADABLE']]);
        expect(existsSync(journal)).toBe(true);
        delete builder.bucket('trail-bucket').refuseListing;
        expect((await runJson(own)).status).toBe(0);
        expect(existsSync(journal)).toBe(false);
      }),
    );
  }, 60_000);

  // The same, of the digest file after the range, which alone vouches for a newest one without signature.
  it('of the digest file after the range keeps the journal', async () => {
    const builder = new TrailBuilder();
    const { digests } = builder.chain({ from: FROM, hours: 60 });
    const [newest, after] = digests.slice(49, 51);
    if (!newest || !after) throw new Error('no digest file');
    builder.put(newest.bucket, newest.key, { body: builder.get(newest).body });
    await serving(builder, { ...range, end: newest.end }, without(after.key), (argv, endpoint) =>
      inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const own = [...argv, '--resume', journal];
        await runJson(own);
        expect(existsSync(journal)).toBe(true);
        endpoint.set({});
        expect((await runJson(own)).status).toBe(0);
        expect(existsSync(journal)).toBe(false);
      }),
    );
  }, 60_000);

  // The same, of a backfill digest file that came while the run read, after its own day.
  it('of a backfill digest file that came late keeps the journal', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: HOURS });
    const backfill = { kind: 'backfill', hours: 1, logsPerHour: 0 } as const;
    const [one] = builder.chain({ ...backfill, from: FROM + 50 * HOUR }).digests;
    if (!one) throw new Error('no backfill digest file');
    builder.chain({ ...backfill, from: FROM + 5 * HOUR, after: one });
    const object = builder.get(one);
    builder.remove(one);
    const come: EndpointOptions = {
      answer: ({ url = '' }) => {
        const isOldest = /CloudTrail-Digest.*2026\/03\/10/.test(decodeURIComponent(url));
        if (isOldest) builder.put(one.bucket, one.key, { ...object, refuse: BROKEN });
        return false;
      },
    };
    await serving(builder, range, come, (argv, endpoint) =>
      inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const own = [...argv, '--resume', journal];
        const first = await runJson(own);
        expect([first.status, accusations(first.report)]).toEqual([3, ['OBJECT_UNREADABLE']]);
        expect(existsSync(journal)).toBe(true);
        endpoint.set({});
        builder.put(one.bucket, one.key, object);
        expect((await runJson(own)).status).toBe(0);
        expect(existsSync(journal)).toBe(false);
      }),
    );
  }, 60_000);
});
