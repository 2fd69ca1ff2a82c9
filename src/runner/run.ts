import pLimit from 'p-limit';
import { closeBackfill } from '../core/backfill.js';
import { closeSegment, type Asked } from '../core/close.js';
import { compareFindings, finding, type Finding } from '../core/finding.js';
import { reportChain, total, type Report, type ReportChain, type Scope } from '../core/report.js';
import { DAY, formatInstant, HOUR, type Instant, type TimeRange } from '../core/timestamp.js';
import { judge } from '../core/verdict.js';
import { RunError, type KeySource, type ObjectSource, type RegionKeys } from '../sources/ports.js';
import type { RunListener } from './events.js';
import { planSources, type Plan, type PlanOptions } from './plan.js';
import { createDigestReader } from './read-digest.js';
import { readSource, type SourceResult } from './read-source.js';

/** Digest files arrive about half an hour after their end; later than this they are overdue. */
export const DUE_AFTER = 2 * HOUR;

export interface RunOptions extends PlanOptions {
  readonly objects: ObjectSource;
  readonly keys: KeySource;
  /** The service's clock when the run began. */
  readonly now: Instant;
  /** Whether a person named the range's end. */
  readonly explicitEnd: boolean;
  readonly digestsOnly?: boolean;
  /** Objects read at the same time. */
  readonly concurrency: number;
  readonly tool: { readonly name: string; readonly version: string };
  readonly startedAt: Instant;
  /** Gives the time when the report is made. */
  readonly clock: () => Instant;
  readonly signal?: AbortSignal;
  readonly listener?: RunListener;
}

/** Sources that are read side by side; each holds up to two days of digest files. */
const SOURCES_AT_ONCE = 12;

type KeysIn = (region: string) => Promise<RegionKeys>;

/** Asks for each Region's keys once. */
function rememberKeys(options: RunOptions): KeysIn {
  const regions = new Map<string, Promise<RegionKeys>>();
  return (region) => {
    const known = regions.get(region);
    if (known) return known;
    const keys = options.keys.keysFor(region, options.range, options.now);
    regions.set(region, keys);
    return keys;
  };
}

async function readAll(plan: Plan, options: RunOptions, keysIn: KeysIn): Promise<SourceResult[]> {
  const { objects, range, trail, concurrency, signal, listener = () => undefined } = options;
  const limit = pLimit(concurrency);
  const readDigest = createDigestReader(objects, limit);
  const days = Math.ceil((range.end - range.start) / DAY);
  listener({ type: 'planned', sources: plan.sources.length, days });
  const sources = pLimit(Math.min(SOURCES_AT_ONCE, concurrency));
  return Promise.all(
    plan.sources.map((one) =>
      sources(async () => {
        const result = await readSource({
          plan: one,
          trail,
          objects,
          readDigest,
          keys: await keysIn(one.region),
          range,
          now: options.now,
          digestsOnly: options.digestsOnly === true,
          limit,
          window: concurrency * 2,
          signal,
          listener,
        });
        listener({ type: 'source-done' });
        return result;
      }),
    ),
  );
}

/** A finding for each Region whose keys nobody vouches for, and each key that is labelled wrongly. */
async function keyFindings(results: readonly SourceResult[], keysIn: KeysIn): Promise<Finding[]> {
  const findings: Finding[] = [];
  const regions = new Set(results.filter((one) => one.met).map((one) => one.plan.region));
  for (const region of regions) {
    const keys = await keysIn(region);
    if (keys.unpinned !== '') findings.push(finding('KEYS_UNPINNED', keys.unpinned, { region }));
    for (const key of keys.mislabelled) {
      const message = `public key ${key.fingerprint} is not labelled with its MD5`;
      findings.push(finding('KEY_FINGERPRINT_MISMATCH', message, { region }));
    }
  }
  return findings;
}

/**
 * Folders of Regions in which a single-Region trail never delivered are other trails'. Only
 * DescribeTrails can say that a trail is one: without its word every folder counts, or emptying a
 * Region would hide it.
 */
function belonging(results: readonly SourceResult[], options: RunOptions): readonly SourceResult[] {
  const isMultiRegion = options.trail.isMultiRegion ?? true;
  return results.filter(
    (one) => one.met || one.plan.expected || isMultiRegion || one.findings.length > 0,
  );
}

