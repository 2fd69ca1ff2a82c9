/** Journals: an interrupted run goes on where it stopped and ends as an undisturbed one would. */
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encodeLine, type Work } from '../src/core/journal.js';
import { FROM } from './support/lies.js';
import { CREDENTIALS, runCommand, runJson } from './support/run-command.js';
import { inTemp, serving, timeless } from './support/shards.js';
import { HOUR, mulberry32, TrailBuilder } from './support/trail-builder.js';

const bin = fileURLToPath(new URL('../bin/validate-trail.js', import.meta.url));
const HOURS = 150;
const range = { start: FROM + HOUR, end: FROM + HOURS * HOUR };

/** Six days of two Regions, a log file of each altered or removed. */
function trail(): TrailBuilder {
  const builder = new TrailBuilder();
  for (const region of ['us-east-1', 'eu-west-1']) {
    const chain = builder.chain({ region, from: FROM, hours: HOURS, logsPerHour: 2 });
    const [altered, removed] = [chain.digests[20]?.logs[0], chain.digests[120]?.logs[1]];
    if (altered) builder.put(altered.bucket, altered.key, { body: Buffer.from('no') });
    if (removed) builder.remove(removed);
  }
  return builder;
}

const lengthOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

/**
 * Runs the command as a process and kills it, as nothing can catch, so many milliseconds after it
 * wrote into its journal. Gives false where it ended by itself.
 */
function killed(argv: readonly string[], journal: string, afterMs: number): Promise<boolean> {
  const begun = lengthOf(journal);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, ...argv], {
      env: { ...process.env, ...CREDENTIALS },
      stdio: 'ignore',
    });
    let kill: NodeJS.Timeout | undefined;
    const watch = setInterval(() => {
      // The first line says of which work it is, and is no progress.
      if (lengthOf(journal) > Math.max(begun, 2000)) {
        kill ??= setTimeout(() => child.kill('SIGKILL'), afterMs);
      }
    }, 10);
    child.once('exit', (_status, signal) => {
      clearInterval(watch);
      clearTimeout(kill);
      resolve(signal === 'SIGKILL');
    });
  });
}

