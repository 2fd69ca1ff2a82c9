/** Of which work a run's journal is. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MANIFEST } from '../core/evidence.js';
import { readFile } from 'node:fs/promises';
import { FORMAT_VERSION, type NewWork, type Shard } from '../core/journal.js';
import type { Instant, TimeRange } from '../core/timestamp.js';
import { hashOfFile } from '../sources/copies.js';
import { endpointsOf } from '../sources/client-config.js';
import type { Arguments } from './args.js';

/** SHA-256 of the files that change what is read or judged; one that isn't there has none. */
async function filesOf(options: Arguments): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const [name, path] of [
    ['public-keys', options.publicKeys],
    ['state', options.state],
  ] as const) {
    if (path === undefined) continue;
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes) files[name] = createHash('sha256').update(bytes).digest('hex');
  }
  if (options.evidence !== undefined) {
    const manifest = await hashOfFile(join(options.evidence, MANIFEST)).catch(() => undefined);
    if (manifest !== undefined) files['evidence'] = manifest;
  }
  return files;
}

export async function workOf(
  options: Arguments,
  { range, begunAt, startedAt }: { range: TimeRange; begunAt: Instant; startedAt: Instant },
  trail: string,
  tool: string,
  shard: Shard | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<NewWork> {
  return {
    format: 'validate-trail-journal',
    version: FORMAT_VERSION,
    tool,
    trail,
    options: options.work,
    endpoints: options.evidence === undefined ? endpointsOf({ ...options, environment }) : {},
    files: await filesOf(options),
    ...{ range, begunAt, startedAt },
    ...(shard === undefined ? {} : { shard }),
  };
}
