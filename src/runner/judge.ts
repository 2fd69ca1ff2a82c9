/** Judging all sources together: tails, explanations, what nobody lists, and the findings of each. */
import type { LimitFunction } from 'p-limit';
import { closeBackfill } from '../core/backfill.js';
import { closeSegment, timelineOf, type Asked } from '../core/close.js';
import { count } from '../core/count.js';
import type { Interval } from '../core/coverage.js';
import { expectedDigests } from '../core/coverage.js';
import { isLawful, type GapCause } from '../core/explain.js';
import { finding, type Finding } from '../core/finding.js';
import type { LogObject } from '../core/log-objects.js';
import type { Location, Source } from '../core/object-key.js';
import { reportChain, type LogCounts, type ReportChain } from '../core/report.js';
import type { LogTally } from '../core/source-segment.js';
import { formatInstant, HOUR, type Instant } from '../core/timestamp.js';
import type { TrailEvent } from '../core/trail-event.js';
import { judgeUnlisted } from '../core/unlisted.js';
import type { Answer, TrailStatus } from '../sources/ports.js';
import { contextOf, explainOne, type Events, type Judged } from './explain-gaps.js';
import type { TrailPlace } from './plan.js';
import type { SourceReader } from './read-day.js';
import type { SourceResult } from './read-source.js';
import { findTail, type Tail } from './tail.js';

export interface JudgeOptions {
  readonly trail: TrailPlace;
  readonly now: Instant;
  readonly due: Instant;
  readonly explicitEnd: boolean;
  readonly statusIn: (region: string) => Promise<Answer<TrailStatus>>;
  /** Where the trail delivers now, in every layout. */
  readonly current: readonly Location[];
  /** Readers for accounts of a Region that the run doesn't cover. */
  readonly othersIn: (region: string) => Promise<readonly SourceReader[]>;
  /** Changes of the trail, for a tail that may have moved. */
  readonly changes: () => Promise<readonly TrailEvent[]>;
  readonly limit: LimitFunction;
}

/** What is known of the end of each Region, and the findings that follow from it. */
export interface Tails {
  readonly byRegion: ReadonlyMap<string, Tail>;
  readonly findings: readonly Finding[];
  readonly judged: readonly Judged[];
}

export function askedOf(result: SourceResult, options: JudgeOptions): Asked {
  return { range: result.range, due: options.due, explicitEnd: options.explicitEnd };
}

/** Whether a chain's time reaches as far as digest files are due. */
function reachesEnd(intervals: readonly Interval[]): boolean {
  return !intervals.some(({ state, open }) => state === 'gap' && open === true);
}

/** The part of a chain's open end that was cut off. */
function cut(intervals: readonly Interval[], newest: Instant | undefined, delivered: Instant) {
  return intervals.flatMap((one): Interval[] => {
    if (one.open !== true || (one.state !== 'gap' && one.state !== 'not-due')) return [one];
    const anchor = newest ?? one.end;
    const until =
      newest === undefined
        ? Math.min(delivered, one.end)
        : newest + Math.floor((delivered - newest) / HOUR) * HOUR;
    const start = Math.max(one.start, newest ?? one.start);
    const end = Math.min(one.end, until);
    if (start >= end) return [one];
    const gone: Interval = { ...one, start, end, state: 'missing', cause: 'tail-cut', anchor };
    return [
      ...(one.start < start ? [{ ...one, end: start }] : []),
      gone,
      ...(end < one.end ? [{ ...one, start: end }] : []),
    ];
  });
}

