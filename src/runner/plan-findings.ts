/** What follows from the plan: Regions that nobody could confirm, accounts that only folders name. */
import { count } from '../core/count.js';
import { finding, type Finding } from '../core/finding.js';
import type { RunOptions } from './options.js';
import type { Unconfirmed } from './plan.js';
import type { Whole } from './read-beyond.js';

const ASK_AGAIN =
  'mend the connection to CloudTrail or run again, or name the Regions to judge with --region';

/** A refusal is lawful, and may be for good; where nobody answered, the next run can know. */
function unconfirmedRegions(all: readonly Unconfirmed[]): Finding[] {
  return [true, false].flatMap((unanswered) => {
    const some = all.filter((one) => one.unanswered === unanswered);
    const [first] = some;
    if (!first) return [];
    const regions = some.map(({ region }) => region);
    const message = `whether the trail delivers in ${count(regions.length, 'default-enabled Region')} that its bucket does not show can’t be confirmed: ${first.why}`;
    const place = unanswered ? { hint: ASK_AGAIN } : { class: 'notice' as const };
    return [finding('REGION_UNCONFIRMED', message, { ...place, details: { regions } })];
  });
}

/** The findings that a plan comes with, and those that follow from what nobody could tell for it. */
export function planFindings(
  { plan, accounts, findings: planned }: Whole,
  { trail, regions, accountIds, state }: RunOptions,
): Finding[] {
  const findings = [...planned, ...unconfirmedRegions(plan.unconfirmed)];
  if (trail.unanswered !== undefined && !regions) {
    const message = `in which Regions the trail delivers can’t be confirmed: ${trail.unanswered}`;
    findings.push(finding('REGION_UNCONFIRMED', message, { hint: ASK_AGAIN }));
  }
  const isWide = plan.organizationId !== undefined || accounts.length > 1;
  if (isWide && !accountIds && !state) {
    const message = `${accounts.length} accounts are known from the bucket’s folders alone`;
    findings.push(finding('SCOPE_FROM_BUCKET', message, { details: { accounts } }));
  }
  return findings;
}
