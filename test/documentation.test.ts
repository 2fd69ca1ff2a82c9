import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../src/cli/command-line.js';
import { FINDINGS } from '../src/core/finding.js';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');

describe('README', () => {
  it('has every finding, in the table of its class, in the registry’s words', () => {
    const flat = readme.replaceAll(/ +/g, ' ');
    for (const [code, { explanation, honest }] of Object.entries(FINDINGS)) {
      expect(flat).toContain(`| \`${code}\` | ${explanation} | ${honest} |`);
    }
  });

  it('names only options that exist', async () => {
    const helps = [await parseArguments(['--help']), await parseArguments(['merge', '--help'])];
    const known = helps.map((help) => (help.command === 'help' ? help.text : '')).join('\n');
    const ours = readme
      .split('\n')
      .filter((line) => !/npm|git /.test(line))
      .join('\n');
    for (const [option] of ours.matchAll(/--[a-z][a-z0-9-]+/g)) expect(known).toContain(option);
  });
});
