/** What could not be read for a reason that may pass: what becomes of a journal with it. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EndpointOptions } from './support/loopback.js';
import { FROM } from './support/lies.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving, timeless } from './support/shards.js';
import { DAY, HOUR, TrailBuilder } from './support/trail-builder.js';

const HOURS = 60;
const range = { start: FROM + HOUR, end: FROM + HOURS * HOUR };

/** An endpoint that gives nothing but a 500 for an object. */
const without = (key = ''): EndpointOptions => ({
  answerGet: (request, response) => {
    if (request.url?.includes(key) !== true) return false;
    response.writeHead(500).end('<Error><Code>InternalError</Code></Error>');
    return true;
  },
});

/** Nearly three days, and an endpoint that is without one of its log files. */
function trail() {
  const builder = new TrailBuilder();
  const { digests } = builder.chain({ region: 'us-east-1', from: FROM, hours: HOURS });
  return { builder, digests, broken: without(digests[30]?.logs[0]?.key) };
}

describe('a log file that can’t be read for a reason that may pass', () => {
  it('keeps the journal for one more run, which ends it whatever it finds', async () => {
    const { builder, broken } = trail();
    await serving(builder, range, broken, (argv) =>
      inTemp(async (directory) => {
        const own = [...argv, '--resume', join(directory, 'journal')];
        const first = await runJson(own);
        expect([first.status, accusations(first.report)]).toEqual([3, ['OBJECT_UNREADABLE']]);
        expect(first.stderr).toContain('the same command reads it again');
        expect(existsSync(join(directory, 'journal'))).toBe(true);
        const second = await runJson(own);
        expect(second.status).toBe(3);
        expect(timeless(second.report)).toEqual(timeless(first.report));
        expect(second.stderr).toContain('the run before could not either');
        expect(existsSync(join(directory, 'journal'))).toBe(false);
      }),
    );
  }, 60_000);

  it('is proved by the second run where the reason has passed', async () => {
    const { builder, broken } = trail();
    await serving(builder, range, broken, (argv, endpoint) =>
      inTemp(async (directory) => {
        const own = [...argv, '--resume', join(directory, 'journal')];
        expect((await runJson(own)).status).toBe(3);
        endpoint.set({});
        const { status, report } = await runJson(own);
        expect([status, report.verdict]).toEqual([0, 'valid']);
        expect(existsSync(join(directory, 'journal'))).toBe(false);
      }),
    );
  }, 60_000);

  it('for the first time in a later run: keeps the journal for one more', async () => {
    const { builder, digests, broken } = trail();
    await serving(builder, range, broken, (argv, endpoint) =>
      inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const own = [...argv, '--resume', journal];
        expect((await runJson(own)).status).toBe(3);
        // The oldest day, which was read last, as if the run had been killed before it.
        const lines = (await readFile(journal, 'utf8')).split('\n');
        await writeFile(journal, lines.slice(0, -2).concat('').join('\n'));
        endpoint.set(without(digests[3]?.logs[0]?.key));
        expect((await runJson(own)).status).toBe(3);
        expect(existsSync(journal)).toBe(true);
        expect((await runJson(own)).status).toBe(3);
        expect(existsSync(journal)).toBe(false);
      }),
    );
  }, 60_000);

  it('ends a shard in which a day is read again each time for another reason', async () => {
    const { builder, digests, broken } = trail();
    // The last digest file of a day: the next day's first links to it, and nothing meets that link.
    const last = digests.find(({ end }, at) => at > 20 && (end + HOUR) % DAY < end % DAY);
    builder.remove(last!);
    await serving(builder, range, broken, (argv) =>
      inTemp(async (directory) => {
        const own = [...argv, '--shard', '1/1', '--partial', join(directory, 'part')];
        const statuses = [await runCommand(own), await runCommand(own)].map((ran) => ran.status);
        expect(statuses).toEqual([3, 0]);
      }),
    );
  }, 60_000);

  it('ends a shard that tried twice; the merge tries once more', async () => {
    const { builder, broken } = trail();
    await serving(builder, range, broken, (argv, endpoint) =>
      inTemp(async (directory) => {
        const [file = ''] = partials(directory, 1);
        const own = [...argv, '--shard', '1/1', '--partial', file];
        const first = await runCommand(own);
        expect([first.status, first.stdout]).toEqual([
          3,
          expect.stringContaining('unfinished: the same command goes on'),
        ]);
        expect((await runCommand(['merge', file])).stderr).toContain('is unfinished: shard 1/1');
        const second = await runCommand(own);
        expect([second.status, second.stderr]).toEqual([
          0,
          expect.stringContaining('the run before could not either'),
        ]);
        const merged = await runJson(['merge', file]);
        expect([merged.status, accusations(merged.report)]).toEqual([3, ['OBJECT_UNREADABLE']]);
        endpoint.set({});
        expect((await runJson(['merge', file])).report.verdict).toBe('valid');
      }),
    );
  }, 60_000);

  it('leaves no journal where a state was written, for the state knows what was proved', async () => {
    const { builder, broken } = trail();
    await serving(builder, range, broken, (argv) =>
      inTemp(async (directory) => {
        const state = ['--state', join(directory, 'state')];
        const own = [...argv, ...state, '--resume', join(directory, 'journal')];
        expect((await runJson([...own, '--init-state'])).status).toBe(3);
        expect(existsSync(join(directory, 'state'))).toBe(true);
        expect(existsSync(join(directory, 'journal'))).toBe(false);
        // The next night is not refused for a journal of the state before.
        expect((await runJson(own)).status).toBe(3);
      }),
    );
  }, 60_000);
});

