import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../src/cli/command-line.js';
import { COMMANDS } from '../src/cli/commands.js';
import { FINDINGS } from '../src/core/finding.js';
import { SETTINGS } from '../src/core/setting.js';
import { startEndpoint } from './support/loopback.js';
import { CREDENTIALS } from './support/run-command.js';
import { inTemp } from './support/shards.js';
import { TrailBuilder } from './support/trail-builder.js';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');

describe('README', () => {
  it('has every finding, in the table of its class, in the registry’s words', () => {
    const flat = readme.replaceAll(/ +/g, ' ');
    for (const [code, { explanation, honest }] of Object.entries(FINDINGS)) {
      expect(flat).toContain(`| \`${code}\` | ${explanation} | ${honest} |`);
    }
  });

  it('has every setting, in the words of its list', () => {
    const flat = readme.replaceAll(/ +/g, ' ');
    for (const [code, { explanation, honest }] of Object.entries(SETTINGS)) {
      expect(flat).toContain(`| \`${code}\` | ${explanation} | ${honest} |`);
    }
  });

  it('names only options that exist', async () => {
    const helps = await Promise.all(
      [['--help'], ...Object.keys(COMMANDS).map((name) => [name, '--help'])].map(parseArguments),
    );
    const known = helps.map((help) => (help.command === 'help' ? help.text : '')).join('\n');
    const ours = readme
      .split('\n')
      .filter((line) => !/npm|git /.test(line))
      .join('\n');
    for (const [option] of ours.matchAll(/--[a-z][a-z0-9-]+/g)) expect(known).toContain(option);
  });
});

describe('fixtures/demo/README.md', () => {
  it('its commands print what it says', async () => {
    const text = await readFile(new URL('../fixtures/demo/README.md', import.meta.url), 'utf8');
    const told = [...text.matchAll(/^```console\n(.*?)^```$/gms)]
      .map(([, block]) => block)
      .join('');
    // A command's further lines are indented below it.
    const commands = [...told.matchAll(/^\$ (.*\n(?: {2,4}(?:--|validate|done).*\n)*)/gm)];
    expect(commands.length).toBeGreaterThan(9);
    const script = commands
      .map(([whole, command = '']) => `cat <<'EOF'\n${whole}EOF\n${command}`)
      .join('');
    const endpoint = await startEndpoint(new TrailBuilder({ bucket: 'my-bucket' }).world);
    const printed = await inTemp(async (directory) => {
      const [programs, bin] = ['bin', '../bin/validate-trail.js'];
      await mkdir(join(directory, programs));
      await symlink(
        fileURLToPath(new URL(bin, import.meta.url)),
        join(directory, programs, 'validate-trail'),
      );
      await symlink(
        fileURLToPath(new URL('../fixtures', import.meta.url)),
        join(directory, 'fixtures'),
      );
      await writeFile(join(directory, 'script'), script);
      const child = spawn('bash', ['-c', 'exec bash script 2>&1'], {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...{ ...CREDENTIALS, AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: endpoint.url },
          PATH: [join(directory, programs), process.env['PATH'] ?? ''].join(delimiter),
        },
      });
      let output = '';
      for await (const data of child.stdout) output += String(data);
      return output;
    });
    await endpoint.close();
    const timeless = (one: string): string => one.replaceAll(/begun \S+Z/g, 'begun');
    expect(timeless(printed)).toBe(timeless(told));
  }, 120_000);

  it('upload.js says in a line why it can’t', () => {
    const script = fileURLToPath(new URL('../fixtures/demo/upload.js', import.meta.url));
    const endpoint = { AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' };
    const env = { PATH: process.env['PATH'], ...CREDENTIALS, ...endpoint };
    const ran = spawnSync(process.execPath, [script, 'intact', 'nobucket'], { env });
    expect([ran.status, ran.stdout.toString(), ran.stderr.toString()]).toEqual([
      ...[1, ''],
      'upload.js: 0 objects in s3://nobucket, then: connect ECONNREFUSED 127.0.0.1:9\n',
    ]);
  });
});
