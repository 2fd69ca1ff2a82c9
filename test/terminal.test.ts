/** The text at a terminal: its width, and its signs. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCommand } from './support/run-command.js';
import { base } from './support/lies.js';
import { serving } from './support/shards.js';
import { atTerminal, hasTerminal, shownOf } from './support/terminal.js';

const demo = (path: string): string =>
  fileURLToPath(new URL(`../fixtures/demo/${path}`, import.meta.url));

const argv = (name: string): string[] => [
  ...['--trail-arn', 'arn:aws:cloudtrail:us-east-1:111122223333:trail/demo'],
  ...['--start-time', '2026-03-10T09:00:00Z', '--end-time', '2026-03-10T20:00:00Z'],
  ...['--evidence', demo(name), '--public-keys', demo('public-keys.json')],
];

/** What a terminal shows of a trail, line by line as they were sent; its own breaks aside. */
async function shown(name: string, columns: number, env: Record<string, string> = {}) {
  const { sent } = await atTerminal(argv(name), { columns, env });
  return shownOf(sent);
}

/** The words of a text but for those over, in and below its strips. */
const words = (lines: readonly string[]): string[] =>
  lines
    .join('\n')
    .replace(/^Coverage \([^]*?\n\n/m, '')
    .split(/\s+/)
    .filter(Boolean);

describe.skipIf(!hasTerminal)('the text at a terminal', () => {
  it.each([40, 80, 120])(
    'is fitted to %i columns, and says the same',
    async (columns) => {
      for (const name of ['intact', 'tampered', 'gap']) {
        const lines = await shown(name, columns);
        for (const line of lines.filter(({ length }) => length > columns)) {
          // A name that no line has room for stands whole: alone, or behind its label.
          expect(line).toMatch(/^ *([A-Za-z]+ +)?\S{36,}$/);
        }
        const { stdout } = await runCommand(argv(name));
        expect(words(lines)).toEqual(words(stdout.split('\n')));
      }
    },
    60_000,
  );

  it('hangs what is broken below where it begins', async () => {
    const lines = await shown('tampered', 80);
    const below = (begin: string): string =>
      lines[lines.findIndex((line) => line.startsWith(begin)) + 1] ?? '';
    const [digests = '', logs = '', rest = ''] = lines.slice(
      lines.findIndex((line) => line.includes('us-east-1   ')),
    );
    expect(digests).toMatch(/^ {2}INVALID {4}111122223333 us-east-1 {5}11\/12 digest files \(1 I/);
    expect(logs).toBe(`${' '.repeat(40)}9/11 log files (1 INVALID, 1 MISSING,`);
    expect(rest).toBe(`${' '.repeat(40)}1 unvalidated besides)`);
    expect(below('    hint   look for deletions')).toMatch(/^ {11}ask for a later --start-time/);
    expect(below('INVALID: ')).toMatch(/^ {2}1 MISSING, /);
  });

  it('begins no line with what a bucket’s writer made look like one', async () => {
    const verdict = 'VALID: all that was asked for is proved.';
    const { log } = base();
    const { bucket, key } = log(4);
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    const before = `    at     s3://${bucket}/${folder}`.length;
    for (const name of [
      // As wide as the terminal, with what looks like blanks, and without.
      `x ${verdict.replaceAll(' ', '\u00a0').padEnd(80, '\u00a0')} y`,
      `x ${'VALID:'.padEnd(80, '_')} y`,
      // Where the terminal would break it.
      `${'x'.repeat(80 - (before % 80))}${verdict}`,
    ]) {
      const { builder, ...range } = base();
      builder.put(bucket, `${folder}${name}`, { body: Buffer.from('x') });
      const { sent } = await serving(builder, range, {}, (own) => atTerminal(own));
      const lines = shownOf(sent);
      expect(lines.join('\n')).toContain('VALID:');
      for (const line of lines) {
        expect(line).not.toMatch(/^ {0,3}VALID:[^ ]/);
        for (let at = 0; at < line.length; at += 80) {
          expect(line.slice(at), line).not.toMatch(/^ {0,3}VALID: /);
        }
      }
    }
  }, 60_000);

  it('has both ends of a short range over a narrow strip', async () => {
    expect(await shown('tampered', 40)).toContain(`${' '.repeat(16)}03-10 09:00  03-10 20:00`);
  });

  it('is ASCII where the locale is, errors and progress too', async () => {
    const env = { LC_ALL: 'C' };
    for (const name of ['intact', 'gap']) {
      const { sent } = await atTerminal(argv(name), { env });
      expect(sent).toMatch(/^\p{ASCII}+$/u);
      if (name === 'intact') expect(sent).toContain("CloudTrail's status could not be\r\nhad.");
    }
    const missing = [...argv('intact'), '--output', demo('no/such/place')];
    expect((await atTerminal(missing)).sent).toContain('can’t be written');
    expect((await atTerminal(missing, { env })).sent).toMatch(/^[^’]* can't be written/);
  });
});
