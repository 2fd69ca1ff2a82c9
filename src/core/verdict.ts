import type { Finding, FindingClass } from './finding.js';

/** What a run says in one word. */
export type Verdict = 'valid' | 'invalid' | 'incomplete';

/**
 * `invalid` if any finding is a violation, else `incomplete` if any is unproved or the run was
 * interrupted, else `valid`. `counts` are of all findings, of which `findings` may be the first.
 */
export function judge(
  findings: readonly Finding[],
  counts: Readonly<Record<FindingClass, number>>,
  interrupted: boolean,
): Verdict {
  const has = (name: FindingClass): boolean =>
    counts[name] > 0 || findings.some((finding) => finding.class === name);
  if (has('violation')) return 'invalid';
  return interrupted || has('unproved') ? 'incomplete' : 'valid';
}
