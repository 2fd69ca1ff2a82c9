/** What a real Slurm sets for an array, and what `--shard auto` makes of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Shard } from '../src/core/journal.js';
import { shardOf } from '../src/cli/shard.js';
import { startSlurm, type Slurm } from './support/slurm.js';

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
