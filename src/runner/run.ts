/**
 * Validates a trail: plan, read every source, judge them together, and say what came of it.
 */
import { onlyAllowedGaps } from '../core/allow-gaps.js';
import { parseTrailArn } from '../core/arn.js';
import { compareFindings, finding, type Finding } from '../core/finding.js';
import { logId } from '../core/log-objects.js';
import { uniqueLocations, type Location, type Source } from '../core/object-key.js';
import { provedBefore } from '../core/proved-until.js';
import {
  moreFindings,
  reportFinding,
  total,
  type LogCounts,
  type Report,
  type ReportChain,
} from '../core/report.js';
import { DAY, formatInstant, type Instant, type TimeRange } from '../core/timestamp.js';
import { judge } from '../core/verdict.js';
import { createFindingStore } from '../sources/finding-store.js';
import { RunError, type SortedFindings, type TrailDescription } from '../sources/ports.js';
import { carryFindings, markAccepted, nextState, stateFindings, tellAgain } from './advance.js';
import { keyFindings, keysOf, type StatusIn } from './ask.js';
import { gatherEvents, recentChanges, type ExplainOptions } from './explain-gaps.js';
import {
  askedOf,
  closeSource,
  explainAll,
  judgeTails,
  settleUnconfirmed,
  tailCuts,
  type ClosedSource,
  type JudgeOptions,
} from './judge.js';
import { DUE_AFTER, type RunOptions, type RunResult } from './options.js';
import { findOriginals } from './originals.js';
import { asBegun } from './place.js';
import type { Plan } from './plan.js';
import { planFindings } from './plan-findings.js';
import { aliasesOf, prepare, readerOf } from './prepare.js';
import { readAll, type Shared } from './read-all.js';
import { readBeyond } from './read-beyond.js';
import type { SourceReader } from './read-day.js';
import { readSettings } from './read-settings.js';
import type { SourceResult } from './read-source.js';
import { scopeOf } from './scope.js';
import { searchLogs } from './search-logs.js';
import { besideNames, isPassing } from './unread.js';

/**
 * Folders of Regions in which a single-Region trail never delivered are other trails': those without
 * its digest files whose log files, if any, other trails' digest files list. What nobody lists may be
 * what is left of a Region that was emptied, whatever the trail's settings say now. Of a folder that is
 * gone since it was recorded, nobody can say any more who listed what lay in it.
 */
function belonging(results: readonly SourceResult[], options: RunOptions): readonly SourceResult[] {
  const isMultiRegion = options.trail.isMultiRegion ?? true;
  return results.filter(
    (one) =>
      one.met ||
      one.plan.expected ||
      isMultiRegion ||
      one.findings.length > 0 ||
      one.told.count > 0 ||
      (!one.plan.isGone && (one.ledger?.candidates.size ?? 0) > 0),
  );
}

function bucketGone(options: RunOptions): Finding {
  const { trail, range } = options;
  const { accountId, homeRegion: region, bucket } = trail;
  const place = { accountId, region, bucket, start: range.start, end: range.end };
  return trail.validationEnabled === true
    ? finding('DIGEST_MISSING', 'the trail delivers to this bucket, and it does not exist', place)
    : finding('COVERAGE_NONE', 'the bucket does not exist', place);
}

function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Map(findings.map((one) => [JSON.stringify(one), one]));
  return [...seen.values()].sort(compareFindings);
}

function judgeOptions(
  plan: Plan,
  options: RunOptions,
  shared: Shared,
  statusIn: StatusIn,
  explain: ExplainOptions,
): JudgeOptions {
  const { trail, now } = options;
  const { bucket, prefix } = trail;
  const current: Location[] = [
    ...(plan.organizationId === undefined
      ? []
      : [{ bucket, prefix, organizationId: plan.organizationId }]),
    { bucket, prefix },
  ];
  const othersIn = (region: string): Promise<SourceReader[]> => {
    const others = plan.accounts.filter(
      (accountId) =>
        !plan.sources.some((one) => one.accountId === accountId && one.region === region),
    );
    return Promise.all(
      others.map((accountId) => readerOf({ accountId, region }, current, options, shared)),
    );
  };
  return {
    trail,
    now,
    due: (options.begunAt ?? now) - DUE_AFTER,
    explicitEnd: options.explicitEnd,
    statusIn,
    current,
    othersIn,
    changes: async () => {
      const since = { start: now - 2 * DAY, end: now };
      return recentChanges(explain, since);
    },
    limit: shared.limit,
  };
}

/** Trails without validation that CloudTrail shows to deliver into the same place. */
async function unvalidatedTrails(options: RunOptions): Promise<TrailDescription[]> {
  const { trails, trail } = options;
  const answer = await trails?.trails(trail.homeRegion);
  if (answer?.ok !== true) return [];
  return answer.value.filter(
    (one) =>
      !one.validationEnabled &&
      one.arn !== trail.arn &&
      one.bucket === trail.bucket &&
      one.prefix === trail.prefix,
  );
}

