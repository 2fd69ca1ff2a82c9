/** One account's source Region over the whole range, a day at a time, newest first. */
import type { LimitFunction } from 'p-limit';
import type { BackfillSegment } from '../core/backfill.js';
import type { SuccessorLink } from '../core/authenticate.js';
import { finding, type Finding } from '../core/finding.js';
import {
  digestSegment,
  emptySegment,
  join,
  looseSegment,
  type Chain,
  type Loose,
  type Segment,
} from '../core/segment.js';
import type { ChainKind, TrailName } from '../core/object-key.js';
import { DAY, HOUR, startOfDay, type Instant, type TimeRange } from '../core/timestamp.js';
import type { ObjectSource, RegionKeys } from '../sources/ports.js';
import { createLogChecker, type LogTally } from './check-logs.js';
import type { RunListener } from './events.js';
import type { SourcePlan } from './plan.js';
import { forEachBounded } from './pool.js';
import {
  readContext,
  readDay,
  type Day,
  type DayDigest,
  type ListedLog,
  type SourceReader,
} from './read-day.js';
import type { createDigestReader } from './read-digest.js';

/** What one source came to. */
export interface SourceResult {
  readonly plan: SourcePlan;
  readonly standard: Segment;
  readonly backfill: BackfillSegment;
  readonly logs: Readonly<Record<ChainKind, LogTally>>;
  /** Findings of log files and listings; those of digests are in the segments. */
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
  /** Whether any digest file of the trail was met. */
  readonly met: boolean;
}

export interface SourceJob {
  readonly plan: SourcePlan;
  readonly trail: TrailName;
  readonly objects: ObjectSource;
  readonly readDigest: ReturnType<typeof createDigestReader>;
  readonly keys: RegionKeys;
  readonly range: TimeRange;
  readonly now: Instant;
  readonly digestsOnly: boolean;
  readonly limit: LimitFunction;
  readonly window: number;
  readonly signal: AbortSignal | undefined;
  readonly listener: RunListener;
}

const none = (): LogTally => ({ valid: 0, invalid: 0, missing: 0, unreadable: 0 });

/**
 * Folds a day's digest files. A folder that could not be listed may have held a digest file anywhere
 * in its day, so it stands between all of them: wherever two don't meet, it speaks.
 */
function segmentOf(
  chain: Chain,
  digests: readonly DayDigest[],
  failures: readonly Loose[] = [],
): Segment {
  const unseen = failures.map((loose) => looseSegment(chain, loose, false, []));
  return digests
    .filter((digest) => digest.kind === 'standard')
    .flatMap((digest) => [
      ...unseen,
      'node' in digest
        ? digestSegment(chain, digest.node, digest.findings)
        : looseSegment(chain, digest.loose, digest.counted, digest.findings),
    ])
    .concat(unseen)
    .reduce(join, emptySegment(chain));
}

function backfillOf(
  chain: Chain,
  digests: readonly DayDigest[],
  failures: readonly Loose[] = [],
): BackfillSegment {
  const own = digests.filter((digest) => digest.kind === 'backfill');
  const nodes = own.flatMap((digest) => ('node' in digest ? [digest.node] : []));
  const loose = own.flatMap((digest) => ('loose' in digest ? [digest] : []));
  const counted = loose.filter((digest) => digest.counted);
  const judged = nodes.filter((node) => node.counted);
  return {
    chain,
    nodes,
    // A folder that could not be listed may have held backfill digest files too.
    loose: [...loose.map((digest) => digest.loose), ...failures],
    digests: {
      valid: judged.filter((node) => node.sound).length,
      invalid:
        judged.filter((node) => !node.sound).length +
        counted.filter(({ loose: one }) => one.state === 'altered').length,
      unreadable: counted.filter(({ loose: one }) => one.state === 'unreadable').length,
    },
    findings: own.flatMap((digest) =>
      ('node' in digest ? digest.node.counted : digest.counted) ? digest.findings : [],
    ),
  };
}

function addBackfill(older: BackfillSegment, newer: BackfillSegment): BackfillSegment {
  return {
    chain: older.chain,
    nodes: [...older.nodes, ...newer.nodes],
    loose: [...older.loose, ...newer.loose],
    digests: {
      valid: older.digests.valid + newer.digests.valid,
      invalid: older.digests.invalid + newer.digests.invalid,
      unreadable: older.digests.unreadable + newer.digests.unreadable,
    },
    findings: [...older.findings, ...newer.findings],
  };
}

