/** Public keys by fingerprint. */
import { parsePublicKey, type PublicKey, type PublicKeyRecord } from '../core/public-key.js';
import type { Instant, TimeRange } from '../core/timestamp.js';

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

  /** The keys that may have signed digest files of a range: those valid then. */
  validIn({ start, end }: TimeRange): PublicKey[] {
    return [...this.#keys.values()]
      .filter(
        ({ validityStart = 0, validityEnd = Infinity }) =>
          validityStart <= end && validityEnd >= start,
      )
      .sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  }

  get mislabelled(): PublicKey[] {
    return [...this.#keys.values()].filter((key) => !key.fingerprintMatches);
  }
}
