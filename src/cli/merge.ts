import { otherEndpoint, type NewWork, type Work } from '../core/journal.js';
import { formatInstant } from '../core/timestamp.js';
import type { RunOptions } from '../runner/options.js';
import { validateTrail } from '../runner/run.js';
import { openPartials } from '../sources/partials.js';
import { RunError } from '../sources/ports.js';
import { readOptions } from './args.js';
import { runOptions, withConnection } from './connected.js';
import type { Io } from './main.js';
import { argvOf, type MergeArguments } from './merge-args.js';
import { fixedBy } from './run-journal.js';
import { filesBeside, refuseSamePaths, type NamedPath } from './same-paths.js';
import { workOf } from './work.js';

/** Another endpoint than the shards' must be named for the merge itself: the environment's is a slip. */
function refuseOtherEndpoints(work: Work, present: NewWork, given: Work['options']): void {
  const isNamed = 'endpoint-url' in given || 's3-endpoint-url' in given;
  const differs = isNamed ? undefined : otherEndpoint(work.endpoints, present.endpoints);
  if (differs === undefined) return;
  throw new RunError(`the partials are of other work: ${differs}`, 'name it with --endpoint-url');
}

/** Joins what shards left into the report of the whole, and gives its exit status. */
export async function runMerge(
  { files, own: given, maxAge }: MergeArguments,
  io: Io,
  tool: RunOptions['tool'],
  signal: AbortSignal,
): Promise<number> {
  const journal = await openPartials(files, tool.version);
  try {
    const { work } = journal;
    const options = await readOptions(argvOf({ ...work.options, ...given }));
    refuseSamePaths(options, [
      ...filesBeside(options),
      ...files.map((path): NamedPath => [`the partial ${path}`, path]),
    ]);
    const merged = { journal, ...fixedBy(work) };
    return await withConnection(options, io, signal, async (begun) => {
      const { connection, state, listener, report } = begun;
      const { path, begunAt } = journal.oldest;
      if (connection.now - begunAt > maxAge) {
        throw new RunError(
          `partial ${path} was begun at ${formatInstant(begunAt)}: what has happened since would not show`,
          'run the shards again, or say with --max-age how old they may be',
        );
      }
      const present = await workOf(options, work, work.trail, tool.version, undefined, io.env);
      refuseOtherEndpoints(work, present, given);
      for (const name of Object.keys({ ...work.files, ...present.files })) {
        if (work.files[name] !== present.files[name]) {
          throw new RunError(`the file of --${name} is not the one that the shards had`);
        }
      }
      const own = { tool, signal, listener, ...merged };
      return report(
        await validateTrail({ ...runOptions(options, { connection, state }, own), ...merged }),
      );
    });
  } finally {
    await journal.close();
  }
}
