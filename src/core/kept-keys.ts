/**
 * Public keys that were kept: what ListPublicKeys answered, with the Region and the range that it was
 * asked for, so that a set kept for years says which fingerprints it would know. The file is ours;
 * the keys stand in it as `aws cloudtrail list-public-keys` prints them.
 */
import { keyRecord, type PublicKeyRecord } from './public-key.js';
import { formatInstant, parseDigestTime, type TimeRange } from './timestamp.js';

/** An answer of ListPublicKeys, and what was asked. */
export interface KeptKeys {
  readonly region: string;
  /** Keys that were valid at any time of it. */
  readonly range: TimeRange;
  readonly keys: readonly PublicKeyRecord[];
}

const FORMAT = 'validate-trail-keys';
const VERSION = 1;

/** A key as the AWS CLI prints it. */
function keyEntry({ value, fingerprint, validityStart, validityEnd }: PublicKeyRecord): object {
  return {
    Value: Buffer.from(value).toString('base64'),
    ...(validityStart === undefined ? {} : { ValidityStartTime: formatInstant(validityStart) }),
    ...(validityEnd === undefined ? {} : { ValidityEndTime: formatInstant(validityEnd) }),
    Fingerprint: fingerprint,
  };
}

/** An answer as it is kept. */
export function keptEntry({ region, range, keys }: KeptKeys): object {
  const [start, end] = [formatInstant(range.start), formatInstant(range.end)];
  return { region, start, end, PublicKeyList: keys.map(keyEntry) };
}

const compare = (a: KeptKeys, b: KeptKeys): number =>
  a.region === b.region
    ? a.range.start - b.range.start || a.range.end - b.range.end
    : a.region < b.region
      ? -1
      : 1;

/** The file of what was kept, the same bytes for the same answers. */
export function serializeKeptKeys(kept: readonly KeptKeys[]): string {
  const lines = kept.toSorted(compare).map((one) => `    ${JSON.stringify(keptEntry(one))}`);
  return `{\n  "format": "${FORMAT}",\n  "version": ${VERSION},\n  "asked": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** Reads an answer as it is kept. Throws an error that says what is wrong. */
export function readKeptEntry(entry: unknown): KeptKeys {
  const { region, start, end, PublicKeyList: list } = (entry ?? {}) as Record<string, unknown>;
  const [from, to] = [start, end].map((time) =>
    typeof time === 'string' ? parseDigestTime(time) : undefined,
  );
  if (typeof region !== 'string' || from === undefined || to === undefined || from >= to) {
    throw new Error('it does not say for which Region and time keys were asked');
  }
  if (!Array.isArray(list)) throw new Error('there is no PublicKeyList in it');
  return { region, range: { start: from, end: to }, keys: (list as unknown[]).map(keyRecord) };
}

/**
 * Reads a file of kept keys; `undefined` for what is no such file. Throws an error that says what is
 * wrong with one.
 */
export function parseKeptKeys(document: unknown): KeptKeys[] | undefined {
  const { format, version, asked } = (document ?? {}) as Record<string, unknown>;
  if (format !== FORMAT) return undefined;
  if (version !== VERSION) throw new Error(`its form is ${String(version)}, not ${VERSION}`);
  if (!Array.isArray(asked)) throw new Error('it does not say what was asked');
  return (asked as unknown[]).map(readKeptEntry);
}

/** The keys that were kept of a Region, and whether all that were valid in a range are among them. */
export function findKept(
  kept: readonly KeptKeys[],
  region: string,
  range: TimeRange,
): { readonly keys: readonly PublicKeyRecord[]; readonly whole: boolean } {
  const own = kept.filter((one) => one.region === region).sort(compare);
  let until = range.start;
  for (const { range: asked } of own) {
    if (asked.start <= until) until = Math.max(until, asked.end);
  }
  return { keys: own.flatMap(({ keys }) => keys), whole: own.length > 0 && until >= range.end };
}
