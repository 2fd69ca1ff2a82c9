/** Sets of public keys, and looking one up. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyLookup } from '../core/authenticate.js';
import {
  parseKeyFile,
  parsePublicKey,
  type PublicKey,
  type PublicKeyRecord,
} from '../core/public-key.js';
import type { Instant } from '../core/timestamp.js';
import { systemReason } from './file-error.js';
import { readEvidenceJson } from './directory.js';
import { RunError, type KeySource } from './ports.js';

/** Keys by fingerprint. What can't be read strictly is no key. */
export class KeySet {
  readonly #keys = new Map<string, PublicKey>();

  add(records: readonly PublicKeyRecord[]): void {
    for (const record of records) {
      const parsed = parsePublicKey(record);
      if (parsed.ok && !this.#keys.has(record.fingerprint)) {
        this.#keys.set(record.fingerprint, parsed.key);
      }
    }
  }

  get(fingerprint: string): PublicKey | undefined {
    return this.#keys.get(fingerprint);
  }

  /** Whether any key was valid at a time: only then can a fingerprint be called unknown. */
  covers(time: Instant): boolean {
    return [...this.#keys.values()].some(
      ({ validityStart = 0, validityEnd = Infinity }) =>
        validityStart <= time && time <= validityEnd,
    );
  }

  get mislabelled(): PublicKey[] {
    return [...this.#keys.values()].filter((key) => !key.fingerprintMatches);
  }
}

/** Looks in a file's set. What a file lacks is unavailable: it doesn't say what was asked for. */
function lookupIn(set: KeySet) {
  return (fingerprint: string): Promise<KeyLookup> => {
    const key = set.get(fingerprint);
    if (key) return Promise.resolve({ state: 'known', key });
    return Promise.resolve({ state: 'unavailable' });
  };
}

/** Parses a file of keys and refuses it whole when a label isn't its key's: SPEC 5. */
function checkedKeys(json: string, path: string): KeySet {
  let records: PublicKeyRecord[];
  try {
    records = parseKeyFile(json);
  } catch (error) {
    throw new RunError(
      `${path} holds no public keys: ${(error as Error).message}`,
      'give the JSON that aws cloudtrail list-public-keys prints',
    );
  }
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
  const set = new KeySet();
  set.add(records);
  return set;
}

/**
 * Keys from a file that the user vouches for (`--public-keys`). Such a file doesn't say which
 * Region its keys are of, so a fingerprint that it lacks is unavailable, never unknown.
 */
export async function createKeyFileSource(path: string): Promise<KeySource> {
  const json = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new RunError(
      `--public-keys ${path} can’t be read: ${systemReason(error)}`,
      'name a file with the JSON that aws cloudtrail list-public-keys prints',
    );
  });
  const set = checkedKeys(json, path);
  const keys = {
    lookup: lookupIn(set),
    mislabelled: [],
    failure: '',
    mayCome: false,
    unpinned: '',
  };
  return { keysFor: () => Promise.resolve(keys) };
}

/**
 * Keys that lie beside the evidence, `ListPublicKeys.json` for the home Region and
 * `ListPublicKeys.<region>.json` for others. They count as CloudTrail's only where the file's
 * SHA-256 is one of `pins`, which were written down apart.
 */
export function createEvidenceKeySource(
  directory: string,
  homeRegion: string,
  pins: readonly string[],
): KeySource {
  return {
    keysFor: async (region) => {
      const name = region === homeRegion ? 'ListPublicKeys.json' : `ListPublicKeys.${region}.json`;
      const file = await readEvidenceJson(directory, name);
      if (!file) {
        const failure = `there is no ${name} in the evidence`;
        return {
          lookup: () => Promise.resolve({ state: 'unavailable' }),
          mislabelled: [],
          failure,
          mayCome: false,
          unpinned: '',
        };
      }
      const hash = createHash('sha256').update(file.text).digest('hex');
      const set = checkedKeys(file.text, join(directory, name));
      const unpinned = pins.includes(hash)
        ? ''
        : pins.length > 0
          ? `${name} is not the key file that was pinned: its SHA-256 is ${hash}`
          : 'the public keys lie beside the evidence and nothing says that they are CloudTrail’s';
      return { lookup: lookupIn(set), mislabelled: [], failure: '', mayCome: false, unpinned };
    },
  };
}
