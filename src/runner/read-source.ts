/** One account's source Region over the whole range, a day at a time, newest first. */
import type { LimitFunction } from 'p-limit';
import type { BackfillSegment } from '../core/backfill.js';
import type { SuccessorLink } from '../core/authenticate.js';
import type { LogFileEntry } from '../core/digest-file.js';
import { finding, type Finding } from '../core/finding.js';
import {
  EMPTY_LEDGER,
  joinLedgers,
  ledgerOfDay,
  logDay,
  LOG_SLACK,
  logId,
  logTime,
  strike,
  within,
  type LogLedger,
  type LogObject,
} from '../core/log-objects.js';
import {
  digestSegment,
  emptySegment,
  join,
  looseSegment,
  type Chain,
  type DigestNode,
  type Loose,
  type Segment,
} from '../core/segment.js';
import type { ChainKind, TrailName } from '../core/object-key.js';
import type { RememberedChain } from '../core/state.js';
import { DAY, HOUR, startOfDay, type Instant, type TimeRange } from '../core/timestamp.js';
import type { ObjectSource, RegionKeys } from '../sources/ports.js';
import { createLogChecker, type LogTally } from './check-logs.js';
import type { RunListener } from './events.js';
import type { SourcePlan } from './plan.js';
import { forEachBounded } from './pool.js';
import { readBefore, readContext, readOlder } from './read-context.js';
import {
  readDay,
  type Day,
  type DayDigest,
  type ListedLog,
  type SourceReader,
} from './read-day.js';
import type { createDigestReader } from './read-digest.js';
import { listLogFolders, strikeByOtherTrails, strikeProved } from './read-logs.js';
import { readRemembered, type Remembered } from './remember.js';

/** What one source came to. */
export interface SourceResult {
  readonly plan: SourcePlan;
  readonly range: TimeRange;
  readonly standard: Segment;
  readonly backfill: BackfillSegment;
  readonly logs: Readonly<Record<ChainKind, LogTally>>;
  /** Findings of log files and listings; those of digests are in the segments. */
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
  /** Whether any digest file of the trail was met. */
  readonly met: boolean;
  /** Objects in log folders that no digest file lists; `undefined` where none were looked for. */
  readonly ledger: LogLedger | undefined;
  /** Whether the digest file right before the range was read. */
  readonly knownBefore: boolean;
  readonly remembered: readonly Remembered[];
  /** The oldest authenticated digest file of the range. */
  readonly afterRemembered: DigestNode | undefined;
  /** Objects in log folders that an earlier run left open, by `logId`. */
  readonly carried: ReadonlySet<string>;
  readonly reader: SourceReader;
}

export interface SourceJob {
  readonly plan: SourcePlan;
  readonly trail: TrailName;
  readonly objects: ObjectSource;
  readonly readDigest: ReturnType<typeof createDigestReader>;
  readonly keys: RegionKeys;
  readonly range: TimeRange;
  readonly backfillFrom: Instant;
  readonly now: Instant;
  readonly digestsOnly: boolean;
  readonly unlisted: boolean;
  readonly remembered: readonly RememberedChain[];
  /** Objects in log folders that an earlier run left open. */
  readonly candidates: readonly LogObject[];
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
  const segments = digests
    .filter((digest) => digest.kind === 'standard')
    .flatMap((digest) => [
      ...unseen,
      'node' in digest
        ? digestSegment(chain, digest.node, digest.findings)
        : looseSegment(chain, digest.loose, digest.counted, digest.findings),
    ])
    .concat(unseen);
  return fold(segments) ?? emptySegment(chain);
}