/** Whether a trail can deliver log files of a source at all. */
function reaches(trail: TrailDescription, { accountId, region }: Source): boolean {
  const own = parseTrailArn(trail.arn)?.accountId === accountId;
  return (trail.isOrganization || own) && (trail.isMultiRegion || trail.homeRegion === region);
}

async function searchForRemoval(
  results: readonly SourceResult[],
  options: RunOptions,
  range: TimeRange,
  needles: readonly string[],
) {
  // S3 writes data events where the bucket lies.
  const region = await options.objects.regionOf(options.trail.bucket);
  const own = results.filter(({ plan }) => region === undefined || plan.region === region);
  const searches = [];
  for (const result of own) searches.push(await searchLogs(result, range, needles));
  return searches.flatMap(({ records }) => records);
}

/** Evidence that isn't as it was collected, where all of it is judged: what no reading told of. */
async function* alteredCopies(
  { objects, wholeEvidence }: RunOptions,
  told: (bucket: string, key: string) => boolean,
): AsyncGenerator<Finding> {
  if (wholeEvidence !== true || !objects.altered) return;
  for await (const { bucket, key, detail } of objects.altered()) {
    if (!told(bucket, key)) yield finding('EVIDENCE_ALTERED', detail, { bucket, key });
  }
}

const DIGEST_COUNTS = ['valid', 'invalid', 'missing', 'unreadable'] as const;
const LOG_COUNTS = [...DIGEST_COUNTS, 'unlisted', 'unvalidated'] as const;

/** With `--sample`, how many log files were left out stands beside what was read. */
function logTotals(chains: readonly ReportChain[], options: RunOptions): LogCounts {
  const counts = chains.map((chain) => chain.logFiles);
  const notSampled = counts.reduce((sum, one) => sum + (one.notSampled ?? 0), 0);
  return { ...total(counts, LOG_COUNTS), ...(options.sample ? { notSampled } : {}) };
}

/**
 * Validates a trail over a range of delivery time and reports what is proved, altered, missing or
 * unvouched for. What is found about the trail never throws; `RunError` says that there could be no
 * run. The report is the same whatever the concurrency, times of the run aside.
 */
