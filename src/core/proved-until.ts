/** How far a report says that everything is proved: as far as digest files vouch, and no log file is accused. */
import type { Finding } from './finding.js';
import { logDay } from './log-objects.js';
import { HOUR, parseKeyStamp, type Instant } from './timestamp.js';

const DIGEST_STAMP = /_(\d{8}T\d{6}Z)\.json\.gz$/;

/**
 * Where proof ends for a finding about a log file that a digest file lists: where that one's hour
 * begins. `Infinity` for notices, for findings about time and digest files, of which a chain's
 * intervals speak, and for objects that no digest file lists: planting takes nothing from a proof.
 */
export function provedBefore({ class: name, key = '', digestKey = '' }: Finding): Instant {
  if (name === 'notice' || logDay(key) === undefined) return Infinity;
  const end = parseKeyStamp(DIGEST_STAMP.exec(digestKey)?.[1] ?? '');
  return end === undefined ? Infinity : end - HOUR;
}
