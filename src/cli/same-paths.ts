import type { Arguments } from './args.js';
import { fileOf } from './links.js';
import { partOf } from './output.js';
import { UsageError } from './usage-error.js';

/** What a file of the command line is, as an option or in words, and its path. */
export type NamedPath = readonly [name: string, path: string | undefined];

/**
 * Refuses two uses of one file: a journal that is also the report would be lost with the run. Throws
 * `UsageError`. Links are followed, and reports are also written beside their places before they are whole.
 */
export function refuseSamePaths(
  { output, reports, attestation }: Pick<Arguments, 'output' | 'reports' | 'attestation'>,
  others: readonly NamedPath[],
): void {
  const written: NamedPath[] = [
    ['--output', output],
    ...reports.map(({ format, path }): NamedPath => [`--report ${format}`, path]),
    ['--attestation', attestation],
  ];
  const paths: NamedPath[] = [
    ...written.flatMap(([name, path]): NamedPath[] =>
      path === undefined
        ? []
        : [
            [name, path],
            [`${name} (while it is written)`, partOf(fileOf(path))],
          ],
    ),
    ...others,
  ];
  const seen = new Map<string, string>();
  for (const [name, path] of paths) {
    if (path === undefined) continue;
    const file = fileOf(path);
    const other = seen.get(file);
    if (other !== undefined) throw new UsageError(`${other} and ${name} name the same file`);
    seen.set(file, name);
  }
}

/** The files that a run reads or writes beside its report. */
export const filesBeside = ({
  resume,
  partial,
  state,
  publicKeys,
  attest,
}: Arguments): NamedPath[] => [
  ['--resume', resume],
  ['--partial', partial],
  ['--state', state],
  ['--public-keys', publicKeys],
  ['--attest', attest],
];
