/** docs/scale.md: manifests that parse, options that exist, figures that follow from each other. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../src/cli/command-line.js';
import { shardOf } from '../src/cli/shard.js';
import {
  CORE_SECONDS,
  PAGE,
  priceOf,
  PRICES,
  workOut,
  type Counted,
} from '../src/core/estimate.js';
import type { Report } from '../src/core/report.js';
import { daysOf, stretchesOf } from '../src/runner/estimate-count.js';
import { FROM } from './support/lies.js';
import type { Endpoint } from './support/loopback.js';
import { CREDENTIALS, runCommand } from './support/run-command.js';
import { inTemp, serving } from './support/shards.js';
import { DAY, HOUR, iso, TrailBuilder } from './support/trail-builder.js';

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
  ...page.replaceAll(/\\\n\s*/g, '').matchAll(/(?:^ *|run: |`)validate-trail (?:merge|--)[^\n]*/gm),
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
    expect(of('json', 'yaml', 'bash', 'dockerfile')).toHaveLength(blocks.length);
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

  it.each(of('dockerfile'))('$name has what the manifests run', ({ text }) => {
    const instructions = text
      .replaceAll(/\\\n\s*/g, '')
      .trim()
      .split('\n')
      .map((line) => /^([A-Z]+) (.+)$/.exec(line)?.slice(1) ?? [line]);
    expect(instructions.map(([name]) => name)).toEqual(
      ['FROM', 'RUN', 'WORKDIR', 'COPY', 'RUN', 'USER'], // prettier-ignore
    );
    for (const [name, shell] of instructions) {
      if (name === 'RUN') expect(spawnSync('sh', ['-n'], { input: shell }).status).toBe(0);
    }
    expect(text).toContain('WORKDIR /app\n');
    const run = new Set([...page.matchAll(/\/app\/([a-z.]+)/g)].map(([, script]) => script));
    expect([...run].sort()).toEqual(['merge.sh', 'share.sh']);
    for (const script of run) expect(text).toMatch(new RegExp(`chmod \\+x .*\\b${script}`));
  });

  it('gives a share of one CPU no threads', () => {
    const shares = commands.filter(
      ([text]) => /--(?:shard|partial) /.test(text) && !text.startsWith('`'),
    );
    expect(shares).toHaveLength(4);
    // GitHub's machines have more.
    const with4 = shares.filter(([text]) => text.includes('--max-duration'));
    expect(with4).toHaveLength(1);
    for (const [text] of shares) {
      expect([text, text.includes('--threads 0')]).toEqual([
        text,
        !with4.some(([o]) => o === text),
      ]);
    }
  });

  it('says once what a partial is, and has no other word for it', () => {
    expect(page.match(/journal/gi)).toHaveLength(1);
  });

  it('installs what it names before a workflow runs it', () => {
    expect(page).not.toContain('npx validate-trail');
    const workflow = of('yaml').find(({ text }) => text.includes('workflow_dispatch'))?.text ?? '';
    for (const job of workflow.split(/^ {2}(?=\w+:\n)/m).slice(2)) {
      expect(job).toMatch(
        /actions\/checkout[^]*ref: COMMIT\n[^]*npm ci && npm link\n[^]*validate-trail /,
      );
    }
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
    // One number, which the array and its tasks are given by name.
    expect(page.match(/VALIDATE_TRAIL_SHARDS=\d+/g)).toHaveLength(1);
    expect(page).toContain('sbatch --parsable --array="1-$VALIDATE_TRAIL_SHARDS" shares.sh');
    expect(page).not.toContain('#SBATCH --array');
  });

  it('Kubernetes: retries are a share’s own, which an indexed Job that restarts no pod may have', () => {
    const shares = of('yaml').find(({ text }) => text.includes('completions:'))?.text ?? '';
    expect(shares).toMatch(/^ {2}completionMode: Indexed$/m);
    expect(shares).toMatch(/^ {6}restartPolicy: Never$/m);
    expect(shares).toMatch(/^ {2}backoffLimitPerIndex: \d+$/m);
    expect(shares).not.toMatch(/^ +backoffLimit:/m);
  });

  it('AWS Batch and Step Functions: a verdict is not tried again', () => {
    const verdicts = ['1', '3'];
    const submitted = /--retry-strategy '(\{[^']*\})'/.exec(page)?.[1] ?? '{}';
    expect(JSON.parse(submitted)).toMatchObject({
      evaluateOnExit: verdicts.map((onExitCode) => ({ onExitCode, action: 'EXIT' })),
    });
    const machine = of('json').find(({ text }) => text.includes('StartAt'))?.text ?? '{}';
    const { Merge } = (JSON.parse(machine) as { States: Record<string, object> }).States;
    expect(Merge).toMatchObject({
      Parameters: {
        RetryStrategy: {
          EvaluateOnExit: verdicts.map((OnExitCode) => ({ OnExitCode, Action: 'EXIT' })),
        },
      },
    });
  });

  it('every merge may be told how old partials may be, and GitHub keeps its report', () => {
    const merges = commands.filter(([text]) => /validate-trail merge [^F]/.test(text));
    expect(merges).toHaveLength(4);
    for (const [text] of merges) expect(text).toMatch(/--max-age "\$\{+ ?\S*MAX_AGE\b.*2d/);
    expect(page).toMatch(
      /--output report\.json\n {6}- uses: actions\/upload-artifact[^]*path: report/,
    );
  });

  it('the image is built without what a clone leaves behind', async () => {
    const text = await readFile(new URL('../.dockerignore', import.meta.url), 'utf8');
    const left = text.trim().split('\n');
    for (const name of ['.git', 'node_modules', 'dist', '*.partial']) expect(left).toContain(name);
    for (const name of ['bin', 'src', 'package.json', 'package-lock.json', 'tsconfig.json']) {
      expect(left).not.toContain(name);
    }
  });

  it('its figures for --estimate itself follow from what that one lists', () => {
    const range = { start: Date.UTC(2025, 0) / 1000, end: Date.UTC(2026, 0) / 1000 };
    const { oldest, newest, reachesBefore } = daysOf(range, range.end + 30 * DAY);
    const assumed = table('assumption');
    const number = (name: string): number =>
      Number((assumed.get(name)?.[0] ?? '').replaceAll(/,| ms/g, ''));
    const levels = (assumed.get('log files a chain and hour')?.[0] ?? '').split(', ').map(Number);
    const made = levels.map((hourly) => {
      // The day after the range, and the day before it for log files alone.
      let lists = 1 + (reachesBefore ? 1 : 0);
      for (const { days } of stretchesOf(oldest, newest)) {
        for (const names of [1, hourly]) lists += Math.ceil((names * 24 * days.length) / PAGE);
      }
      return number('chains') * lists + number('requests to find all sources');
    });
    const inWords = (told: readonly string[]): string =>
      `${told.slice(0, 2).join(', ')} and ${told[2] ?? ''}`;
    const own = page.slice(page.indexOf('`--estimate` itself lists')).replaceAll(/\s+/g, ' ');
    expect(own).toContain(`${inWords(made.map(whole))} LIST requests`);
    const usd = made.map((list) => `$${priceOf({ list, get: 0 }).toFixed(2)}`);
    expect(own).toContain(inWords(usd));
    const seconds = number('latency of a request') / 1000 / 16;
    expect(own).toContain(`${inWords(made.map((list) => whole((list * seconds) / 60)))} minutes`);
    const hours = [...table('level').values()].map((cells) =>
      Math.round(parseFloat(cells[8] ?? '')),
    );
    expect(page.replaceAll(/\s+/g, ' ')).toContain(`${hours[0] ?? ''} to ${hours[2] ?? ''} hours`);
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

    const disk = table('what');
    const [fixed = NaN, perFile = NaN] = [
      ...(disk.get('partial, a chain and day')?.[0] ?? '').matchAll(/\d[\d,]*/g),
    ].map(([text]) => Number(text.replace(',', '')));
    const gigabytes = values('log files a chain and hour').map(
      (files) => (chains * value('days') * (fixed + perFile * files * 24)) / 1e9,
    );
    const inWords = (divisor: number): string =>
      `${gigabytes.map((one) => (one / divisor).toPrecision(2)).join(', ')} GB`;
    expect(disk.get('partials of the year')?.[0]).toBe(inWords(1));
    expect(disk.get('partial of a share of 100')?.[0]).toBe(inWords(100));
  });

  it('its size of a partial is what a share writes', async () => {
    const [fixed = 0, perFile = 0] = [
      ...(table('what').get('partial, a chain and day')?.[0] ?? '').matchAll(/\d[\d,]*/g),
    ].map(([text]) => Number(text.replace(',', '')));
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 74, logsPerHour: 5, logBytes: 400 });
    const range = { start: FROM + HOUR, end: FROM + 3 * DAY };
    await serving(builder, range, {}, (argv) =>
      inTemp(async (directory) => {
        const partial = join(directory, 'whole');
        await runCommand([...argv, '--shard', '1/1', '--partial', partial]);
        const days = (await readFile(partial, 'utf8'))
          .split('\n')
          .filter((l) => l.includes('"valid":24'));
        expect(days.length).toBeGreaterThan(1);
        const told = fixed + perFile * 120;
        for (const { length } of days) expect(Math.abs(length / told - 1)).toBeLessThan(0.1);
      }),
    );
  });
});