/** Joins neighbours pairwise: one after the other, ten thousand planted names would cost their square. */
function fold(segments: readonly Segment[]): Segment | undefined {
  if (segments.length <= 1) return segments[0];
  const middle = segments.length >> 1;
  const older = fold(segments.slice(0, middle));
  const newer = fold(segments.slice(middle));
  return older && newer ? join(older, newer) : (older ?? newer);
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

/** Late backfill digest files are looked for in the digest folders before the range, this far back. */
function* earlierDays(job: SourceJob): Generator<Instant> {
  const { range, backfillFrom } = job;
  for (let day = startOfDay(range.start + 1) - DAY; day >= startOfDay(backfillFrom); day -= DAY) {
    yield day;
  }
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
    backfillFrom: job.backfillFrom,
  };
  const logs = { standard: none(), backfill: none() };
  const findings: Finding[] = [];
  let bytesRead = 0;
  let standard = emptySegment(standardChain);
  let backfill = backfillOf(backfillChain, []);
  let ledger = EMPTY_LEDGER;
  const seen = { any: false };
  let unread: Instant | undefined;

  const carried = new Set(job.candidates.map(({ bucket, key }) => logId(bucket, key)));
  const stopped = (): boolean => signal?.aborted === true;
  const newest = newestDay(range, job.now);
  const context = await readContext(reader, [newest, newest + DAY]);
  if (context) standard = segmentOf(standardChain, [context.digest]);

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
  const lookForUnlisted = async (day: Instant, logFiles: readonly ListedLog[]): Promise<void> => {
    if (!job.unlisted) return;
    const folder = await listLogFolders(reader, day);
    if (stopped()) return;
    findings.push(...folder.findings);
    const listed = logFiles.map(({ entry }) => entry);
    const near = { start: range.start, end: range.end + HOUR };
    const own = within(ledgerOfDay(day, folder.objects, listed), near, carried);
    ledger = joinLedgers(own, ledger);
  };
  const take = async (day: Instant, read: Day): Promise<void> => {
    findings.push(...read.findings);
    bytesRead += read.bytesRead;
    seen.any ||= read.digests.length > 0 || read.failures.length > 0;
    listener({ type: 'digests', digestFiles: read.digests.length, bytes: read.bytesRead });
    backfill = addBackfill(backfillOf(backfillChain, read.digests, read.failures), backfill);
    await Promise.all([
      job.digestsOnly ? undefined : checkLogs(read),
      day >= startOfDay(range.start + 1) ? lookForUnlisted(day, read.logs) : undefined,
    ]);
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
    const { day, read } = current;
    standard = join(segmentOf(standardChain, read.digests, read.failures), standard);
    const [following] = await Promise.all([next(), take(day, read)]);
    current = following;
  }
  // A name that was rounded up past midnight lies in the folder of the day before.
  const midnight = startOfDay(range.start + 1);
  if (range.start - midnight < LOG_SLACK) await lookForUnlisted(midnight - DAY, []);
  for (const day of earlierDays(job)) {
    if (!stopped()) await take(day, await readDay(reader, day));
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
  const remembered = await Promise.all(job.remembered.map((one) => readRemembered(reader, one)));
  const { first } = standard;
  if (first && !first.link && first.start > range.start && remembered.length === 0 && !stopped()) {
    const older = await readOlder(reader);
    if (older) standard = join(segmentOf(standardChain, [older]), standard);
  }
  const before = await listedBefore(reader, first, remembered, ledger, range);
  const known = remembered.find((one) => one.kind === 'standard' && one.end <= range.start);
  if (known) standard = join(digestSegment(standardChain, known.node, []), standard);
  if (job.unlisted) {
    // Beyond the newest digest file of the range, later ones speak.
    const end = Math.max(range.end, standard.newest?.end ?? 0);
    ledger = within(ledger, { start: range.start, end }, carried);
    // Younger ones lie in folders that were listed again.
    const listedAgain = startOfDay(range.start + 1);
    const older = job.candidates
      .filter(({ key }) => (logDay(key) ?? 0) < listedAgain)
      .map((one): [string, LogObject] => [logId(one.bucket, one.key), one]);
    ledger = { ...ledger, candidates: new Map([...older, ...ledger.candidates]) };
    ledger = strike(ledger, ledger.elsewhere);
    for (const list of [before ?? [], context?.logFiles ?? []]) {
      ledger = await strikeProved(reader, ledger, list);
    }
    for await (const list of context?.later() ?? []) {
      if (ledger.candidates.size === 0 || stopped()) break;
      ledger = await strikeProved(reader, ledger, list);
    }
    if (ledger.candidates.size > 0 && !stopped())
      ledger = await strikeByOtherTrails(reader, ledger);
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
  return {
    plan,
    range,
    standard,
    backfill,
    logs,
    findings,
    bytesRead,
    met: seen.any || context !== undefined,
    ledger: job.unlisted ? ledger : undefined,
    knownBefore: before !== undefined,
    remembered,
    afterRemembered: first,
    carried,
    reader,
  };
}

/** What the digest file right before the range lists; asked only where something hangs on it. */
async function listedBefore(
  reader: SourceReader,
  first: DigestNode | undefined,
  remembered: readonly Remembered[],
  ledger: LogLedger,
  range: TimeRange,
): Promise<readonly LogFileEntry[] | undefined> {
  const known = remembered.find((one) => one.kind === 'standard' && one.now === 'same');
  if (known && known.end <= range.start) return known.logFiles;
  // A starting digest has none before it; and one that lies in the range was read.
  if (!first?.link || first.start > range.start) return [];
  const early = [...ledger.candidates.values()].some(
    ({ key }) => (logTime(key) ?? 0) <= range.start + LOG_SLACK,
  );
  return early ? readBefore(reader, first.link) : [];
}
