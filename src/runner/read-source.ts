/** One account's source Region over the whole range, or over the share of one of many machines. */
import type { LimitFunction } from 'p-limit';
import type { BackfillSegment } from '../core/backfill.js';
import type { SuccessorLink } from '../core/authenticate.js';
import { NO_EDGE } from '../core/edge.js';
import { count } from '../core/count.js';
import { finding, type Finding } from '../core/finding.js';
import type { Shard } from '../core/journal.js';
import { joinLedgers, LOG_SLACK, type LogLedger, type LogObject } from '../core/log-objects.js';
import type { ChainKind, TrailName } from '../core/object-key.js';
import type { Sample } from '../core/sample.js';
import {
  digestSegment,
  join,
  looseSegment,
  type DigestNode,
  type Segment,
} from '../core/segment.js';
import type { KeyUse, LogTally } from '../core/source-segment.js';
import type { RememberedChain } from '../core/state.js';
import { DAY, formatInstant, type Instant, type TimeRange } from '../core/timestamp.js';
import type { Journal, ObjectSource, RegionKeys } from '../sources/ports.js';
import type { Reading } from '../sources/reading-findings.js';
import { segmentOf } from './day-segment.js';
import { daysOf, newestDay, oldestDay, shareOf } from './days.js';
import type { RunListener } from './events.js';
import type { SourcePlan } from './plan.js';
import { readLate } from './late-backfill.js';
import { readContext, readEdge, readOlder, type Context } from './read-context.js';
import type { SourceReader } from './read-day.js';
import { emptySource, lookForUnlisted, readDays, type DaysRead } from './read-days.js';
import type { createDigestReader } from './read-digest.js';
import { readRemembered, type Remembered } from './remember.js';
import { listedBefore, settleLedger } from './settle-ledger.js';
import { noting, type Unreadable } from './unread.js';

/** What one source came to. */
export interface SourceResult {
  readonly plan: SourcePlan;
  readonly range: TimeRange;
  readonly standard: Segment;
  readonly backfill: BackfillSegment;
  readonly logs: Readonly<Record<ChainKind, LogTally>>;
  /** Findings of the source as a whole; those of digest files are in the segments. */
  readonly findings: readonly Finding[];
  /** What was found in log files and listings. */
  readonly told: Reading;
  readonly bytesRead: number;
  readonly verifiedBy: KeyUse;
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
  /** Whether the run had to stop before all of it was read. */
  readonly cutShort: boolean;
  readonly reader: SourceReader;
  /** What `reader` could not read, beside the days: it may become more while the source is judged. */
  readonly unreadable: Unreadable;
}

export interface SourceJob {
  readonly plan: SourcePlan;
  readonly trail: TrailName;
  readonly objects: ObjectSource;
  readonly readDigest: ReturnType<typeof createDigestReader>;
  readonly keys: RegionKeys;
  readonly range: TimeRange;
  readonly backfillFrom: Instant;
  /** The service's clock when the work began: no digest file of a later day is asked for. */
  readonly begunAt: Instant;
  readonly digestsOnly: boolean;
  readonly unlisted: boolean;
  readonly sample: Sample | undefined;
  readonly remembered: readonly RememberedChain[];
  /** Objects in log folders that an earlier run left open. */
  readonly candidates: readonly LogObject[];
  /** Their names, by `logId`. */
  readonly carried: ReadonlySet<string>;
  readonly limit: LimitFunction;
  readonly window: number;
  /** What an earlier reading of the run told of a day, in fewer places. */
  readonly earlier?: (day: Instant) => Promise<readonly Finding[]>;
  /** Takes what is found in log files and listings. */
  readonly told: Reading;
  readonly journal: Journal | undefined;
  readonly signal: AbortSignal | undefined;
  /** Whether nothing more may be begun: interrupted, or out of time. */
  readonly stopped: () => boolean;
  readonly listener: RunListener;
}

function readerFor(job: SourceJob): SourceReader {
  const { plan, trail, range, objects, readDigest, keys, backfillFrom } = job;
  const source = { accountId: plan.accountId, region: plan.region };
  return {
    objects,
    readDigest,
    keys,
    source,
    chains: {
      standard: { ...source, trail, kind: 'standard' },
      backfill: { ...source, trail, kind: 'backfill' },
    },
    locations: [...plan.locations],
    links: new Map<string, SuccessorLink>(),
    edges: { standard: NO_EDGE, backfill: NO_EDGE },
    range,
    backfillFrom,
  };
}

/**
 * Reads and checks one source. The digest files of the next older day are fetched while the log
 * files of a day are checked; memory holds two days, whatever the range.
 */
export async function readSource(job: SourceJob): Promise<SourceResult> {
  const { range, begunAt, backfillFrom } = job;
  const reader = readerFor(job);
  const unreadable: Unreadable = new Map();
  const aside = noting(reader, unreadable);
  const newest = newestDay(range, begunAt);
  const context = await readContext(aside, [newest, newest + DAY]);
  reader.edges = aside.edges;
  const none = emptySource(reader);
  const standard = context ? segmentOf(reader.chains.standard, [context.digest]) : none.standard;
  const days = daysOf(range, begunAt, backfillFrom);
  const read = await readDays(job, reader, days, { ...none, standard });
  aside.edges = reader.edges;
  const late = await readLate(job, aside, read);
  return settleSource(job, aside, late, context, unreadable);
}

