/**
 * Places where a trail delivered before, which only links of its digest files tell of: who lies in
 * them alone is found, and what can't be looked through there is told.
 */
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import { accusations, runJson } from './support/run-command.js';
import { inTemp, serving, timeless } from './support/shards.js';
import { HOUR, TrailBuilder, type BuiltChain } from './support/trail-builder.js';

const MEMBER = '444455556666';
const OLD = 'o-exampleorgid';
const range = { start: FROM + HOUR, end: FROM + 100 * HOUR };

/** An organization that moved its bucket; one member left before, and lies in the older bucket alone. */
function moved(region = 'us-east-1'): { builder: TrailBuilder; member: BuiltChain } {
  const builder = new TrailBuilder({ organizationId: OLD });
  const moves = [
    { hour: 0, bucket: 'old-bucket' },
    { hour: 50, bucket: 'trail-bucket' },
  ];
  builder.chain({ from: FROM, hours: 100, moves });
  if (region !== 'us-east-1') builder.chain({ region, from: FROM, hours: 100, moves });
  const first = moves.slice(0, 1);
  const member = builder.chain({ accountId: MEMBER, region, from: FROM, hours: 40, moves: first });
  return { builder, member };
}

/** Spoils a log file of a chain. */
function alter(builder: TrailBuilder, { digests }: BuiltChain): void {
  const log = digests[20]?.logs[0];
  if (!log) throw new Error('no log file');
  builder.put(log.bucket, log.key, { body: Buffer.from('no') });
}

/** Plants empty folders of Regions that sort before real ones. */
function plant(builder: TrailBuilder, count: number): void {
  for (let number = 0; number < count; number++) {
    const folder = `AWSLogs/${OLD}/${MEMBER}/CloudTrail/aa-aa-${number}/`;
    builder.put('old-bucket', folder, { body: Buffer.alloc(0) });
  }
}

const told = (report: Awaited<ReturnType<typeof runJson>>['report'], code: string) =>
  report.findings.filter((one) => one.code === code).map(({ message }) => message);

describe('accounts of an older bucket', () => {
  it.each(['us-east-1', 'me-south-1'])(
    'planted Regions hide none in which the trail delivers: %s',
    async (region) => {
      const { builder, member } = moved(region);
      alter(builder, member);
      await serving(builder, range, {}, async (argv) => {
        const before = await runJson(argv);
        expect(accusations(before.report)).toContain('LOG_MALFORMED');
        plant(builder, 100);
        const { status, report } = await runJson(argv);
        expect(accusations(report)).toContain('LOG_MALFORMED');
        expect(told(report, 'OBJECT_UNREADABLE').join()).toContain('more than there are');
        expect(status).toBe(1);
      });
    },
    90_000,
  );

  it('a folder that can’t be listed is told, and the verdict is not valid', async () => {
    const { builder } = moved();
    const prefix = `AWSLogs/${OLD}/`;
    builder.bucket('old-bucket').refuseListing = { status: 403, code: 'AccessDenied', prefix };
    await serving(builder, range, {}, async (argv) => {
      const { status, report } = await runJson(argv);
      expect(told(report, 'OBJECT_UNREADABLE').join()).toContain('accounts or Regions may be left');
      expect(status).not.toBe(0);
    });
  }, 60_000);
});

describe('work that is gone on with', () => {
  it.each([false, true])(
    'tells what a single run does, and finds its records again (gone by then: %s)',
    async (gone) => {
      const { builder, member } = moved();
      alter(builder, member);
      const sick = builder.chains[0]?.digests[60]?.logs[0];
      if (!sick) throw new Error('no log file');
      const whole = builder.get(sick);
      await serving(builder, range, {}, async (argv, endpoint) => {
        const single = await runJson(argv);
        await inTemp(async (directory) => {
          const own = [...argv, '--resume', join(directory, 'journal')];
          const refuse = { status: 500, code: 'InternalError' };
          builder.put(sick.bucket, sick.key, { ...whole, refuse });
          const asked: string[] = [];
          const answerGet = ({ url = '' }: IncomingMessage): boolean => {
            if (url.includes(MEMBER)) asked.push(url);
            return false;
          };
          endpoint.set({ answerGet });
          await runJson(own);
          expect(asked.length).toBeGreaterThan(40);
          builder.put(sick.bucket, sick.key, whole);
          const kept = builder.bucket('old-bucket').objects;
          for (const key of [...kept.keys()]) {
            if (gone && key.includes(MEMBER)) builder.remove({ bucket: 'old-bucket', key });
          }
          asked.length = 0;
          const { status, report } = await runJson(own);
          if (!gone) expect(timeless(report)).toEqual(timeless(single.report));
          expect(accusations(report)).toContain('LOG_MALFORMED');
          expect(status).toBe(1);
          expect(asked).toEqual([]);
        });
      });
    },
    60_000,
  );
});

describe('a trail whose organization changed', () => {
  /** The home account's chain goes on after the change; the member's ends with it, altered. */
  function changed(from: string, organizationId: string | undefined): TrailBuilder {
    const before = new TrailBuilder({ organizationId: OLD, bucket: from, seed: 1 });
    const home = before.chain({ from: FROM, hours: 50 }).digests.at(-1);
    alter(before, before.chain({ accountId: MEMBER, from: FROM, hours: 50 }));
    const own = organizationId === undefined ? {} : { organizationId };
    const after = new TrailBuilder({ ...own, seed: 2 }, before.world);
    before.world.trails.shift();
    after.chain({ from: FROM + 50 * HOUR, hours: 50, ...(home ? { after: home } : {}) });
    return after;
  }

  it.each([
    ['it is one account’s now, in the same bucket', 'trail-bucket', undefined, []],
    ['it is one account’s now, in another bucket', 'old-bucket', undefined, []],
    ['it is another’s now, in another bucket', 'old-bucket', 'o-anotherorgid', []],
    [
      'it is another’s now, in the same bucket',
      'trail-bucket',
      'o-anotherorgid',
      ['--organization-id', 'o-anotherorgid'],
    ],
  ] as const)(
    'members of before are validated: %s',
    async (_what, from, id, more) => {
      await serving(changed(from, id), range, {}, async (argv) => {
        const { status, report } = await runJson([...argv, ...more]);
        expect(accusations(report)).toContain('LOG_MALFORMED');
        expect(status).toBe(1);
        expect(report.chains.map(({ accountId }) => accountId)).toContain(MEMBER);
        expect(told(report, 'SCOPE_FROM_BUCKET').join()).toContain('2 accounts');
      });
    },
    60_000,
  );
});
