/** Reading all sources of a run, side by side. */
import pLimit, { type LimitFunction } from 'p-limit';
import { logId, type LogObject } from '../core/log-objects.js';
import {
  DAY,
  parseDigestTime,
  startOfDay,
  type Instant,
  type TimeRange,
} from '../core/timestamp.js';
import type { ReadingFindings } from '../sources/reading-findings.js';
import type { KeysIn } from './ask.js';
import { labelOf } from './events.js';
import type { RunOptions } from './options.js';
import { accusesDigest } from '../core/established.js';
import { finding, type Finding } from '../core/finding.js';
import { isAmong, parseDigestKey, uniqueLocations, type Location } from '../core/object-key.js';
import type { Plan, SourcePlan } from './plan.js';
import type { createDigestReader } from './read-digest.js';
import { hintOf, readSource, type SourceJob, type SourceResult } from './read-source.js';

/** Backfill digest files are looked for in the digest folders of so many days before a state's range. */
const BACKFILL_DAYS = 30;

/** Sources that are read side by side; each holds up to two days of digest files. */
const SOURCES_AT_ONCE = 12;

/** What all sources of a run share. */
export interface Shared {
  readonly keysIn: KeysIn;
  readonly limit: LimitFunction;
  readonly readDigest: ReturnType<typeof createDigestReader>;
  readonly told: ReadingFindings;
}

/** Where one source's range begins: the state's chains each go on from where they are proved. */
function rangeOf(options: RunOptions, accountId: string, region: string): TimeRange {
  const { range, state, sinceState } = options;
  if (!state || sinceState !== true) return range;
  const known = state.chains.find(
    (one) => one.accountId === accountId && one.region === region && one.kind === 'standard',
  );
  const start = parseDigestTime(known?.provedUntil ?? state.provedUntil) ?? range.start;
  return { start, end: Math.max(range.end, start) };
}

function openCandidates(options: RunOptions, accountId: string, region: string): LogObject[] {
  const own = (options.state?.candidates ?? []).filter(
    (one) => one.accountId === accountId && one.region === region,
  );
  return own.map(({ bucket, key, size, lastModified }) => {
    const written = parseDigestTime(lastModified ?? '');
    return { bucket, key, size, ...(written === undefined ? {} : { lastModified: written }) };
  });
}

/** Whether nothing more may be begun: interrupted, or out of time. */
const isStopped = ({ signal, timeUp }: RunOptions): boolean =>
  signal?.aborted === true || timeUp?.() === true;

/** Makes the job of each source of a run. */
export function jobsOf(
  options: RunOptions,
  shared: Shared,
): (plan: SourcePlan) => Promise<SourceJob> {
  const { trail, concurrency, signal, listener = () => undefined, sinceState } = options;
  return async (plan) => {
    const { accountId, region } = plan;
    const range = rangeOf(options, accountId, region);
    const candidates = openCandidates(options, accountId, region);
    return {
      plan,
      trail,
      objects: options.objects,
      readDigest: shared.readDigest,
      keys: await shared.keysIn(region),
      range,
      backfillFrom: sinceState === true ? range.start - BACKFILL_DAYS * DAY : range.start,
      begunAt: options.begunAt ?? options.now,
      digestsOnly: options.digestsOnly === true,
      unlisted: options.unlisted !== false,
      sample: options.sample,
      remembered: (options.state?.chains ?? []).filter(
        (known) => known.accountId === accountId && known.region === region,
      ),
      candidates,
      carried: new Set(candidates.map(({ bucket, key }) => logId(bucket, key))),
      limit: shared.limit,
      window: concurrency * 2,
      told: shared.told.begin(),
      journal: options.journal,
      signal,
      stopped: () => isStopped(options),
      listener,
    };
  };
}

/** Runs a task for each source, so many side by side. */
export async function eachSource<T>(
  plan: Plan,
  options: RunOptions,
  task: (one: SourcePlan) => Promise<T>,
): Promise<T[]> {
  const { concurrency, listener = () => undefined } = options;
  const days = Math.ceil((options.range.end - options.range.start) / DAY);
  listener({ type: 'planned', sources: plan.sources.length, days });
  const sources = pLimit(Math.min(SOURCES_AT_ONCE, concurrency));
  return sources.map(plan.sources, async (one) => {
    const result = await task(one);
    listener({ type: 'source-done', source: labelOf(one) });
    return result;
  });
}

/** Reads all sources of a run whole. */
export async function readAll(
  plan: Plan,
  options: RunOptions,
  shared: Shared,
): Promise<SourceResult[]> {
  const jobOf = jobsOf(options, shared);
  const results = await eachSource(plan, options, async (one) => readSource(await jobOf(one)));
  const again = pLimit(Math.min(SOURCES_AT_ONCE, options.concurrency));
  return again.map(results, async (one) => {
    const places = elsewhere(one, results);
    if (places.length === 0 || one.cutShort) return one;
    // Out of time, a second reading would only take back what the first one found.
    if (isStopped(options)) return withoutSecond(one, options);
    const locations = [...one.reader.locations, ...places];
    const job = await jobOf({ ...one.plan, locations });
    const second = await readSource({ ...job, earlier: findingsByDay(one) });
    return second.cutShort ? withoutSecond(one, options) : second;
  });
}

/** What a reading told of a day: nothing that it established is lost by what a second one can't see. */
function findingsByDay({ told, standard, backfill, reader }: SourceResult) {
  const { source, chains } = reader;
  const days = new Map<Instant, Finding[]>();
  for (const one of [...standard.findings, ...backfill.findings].filter(accusesDigest)) {
    const { bucket = '', key = '' } = one;
    const named = parseDigestKey(bucket, key, source, chains.standard.trail);
    const day = named && startOfDay(named.end);
    if (day !== undefined) days.set(day, [...(days.get(day) ?? []), one]);
  }
  return async (day: Instant): Promise<readonly Finding[]> => [
    ...(await told.of(day)),
    ...(days.get(day) ?? []),
  ];
}

/** A source whose second reading is due and could not be made, or not to its end. */
function withoutSecond(first: SourceResult, { signal, journal }: RunOptions): SourceResult {
  const { plan, range, findings } = first;
  const { accountId, region } = plan;
  const message = 'not read, for the time was up: older places that other chains tell of';
  const place = { accountId, region, ...range, hint: hintOf(journal) };
  const told = signal?.aborted === true ? [] : [finding('NOT_READ', message, place)];
  return { ...first, findings: [...findings, ...told], cutShort: true };
}

/** Whether a chain was found without a break, so that no other place could add to it. */
function isWhole({ standard, range }: SourceResult): boolean {
  const { first, settled } = standard;
  return (
    first !== undefined &&
    first.start <= range.start &&
    settled.every(({ state }) => state === 'proved')
  );
}

/**
 * A trail moves in all its Regions at once, but a chain learns of its older place from one link only.
 * Where that link is lost, what the other chains know of the trail's places is tried, too.
 */
function elsewhere(result: SourceResult, results: readonly SourceResult[]): Location[] {
  const own = result.reader.locations;
  const learnt = results
    .flatMap(({ reader }) => reader.locations)
    .filter((place) => !isAmong(own, place));
  if (learnt.length === 0 || isWhole(result)) return [];
  return uniqueLocations(learnt);
}
