import { resolve } from 'node:path';
import type { Arguments } from './args.js';
import { UsageError } from './usage-error.js';

/** What a file of the command line is, as an option or in words, and its path. */
export type NamedPath = readonly [name: string, path: string | undefined];

/**
 * Refuses two uses of one file: a journal that is also the report would be lost with the run. Throws
 * `UsageError`. `output` is also written as `FILE.part` before it is whole.
 */
export function refuseSamePaths(output: string | undefined, others: readonly NamedPath[]): void {
  const paths: NamedPath[] = [
    ['--output', output],
    ['--output (while it is written)', output === undefined ? undefined : `${output}.part`],
    ...others,
  ];
  const seen = new Map<string, string>();
  for (const [name, path] of paths) {
    if (path === undefined) continue;
    const other = seen.get(resolve(path));
    if (other !== undefined) throw new UsageError(`${other} and ${name} name the same file`);
    seen.set(resolve(path), name);
  }
}

/** The files that a run reads or writes beside its report. */
export const filesBeside = ({ resume, partial, state, publicKeys }: Arguments): NamedPath[] => [
  ['--resume', resume],
  ['--partial', partial],
  ['--state', state],
  ['--public-keys', publicKeys],
];