function tailCutFinding(
  region: string,
  tail: Extract<Tail, { kind: 'cut' }>,
  touched: readonly Judged[],
  trail: TrailPlace,
): Finding | undefined {
  const gone = touched.flatMap(({ intervals }) =>
    intervals.filter(({ cause }) => cause === 'tail-cut'),
  );
  if (gone.length === 0) return undefined;
  const accounts = touched.map(({ result }) => result.plan.accountId);
  const start = gone.reduce((min, one) => Math.min(min, one.start), Infinity);
  const end = gone.reduce((max, one) => Math.max(max, one.end), 0);
  const files = gone.reduce((sum, one) => sum + expectedDigests(one), 0);
  const newest =
    tail.newest === undefined
      ? 'there is none here'
      : `the newest here ends at ${formatInstant(tail.newest)}`;
  const message =
    `CloudTrail says that it delivered a digest file at ${formatInstant(tail.delivered)}, and ${newest}: ` +
    `${count(files, 'hourly digest file')} missing`;
  return finding('CHAIN_TAIL_CUT', message, {
    ...(accounts.length === 1 ? { accountId: accounts[0] } : {}),
    region,
    bucket: trail.bucket,
    start,
    end,
    details: {
      latestDigestDelivery: formatInstant(tail.delivered),
      ...(tail.newest === undefined ? {} : { newestDigestEnd: formatInstant(tail.newest) }),
      expectedDigests: files,
      accounts,
    },
  });
}

/** Why a Region's end can't be decided without CloudTrail's status. */
function unconfirmed(region: string, why: string, known: boolean, reaches: boolean): Finding {
  const message = `whether CloudTrail delivered later digest files can’t be decided: ${why}`;
  return finding('REGION_UNCONFIRMED', message, {
    region,
    class: reaches || !known ? 'notice' : undefined,
  });
}

/**
 * Decides about the end of every Region's chains. A chain that ended an hour or more before the
 * Region's newest digest file ended by itself; the others lost what status says was delivered.
 */
export async function judgeTails(
  results: readonly SourceResult[],
  options: JudgeOptions,
): Promise<Tails> {
  const byRegion = new Map<string, Tail>();
  const findings: Finding[] = [];
  const judged: Judged[] = [];
  const regions = [...new Set(results.map(({ plan }) => plan.region))].sort();
  await Promise.all(
    regions.map(async (region) => {
      const own: Judged[] = results
        .filter(({ plan }) => plan.region === region)
        .map((result) => ({
          result,
          intervals: timelineOf(result.standard, askedOf(result, options)),
        }));
      const status = await options.statusIn(region);
      const reaches = own.every(({ intervals }) => reachesEnd(intervals));
      if (!status.ok) {
        const known = own.some(({ result }) => result.plan.known || result.met);
        findings.push(unconfirmed(region, status.why, known, reaches));
        const why = `whether something is gone at the end can’t be decided: ${status.why}`;
        judged.push(...own.map((one) => withWhy(one, why)));
        return;
      }
      if (!own.some(({ intervals }) => intervals.some(({ open }) => open === true))) {
        judged.push(...own);
        return;
      }
      const { current } = options;
      const others = await options.othersIn(region);
      const floor = Math.min(...own.map(({ result }) => result.range.start));
      const chains = { results: own.map(({ result }) => result), others, current };
      const tail = await findTail(chains, status.value, floor, options.now, options.changes);
      byRegion.set(region, tail);
      if (tail.kind !== 'cut') {
        judged.push(...(tail.kind === 'open' ? own.map((one) => withWhy(one, tail.why)) : own));
        return;
      }
      judged.push(
        ...own.map((one): Judged => {
          const last = one.result.standard.last?.end;
          const ended = tail.newest !== undefined && (last ?? -Infinity) <= tail.newest - HOUR;
          if (ended) return one;
          return { ...one, intervals: cut(one.intervals, tail.newest, tail.delivered) };
        }),
      );
    }),
  );
  return { byRegion, findings, judged };
}

/** A finding for each Region that lost its tail, with what is left of it once events have spoken. */
export function tailCuts(tails: Tails, judged: readonly Judged[], trail: TrailPlace): Finding[] {
  return [...tails.byRegion].flatMap(([region, tail]) => {
    if (tail.kind !== 'cut') return [];
    const touched = judged.filter(
      ({ result, intervals }) =>
        result.plan.region === region && intervals.some(({ cause }) => cause === 'tail-cut'),
    );
    return tailCutFinding(region, tail, touched, trail) ?? [];
  });
}

function withWhy(one: Judged, why: string): Judged {
  return {
    ...one,
    intervals: one.intervals.map((part) =>
      part.state === 'gap' && part.open === true ? { ...part, why } : part,
    ),
  };
}

/**
 * Where events say why a Region's chains end, CloudTrail's status there is not needed, and where the
 * trail was narrowed it can't even be had.
 */
