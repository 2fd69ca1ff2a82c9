/** `validate-trail completion`, as shells use it. */
import { spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../src/cli/command-line.js';
import { COMMANDS } from '../src/cli/commands.js';
import { complete } from '../src/cli/completion.js';
import { CODES } from '../src/core/finding.js';
import { REGIONS } from '../src/core/regions.js';
import { FORMATS } from '../src/report/format-names.js';
import { runCommand } from './support/run-command.js';
import { inTemp } from './support/shards.js';

const words = (...given: string[]): Promise<string[]> => complete(['validate-trail', ...given]);

/** Runs a script in a shell that has the command on its path, in a folder with two files. */
async function inShell(shell: string, script: string): Promise<string> {
  return inTemp(async (directory) => {
    await mkdir(join(directory, 'bin'));
    const bin = fileURLToPath(new URL('../bin/validate-trail.js', import.meta.url));
    await symlink(bin, join(directory, 'bin', 'validate-trail'));
    await writeFile(join(directory, 'part-1.jsonl'), '');
    const { stdout, stderr } = spawnSync(shell, ['-c', script], {
      cwd: directory,
      encoding: 'utf8',
      env: {
        ...{ PATH: [join(directory, 'bin'), process.env['PATH']].join(delimiter), HOME: directory },
        // The login shell is another one than the one that asks.
        SHELL: shell === 'bash' ? '/bin/zsh' : '/bin/bash',
      },
    });
    expect(stderr).toBe('');
    return stdout;
  });
}

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

describe('what may follow', () => {
  it('are commands and options at first, each option once unless it may be repeated', async () => {
    const first = await words('');
    expect(first).toEqual(expect.arrayContaining([...Object.keys(COMMANDS), '--trail-arn']));
    expect(await words('m')).toEqual(['merge']);
    expect(await words('--retention', '9', '--re')).not.toContain('--retention');
    expect(await words('--region', 'us-east-1', '--reg')).toEqual(['--region']);
    expect(await words('--region=us-east-1', '--quiet', '--qui')).toEqual([]);
  });

  it('are the options of a command after its name, every one that its help has', async () => {
    for (const name of Object.keys(COMMANDS)) {
      const help = await parseArguments([name, '--help']);
      const told = help.command === 'help' ? help.text : '';
      const options = [...told.matchAll(/^ {2}(--[a-z0-9-]+) .*/gm)].map(([, option]) => option);
      expect((await words(name, '--')).sort()).toEqual([...new Set(options)].sort());
    }
    expect(await words('merge', '--shard')).toEqual([]);
  });

  it('are values where a few are known, and files anywhere else', async () => {
    expect(await words('--format', '')).toEqual(FORMATS);
    expect(await words('--format', 'js')).toEqual(['json']);
    expect(await words('--format', '=')).toEqual(FORMATS);
    expect(await words('--format', '=', 'nd')).toEqual(['ndjson']);
    expect(await words('--format=nd')).toEqual(['--format=ndjson']);
    expect(await words('--report', 'ht')).toEqual(['html=']);
    expect(await words('--region', '')).toEqual(REGIONS);
    expect(await words('--explain', 'LOG_M')).toEqual(CODES.filter((one) => /^LOG_M/.test(one)));
    expect(await words('--explain', 'VERS')).toEqual(['VERSIONING_OFF']);
    expect(await words('completion', '')).toEqual(['bash', 'zsh']);
    for (const files of [
      ['--output', ''],
      ['--report', 'html', '='],
      ['--report', 'html', '=', 'x'],
      ['merge', ''],
      ['merge', 'part-1.jsonl', 'pa'],
    ]) {
      expect(await words(...files)).toEqual([]);
    }
  });
});

describe('validate-trail completion', () => {
  it('knows its shells, and is in the help with all commands', async () => {
    const { status, stderr } = await runCommand(['completion', 'fish']);
    expect(status).toBe(2);
    expect(stderr).toContain('validate-trail: error: fish is not bash or zsh\n');
    const help = await parseArguments(['--help']);
    const told = help.command === 'help' ? help.text : '';
    for (const [name, { about }] of Object.entries(COMMANDS)) {
      expect(told).toMatch(new RegExp(`^  ${name} +${about}$`, 'm'));
    }
    for (const name of ['', ...Object.keys(COMMANDS)]) {
      const { stdout } = await runCommand([name, '--help'].filter((word) => word !== ''));
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    }
    expect((await runCommand(['completio'])).stderr).toContain(
      'did you mean validate-trail completion?',
    );
  });

  it.skipIf(!has('bash'))('completes in bash', async () => {
    const printed = await inShell(
      'bash',
      `source <(validate-trail completion bash)
       complete -p validate-trail
       try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
         _validate_trail validate-trail 2>/dev/null; echo "\${COMPREPLY[*]}"; }
       try validate-trail --format j
       try validate-trail --format =
       try validate-trail --region eu-w
       try validate-trail merge --pro
       try validate-trail --output ''
       try validate-trail --explain CHAIN_T`,
    );
    expect(printed.split('\n')).toEqual([
      'complete -o bashdefault -o default -F _validate_trail validate-trail',
      ...['json junit', FORMATS.join(' '), 'eu-west-1 eu-west-2 eu-west-3'],
      ...['--profile', '', 'CHAIN_TAIL_CUT', ''],
    ]);
  });

  it.skipIf(!has('zsh'))('completes in zsh', async () => {
    const printed = await inShell(
      'zsh',
      `autoload -U compinit && compinit -u -d dump
       source <(validate-trail completion zsh)
       print $_comps[validate-trail]
       _describe() { print -l -- "\${(@P)2}" }
       compadd() { print -- "$@" }
       compset() { print compset "$@" }
       _files() { print files }
       try() { words=("$@"); CURRENT=$#; _validate_trail }
       try validate-trail --format=js
       try validate-trail --report ht
       try validate-trail merge --pro
       try validate-trail --output ''`,
    );
    expect(printed.split('\n')).toEqual([
      ...['_validate_trail', '--format=json', '-S  -- html='],
      ...['--profile:profile of the shared AWS files [default: $AWS_PROFILE]'],
      ...['compset -P *=', 'files', ''],
    ]);
  });
});