/** What stands in for the programs that the scripts call: files in a directory for S3, no waiting. */
const FAKES = {
  aws: `[[ ! -e $FAKE_S3/down ]] || exit 1
shift 2
include= paths=()
while (($#)); do
  case $1 in
    --exclude) shift ;;
    --include) shift; include=$1 ;;
    --*) ;;
    s3://results*) paths+=("$FAKE_S3\${1#s3://results}") ;;
    *) paths+=("$1") ;;
  esac
  shift
done
[[ -n $include ]] || { cp "\${paths[@]}"; exit; }
for file in "\${paths[0]}"/$include; do
  [[ ! -e $file ]] || cp "$file" "\${paths[1]}"
done`,
  sleep: 'exec /bin/sleep 0.02',
  'validate-trail': `exec '${process.execPath}' '${fileURLToPath(new URL('../bin/validate-trail.js', import.meta.url))}' "$@"`,
};

interface Stage {
  readonly directory: string;
  /** What lies in S3: names, and a file's text. */
  stored: () => Promise<string[]>;
  read: (name: string) => Promise<string>;
  /** Starts the page's script that holds a text. */
  start: (
    holds: string,
    argv?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ) => {
    ended: Promise<{ status: number | null; output: string }>;
    kill: (how: NodeJS.Signals) => void;
  };
}

