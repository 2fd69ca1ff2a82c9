/** docs/scale.md: manifests that parse, options that exist, figures that follow from each other. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../src/cli/command-line.js';
import { shardOf } from '../src/cli/shard.js';
import { CORE_SECONDS, PRICES, workOut, type Counted } from '../src/core/estimate.js';

const page = await readFile(new URL('../docs/scale.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text], number) => ({
  name: `${language ?? ''} ${number}`,
  language,
  text: text ?? '',
}));
const of = (...languages: string[]) =>
  blocks.filter(({ language }) => languages.includes(language ?? ''));

/** What the page runs of ours: each command up to its end. */
const commands = [
  ...page.replaceAll(/\\\n\s*/g, '').matchAll(/(?:^ *|npx |`)validate-trail (?:merge|--)[^\n]*/gm),
];

/** A table's rows by their first cell. */
function table(head: string): Map<string, string[]> {
  const lines = page.split('\n');
  const from = lines.findIndex((line) => line.startsWith(`| ${head}`));
  const rows = lines.slice(from + 2);
  const cells = rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  return new Map(cells.map(([name = '', ...rest]) => [name, rest]));
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

describe('docs/scale.md', () => {
  it('has a block for each scheduler, in languages that are checked here', () => {
    expect(blocks.length).toBeGreaterThan(10);
    expect(of('json', 'yaml', 'bash')).toHaveLength(blocks.length);
  });

  it.each(of('json'))('$name parses', ({ text }) => {
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  it.each(of('yaml'))('$name parses', async ({ text }) => {
    await expect(format(text, { parser: 'yaml' })).resolves.toContain(':');
  });

  it.each(of('bash'))('$name passes bash -n', ({ text }) => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('names only options that exist', async () => {
    const help = await parseArguments(['--help']);
    const known = help.command === 'help' ? help.text : '';
    expect(commands.length).toBeGreaterThan(8);
    for (const [command] of commands) {
      for (const [option] of command.matchAll(/--[a-z][a-z0-9-]+/g)) {
        expect([option, new RegExp(`${option}\\b`).test(known)]).toEqual([option, true]);
      }
    }
  });

  it('its Kubernetes and GitHub variables are those that --shard auto reads', () => {
    const kubernetes = /name: (JOB_COMPLETIONS), value: '(\d+)'/.exec(page) ?? [];
    expect(page).toContain(`completions: ${kubernetes[2] ?? '?'}\n`);
    const environment = { JOB_COMPLETION_INDEX: '99', [kubernetes[1] ?? '']: kubernetes[2] };
    expect(shardOf('auto', environment)).toEqual({ index: 100, total: 100 });
    const [index = '', total = ''] = [
      ...page.matchAll(/^ +(\w+): \$\{\{ strategy\.job-\w+ \}\}$/gm),
    ]
      .map(([, name]) => name)
      .filter((name) => name !== undefined);
    expect(shardOf('auto', { [index]: '0', [total]: '10' })).toEqual({ index: 1, total: 10 });
    const slurm = /VALIDATE_TRAIL_SHARDS=(\d+)/.exec(page)?.[1] ?? '?';
    expect(page).toContain(`#SBATCH --array=1-${slurm}\n`);
  });

  it('its figures follow from its assumptions, by the formula of --estimate', () => {
    const assumed = table('assumption');
    const values = (name: string): number[] =>
      (assumed.get(name)?.[0] ?? '')
        .split(', ')
        .map((text) => Number(text.replace(/,|\$| ms/g, '')));
    const value = (name: string): number => values(name)[0] ?? NaN;
    const chains = Number((assumed.get('chains')?.[0] ?? '').replace(',', ''));
    const hours = chains * value('days') * 24;
    expect(value('one core, a request') / 1000).toBe(CORE_SECONDS.perRequest);
    expect(assumed.get('one core, a compressed megabyte')?.[0]).toBe('1/30 s');
    expect(CORE_SECONDS.perMegabyte).toBe(1 / 30);
    expect(value('LIST, a thousand')).toBe(PRICES.listPerThousand);
    expect(value('GET, a thousand')).toBe(PRICES.getPerThousand);
    const sizes = (assumed.get('bytes of a log file')?.[0] ?? '')
      .split(', ')
      .map((text) => Number(text.replace(',', '')));
    const told = table('level');
    const rows = ['quiet', 'usual', 'busy'].map((level, at): [string, string[]] => {
      const files = hours * (values('log files a chain and hour')[at] ?? NaN);
      const digests = hours * value('digest files a chain and hour');
      const counted: Counted = {
        sources: chains,
        days: value('days'),
        digestFiles: { files: digests, bytes: digests * 2000 },
        logFiles: { files, bytes: files * (sizes[at] ?? NaN) },
        contextFiles: 0,
        planning: { list: value('requests to find all sources'), get: 0 },
        listing: chains * value('days') * value('LIST requests a chain and day'),
        latencySeconds: value('latency of a request') / 1000,
        concurrency: value('requests at the same time'),
      };
      const { run, shards } = workOut(counted);
      const hundred = shards.find((one) => one.shards === 100);
      const inHours = (seconds: number): string => `${(seconds / 3600).toFixed(1)} h`;
      return [
        level,
        [
          whole(digests),
          whole(files),
          `${whole((counted.digestFiles.bytes + counted.logFiles.bytes) / 1e9)} GB`,
          whole(hundred?.requests.list ?? NaN),
          whole(hundred?.requests.get ?? NaN),
          `$${whole(hundred?.usd ?? NaN)}`,
          inHours(run.coreSeconds),
          inHours(run.networkSeconds),
          inHours(run.seconds),
          `${((hundred?.seconds ?? NaN) / 60).toFixed(0)} min`,
        ],
      ];
    });
    expect(told).toEqual(new Map(rows));
  });
});
