/** Public keys as a run asks for them, from whatever answers ListPublicKeys. */
import type { PublicKeyRecord } from '../core/public-key.js';
import { DAY, HOUR, type Instant, type TimeRange } from '../core/timestamp.js';
import { KeySet } from './key-set.js';
import type { KeySource, RegionKeys } from './ports.js';

/** The keys of a Region that were valid at any time of a range, or why they could not be had. */
export type KeyAnswer =
  | { readonly ok: true; readonly keys: readonly PublicKeyRecord[] }
  | {
      readonly ok: false;
      readonly why: string;
      /** Whether they may be had the next time. */
      readonly mayCome: boolean;
      /** Those that could be had all the same. */
      readonly keys: readonly PublicKeyRecord[];
    };

/** What answers ListPublicKeys of a Region. Never throws. */
export type ListKeys = (region: string, range: TimeRange) => Promise<KeyAnswer>;

async function keysFor(
  listKeys: ListKeys,
  region: string,
  range: TimeRange,
  now: Instant,
  unpinned: string,
): Promise<RegionKeys> {
  const set = new KeySet();
  let failure = '';
  let mayCome = false;
  const ask = async (start: Instant, end: Instant): Promise<boolean> => {
    const answer = await listKeys(region, { start, end: Math.max(start + 1, Math.min(end, now)) });
    set.add(answer.keys);
    if (answer.ok) return true;
    failure = answer.why;
    mayCome ||= answer.mayCome;
    return false;
  };
  await ask(Math.min(range.start, now - HOUR), range.end + 2 * HOUR);
  const valid = set.validIn(range);
  let wide: Promise<boolean> | undefined;
  return {
    unpinned,
    valid,
    get mislabelled() {
      return set.mislabelled;
    },
    get failure() {
      return failure;
    },
    get mayCome() {
      return mayCome;
    },
    lookup: async (fingerprint, end) => {
      let key = set.get(fingerprint);
      if (!key) {
        // Whatever metadata says: a backfill digest is signed with the key of a much later day.
        wide ??= ask(Math.min(range.start, now) - 35 * DAY, now);
        const asked = await wide;
        key = set.get(fingerprint);
        if (!key) return { state: asked && set.covers(end) ? 'unknown' : 'unavailable' };
      }
      return { state: 'known', key };
    },
  };
}

/**
 * Looks keys up by what lists them: for the range of a run, and for an unknown fingerprint from 35 days
 * before it to now. `unpinned` says why nobody vouches for them, where that is so.
 */
export function createKeySource(listKeys: ListKeys, unpinned = ''): KeySource {
  return { keysFor: (region, range, now) => keysFor(listKeys, region, range, now, unpinned) };
}