/** Lays the fakes out, and others in their place. */
async function onStage<T>(
  others: Readonly<Record<string, string>>,
  task: (stage: Stage) => Promise<T>,
): Promise<T> {
  return inTemp(async (directory) => {
    const [programs, store] = [join(directory, 'bin'), join(directory, 's3')];
    await mkdir(programs);
    await mkdir(store);
    for (const [name, text] of Object.entries({ ...FAKES, ...others })) {
      await writeFile(join(programs, name), `#!/usr/bin/env bash\n${text}\n`);
      await chmod(join(programs, name), 0o755);
    }
    return task({
      directory,
      stored: async () => (await readdir(store)).sort(),
      read: (name) => readFile(join(store, name), 'utf8'),
      start: (holds, argv = [], env = {}) => {
        const script = of('bash').find(({ text }) => text.includes(holds))?.text ?? 'exit 99';
        const child = spawn('bash', ['-c', script, 'script', ...argv], {
          cwd: directory,
          // A socket as stdin would make bash read the user's own files.
          stdio: ['ignore', 'pipe', 'pipe'],
          env: {
            ...CREDENTIALS,
            ...{ PATH: [programs, process.env['PATH'] ?? ''].join(delimiter), TMPDIR: directory },
            ...{ FAKE_S3: store, RESULTS: 's3://results', ...env },
          },
        });
        let output = '';
        for (const stream of [child.stdout, child.stderr]) {
          stream.on('data', (data: Buffer) => (output += data.toString()));
        }
        const ended = once(child, 'close').then(([status]) => ({
          status: status as number | null,
          output,
        }));
        return { ended, kill: (how) => child.kill(how) };
      },
    });
  });
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20);
}

