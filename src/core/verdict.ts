import type { Finding } from './finding.js';

/** What a run says in one word. */
export type Verdict = 'valid' | 'invalid' | 'incomplete';

/**
 * `invalid` if any finding is a violation, else `incomplete` if any is unproved or the run was
 * interrupted, else `valid`.
 */
export function judge(findings: readonly Finding[], interrupted: boolean): Verdict {
  if (findings.some((finding) => finding.class === 'violation')) return 'invalid';
  if (interrupted || findings.some((finding) => finding.class === 'unproved')) return 'incomplete';
  return 'valid';
}
