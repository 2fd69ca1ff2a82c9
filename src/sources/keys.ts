/** Public keys out of files: kept apart by the user, or lying beside evidence. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyLookup } from '../core/authenticate.js';
import { findKept, parseKeptKeys, type KeptKeys } from '../core/kept-keys.js';
import { parseKeyList, parsePublicKey, type PublicKeyRecord } from '../core/public-key.js';
import { readEvidenceJson } from './directory.js';
import { systemReason } from './file-error.js';
import { KeySet } from './key-set.js';
import { createKeySource, type ListKeys } from './key-source.js';
import { RunError, type KeySource } from './ports.js';

/** Looks in a set that doesn't say what was asked for: what it lacks is unavailable. */
function lookupIn(set: KeySet) {
  return (fingerprint: string): Promise<KeyLookup> => {
    const key = set.get(fingerprint);
    if (key) return Promise.resolve({ state: 'known', key });
    return Promise.resolve({ state: 'unavailable' });
  };
}

/** Refuses keys whose label isn't theirs: SPEC 5. */
function check(records: readonly PublicKeyRecord[], path: string): void {
  for (const record of records) {
    const parsed = parsePublicKey(record);
    if (!parsed.ok) throw new RunError(`${path}: key ${record.fingerprint}: ${parsed.detail}`);
    if (!parsed.key.fingerprintMatches) {
      throw new RunError(
        `${path}: fingerprint ${record.fingerprint} is not the MD5 of its key`,
        'the file was changed; fetch the keys again from CloudTrail',
      );
    }
  }
}

/** What a file of keys holds, in either form. Refused whole when a label isn't its key's. */
export function readKeys(json: string, path: string): readonly KeptKeys[] | KeySet {
  try {
    const document: unknown = JSON.parse(json);
    const kept = parseKeptKeys(document);
    // As it was answered, oddities and all: what can't be a key is none, and what is mislabelled is told.
    if (kept) return kept;
    const records = parseKeyList(document);
    check(records, path);
    const set = new KeySet();
    set.add(records);
    return set;
  } catch (error) {
    if (error instanceof RunError) throw error;
    throw new RunError(
      `${path} holds no public keys: ${(error as Error).message}`,
      'give the JSON that aws cloudtrail list-public-keys prints, or what validate-trail keys wrote',
    );
  }
}

/** Answers ListPublicKeys from what was kept. */
export const listKept =
  (kept: readonly KeptKeys[], name: string): ListKeys =>
  (region, range) => {
    const { keys, whole } = findKept(kept, region, range);
    if (whole) return Promise.resolve({ ok: true, keys });
    const why = `${name} does not hold all keys of ${region} for that time`;
    return Promise.resolve({ ok: false, why, mayCome: false, keys });
  };

const fixed = (set: KeySet, unpinned: string): KeySource => ({
  keysFor: (_region, range) =>
    Promise.resolve({
      lookup: lookupIn(set),
      valid: set.validIn(range),
      mislabelled: [],
      failure: '',
      mayCome: false,
      unpinned,
    }),
});

/**
 * Keys from a file that the user vouches for (`--public-keys`): what `aws cloudtrail list-public-keys`
 * printed, which doesn't say of which Region and time, or what `validate-trail keys` wrote.
 */
export async function createKeyFileSource(path: string): Promise<KeySource> {
  const json = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new RunError(
      `--public-keys ${path} can’t be read: ${systemReason(error)}`,
      'name a file with the JSON that aws cloudtrail list-public-keys prints, or that validate-trail keys wrote',
    );
  });
  const found = readKeys(json, path);
  return found instanceof KeySet ? fixed(found, '') : createKeySource(listKept(found, path));
}

/** Why a file of keys that lies beside evidence vouches for nothing; empty where its hash was pinned. */
export function unpinnedBy(text: string, name: string, pins: readonly string[]): string {
  const hash = createHash('sha256').update(text).digest('hex');
  if (pins.includes(hash)) return '';
  return pins.length > 0
    ? `${name} is not the key file that was pinned: its SHA-256 is ${hash}`
    : 'the public keys lie beside the evidence and nothing says that they are CloudTrail’s';
}

/**
 * Keys that lie beside a plain copy, `ListPublicKeys.json` for the home Region and
 * `ListPublicKeys.<region>.json` for others. They count as CloudTrail's only where the file's
 * SHA-256 is one of `pins`, which were written down apart.
 */
export function createEvidenceKeySource(
  directory: string,
  homeRegion: string,
  pins: readonly string[],
): KeySource {
  return {
    keysFor: async (region, range, now) => {
      const name = region === homeRegion ? 'ListPublicKeys.json' : `ListPublicKeys.${region}.json`;
      const file = await readEvidenceJson(directory, name);
      if (!file) {
        const failure = `there is no ${name} in the evidence`;
        const lookup = lookupIn(new KeySet());
        return { lookup, valid: [], mislabelled: [], failure, mayCome: false, unpinned: '' };
      }
      const found = readKeys(file.text, join(directory, name));
      const unpinned = unpinnedBy(file.text, name, pins);
      const source =
        found instanceof KeySet
          ? fixed(found, unpinned)
          : createKeySource(listKept(found, name), unpinned);
      return source.keysFor(region, range, now);
    },
  };
}