const SHARE = '--partial "$partial"';
const MERGE = 'work/report.json';

describe('share.sh and merge.sh of docs/scale.md', () => {
  const builder = new TrailBuilder();
  builder.chain({ from: FROM, hours: 98, logsPerHour: 2, logBytes: 400 });
  const range = { start: FROM + HOUR, end: FROM + 97 * HOUR };
  const onTrail = (
    task: (stage: Stage, env: Record<string, string>, endpoint: Endpoint) => Promise<void>,
  ) =>
    serving(builder, range, {}, (_, endpoint) =>
      onStage({}, (stage) => {
        const env = {
          ...{ AWS_ENDPOINT_URL: endpoint.url, TRAIL_ARN: builder.trail.TrailARN },
          ...{ START: iso(range.start), END: iso(range.end), JOB_COMPLETIONS: '2' },
        };
        return task(stage, env, endpoint);
      }),
    );
  const share = (index: number) => ({ JOB_COMPLETION_INDEX: String(index) });

  it('begin anew, once, where a partial is refused, keep it aside, and come to a report', () =>
    onTrail(async ({ start, stored, read, directory }, env) => {
      for (const index of [0, 1]) {
        const { status, output } = await start(SHARE, [String(index)], { ...env, ...share(index) })
          .ended;
        expect([status, output]).toEqual([0, expect.stringContaining(`shard ${index + 1}/2:`)]);
      }
      expect(await stored()).toEqual(['0.partial', '1.partial']);
      const whole = await read('0.partial');
      const damaged = whole.replace('"trail":', '"trial":');
      await writeFile(join(directory, 's3', '0.partial'), damaged);
      const again = await start(SHARE, ['0'], { ...env, ...share(0) }).ended;
      expect([again.status, again.output]).toEqual([
        0,
        expect.stringContaining('is damaged at line 1'),
      ]);
      expect(await stored()).toEqual(['0.partial', '0.refused', '1.partial']);
      expect(await read('0.refused')).toBe(damaged);
      expect((await read('0.partial')).split('\n')).toHaveLength(whole.split('\n').length);
      const merged = await start(MERGE, [], env).ended;
      expect([merged.status, merged.output]).toEqual([0, '']);
      expect((JSON.parse(await read('report.json')) as Report).verdict).toBe('valid');
      const old = await start(MERGE, [], { ...env, MAX_AGE: '1s' }).ended;
      expect([old.status, old.output]).toEqual([2, expect.stringContaining('was begun at')]);
    }));

  it('the merge’s own statuses are kept, and what fails beside it ends with 2', () =>
    onStage(
      {
        'validate-trail':
          'while (($#)); do [[ $1 != --output ]] || echo {} >"$2"; shift; done; exit "$VERDICT"',
      },
      async ({ start, stored, directory }) => {
        for (const VERDICT of ['0', '1', '3']) {
          const { status } = await start(MERGE, [], { VERDICT }).ended;
          expect([String(status), await stored()]).toEqual([VERDICT, ['report.json']]);
        }
        await writeFile(join(directory, 's3', 'down'), '');
        expect((await start(MERGE, [], { VERDICT: '0' }).ended).status).toBe(2);
      },
    ));

  it('upload what is there when they are told to end, and go on from it', () =>
    onTrail(async ({ start, read }, env, endpoint) => {
      const whole = { ...env, SHARD: '1/1' };
      endpoint.set({ latencyMs: 150 });
      const first = start(SHARE, ['0'], whole);
      await until(() => (endpoint.requests.get('GetObject') ?? 0) > 100);
      first.kill('SIGTERM');
      expect((await first.ended).status).toBe(130);
      const partial = await read('0.partial');
      expect(partial).toContain('"day"');
      expect(partial).not.toContain('{"end":true}');
      endpoint.set({});
      expect((await start(SHARE, ['0'], whole).ended).status).toBe(0);
      const ended = await read('0.partial');
      expect(ended.startsWith(partial) && ended.includes('{"end":true}')).toBe(true);
    }));

  it('leave what lies in S3 where nothing could be run, and run nothing where S3 can’t be asked', () =>
    onStage(
      {
        'validate-trail':
          'echo run >&2; while (($#)); do [[ $1 != --partial ]] || echo new >"$2"; shift; done; exit 2',
      },
      async ({ start, stored, read, directory }) => {
        await writeFile(join(directory, 's3', 'a.partial'), 'old');
        const env = { TRAIL_ARN: '', START: '', END: '' };
        expect(await start(SHARE, ['a'], env).ended).toEqual({ status: 2, output: 'run\nrun\n' });
        expect([await read('a.partial'), await stored()]).toEqual([
          'old',
          ['a.partial', 'a.refused'],
        ]);
        await writeFile(join(directory, 's3', 'down'), '');
        expect(await start(SHARE, ['a'], env).ended).toEqual({ status: 1, output: '' });
      },
    ));

  it('upload while they run, for the end that nobody is told of', () =>
    onStage(
      {
        'validate-trail':
          'while (($#)); do [[ $1 != --partial ]] || echo some >"$2"; shift; done; exec /bin/sleep 30',
      },
      async ({ start, stored }) => {
        const { kill, ended } = start(SHARE, ['a'], { TRAIL_ARN: '', START: '', END: '' });
        await until(async () => (await stored()).includes('a.partial'));
        kill('SIGTERM');
        await ended;
      },
    ));
});

