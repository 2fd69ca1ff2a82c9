/**
 * Planning work that a journal has part of. An account or Region whose folders are gone by now is still
 * one that was there when the work began, and what was recorded of a source is found only under the
 * places that it was looked for in. Whether it is this trail's, its records tell: another trail's folder
 * may be gone as well.
 */
import type { RecordedSource } from '../core/journal.js';
import { covers, type Source } from '../core/object-key.js';
import { RunError } from '../sources/ports.js';
import type { RunOptions } from './options.js';
import { planSources, type Plan, type PlanOptions, type SourcePlan } from './plan.js';

const nameOf = ({ accountId, region }: Source): string => `${accountId} ${region}`;

/** A source in the places that its records have; those it is planned for must be among them. */
function asRecorded(
  one: SourcePlan,
  records: readonly RecordedSource[] | undefined,
  isFirst: boolean,
): SourcePlan {
  if (!records) return one;
  const all = records.find(({ locations }) => covers(locations, one.locations));
  // What is learnt of still older places is followed while reading.
  const { locations } = all ?? (isFirst ? {} : (records[0] ?? {}));
  if (locations) return { ...one, locations };
  throw new RunError(
    `account ${one.accountId} in ${one.region} is to be looked for in other places than when the work began`,
    'begin the work anew, with another file',
  );
}

/**
 * Plans what isn't planned yet: all, or, in places that links led to, what lies nowhere else. Adds what
 * was recorded in these places and has no folder any more.
 */
export async function planRecorded(
  planning: RunOptions & PlanOptions,
  recorded: readonly RecordedSource[],
  planned: readonly Source[] = [],
): Promise<Plan> {
  const { objects, after } = planning;
  const records = new Map<string, RecordedSource[]>();
  for (const one of recorded) records.set(nameOf(one), [...(records.get(nameOf(one)) ?? []), one]);
  const done = new Set(planned.map(nameOf));
  const fresh = (plan: Plan): SourcePlan[] =>
    plan.sources
      .filter((one) => !done.has(nameOf(one)))
      .map((one) => asRecorded(one, records.get(nameOf(one)), after === undefined));
  const plan = await planSources(objects, planning);
  const sources = fresh(plan);
  for (const one of sources) done.add(nameOf(one));
  const gone = recorded.filter(
    (one) => !done.has(nameOf(one)) && covers(plan.places, one.locations),
  );
  if (gone.length === 0) return { ...plan, sources };
  const wider = await planSources(objects, { ...planning, recorded: gone, after: plan });
  const names = new Set(gone.map(nameOf));
  return {
    ...plan,
    sources: [...sources, ...fresh(wider).filter((one) => names.has(nameOf(one)))],
    accounts: wider.accounts,
    findings: [...plan.findings, ...wider.findings],
  };
}