export function settleUnconfirmed(found: Finding, judged: readonly Judged[]): Finding {
  if (found.code !== 'REGION_UNCONFIRMED' || found.class === 'notice') return found;
  const open = judged
    .filter(({ result }) => result.plan.region === found.region)
    .flatMap(({ intervals }) => intervals.filter((one) => one.open === true))
    .filter(({ state }) => state === 'gap');
  const explained = open.every(
    ({ cause, events = [] }) => isLawful((cause ?? 'unknown') as GapCause) && events.length > 0,
  );
  return open.length > 0 && explained ? { ...found, class: 'notice' } : found;
}

/** Gaps with their causes: what events explain, and what they prove to have been removed. */
export function explainAll(tails: Tails, events: Events, trail: TrailPlace): Judged[] {
  return tails.judged.map(({ result, intervals }) => {
    const tail = tails.byRegion.get(result.plan.region);
    const error = tail?.kind === 'open' ? tail.deliveryError : undefined;
    const context = contextOf(result, trail, events.events, events.complete, error);
    return { result, intervals: intervals.flatMap((one) => explainOne(one, context)) };
  });
}

export interface UnlistedOptions {
  readonly due: Instant;
  /** Trails without validation that deliver a source's log files into this place. */
  readonly trailsOf: (source: Source) => readonly string[];
  /** Those whose log files the user lets pass. */
  readonly acceptUnlisted: readonly string[];
}

export interface ClosedSource {
  readonly judged: Judged;
  readonly chains: readonly ReportChain[];
  readonly findings: readonly Finding[];
  readonly open: readonly LogObject[];
  readonly provedUntil: Instant;
}

/** The end of the time about whose log files digest files have been read. */
function knownUntil({ result }: Judged): Instant {
  return result.standard.last?.end ?? result.range.start;
}

function logCounts(tally: LogTally, unlisted: number, unvalidated: number): LogCounts {
  const { notSampled, ...checked } = tally;
  return { ...checked, unlisted, unvalidated, ...(notSampled > 0 ? { notSampled } : {}) };
}

/** Closes one source: its chains for the report, and every finding about it. */
export function closeSource(judged: Judged, asked: Asked, unlisted: UnlistedOptions): ClosedSource {
  const { result, intervals } = judged;
  const { accountId, region } = result.plan;
  const standard = closeSegment(result.standard, asked, intervals);
  const backfill = closeBackfillOf(result, asked);
  // A digest file that straddles the range's end was read whole, so its whole window is judged.
  const end = Math.max(asked.range.end, result.standard.newest?.end ?? 0);
  const last = intervals.at(-1);
  const nobody = judgeUnlisted(result.ledger?.candidates.values() ?? [], {
    source: { accountId, region },
    range: { start: asked.range.start, end },
    intervals: last ? [...intervals.slice(0, -1), { ...last, end: Math.max(last.end, end) }] : [],
    backfillLost: backfill?.lost ?? [],
    knownUntil: knownUntil(judged),
    due: unlisted.due,
    knownBefore: result.knownBefore,
    carried: result.carried,
    unvalidatedTrails: unlisted.trailsOf({ accountId, region }),
    acceptUnlisted: unlisted.acceptUnlisted,
  });
  const { unlisted: none, unvalidated } = nobody;
  const counts = logCounts(result.logs.standard, none, unvalidated);
  const chains = [reportChain({ accountId, region, kind: 'standard' }, standard, counts)];
  const findings = [...result.findings, ...standard.findings, ...nobody.findings];
  if (backfill) {
    const logs = logCounts(result.logs.backfill, 0, 0);
    chains.push(reportChain({ accountId, region, kind: 'backfill' }, backfill, logs));
    findings.push(...backfill.findings);
  }
  return { judged, chains, findings, open: nobody.open, provedUntil: standard.provedUntil };
}

/** The source's backfill chain, where it has one. */
function closeBackfillOf(result: SourceResult, { range }: Asked) {
  const { nodes, loose } = result.backfill;
  if (nodes.length === 0 && !loose.some((one) => one.key !== undefined)) return undefined;
  const start = Math.min(range.start, result.reader.backfillFrom);
  return closeBackfill(result.backfill, { start, end: range.end });
}
