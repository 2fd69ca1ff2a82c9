import { describe, expect, it } from 'vitest';
import { shardOf } from '../../src/cli/shard.js';
import { UsageError } from '../../src/cli/usage-error.js';

const BATCH = { AWS_BATCH_JOB_ARRAY_INDEX: '0', AWS_BATCH_JOB_ARRAY_SIZE: '100' };
const slurm = (id: number, min: number, max: number, step = 1, count?: number) => ({
  SLURM_ARRAY_TASK_ID: String(id),
  SLURM_ARRAY_TASK_MIN: String(min),
  SLURM_ARRAY_TASK_MAX: String(max),
  SLURM_ARRAY_TASK_STEP: String(step),
  SLURM_ARRAY_TASK_COUNT: String(count ?? Math.floor((max - min) / step) + 1),
});

function refused(option: string, environment: Record<string, string> = {}): string {
  try {
    const shard = shardOf(option, environment);
    throw new Error(`taken as ${JSON.stringify(shard)}`);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
}

describe('--shard I/N', () => {
  it('is taken as it stands, whatever a scheduler says', () => {
    expect(shardOf('3/16', BATCH)).toEqual({ index: 3, total: 16 });
    expect(shardOf('1/1', {})).toEqual({ index: 1, total: 1 });
    expect(shardOf('10000/10000', {})).toEqual({ index: 10_000, total: 10_000 });
  });

  it('absent: no share, even under a scheduler', () => {
    expect(shardOf(undefined, BATCH)).toBeUndefined();
  });

  it.each([
    ...['', '0/4', '5/4', '4', '1/0', '01/4', '1/04', '-1/4', '1/4/5', ' 1/4', '1/4\n', '1.0/4'],
    ...['1/10001', '1e1/20', 'AUTO', 'a/b', '/', '1/'],
  ])('%j is refused and named', (option) => {
    expect(refused(option)).toContain(`--shard: ${option} is not I/N`);
  });
});

describe('--shard auto', () => {
  it.each([
    ['AWS Batch, first', BATCH, 1, 100],
    ['AWS Batch, last', { ...BATCH, AWS_BATCH_JOB_ARRAY_INDEX: '99' }, 100, 100],
    ['Kubernetes', { JOB_COMPLETION_INDEX: '4', JOB_COMPLETIONS: '5' }, 5, 5],
    ['Kubernetes, our name', { JOB_COMPLETION_INDEX: '0', VALIDATE_TRAIL_SHARDS: '5' }, 1, 5],
    ['Slurm from 0', slurm(0, 0, 3), 1, 4],
    ['Slurm from 1', slurm(4, 1, 4), 4, 4],
    ['Slurm by step', slurm(20, 0, 30, 10), 3, 4],
    ['Slurm, all agree', { ...slurm(2, 1, 4), VALIDATE_TRAIL_SHARDS: '4' }, 2, 4],
    ['GitHub', { STRATEGY_JOB_INDEX: '9', STRATEGY_JOB_TOTAL: '20' }, 10, 20],
    ['an empty variable is absent', { ...BATCH, JOB_COMPLETION_INDEX: '' }, 1, 100],
  ] as const)('%s', (_, environment, index, total) => {
    expect(shardOf('auto', environment)).toEqual({ index, total });
  });

  it('all tasks of an array together are all shares, once each', () => {
    for (const [min, max, step] of [
      [0, 6, 1],
      [1, 7, 1],
      [1, 13, 2],
    ] as const) {
      const ids = Array.from({ length: 7 }, (_, at) => min + at * step);
      const shares = ids.map((id) => shardOf('auto', slurm(id, min, max, step)));
      expect(shares).toEqual([1, 2, 3, 4, 5, 6, 7].map((index) => ({ index, total: 7 })));
    }
  });

  it.each([
    ['no scheduler', {}, ['AWS_BATCH_JOB_ARRAY_INDEX', 'SLURM_ARRAY_TASK_ID']],
    ['a total alone', { VALIDATE_TRAIL_SHARDS: '5' }, ['none of']],
    ['Batch without size', { AWS_BATCH_JOB_ARRAY_INDEX: '3' }, ['AWS_BATCH_JOB_ARRAY_SIZE']],
    ['Batch without index', { AWS_BATCH_JOB_ARRAY_SIZE: '3' }, ['AWS_BATCH_JOB_ARRAY_INDEX']],
    ['index without total', { JOB_COMPLETION_INDEX: '3' }, ['JOB_COMPLETIONS', '_SHARDS']],
    ['total without index', { JOB_COMPLETIONS: '3' }, ['JOB_COMPLETION_INDEX is not set']],
    ['GitHub, half', { STRATEGY_JOB_INDEX: '3' }, ['STRATEGY_JOB_TOTAL']],
    ['Slurm, half', { SLURM_ARRAY_TASK_ID: '3' }, ['SLURM_ARRAY_TASK_COUNT']],
    [
      'Slurm without MIN',
      { SLURM_ARRAY_TASK_ID: '3', SLURM_ARRAY_TASK_COUNT: '4' },
      ['SLURM_ARRAY_TASK_MIN is not set'],
    ],
    ['two schedulers', { ...BATCH, ...slurm(1, 0, 99) }, ['AWS Batch', 'Slurm']],
    ['half of a second', { ...BATCH, JOB_COMPLETIONS: '100' }, ['AWS Batch', 'Kubernetes']],
    [
      'two totals',
      { ...BATCH, VALIDATE_TRAIL_SHARDS: '16' },
      ['AWS_BATCH_JOB_ARRAY_SIZE=100', 'VALIDATE_TRAIL_SHARDS=16'],
    ],
    ['an index past the end', { ...BATCH, AWS_BATCH_JOB_ARRAY_INDEX: '100' }, ['=100 of 100']],
    ['too many', { ...BATCH, AWS_BATCH_JOB_ARRAY_SIZE: '10001' }, ['of 10001']],
    ['none', { JOB_COMPLETION_INDEX: '0', JOB_COMPLETIONS: '0' }, ['of 0']],
    ['no number', { ...BATCH, AWS_BATCH_JOB_ARRAY_INDEX: '-1' }, ['_INDEX=-1 is not a number']],
    ['a Slurm task again', slurm(7, 7, 7), ['from 7 to 7', 'started again']],
    ['the first one again', slurm(1, 1, 1), ['would take everything']],
    ['several again', slurm(9, 3, 9, 1, 2), ['2 tasks from 3 to 9']],
    ['a list with holes', slurm(9, 1, 9, 1, 3), ['3 tasks from 1 to 9']],
    ['an ID between steps', slurm(5, 0, 30, 10), ['not a whole one']],
    [
      'tasks again, with the total in the script',
      { ...slurm(2, 1, 3), VALIDATE_TRAIL_SHARDS: '100' },
      ['SLURM_ARRAY_TASK_COUNT=3', 'VALIDATE_TRAIL_SHARDS=100'],
    ],
  ])('%s: refused, and says what', (_, environment, words) => {
    const message = refused('auto', environment);
    for (const word of words) expect(message).toContain(word);
    expect(message).toContain('give --shard I/N');
  });
});