describe('a reason that may pass', () => {
  it('of a list of log files that can’t be read a second time keeps the journal', async () => {
    const { builder } = trail();
    const { digests } = builder.chains[0] ?? { digests: [] };
    const digest = digests[30];
    if (!digest) throw new Error('no digest file');
    // Its successor proves it, and then its list is read again.
    const { body } = builder.get(digest);
    const refuse = { status: 500, code: 'InternalError' };
    builder.put(digest.bucket, digest.key, { body, refuse, refuseAfter: 1 });
    await serving(builder, range, {}, (argv) =>
      inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const first = await runJson([...argv, '--resume', journal]);
        expect(first.report.findings).toContainEqual(
          expect.objectContaining({ code: 'OBJECT_UNREADABLE', details: { reason: 'service' } }),
        );
        expect(existsSync(journal)).toBe(true);
        builder.put(digest.bucket, digest.key, { body });
        expect((await runJson([...argv, '--resume', journal])).status).toBe(0);
      }),
    );
  }, 60_000);

  it('of the listing that tells forbidden from missing keeps the journal', async () => {
    const { builder } = trail();
    const [log] = builder.chains[0]?.digests[30]?.logs ?? [];
    if (!log) throw new Error('no log file');
    const folder = log.key.slice(0, log.key.lastIndexOf('/') + 1);
    builder.remove(log);
    const failing: EndpointOptions = {
      absentIsForbidden: true,
      answer: (request, response) => {
        const { searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
        if (searchParams.get('prefix') !== folder) return false;
        response.writeHead(500).end('<Error><Code>InternalError</Code></Error>');
        return true;
      },
    };
    await serving(builder, range, failing, (argv, endpoint) =>
      inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const own = [...argv, '--no-unlisted', '--resume', journal];
        const { status, report } = await runJson(own);
        expect([status, accusations(report)]).toEqual([3, ['OBJECT_UNREADABLE']]);
        expect(report.findings[0]?.details).toMatchObject({
          reason: 'access-denied',
          listing: 'service',
        });
        expect(existsSync(journal)).toBe(true);
        endpoint.set({ absentIsForbidden: true });
        expect(accusations((await runJson(own)).report)).toEqual(['LOG_MISSING']);
      }),
    );
  }, 60_000);
});

describe('keys that can’t be had', () => {
  it('where a file lacks them: nothing to try again', async () => {
    const { builder } = trail();
    await serving(builder, range, {}, (argv) =>
      inTemp(async (directory) => {
        const keys = join(directory, 'keys.json');
        await writeFile(keys, JSON.stringify({ PublicKeyList: [] }));
        const journal = join(directory, 'journal');
        const own = [...argv, '--public-keys', keys, '--resume', journal];
        const { status, report } = await runJson(own);
        expect([status, accusations(report)]).toEqual([
          3,
          expect.arrayContaining(['KEYS_UNAVAILABLE']),
        ]);
        expect(existsSync(journal)).toBe(false);
        const file = join(directory, 'part');
        const shard = ['--shard', '1/1', '--partial', file];
        const [line] = await runShards([...argv, '--public-keys', keys], [file]);
        expect(line).not.toContain('unfinished');
        expect((await runCommand([...argv, '--public-keys', keys, ...shard])).status).toBe(0);
      }),
    );
  }, 60_000);

  it('where CloudTrail refuses them: nothing to try again; where it fails: once more', async () => {
    const { builder } = trail();
    await serving(builder, range, { denied: ['ListPublicKeys'] }, (argv) =>
      inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        expect((await runJson([...argv, '--resume', journal])).status).toBe(3);
        expect(existsSync(journal)).toBe(false);
      }),
    );
    await serving(builder, range, { failing: ['ListPublicKeys'] }, (argv, endpoint) =>
      inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        expect((await runJson([...argv, '--resume', journal])).status).toBe(3);
        expect(existsSync(journal)).toBe(true);
        endpoint.set({});
        expect((await runJson([...argv, '--resume', journal])).report.verdict).toBe('valid');
      }),
    );
  }, 60_000);
});
