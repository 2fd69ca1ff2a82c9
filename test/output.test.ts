/** `--output`: what is replaced, and what is only ever written to. */
import { spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { lstat, mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { base } from './support/lies.js';
import { CREDENTIALS, runCommand } from './support/run-command.js';
import { inTemp, serving } from './support/shards.js';

const bin = fileURLToPath(new URL('../bin/validate-trail.js', import.meta.url));
const VALID = 'VALID: 7/7 digest files, 14/14 log files';

function validating(task: (argv: string[], directory: string) => Promise<void>): Promise<void> {
  const { builder, start, end } = base();
  return serving(builder, { start, end }, {}, (argv) =>
    inTemp((directory) => task([...argv, '--quiet'], directory)),
  );
}

/** Runs the command as a process whose standard output is a file. */
function into(path: string, flags: string, argv: readonly string[]): Promise<number | null> {
  const file = openSync(path, flags);
  const child = spawn(process.execPath, [bin, ...argv], {
    env: { ...process.env, ...CREDENTIALS },
    stdio: ['ignore', file, 'inherit'],
  });
  closeSync(file);
  return new Promise((resolve) => child.once('close', resolve));
}

describe('--output', () => {
  it('behind links replaces the file that they lead to, there or not, and leaves the links', () =>
    validating(async (argv, directory) => {
      const [target, link, far] = ['reports/target', 'link', 'far'].map((name) =>
        join(directory, name),
      ) as [string, string, string];
      await mkdir(join(directory, 'reports'));
      await symlink('reports/target', link);
      await symlink(link, far);
      for (const before of [undefined, 'old']) {
        if (before !== undefined) await writeFile(target, before);
        expect(await runCommand([...argv, '--output', far])).toMatchObject({ status: 0 });
        expect(await readFile(target, 'utf8')).toContain(VALID);
        expect([await readlink(far), await readlink(link)]).toEqual([link, 'reports/target']);
      }
    }));

  it('is no other file of the run behind a link either', () =>
    validating(async (argv, directory) => {
      const [journal, link] = [join(directory, 'journal'), join(directory, 'link')];
      await symlink('journal', link);
      const { stderr } = await runCommand([...argv, '--resume', journal, '--output', link]);
      expect(stderr).toContain('--output and --resume name the same file');
    }));

  it('does not follow what lies where it is begun', () =>
    validating(async (argv, directory) => {
      const [report, victim] = [join(directory, 'report'), join(directory, 'victim')];
      await writeFile(victim, 'whole');
      await symlink('victim', `${report}.part`);
      expect(await runCommand([...argv, '--output', report])).toMatchObject({ status: 0 });
      expect(await readFile(report, 'utf8')).toContain(VALID);
      expect(await readFile(victim, 'utf8')).toBe('whole');
      expect((await lstat(report)).isFile()).toBe(true);
    }));

  it('that leads through /proc is added to what somebody holds open there, never renamed', () =>
    validating(async (argv, directory) => {
      const [out, link] = [join(directory, 'out'), join(directory, 'link')];
      await symlink('/proc/self/fd/1', link);
      await writeFile(out, 'before\n');
      expect(await into(out, 'a', [...argv, '--output', '/proc/self/fd/1'])).toBe(0);
      expect(await into(out, 'a', [...argv, '--output', link])).toBe(0);
      const text = await readFile(out, 'utf8');
      expect(text).toMatch(/^before\n/);
      expect(text.split(VALID)).toHaveLength(3);
      expect(await readlink(link)).toBe('/proc/self/fd/1');
      expect((await lstat('/dev/stdout')).isSymbolicLink()).toBe(true);
    }));

  it('that can’t be written is told by the name that was given', () =>
    validating(async (argv, directory) => {
      for (const [path, why] of [
        [join(directory, 'no', 'such', 'place'), 'ENOENT: no such file or directory'],
        [directory, 'EISDIR: illegal operation on a directory'],
      ] as const) {
        const { status, stderr } = await runCommand([...argv, '--output', path]);
        expect(status).toBe(2);
        expect(stderr).toContain(`--output ${path} can’t be written: ${why}\n`);
      }
    }));
});