/** Reads a shard's share of a source into the journal; nothing is judged. */
export async function readShare(
  job: SourceJob,
  shard: Shard,
): Promise<(DaysRead & { unreadable: Unreadable }) | undefined> {
  const { range, begunAt, backfillFrom } = job;
  const days = daysOf(range, begunAt, backfillFrom);
  const own = shareOf(days, job.plan, shard);
  const [first] = own;
  if (first === undefined) return undefined;
  const reader = readerFor(job);
  const unreadable: Unreadable = new Map();
  const aside = noting(reader, unreadable);
  const newest = newestDay(range, begunAt);
  if (first === newest) await readContext(aside, [newest, newest + DAY]);
  else await readEdge(aside, first + DAY, newest + DAY);
  reader.edges = aside.edges;
  return { ...(await readDays(job, reader, own, emptySource(reader))), unreadable };
}

/** What the range's edges and the digest files of others say of what was read. */
async function settleSource(
  job: SourceJob,
  reader: SourceReader,
  given: DaysRead,
  context: Context | undefined,
  unreadable: Unreadable,
): Promise<SourceResult> {
  const { plan, range, stopped, carried } = job;
  const { accountId, region } = plan;
  const { standard: chain } = reader.chains;
  const findings: Finding[] = [];
  const days = await withEve(job, reader, given, findings);
  const remembered = await Promise.all(job.remembered.map((one) => readRemembered(reader, one)));
  const { first } = days.total.standard;
  const before = await listedBefore(job, reader, first, remembered, days.total.ledger);
  const read = job.unlisted ? await settleLedger(job, reader, days, { context, before }) : days;
  const { total, unread } = read;
  let { standard, backfill } = total;
  if (unread !== undefined) {
    const cause = job.signal?.aborted === true ? 'interrupted' : 'time-limit';
    const loose = { end: unread, state: 'unreadable', cause } as const;
    if (unread > range.start) {
      const unseen = looseSegment(chain, { ...loose, start: range.start }, false, []);
      standard = join(unseen, standard);
    }
    // What newer backfill digest files name may lie there, too.
    backfill = { ...backfill, loose: [...backfill.loose, { ...loose, start: job.backfillFrom }] };
  }
  if (first && !first.link && first.start > range.start && remembered.length === 0 && !stopped()) {
    const older = await readOlder(reader);
    if (older) standard = join(segmentOf(chain, [older]), standard);
  }
  const known = remembered.find((one) => one.kind === 'standard' && one.end <= range.start);
  if (known) standard = join(digestSegment(chain, known.node, []), standard);
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
  const cutShort = stopped() || !read.whole;
  if (cutShort && job.signal?.aborted !== true) findings.push(notRead(job, read));
  return {
    plan,
    range,
    standard,
    backfill,
    logs: total.logs,
    findings,
    told: job.told,
    bytesRead: total.bytesRead,
    verifiedBy: total.verifiedBy,
    met: total.met || context !== undefined,
    ledger: job.unlisted ? total.ledger : undefined,
    knownBefore: before !== undefined,
    remembered,
    afterRemembered: first,
    carried,
    cutShort,
    reader,
    unreadable,
  };
}

/** What to do where the time was up: a run with a journal was already told with which. */
export const hintOf = (journal: Journal | undefined): string | undefined =>
  journal && 'run the same command again, which goes on where this run stopped';

/** With the log folder of the day before: a name that was rounded up past midnight lies there. */
async function withEve(
  job: SourceJob,
  reader: SourceReader,
  read: DaysRead,
  findings: Finding[],
): Promise<DaysRead> {
  const midnight = oldestDay(job.range);
  if (!job.unlisted || job.range.start - midnight >= LOG_SLACK || job.stopped()) return read;
  const eve = await lookForUnlisted(job, reader, midnight - DAY, [], findings);
  return { ...read, total: { ...read.total, ledger: joinLedgers(eve, read.total.ledger) } };
}

/** What a run that was out of time left unread. */
function notRead(job: SourceJob, { unread, unreadLogs }: DaysRead): Finding {
  const { accountId, region } = job.plan;
  const { start, end } = job.range;
  const until = unread === undefined ? undefined : Math.min(unread, end);
  const early = until !== undefined && until <= start;
  const files = early ? 'late backfill digest files' : 'the digest files';
  const parts = [
    ...(until === undefined ? [] : [`${files} until ${formatInstant(until)}`]),
    ...(unreadLogs === 0 ? [] : [count(unreadLogs, 'log file')]),
  ];
  const what =
    parts.length === 0 ? 'something beside the digest files of the range' : parts.join(' and ');
  const time = { start: early ? job.backfillFrom : start, end: until ?? end };
  const details = { logFiles: unreadLogs };
  const place = { accountId, region, ...time, details, hint: hintOf(job.journal) };
  return finding('NOT_READ', `not read, for the time was up: ${what}`, place);
}