function closeSource(
  result: SourceResult,
  asked: Asked,
): { chains: ReportChain[]; findings: Finding[]; provedUntil: Instant } {
  const { accountId, region } = result.plan;
  const standard = closeSegment(result.standard, asked);
  const chains = [
    reportChain({ accountId, region, kind: 'standard' }, standard, result.logs.standard),
  ];
  const findings = [...result.findings, ...standard.findings];
  const { nodes, loose } = result.backfill;
  if (nodes.length > 0 || loose.some((one) => one.key !== undefined)) {
    const backfill = closeBackfill(result.backfill, asked.range);
    chains.push(
      reportChain({ accountId, region, kind: 'backfill' }, backfill, result.logs.backfill),
    );
    findings.push(...backfill.findings);
  }
  return { chains, findings, provedUntil: standard.provedUntil };
}

function bucketGone(options: RunOptions): Finding {
  const { trail, range } = options;
  const { accountId, homeRegion: region, bucket } = trail;
  const place = { accountId, region, bucket, start: range.start, end: range.end };
  return trail.validationEnabled === true
    ? finding('DIGEST_MISSING', 'the trail delivers to this bucket, and it does not exist', place)
    : finding('COVERAGE_NONE', 'the bucket does not exist', place);
}

function scopeOf(options: RunOptions): Scope {
  return {
    ...(options.regions ? { regions: options.regions } : {}),
    ...(options.accountIds ? { accountIds: options.accountIds } : {}),
    ...(options.digestsOnly === true ? { digestsOnly: true } : {}),
    unlisted: false,
  };
}

function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Map(findings.map((one) => [JSON.stringify(one), one]));
  return [...seen.values()].sort(compareFindings);
}

const DIGEST_COUNTS = ['valid', 'invalid', 'missing', 'unreadable'] as const;

/**
 * Validates a trail over a range of delivery time and reports what is proved, altered, missing or
 * unvouched for. What is found about the trail never throws; `RunError` says that there could be no
 * run. The report is the same whatever the concurrency, times of the run aside.
 */
export async function validateTrail(options: RunOptions): Promise<Report> {
  const { trail, range, signal } = options;
  if (range.start >= range.end) throw new RunError('the time range is empty');
  const plan = await planSources(options.objects, options);
  if (plan.bucketGone && trail.isMultiRegion === undefined) {
    throw new RunError(`the bucket ${trail.bucket} does not exist`, 'check --s3-bucket');
  }
  const keysIn = rememberKeys(options);
  const results = await readAll(plan, options, keysIn);
  const asked = { range, due: options.now - DUE_AFTER, explicitEnd: options.explicitEnd };
  const closed = belonging(results, options).map((result) => closeSource(result, asked));
  const chains = closed.flatMap((one) => one.chains);
  if (chains.length === 0) {
    throw new RunError(
      'no account and Region is left to validate',
      'check --account-id and --region',
    );
  }
  const interrupted = signal?.aborted === true;
  const findings = unique([
    ...plan.findings,
    ...closed.flatMap((one) => one.findings),
    ...(plan.bucketGone ? [bucketGone(options)] : []),
    ...(await keyFindings(results, keysIn)),
  ]);
  const provedUntil = Math.min(...closed.map((one) => one.provedUntil));
  return {
    schemaVersion: 1,
    tool: options.tool,
    verdict: judge(findings, interrupted),
    ...(interrupted ? { interrupted: true } : {}),
    trail: {
      arn: trail.arn,
      name: trail.name,
      homeRegion: trail.homeRegion,
      accountId: trail.accountId,
      bucket: trail.bucket,
      ...(trail.prefix === '' ? {} : { prefix: trail.prefix }),
      ...(plan.organizationId === undefined ? {} : { organizationId: plan.organizationId }),
    },
    timeRange: reportRange(range, provedUntil),
    scope: scopeOf(options),
    startedAt: formatInstant(options.startedAt),
    finishedAt: formatInstant(options.clock()),
    counts: {
      digestFiles: total(
        chains.map((chain) => chain.digestFiles),
        DIGEST_COUNTS,
      ),
      logFiles: total(
        chains.map((chain) => chain.logFiles),
        DIGEST_COUNTS,
      ),
      bytesRead: results.reduce((sum, one) => sum + one.bytesRead, 0),
    },
    chains,
    findings,
  };
}

function reportRange(range: TimeRange, provedUntil: Instant): Report['timeRange'] {
  return {
    start: formatInstant(range.start),
    end: formatInstant(range.end),
    ...(provedUntil > range.start ? { provedUntil: formatInstant(provedUntil) } : {}),
  };
}
