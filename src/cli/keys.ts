import { readFile } from 'node:fs/promises';
import pLimit from 'p-limit';
import { count } from '../core/count.js';
import { serializeKeptKeys, type KeptKeys } from '../core/kept-keys.js';
import { defaultRegions, optInRegions } from '../core/regions.js';
import { DAY, formatInstant, HOUR, parseUserTime, type TimeRange } from '../core/timestamp.js';
import { escapeText } from '../report/escape.js';
import { clientConfigs } from '../sources/client-config.js';
import { createCloudTrailSource } from '../sources/cloudtrail.js';
import { systemReason } from '../sources/file-error.js';
import { KeySet } from '../sources/key-set.js';
import { readKeys } from '../sources/keys.js';
import { RunError } from '../sources/ports.js';
import { clock } from './connected.js';
import { INCOMPLETE, INTERRUPTED } from './exit-code.js';
import type { KeysArguments } from './keys-args.js';
import { print, type Io } from './main.js';
import { openOutput, type Output } from './output.js';
import { UsageError } from './usage-error.js';

/** A key is asked for so long before a digest file that it may have signed. */
const BEFORE = 35 * DAY;
/** Digest files are signed when they are delivered, up to so long after their end. */
const AFTER = 2 * HOUR;
const AT_ONCE = 8;

/** The keys that a file has already; none where there is none. */
async function keptIn(path: string): Promise<readonly KeptKeys[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RunError(`--output ${path} can’t be read: ${systemReason(error)}`);
  });
  const found = text === undefined ? [] : readKeys(text, path);
  if (!(found instanceof KeySet)) return found;
  throw new RunError(
    `${path} is what aws cloudtrail list-public-keys printed: it doesn’t say of which Region`,
    'name another file with --output',
  );
}

function rangeOf({ startTime, endTime }: KeysArguments): TimeRange {
  const now = clock();
  const start = parseUserTime(startTime, now) ?? now;
  const end = endTime === undefined ? now : (parseUserTime(endTime, now) ?? now);
  if (start >= end) {
    throw new UsageError(
      `--start-time (${formatInstant(start)}) is not before the end (${formatInstant(end)})`,
    );
  }
  return { start: start - BEFORE, end: Math.min(end + AFTER, Math.max(now, start + 1)) };
}

/** Saves the public keys of a range and gives the exit status. */
export async function runKeys(
  options: KeysArguments,
  io: Io,
  signal: AbortSignal,
): Promise<number> {
  const range = rangeOf(options);
  const output = await openOutput(options.output);
  try {
    return await saveKeys(options, range, output, io, signal);
  } finally {
    await output.discard();
  }
}

async function saveKeys(
  { partition, regions, profile, endpointUrl }: KeysArguments,
  range: TimeRange,
  output: Output,
  io: Io,
  signal: AbortSignal,
): Promise<number> {
  const before = output.isFile ? await keptIn(output.path) : [];
  const wanted = regions ?? [...defaultRegions(partition), ...optInRegions(partition)];
  const isOptional = (region: string): boolean =>
    regions === undefined && !defaultRegions(partition).includes(region);
  const [homeRegion = ''] = wanted;
  const { cloudtrail: client } = clientConfigs({
    ...{ profile, endpointUrl, homeRegion },
    maxSockets: AT_ONCE,
    environment: io.env,
  });
  const own = profile ?? io.env['AWS_PROFILE'];
  const source = createCloudTrailSource({ client, profile: own, signal });
  const kept: KeptKeys[] = [];
  let failed = 0;
  try {
    await source.ready(homeRegion);
    await pLimit(AT_ONCE).map(wanted, async (region) => {
      const answer = await source.listKeys(region, range);
      if (signal.aborted) return;
      if (answer.ok) kept.push({ region, range, keys: answer.keys });
      else {
        if (!isOptional(region)) failed++;
        const what = isOptional(region) ? 'notice, an opt-in Region' : 'error';
        io.stderr.write(`validate-trail: ${what}: ${escapeText(answer.why)}\n`);
      }
    });
  } finally {
    source.close();
  }
  if (signal.aborted) return INTERRUPTED;
  const text = serializeKeptKeys(joined([...before, ...kept]));
  const sha256 = await output.write(text);
  const keys = new Set(kept.flatMap((one) => one.keys.map(({ fingerprint }) => fingerprint)));
  await print(
    io,
    `${count(keys.size, 'public key')} of ${count(kept.length, 'Region')}, ${formatInstant(range.start)} to ${formatInstant(range.end)}\n` +
      `${escapeText(output.path)}  SHA-256 ${sha256}\n`,
  );
  return failed > 0 ? INCOMPLETE : 0;
}

/** Answers of one Region whose ranges meet, as one. */
function joined(kept: readonly KeptKeys[]): KeptKeys[] {
  const result: KeptKeys[] = [];
  const sorted = kept.toSorted((a, b) => a.range.start - b.range.start);
  for (const one of sorted) {
    const at = result.findIndex(
      ({ region, range }) => region === one.region && one.range.start <= range.end,
    );
    const known = result[at];
    if (!known) {
      result.push(one);
      continue;
    }
    const { start, end } = known.range;
    const keys = new Map([...known.keys, ...one.keys].map((key) => [key.fingerprint, key]));
    result[at] = {
      region: one.region,
      range: { start, end: Math.max(end, one.range.end) },
      keys: [...keys.values()].toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1)),
    };
  }
  return result;
}