export async function validateTrail(given: RunOptions): Promise<RunResult> {
  const options = asBegun(given);
  const { trail, range, signal, objects, now, state } = options;
  const { statusIn, keysIn, shared, planning, plan } = await prepare(options);
  const first = await readAll(plan, options, shared);
  const whole = await readBeyond(first, plan, planning, shared);
  const results = belonging(whole.results, options);
  if (results.length === 0) {
    throw new RunError(
      'no account and Region is left to validate',
      'check --account-id and --region',
    );
  }
  const interrupted = (): boolean => signal?.aborted === true;
  const cutShort = results.some((one) => one.cutShort);
  // Then judging asks nothing more than it must.
  const hurried = (): boolean => interrupted() || cutShort;

  const explain: ExplainOptions = {
    trail,
    trails: options.trails,
    isOrganization: results.some(({ reader }) =>
      reader.locations.some((one) => one.organizationId !== undefined),
    ),
    now,
    bucketRegion: async (bucket) => (await objects.regionOf(bucket)) ?? trail.homeRegion,
  };
  const judging = judgeOptions(plan, options, shared, statusIn, explain);
  const tails = await judgeTails(results, judging);
  const events = hurried() ? NO_EVENTS : await gatherEvents(tails.judged, explain);
  const judged = explainAll(tails, events, trail);
  const anyLeft = results.some(({ ledger }) => (ledger?.candidates.size ?? 0) > 0);
  const others = anyLeft && !hurried() ? await unvalidatedTrails(options) : [];
  const unlisted = {
    due: judging.due,
    trailsOf: (source: Source) =>
      others.filter((one) => reaches(one, source)).map(({ arn }) => arn),
    acceptUnlisted: options.acceptUnlisted ?? [],
  };
  const closed = judged
    .map((one) => closeSource(one, askedOf(one.result, judging), unlisted))
    .sort((a, b) => compareSources(a, b));
  const chains = closed.flatMap((one) => one.chains);
  const told = [
    ...tails.findings.map((one) => settleUnconfirmed(one, judged)),
    ...tailCuts(tails, judged, trail),
  ];
  const gone = plan.bucketGone ? [bucketGone(options)] : told;
  const store = createFindingStore();
  let provedUntil = Math.min(...closed.map((one) => one.provedUntil));
  const altered = new Set<string>();
  const add = (one: Finding): void => {
    store.add(one);
    provedUntil = Math.min(provedUntil, provedBefore(one));
    if (one.code === 'EVIDENCE_ALTERED') altered.add(logId(one.bucket ?? '', one.key ?? ''));
  };
  for (const one of [
    ...planFindings(whole, options),
    ...closed.flatMap((source) => source.findings),
    ...gone,
    ...results.flatMap(stateFindings),
    ...(await keyFindings(results, keysIn)),
  ]) {
    add(one);
  }
  const readings = results.map((one) => one.told);
  for await (const one of shared.told.of(readings)) add(one);
  const isTold = (bucket: string, key: string): boolean => altered.has(logId(bucket, key));
  for await (const one of alteredCopies(options, isTold)) add(one);
  shared.told.close();
  const sorted = await store.sorted();
  const found = await firstOf(sorted);
  const aliases = aliasesOf(options);
  // A trail moves in all its chains at once: what one knows of older places serves all.
  const everywhere = uniqueLocations(results.flatMap(({ reader }) => reader.locations));
  const enriched =
    options.versions === false || hurried()
      ? found
      : await findOriginals(found, {
          objects,
          readDigest: shared.readDigest,
          keysIn,
          trail,
          actualBucket: (bucket) => aliases.get(bucket) ?? bucket,
          locationsOf: () => everywhere,
          searchLogs: (stretch, needles) => searchForRemoval(results, options, stretch, needles),
        });
  const carried =
    state && !interrupted()
      ? await carryFindings(state, closed, enriched, objects, options.unlisted !== false)
      : [];
  const findings = unique([...enriched, ...carried.map(tellAgain)]).map((one) =>
    markAccepted(one, state),
  );
  const settings = interrupted()
    ? []
    : await readSettings(
        trail,
        objects,
        options.trails,
        await statusIn(trail.homeRegion),
        range,
        now,
      );
  const { all, byClass } = sorted.counts;
  const more = all - found.length;
  const verdict = judge(findings, byClass, hurried());
  const gapsAllowed =
    options.allowGaps === true &&
    verdict === 'incomplete' &&
    !interrupted() &&
    more === 0 &&
    onlyAllowedGaps(findings);
  const starts = results.map((one) => one.range.start);
  const covered = { start: Math.min(...starts), end: Math.max(range.end, Math.min(...starts)) };
  const report: Report = {
    schemaVersion: 1,
    tool: options.tool,
    verdict,
    ...(gapsAllowed ? { gapsAllowed } : {}),
    ...(interrupted() ? { interrupted: true } : {}),
    trail: {
      arn: trail.arn,
      name: trail.name,
      homeRegion: trail.homeRegion,
      accountId: trail.accountId,
      bucket: trail.bucket,
      ...(trail.prefix === '' ? {} : { prefix: trail.prefix }),
      ...(plan.organizationId === undefined ? {} : { organizationId: plan.organizationId }),
    },
    timeRange: reportRange(covered, provedUntil),
    scope: scopeOf(options),
    ...(options.evidence ? { evidence: options.evidence } : {}),
    startedAt: formatInstant(options.startedAt),
    finishedAt: formatInstant(options.clock()),
    counts: {
      digestFiles: total(
        chains.map((chain) => chain.digestFiles),
        DIGEST_COUNTS,
      ),
      logFiles: logTotals(chains, options),
      bytesRead: results.reduce((sum, one) => sum + one.bytesRead, 0),
    },
    chains,
    keys: await keysOf(results, keysIn),
    settings,
    ...(state && state.accepted.length > 0 && !interrupted()
      ? {
          accepted: state.accepted.map(({ id, by, at, reason, finding: { code, message } }) => ({
            id,
            code,
            message,
            by,
            at,
            reason,
          })),
        }
      : {}),
    findings: findings.map(reportFinding),
  };
  // Connections that went down say nothing.
  if (!interrupted()) {
    await options.journal?.addBeside(besideNames(whole.findings, whole.results, isPassing));
  }
  const result: RunResult = {
    report,
    finished: !hurried(),
    close: () => sorted.close(),
    ...(more > 0 ? { more: moreFindings(() => sorted.from(found.length)) } : {}),
  };
  // A state that forgot open findings would let them be told no more.
  if (hurried() || more > 0) return result;
  const { bucket, prefix } = trail;
  const next = nextState(state, closed, enriched, carried, {
    trail: trail.arn,
    bucket,
    prefix,
    now,
    rangeStart: range.start,
  });
  return { ...result, state: next };
}

/** Findings that are looked into and kept at hand; a report with more is written from disk. */
const AT_HAND = 10_000;

async function firstOf(sorted: SortedFindings): Promise<Finding[]> {
  const first: Finding[] = [];
  for await (const one of sorted.from(0)) {
    if (first.length >= AT_HAND) break;
    first.push(one);
  }
  return first;
}

const NO_EVENTS = { events: [], complete: [], why: '' };

function compareSources(a: ClosedSource, b: ClosedSource): number {
  const name = ({ judged: { result } }: ClosedSource): string =>
    `${result.plan.accountId} ${result.plan.region}`;
  return name(a) < name(b) ? -1 : 1;
}

function reportRange(range: TimeRange, provedUntil: Instant): Report['timeRange'] {
  return {
    start: formatInstant(range.start),
    end: formatInstant(range.end),
    ...(provedUntil > range.start ? { provedUntil: formatInstant(provedUntil) } : {}),
  };
}
