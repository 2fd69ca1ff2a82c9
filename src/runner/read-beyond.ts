/**
 * What lies in older places alone: accounts that left before the trail moved, Regions that it has no
 * more. Only links tell of such places, so they are looked through once what links to them was read.
 */
import type { Finding } from '../core/finding.js';
import { isAmong, uniqueLocations, type Location, type Source } from '../core/object-key.js';
import type { RunOptions } from './options.js';
import type { Plan, PlanOptions } from './plan.js';
import { planRecorded } from './plan-recorded.js';
import { readAll, type Shared } from './read-all.js';
import type { SourceResult } from './read-source.js';

/** A run's sources in all places. */
export interface Whole {
  readonly results: readonly SourceResult[];
  /** What was planned before links told of more places. */
  readonly plan: Plan;
  /** All accounts that the places have. */
  readonly accounts: readonly string[];
  /** What planning came upon in all places. */
  readonly findings: readonly Finding[];
}

/** Plans for places as well that links led to. */
function planWider(
  places: readonly Location[],
  results: readonly SourceResult[],
  planned: readonly Source[],
  after: Plan,
  planning: RunOptions & PlanOptions,
): Promise<Plan> {
  // Before it was an organization's, or after, a trail may have delivered into the same bucket.
  const roots = places.map(({ bucket, prefix }): Location => ({ bucket, prefix }));
  const signed = results.filter(({ standard }) => standard.last !== undefined);
  const wider = {
    ...planning,
    after,
    proved: signed.map(({ plan }) => plan.region),
    locations: [...(planning.locations ?? []), ...roots, ...places],
  };
  return planRecorded(wider, planning.journal?.sources ?? [], planned);
}

/** Reads accounts and Regions of places that links led to, and of those that these lead to. */
export async function readBeyond(
  first: readonly SourceResult[],
  plan: Plan,
  planning: RunOptions & PlanOptions,
  shared: Shared,
): Promise<Whole> {
  const results = [...first];
  const planned: Source[] = [...plan.sources];
  const findings = [...plan.findings];
  let { places, accounts } = plan;
  // Also where an earlier run of the same work was led.
  const recorded = (planning.journal?.sources ?? []).flatMap(({ locations }) => locations);
  while (planning.signal?.aborted !== true) {
    const met = uniqueLocations([
      ...results.flatMap(({ reader }) => reader.locations),
      ...recorded,
    ]);
    if (met.every((one) => isAmong(places, one))) break;
    const learnt = met.filter((one) => !isAmong(plan.places, one));
    const wider = await planWider(learnt, results, planned, plan, planning);
    findings.push(...wider.findings);
    planned.push(...wider.sources);
    ({ places, accounts } = wider);
    if (wider.sources.length > 0) results.push(...(await readAll(wider, planning, shared)));
  }
  return { results, plan, accounts, findings };
}
