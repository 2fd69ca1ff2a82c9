/** Shards run by real schedulers, Slurm and GNU parallel, where the machine has them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import type { Shard } from '../src/core/journal.js';
import { shardOf } from '../src/cli/shard.js';
import { FROM } from './support/lies.js';
import { CREDENTIALS, runCommand, runJson } from './support/run-command.js';
import { inTemp, partials, serving, timeless } from './support/shards.js';
import { startSlurm, type Slurm } from './support/slurm.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';

const run = promisify(execFile);
const bin = fileURLToPath(new URL('../bin/validate-trail.js', import.meta.url));
const SHARDS = 8;
const environment = { PATH: process.env['PATH'] ?? '', ...CREDENTIALS };

/** Six days of two Regions in eight shares, joined; and what is said where one was lost. */
async function eightShards(
  runAll: (argv: readonly string[], directory: string) => Promise<void>,
): Promise<void> {
  const builder = new TrailBuilder();
  for (const region of ['us-east-1', 'eu-west-1']) {
    const { digests } = builder.chain({ region, from: FROM, hours: 150 });
    const [altered, removed] = [digests[20]?.logs[0], digests[120]];
    if (altered) builder.put(altered.bucket, altered.key, { body: Buffer.from('no') });
    if (removed) builder.remove(removed);
  }
  const range = { start: FROM + HOUR, end: FROM + 150 * HOUR };
  await serving(builder, range, {}, (argv) =>
    inTemp(async (directory) => {
      const single = await runJson(argv);
      expect(single.status).toBe(1);
      await runAll([bin, ...argv], directory);
      const files = partials(directory, SHARDS);
      const merged = await runJson(['merge', ...files]);
      expect(timeless(merged.report)).toEqual(timeless(single.report));
      expect(merged.status).toBe(1);
      const lost = await runCommand(['merge', ...files.filter((_, at) => at !== 4)]);
      expect([lost.status, lost.stderr]).toEqual([
        2,
        expect.stringContaining(`shard 5/${SHARDS} is missing`),
      ]);
    }),
  );
}

const parallel = await run('parallel', ['--version']).then(
  ({ stdout }) => stdout.startsWith('GNU parallel'),
  () => false,
);
if (!parallel) console.warn('skipped: GNU parallel is not on the PATH');

describe.skipIf(!parallel)('GNU parallel', () => {
  it('runs eight shards, whose merge is the single run', async () => {
    await eightShards(async (argv, directory) => {
      const shard = ['--shard', `{}/${SHARDS}`, '--partial', join(directory, 'part-{}.jsonl')];
      const all = Array.from({ length: SHARDS }, (_, at) => String(at + 1));
      const job = [process.execPath, ...argv, ...shard, '--quiet'];
      await run('parallel', ['-j', '2', '--halt', 'now,fail=1', ...job, ':::', ...all], {
        env: environment,
      });
    });
  }, 120_000);
});

const started = await startSlurm();
const absent = typeof started === 'string' ? started : undefined;
if (absent !== undefined) console.warn(`skipped: ${absent}`);

describe.skipIf(absent !== undefined)('a Slurm array', () => {
  const slurm = started as Slurm;
  afterAll(() => slurm.stop());

  /** Runs an array to its end and gives the environment of each task, by its ID. */
  async function environments(
    array: string,
    ids: readonly number[],
  ): Promise<Record<string, string>[]> {
    const output = join(slurm.directory, `env-${array.replaceAll(/\W/g, '-')}-%a`);
    await slurm.command(
      'sbatch',
      ...['--wait', '--array', array, '--output', output, '--wrap', 'env'],
    );
    return Promise.all(
      ids.map(async (id) => {
        const text = await readFile(output.replace('%a', String(id)), 'utf8');
        const pairs = text.split('\n').map((line) => /^(\w+)=(.*)$/.exec(line));
        return Object.fromEntries(
          pairs.flatMap((one): [string, string][] => (one ? [[one[1] ?? '', one[2] ?? '']] : [])),
        );
      }),
    );
  }

  it('runs eight shards, whose merge is the single run', async () => {
    await eightShards(async (argv, directory) => {
      const variables = Object.entries(environment).map(([name, value]) => `${name}='${value}'`);
      const partial = join(directory, 'part-$SLURM_ARRAY_TASK_ID.jsonl');
      const job = [...variables, process.execPath, ...argv, '--shard', 'auto', '--quiet'].join(' ');
      const output = join(directory, 'out-%a');
      await slurm.command(
        'sbatch',
        ...['--wait', '--array', `1-${SHARDS}`, '--output', output],
        ...['--wrap', `${job} --partial "${partial}"`],
      );
    });
  }, 120_000);

  it.each([
    ['0-3', [0, 1, 2, 3]],
    ['1-4%2', [1, 2, 3, 4]],
    ['0-30:10', [0, 10, 20, 30]],
  ])('of four tasks, %s: four shares, once each', async (array, ids) => {
    const shares = (await environments(array, ids)).map((env) => shardOf('auto', env));
    const all = [1, 2, 3, 4].map((index): Shard => ({ index, total: 4 }));
    expect(shares).toEqual(all);
  });

  it.each([
    ['3,9', [3, 9]],
    ['1', [1]],
    ['7-8', [7, 8]],
  ])('of tasks that are started again, %s: refused', async (array, ids) => {
    for (const env of await environments(array, ids)) {
      expect(env['SLURM_ARRAY_TASK_ID']).toBeDefined();
      expect(() => shardOf('auto', env)).toThrow('give --shard I/N');
    }
  });
});