/** The newest UTC day whose folder can hold digest files of the range; there are none of tomorrow. */
function newestDay(range: TimeRange, now: Instant): Instant {
  return startOfDay(Math.min(range.end + HOUR - 1, now + DAY));
}

/** The UTC days whose folders can hold digest files of the range, newest first. */
function* daysOf(range: TimeRange, newest: Instant): Generator<Instant> {
  for (let day = newest; day >= startOfDay(range.start + 1); day -= DAY) yield day;
}

/**
 * Reads and checks one source. The digest files of the next older day are fetched while the log
 * files of a day are checked; memory holds two days, whatever the range.
 */
export async function readSource(job: SourceJob): Promise<SourceResult> {
  const { plan, trail, range, signal, listener, objects } = job;
  const { accountId, region } = plan;
  const standardChain: Chain = { accountId, region, trail, kind: 'standard' };
  const backfillChain: Chain = { accountId, region, trail, kind: 'backfill' };
  const reader: SourceReader = {
    objects,
    readDigest: job.readDigest,
    keys: job.keys,
    source: { accountId, region },
    chains: { standard: standardChain, backfill: backfillChain },
    locations: [...plan.locations],
    links: new Map<string, SuccessorLink>(),
    range,
  };
  const logs = { standard: none(), backfill: none() };
  const findings: Finding[] = [];
  let bytesRead = 0;
  let standard = emptySegment(standardChain);
  let backfill = backfillOf(backfillChain, []);
  let met = false;
  let unread: Instant | undefined;

  const stopped = (): boolean => signal?.aborted === true;
  const newest = newestDay(range, job.now);
  const context = await readContext(reader, [newest, newest + DAY]);
  if (context) standard = segmentOf(standardChain, [context]);

  const checkLogs = async (day: Day): Promise<void> => {
    const check = createLogChecker(objects, plan);
    listener({ type: 'listed', logFiles: day.logs.length });
    await forEachBounded(day.logs, job.limit, job.window, async (log: ListedLog) => {
      if (stopped()) return;
      const outcome = await check(log);
      // What an interruption cut off says nothing about the file.
      if (stopped() && outcome.count === 'unreadable') return;
      logs[outcome.kind][outcome.count]++;
      if (outcome.finding) findings.push(outcome.finding);
      bytesRead += outcome.bytes;
      listener({ type: 'log', bytes: outcome.bytes });
    });
  };

  const days = daysOf(range, newest);
  const next = async (): Promise<{ day: Instant; read: Day } | undefined> => {
    const step = days.next();
    if (step.done === true) return undefined;
    const day = step.value;
    if (stopped()) {
      unread ??= day + DAY - 1;
      return undefined;
    }
    const read = await readDay(reader, day);
    if (stopped()) {
      unread ??= day + DAY - 1;
      return undefined;
    }
    return { day, read };
  };
  for (let current = await next(); current;) {
    const { read } = current;
    findings.push(...read.findings);
    bytesRead += read.bytesRead;
    met ||= read.digests.length > 0 || read.failures.length > 0;
    listener({ type: 'digests', digestFiles: read.digests.length, bytes: read.bytesRead });
    standard = join(segmentOf(standardChain, read.digests, read.failures), standard);
    backfill = addBackfill(backfillOf(backfillChain, read.digests, read.failures), backfill);
    const [following] = await Promise.all([next(), job.digestsOnly ? undefined : checkLogs(read)]);
    current = following;
  }
  if (unread !== undefined) {
    const loose = {
      start: range.start,
      end: unread,
      state: 'unreadable',
      cause: 'interrupted',
    } as const;
    standard = join(looseSegment(standardChain, loose, false, []), standard);
  }
  const keyless = [
    ...standard.before,
    ...standard.after,
    ...backfill.loose,
    ...standard.settled,
  ].some((one) => one.cause === 'keys-unavailable');
  if (keyless) {
    const why =
      job.keys.failure === '' ? 'no key of that time and fingerprint is known' : job.keys.failure;
    findings.push(finding('KEYS_UNAVAILABLE', why, { accountId, region }));
  }
  return { plan, standard, backfill, logs, findings, bytesRead, met: met || context !== undefined };
}
