/** Journals and partials that are older than what is asked for, or that other files would overwrite. */
import { existsSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FORMAT_VERSION, type NewWork, type RecordedDay } from '../src/core/journal.js';
import { PLAIN } from '../src/report/style.js';
import { renderText } from '../src/report/text.js';
import { openJournal } from '../src/sources/journal-file.js';
import { FROM } from './support/lies.js';
import { runCommand, runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving } from './support/shards.js';
import { DAY, HOUR, iso, TrailBuilder } from './support/trail-builder.js';

const HOURS = 60;
const range = { start: FROM + HOUR, end: FROM + HOURS * HOUR };
const at = (hours: number) => ({ now: new Date((FROM + hours * HOUR) * 1000) });

function trail() {
  const builder = new TrailBuilder();
  const { digests } = builder.chain({ from: FROM, hours: 100 });
  return { builder, digests };
}

describe('partials of last month', () => {
  it('are not merged, unless that is asked for: what was altered since would not show', async () => {
    const { builder, digests } = trail();
    await serving(builder, range, at(64), (argv, endpoint) =>
      inTemp(async (directory) => {
        const files = partials(directory, 2);
        await runShards(argv, files);
        const [log] = digests[20]!.logs;
        builder.put(log!.bucket, log!.key, { body: Buffer.from('no') });
        endpoint.set(at(64 + 30 * 24));
        const [again] = await runShards(argv, files);
        expect(again).toContain('finished already, begun ');
        const merged = await runCommand(['merge', ...files]);
        expect([merged.status, merged.stdout]).toEqual([2, '']);
        expect(merged.stderr).toMatch(/partial .*part-\d.jsonl was begun at 20.* would not show/);
        expect(merged.stderr).toContain('--max-age');
        expect((await runCommand(['merge', ...files, '--max-age', '29d'])).status).toBe(2);
        expect((await runCommand(['merge', ...files, '--max-age', '31d'])).status).toBe(0);
        for (const wrong of ['1', '0d', 'x']) {
          const { status, stderr } = await runCommand(['merge', ...files, '--max-age', wrong]);
          expect([status, stderr]).toEqual([2, expect.stringContaining('--max-age')]);
        }
        const fresh = partials(directory, 3).map((file) => `${file}.new`);
        await runShards(argv, fresh);
        expect((await runCommand(['merge', ...fresh])).status).toBe(1);
      }),
    );
  }, 60_000);
});

describe('a range of relative times', () => {
  it('that a journal fixed the night before is not what is asked for now: never status 0', async () => {
    const { builder, digests } = trail();
    const [sick] = digests[50]!.logs;
    const whole = builder.get(sick!);
    const refuse = { status: 500, code: 'InternalError' };
    builder.put(sick!.bucket, sick!.key, { ...whole, refuse });
    await serving(builder, range, at(60), (argv, endpoint) =>
      inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const own = [...argv.slice(0, 4), '--start-time', '1d', '--resume', journal];
        expect((await runJson(own)).status).toBe(3);
        builder.put(sick!.bucket, sick!.key, whole);
        endpoint.set(at(84));
        const second = await runJson(own);
        expect([second.status, second.report.verdict]).toEqual([3, 'valid']);
        expect(second.report.timeRange.end).toBe(iso(FROM + 58 * HOUR));
        expect(second.stderr).toContain(`what was asked for ends at ${iso(FROM + 82 * HOUR)}`);
        expect(existsSync(journal)).toBe(false);
        const third = await runJson(own);
        expect([third.status, third.report.timeRange.end]).toEqual([0, iso(FROM + 82 * HOUR)]);
      }),
    );
  }, 60_000);
});

describe('a report', () => {
  it('never takes the place of a partial or journal', async () => {
    const { builder } = trail();
    await serving(builder, range, at(64), (argv) =>
      inTemp(async (directory) => {
        const [file = ''] = partials(directory, 1);
        const report = join(directory, 'report');
        await runShards(argv, [file]);
        const kept = await readFile(file, 'utf8');
        await copyFile(file, `${report}.part`);
        for (const argv of [
          ['merge', `${report}.part`, '--output', report],
          ['merge', file, '--output', file],
        ]) {
          const { status, stderr } = await runCommand(argv);
          expect([status, stderr]).toEqual([2, expect.stringContaining('name the same file')]);
        }
        expect(await readFile(`${report}.part`, 'utf8')).toBe(kept);
        expect(await readFile(file, 'utf8')).toBe(kept);
        const own = [...argv, '--resume', `${report}.part`, '--output', report];
        expect((await runCommand(own)).stderr).toContain('name the same file');
      }),
    );
  }, 60_000);
});

const SOURCE = '["111122223333","us-east-1"]';

describe('a day that is too large for a line', () => {
  it('is not recorded, and ends nothing', async () => {
    await inTemp(async (directory) => {
      const work: NewWork = {
        ...{ format: 'validate-trail-journal', version: FORMAT_VERSION, tool: '0', trail: 't' },
        ...{ options: {}, files: {}, endpoints: {}, range, begunAt: 0, startedAt: 0 },
      };
      const path = join(directory, 'journal');
      const place = () => Promise.resolve({ bucket: 'b', prefix: '' });
      const journal = await openJournal(path, '--resume', work, place);
      const day = (names: string): RecordedDay =>
        ({ source: SOURCE, day: DAY, names }) as unknown as RecordedDay;
      // Escaped, this would be longer than any string may be.
      await journal.add(day('\u0001'.repeat(200_000_000)));
      await journal.add(day('small'));
      await journal.close();
      const again = await openJournal(path, '--resume', work, place);
      expect(again.records).toBe(1);
      expect(await again.find(SOURCE, DAY)).toMatchObject({ names: 'small' });
      await again.close();
    });
  });
});

describe('a file that the shards were given', () => {
  it('must be the same when they are merged', async () => {
    const { builder } = trail();
    await serving(builder, range, at(64), (argv) =>
      inTemp(async (directory) => {
        const keys = join(directory, 'keys.json');
        const [region] = builder.world.keys.values();
        const PublicKeyList = [...(region ?? [])];
        await writeFile(keys, JSON.stringify({ PublicKeyList }));
        const [file = ''] = partials(directory, 1);
        await runShards([...argv, '--public-keys', keys], [file]);
        expect((await runCommand(['merge', file])).status).toBe(0);
        await writeFile(keys, JSON.stringify({ PublicKeyList: [] }));
        const { status, stderr } = await runCommand(['merge', file]);
        expect([status, stderr]).toEqual([2, expect.stringContaining('the file of --public-keys')]);
      }),
    );
  }, 60_000);
});

describe('a report of what was read over more than an hour', () => {
  it('says when it was read; one of a moment does not', async () => {
    const { builder } = trail();
    await serving(builder, range, at(64), async (argv) => {
      const { report } = await runJson(argv);
      const startedAt = '2026-03-10T12:00:00Z';
      const options = { style: PLAIN, verbose: false };
      const told = (finishedAt: string): string =>
        renderText({ ...report, startedAt, finishedAt }, options);
      expect(told('2026-03-10T13:00:00Z')).not.toContain('\nRead ');
      expect(told('2026-03-10T13:00:01Z')).toContain(
        `\nRead    ${startedAt} to 2026-03-10T13:00:01Z`,
      );
    });
  }, 60_000);
});
