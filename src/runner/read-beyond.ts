/**
 * What lies in older places alone: accounts that left before the trail moved, Regions that it has no
 * more. Only links tell of such places, so they are looked through once what links to them was read.
 */
import type { Finding } from '../core/finding.js';
import { sameLocation, uniqueLocations, type Location } from '../core/object-key.js';
import type { RunOptions } from './options.js';
import { planSources, type Plan, type PlanOptions } from './plan.js';
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
  after: Plan,
  planning: RunOptions & PlanOptions,
): Promise<Plan> {
  // Before it was an organization's, or after, a trail may have delivered into the same bucket.
  const roots = places.map(({ bucket, prefix }): Location => ({ bucket, prefix }));
  const signed = results.filter(({ standard }) => standard.last !== undefined);
  return planSources(planning.objects, {
    ...planning,
    after,
    proved: signed.map(({ plan }) => plan.region),
    locations: [...(planning.locations ?? []), ...roots, ...places],
  });
}

/** Reads accounts and Regions of places that links led to, and of those that these lead to. */
export async function readBeyond(
  first: readonly SourceResult[],
  plan: Plan,
  planning: RunOptions & PlanOptions,
  shared: Shared,
): Promise<Whole> {
  const results = [...first];
  const findings = [...plan.findings];
  let { sources, places, accounts } = plan;
  while (planning.signal?.aborted !== true) {
    const known = places;
    const met = uniqueLocations(results.flatMap(({ reader }) => reader.locations));
    const learnt = met.filter((one) => !plan.places.some((other) => sameLocation(other, one)));
    if (learnt.every((one) => known.some((other) => sameLocation(other, one)))) break;
    const wider = await planWider(learnt, results, plan, planning);
    const isPlanned = ({ accountId, region }: (typeof sources)[number]): boolean =>
      sources.some((one) => one.accountId === accountId && one.region === region);
    const more = wider.sources.filter((one) => !isPlanned(one));
    findings.push(...wider.findings);
    sources = [...sources, ...more];
    accounts = wider.accounts;
    places = wider.places;
    if (more.length > 0) {
      results.push(...(await readAll({ ...wider, sources: more }, planning, shared)));
    }
  }
  return { results, plan, accounts, findings };
}
