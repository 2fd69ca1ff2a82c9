import { isLawful, type GapCause } from './explain.js';
import type { Finding } from './finding.js';

const place = (one: Finding): string =>
  JSON.stringify([one.accountId, one.region, one.start, one.end]);

function isExplained(one: Finding): boolean {
  const { cause, events } = one.details ?? {};
  return (
    one.code === 'COVERAGE_GAP' &&
    typeof cause === 'string' &&
    isLawful(cause as GapCause) &&
    Array.isArray(events) &&
    events.length > 0
  );
}

/**
 * Whether all that is not proved are gaps whose lawful cause an event names, and the log files in
 * them (DESIGN 4, `--allow-gaps`). Unknown causes and failed deliveries never pass.
 */
export function onlyAllowedGaps(findings: readonly Finding[]): boolean {
  const explained = new Set(findings.filter(isExplained).map(place));
  return findings.every(
    (one) =>
      one.class === 'notice' ||
      isExplained(one) ||
      (one.code === 'LOG_UNVALIDATED' && explained.has(place(one))),
  );
}
