/** How far a report says that everything is proved: as far as digest files vouch, and no log file is accused. */
import type { Finding } from './finding.js';
import { LOG_SLACK, logTime } from './log-objects.js';
import { HOUR, parseKeyStamp, type Instant } from './timestamp.js';

const DIGEST_STAMP = /_(\d{8}T\d{6}Z)\.json\.gz$/;

/**
 * Where proof ends for a finding about a log file: where the hour begins of the digest file that lists
 * it, or where the log file's own name says. `Infinity` for a notice, and for findings about time and
 * digest files, of which a chain's intervals speak.
 */
export function provedBefore({ class: name, key = '', digestKey = '' }: Finding): Instant {
  const own = name === 'notice' ? undefined : logTime(key);
  if (own === undefined) return Infinity;
  const end = parseKeyStamp(DIGEST_STAMP.exec(digestKey)?.[1] ?? '');
  return end === undefined ? own - LOG_SLACK : end - HOUR;
}
