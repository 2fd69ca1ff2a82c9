/** Running the command with an eye on what each of its threads does. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../src/core/report.js';
import { inTemp } from './shards.js';
import { start } from './spawned.js';

const watch = fileURLToPath(new URL('thread-watch.mjs', import.meta.url));

export interface Watched {
  readonly report: Report;
  readonly status: number;
  /** Requests by thread; the main one is 0. So are the others. */
  readonly requests: ReadonlyMap<number, number>;
  /** Bodies that were hashed. */
  readonly hashes: ReadonlyMap<number, number>;
  /** Inflaters that were made. */
  readonly inflaters: ReadonlyMap<number, number>;
}

/** Runs the command to its report. */
export async function watched(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Watched> {
  return inTemp(async (directory) => {
    const file = join(directory, 'requests');
    const own = { THREAD_WATCH: file, NODE_OPTIONS: `--import=${watch}`, ...env };
    const { stdout, stderr, status } = await start([...argv, '--format', 'json'], own).ended;
    if (stdout === '') throw new Error(`no report (${status}): ${stderr}`);
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    const count = (kind: string): Map<number, number> => {
      const counts = new Map<number, number>();
      for (const line of lines) {
        const [what, thread] = line.split(' ');
        if (what === kind) counts.set(Number(thread), (counts.get(Number(thread)) ?? 0) + 1);
      }
      return counts;
    };
    return {
      report: JSON.parse(stdout) as Report,
      status,
      requests: count('request'),
      hashes: count('hash'),
      inflaters: count('inflater'),
    };
  });
}