describe('--resume', () => {
  it('after kill -9 at random moments: goes on, and the report is the undisturbed one', async () => {
    await serving(trail(), range, { latencyMs: 15 }, async (argv, endpoint) => {
      const whole = await runJson(argv);
      expect(whole.status).toBe(1);
      const all = endpoint.requests.get('GetObject') ?? 0;
      await inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const own = [...argv, '--resume', journal];
        const random = mulberry32(7);
        let kills = 0;
        for (let turn = 0; turn < 4; turn++) {
          if (await killed(own, journal, random() * 60)) kills++;
          else break;
        }
        expect(kills).toBeGreaterThan(0);
        endpoint.set({});
        const resumed = await runJson(own);
        expect(timeless(resumed.report)).toEqual(timeless(whole.report));
        expect(resumed.status).toBe(1);
        expect(existsSync(journal)).toBe(false);
        expect(endpoint.requests.get('GetObject') ?? 0).toBeLessThan(all);
      });
    });
  }, 120_000);

  it('goes on after a time limit; what is left is incomplete, and said', async () => {
    await serving(trail(), range, { latencyMs: 10 }, async (argv) => {
      const whole = await runJson(argv);
      await inTemp(async (directory) => {
        const own = [...argv, '--resume', join(directory, 'journal'), '--concurrency', '4'];
        // The clock begins with the process, which has been running for longer than that.
        const limited = await runJson([...own, '--max-duration', '1s']);
        expect(limited.report.findings.map(({ code }) => code)).toContain('NOT_READ');
        expect(limited.report.verdict).not.toBe('valid');
        expect(limited.stdout).not.toContain('run again with --resume');
        expect(limited.stderr).toMatch(/the journal \S+journal is kept: the same command goes on/);
        expect(limited.report.counts.digestFiles.valid).toBe(0);
        const tooShort = 'no day was finished in that time: the same command needs a longer --max-';
        expect(limited.stderr).toContain(tooShort);
        const shard = ['--shard', '1/2', '--partial', join(directory, 'part')];
        const share = await runCommand([...argv, ...shard, '--max-duration', '1s']);
        expect([share.status, share.stderr]).toEqual([3, expect.stringContaining(tooShort)]);
        const resumed = await runJson(own);
        expect(timeless(resumed.report)).toEqual(timeless(whole.report));
      });
    });
  }, 60_000);

  /** A journal as a killed run leaves it. */
  async function interrupted(
    task: (argv: string[], journal: string) => Promise<void>,
  ): Promise<void> {
    await serving(trail(), range, { latencyMs: 10 }, async (argv, endpoint) => {
      await inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const own = [...argv, '--resume', journal];
        while (
          (lengthOf(journal) === 0 ? 0 : (await readFile(journal, 'utf8')).split('\n').length) < 5
        ) {
          if (!(await killed(own, journal, 20))) throw new Error('it ended before it was killed');
        }
        endpoint.set({});
        await task(argv, journal);
      });
    });
  }

  it('refuses a journal of other options, of another trail and of another version by name', async () => {
    await interrupted(async (argv, journal) => {
      const own = [...argv, '--resume', journal];
      const other = await runCommand([...own, '--region', 'us-east-1']);
      expect([other.status, other.stdout]).toEqual([2, '']);
      expect(other.stderr).toContain(
        'it was begun without --region, and this is with --region us-east-1',
      );
      const text = await readFile(journal, 'utf8');
      const [head = ''] = text.split('\n');
      const { work } = JSON.parse(head.slice(17)) as { work: Work };
      expect(work).toMatchObject({ version: 3, place: { bucket: 'trail-bucket', prefix: '' } });
      const older = encodeLine('', { work: { ...work, version: 1 as 3 } });
      await writeFile(`${journal}-1`, older.text);
      const refused = await runCommand([...argv, '--resume', `${journal}-1`]);
      expect([refused.status, refused.stdout]).toEqual([2, '']);
      expect(refused.stderr).toContain('its form is 1, and this is 3');
      // How the report is told changes no work.
      const same = await runCommand([...own, '--format', 'ndjson', '--concurrency', '3']);
      expect(same.status).toBe(1);
      expect(same.stderr).toMatch(/goes on from .*journal: \d+ segments are finished, begun 20/);
    });
  }, 60_000);

  it('goes on behind a torn last line, and refuses one that was changed', async () => {
    await interrupted(async (argv, journal) => {
      const whole = await runJson(argv);
      const text = await readFile(journal, 'utf8');
      const lines = text.split('\n').filter((line) => line !== '');
      const changed = lines.map((line, at) =>
        at === 2 ? line.replace('"valid":', '"valid":1') : line,
      );
      await writeFile(journal, `${changed.join('\n')}\n`);
      const refused = await runCommand([...argv, '--resume', journal]);
      expect(refused.status).toBe(2);
      expect(refused.stderr).toContain('is damaged at line 3');
      await writeFile(journal, text.slice(0, -40));
      const torn = await runJson([...argv, '--resume', journal]);
      expect(timeless(torn.report)).toEqual(timeless(whole.report));
    });
  }, 60_000);

  it('reads again what could not be read for a passing reason, and keeps what was proved', async () => {
    await serving(trail(), range, {}, async (argv, endpoint) => {
      const whole = await runJson(argv);
      const all = endpoint.requests.get('GetObject') ?? 0;
      await inTemp(async (directory) => {
        const journal = join(directory, 'journal');
        const own = [...argv, '--resume', journal];
        // Some days meet nothing but 500s; then the run is killed.
        endpoint.set({ faults: { rate: 0.55, seed: 3, kinds: ['internal'] }, latencyMs: 5 });
        for (let turn = 0; turn < 2; turn++) await killed(own, journal, 200);
        endpoint.set({});
        const resumed = await runJson(own);
        expect(timeless(resumed.report)).toEqual(timeless(whole.report));
        expect(endpoint.requests.get('GetObject') ?? 0).toBeLessThanOrEqual(all);
      });
    });
  }, 120_000);
});

describe('--sample', () => {
  it('as many runs as parts read every log file once; digest files always', async () => {
    await serving(trail(), range, {}, async (argv) => {
      const whole = await runJson(argv);
      const parts = [];
      for (const part of ['1/3', '2/3', '3/3']) {
        parts.push(await runJson([...argv, '--sample', part]));
      }
      const listed = (counts: { valid: number; invalid: number; missing: number }): number =>
        counts.valid + counts.invalid + counts.missing;
      const all = listed(whole.report.counts.logFiles);
      let read = 0;
      for (const { report } of parts) {
        expect(report.counts.digestFiles).toEqual(whole.report.counts.digestFiles);
        const { logFiles } = report.counts;
        expect(listed(logFiles) + (logFiles.notSampled ?? 0)).toBe(all);
        expect(listed(logFiles)).toBeGreaterThan(all / 5);
        read += listed(logFiles);
        expect(report.scope.sample).toMatch(/^\d\/3$/);
      }
      expect(read).toBe(all);
      const codes = parts.flatMap(({ report }) => report.findings.map(({ id }) => id));
      for (const { id } of whole.report.findings) expect(codes).toContain(id);
      const text = await runCommand([...argv, '--sample', '2/3']);
      expect(text.stdout).toContain('only part 2/3 of the log files');
      for (const wrong of ['0/3', '4/3', '1', 'x/y']) {
        expect((await runCommand([...argv, '--sample', wrong])).status).toBe(2);
      }
    });
  }, 60_000);
});
