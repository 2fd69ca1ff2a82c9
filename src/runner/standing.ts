/**
 * A day's digest files together with what an earlier reading established of them. As with log files, all
 * of it stands but what is struck now: whoever removes an altered digest file, hides it or has it
 * archived has not made it whole.
 */
import { accusesDigest, objectId, recordedHash, type Established } from '../core/established.js';
import type { Finding } from '../core/finding.js';
import { HOUR, parseDigestTime } from '../core/timestamp.js';
import type { DayDigest } from './read-day.js';

/** What is left of it once the object was met. */
function unstruck(met: DayDigest, findings: readonly Finding[]): readonly Finding[] {
  if ('node' in met) {
    // Signed, it is whole, unless another signed digest file recorded other bytes.
    const { hash } = met.node;
    return findings.filter((one) => (recordedHash(one) ?? hash) !== hash);
  }
  // Accused anew, of what nothing excuses.
  return met.findings.some(accusesDigest) ? [] : findings;
}

/** A digest file that isn't whole, by what was established of it. */
function accused(met: DayDigest, findings: readonly Finding[]): DayDigest {
  if ('node' in met) {
    return {
      ...met,
      node: { ...met.node, sound: false },
      findings: [...met.findings, ...findings],
    };
  }
  const { start, end, bucket = '', key = '', state } = met.loose;
  const loose = { start, end, state: 'altered', bucket, key } as const;
  // Why it can't be read now says nothing beside what it was.
  const own = state === 'altered' ? met.findings : [];
  return { ...met, loose, findings: [...own, ...findings] };
}

/** One that is not met any more, as it was. */
function unmet(findings: readonly Finding[]): DayDigest[] {
  const { kind = 'standard', bucket, key, end: time = '' } = findings[0] ?? {};
  const end = parseDigestTime(time);
  if (bucket === undefined || key === undefined || end === undefined) return [];
  const loose = { start: end - HOUR, end, state: 'altered', bucket, key } as const;
  return [{ kind, end, loose, counted: true, findings }];
}

/** The digest files of a day, in order of time, with those that an earlier reading established. */
export function withStanding(
  digests: readonly DayDigest[],
  established: Established['digests'],
): readonly DayDigest[] {
  if (established.size === 0) return digests;
  const left = new Map(established);
  const met = digests.map((one) => {
    const { bucket, key } = 'node' in one ? one.node : one.loose;
    const name = objectId(bucket, key);
    const findings = unstruck(one, left.get(name) ?? []);
    left.delete(name);
    return findings.length === 0 ? one : accused(one, findings);
  });
  return [...met, ...[...left.values()].flatMap(unmet)].sort((a, b) => a.end - b.end);
}