describe('the other scripts of docs/scale.md', () => {
  it.each([
    ['3 0', 0, 2],
    ['3 3 3', 3, 3],
    ['2', 2, 1],
  ])('a Slurm task of statuses %s ends with %i, after %i tries', (statuses, status, tries) =>
    onStage(
      { 'validate-trail': `echo "$@" >>calls; s=(${statuses}); exit "\${s[$(wc -l <calls) - 1]}"` },
      async ({ start, directory }) => {
        const env = { SLURM_SUBMIT_DIR: directory, SLURM_ARRAY_TASK_ID: '7', TRAIL_ARN: 'arn' };
        expect((await start('#SBATCH --requeue', [], env).ended).status).toBe(1);
        const own = { ...env, VALIDATE_TRAIL_SHARDS: '100' };
        expect((await start('#SBATCH --requeue', [], own).ended).status).toBe(status);
        const calls = await readFile(join(directory, 'calls'), 'utf8');
        expect(calls.trim().split('\n')).toHaveLength(tries);
        expect(calls).toContain(`--partial ${directory}/parts/7.partial`);
      },
    ),
  );

  it('Slurm’s jobs say how long they may take, and the merge waits for whatever end', () => {
    const scripts = of('bash').filter(({ text }) => text.includes('#SBATCH'));
    expect(scripts).toHaveLength(2);
    for (const { text } of scripts) expect(text).toMatch(/^#SBATCH --time=/m);
    expect(page).toMatch(
      /^export TRAIL_ARN=.*\n#.*\nexport VALIDATE.*\nshares=.*sbatch.*\nsbatch --dependency="afterany:/m,
    );
  });

  it.each([
    ['SuccessCriteriaMet Complete', 0, ['shares.yaml', 'merge.yaml']],
    ['FailureTarget Failed', 1, ['shares.yaml']],
  ])('Kubernetes: a job that comes to %s', (conditions, status, applied) =>
    onStage(
      {
        kubectl: `[[ $1 != apply ]] || { echo "$3" >>applied; exit; }
echo . >>asked
case $(wc -l <asked) in 1) exit 1 ;; 2) ;; 3) echo '\${conditions% *}' ;; *) echo '${conditions}' ;; esac`.replace(
          '${conditions% *}',
          conditions.split(' ')[0] ?? '',
        ),
      },
      async ({ start, directory }) => {
        expect((await start('kubectl get').ended).status).toBe(status);
        const names = await readFile(join(directory, 'applied'), 'utf8');
        expect(names.trim().split('\n')).toEqual(applied);
      },
    ),
  );
});
