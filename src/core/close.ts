/** Closing a chain: what its segment says about the range that was asked for. */
import { count } from './count.js';
import { append, expectedDigests, normalize, type Interval } from './coverage.js';
import { finding, type Finding } from './finding.js';
import type { GapCause } from './explain.js';
import {
  fillTime,
  missingBefore,
  windowOf,
  type Chain,
  type DigestNode,
  type Segment,
} from './segment.js';
import { formatInstant, HOUR, type Instant, type TimeRange } from './timestamp.js';
import { describeEvent, eventFacts } from './trail-event.js';

/** What of a digest file identifies it to the next run. */
export interface DigestIdentity {
  readonly bucket: string;
  readonly key: string;
  readonly hash: string;
  readonly signature: string;
  readonly endTime: string;
}

/** A stretch of time as the report has it. */
export interface ReportInterval {
  readonly start: string;
  readonly end: string;
  readonly state: Interval['state'];
  readonly cause?: string;
  readonly expectedDigests?: number;
  readonly evidence?: string;
}

export interface DigestCounts {
  readonly valid: number;
  readonly invalid: number;
  readonly missing: number;
  readonly unreadable: number;
}

export interface ClosedChain {
  readonly intervals: readonly ReportInterval[];
  readonly digestFiles: DigestCounts;
  readonly findings: readonly Finding[];
  readonly newestDigest?: DigestIdentity;
  /** The end of the time that is proved without a hole from the range's start. */
  readonly provedUntil: Instant;
}

export interface Asked {
  readonly range: TimeRange;
  /** Digest files that end later than this may not have been delivered yet. */
  readonly due: Instant;
  /** Whether a person named the end; else the range ends where time is due and nothing is said. */
  readonly explicitEnd: boolean;
}

/** Time after the newest authenticated digest: loose ones, then a gap, then what isn't due. */
function tail(last: DigestNode, segment: Segment, asked: Asked): Interval[] {
  const { due, range } = asked;
  const result: Interval[] = [];
  // The digest file of the hour that is under way at `due` has not ended, or may still be coming.
  const hours = Math.max(0, Math.floor((due - last.end) / HOUR));
  const dueEnd = Math.min(range.end, last.end + hours * HOUR);
  const gap = {
    state: 'gap',
    cause: 'unknown',
    anchor: last.end,
    evidence: last.key,
    open: true,
  } as const;
  for (const one of fillTime({ start: last.end, end: dueEnd }, segment.after, gap)) {
    append(result, one);
  }
  const rest = { start: Math.max(dueEnd, last.end), end: range.end };
  if (rest.start < rest.end) {
    const notDue = { state: 'not-due', anchor: last.end, open: true } as const;
    for (const one of fillTime(rest, segment.after, notDue)) append(result, one);
  }
  return result;
}

function timeline(segment: Segment, asked: Asked): Interval[] {
  const { first, last, before } = segment;
  const { range, due } = asked;
  if (!first || !last) {
    const none = { state: 'gap', cause: 'unknown', open: true } as const;
    const dueRange = { start: range.start, end: Math.min(range.end, Math.max(range.start, due)) };
    const rest = { start: dueRange.end, end: range.end };
    return [...fillTime(dueRange, before, none), ...fillTime(rest, before, { state: 'not-due' })];
  }
  const head = { start: range.start, end: first.start };
  const gap = { state: 'gap', cause: 'unknown', evidence: first.key } as const;
  return [
    ...(first.link ? missingBefore(head, before, first.key) : fillTime(head, before, gap)),
    ...segment.settled,
    windowOf(last, false),
    ...tail(last, segment, asked),
  ];
}

/**
 * A digest file that its successor names but that may still be under way is not missing yet: what
 * ends later than `due` is told as not due, although time after it is proved.
 */
function spareLate(one: Interval, due: Instant): Interval[] {
  if (one.state !== 'missing' || one.end <= due) return [one];
  const anchor = one.anchor ?? one.end;
  const cut = anchor + Math.floor((due - anchor) / HOUR) * HOUR;
  const late: Interval = {
    ...one,
    start: Math.max(one.start, cut),
    state: 'not-due',
    cause: 'late',
  };
  return cut > one.start ? [{ ...one, end: cut }, late] : [late];
}

/**
 * A chain's whole time over the range that was asked for, as its digest files alone tell it. Events
 * (explain.ts) and CloudTrail's status (tail.ts) may say more about gaps.
 */
export function timelineOf(segment: Segment, asked: Asked): Interval[] {
  const spared = timeline(segment, asked).flatMap((one) => spareLate(one, asked.due));
  // Before it is cut to the range: the digest file right before a gap may lie before the range.
  const known = spared.map((one, at) => {
    const before = spared[at - 1];
    const follows = one.state === 'gap' && before?.state === 'proved' && before.end === one.start;
    return follows ? { ...one, after: before.end } : one;
  });
  return normalize(known, asked.range);
}

const files = (number: number): string => count(number, 'hourly digest file');

const CAUSES: Readonly<Record<GapCause, string>> = {
  'logging-stopped': 'logging was stopped',
  'validation-disabled': 'validation was switched off',
  'trail-deleted': 'the trail was deleted',
  'not-yet-enabled': 'validation or logging was not on yet',
  'delivery-failed': 'digest files could not be delivered',
  'left-organization': 'the account left the organization',
  'joined-organization': 'the account was not in the organization yet',
  'region-dropped': 'the trail was narrowed to its home Region',
  unknown: 'nothing vouches for this time',
};

/** A gap in words: what it is, who caused it, and what stays open. */
function gapMessage(one: Interval, count: number): string {
  const cause = CAUSES[(one.cause ?? 'unknown') as GapCause] as string | undefined;
  const told = (one.events ?? []).map(describeEvent);
  return [
    `${cause ?? one.cause ?? ''} (${files(count)} would cover it)`,
    ...told,
    ...(one.why === undefined ? [] : [one.why]),
  ].join('; ');
}

function timeFinding(chain: Chain, one: Interval, asked: Asked): Finding | undefined {
  const { accountId, region, kind } = chain;
  const count = expectedDigests(one);
  const place = {
    accountId,
    region,
    kind,
    start: one.start,
    end: one.end,
    digestKey: one.evidence,
    details: {
      expectedDigests: count,
      ...(one.state === 'gap' ? { cause: one.cause ?? 'unknown' } : {}),
      ...(one.events?.length ? { events: one.events.map(eventFacts) } : {}),
    },
  };
  if (one.cause === 'tail-cut') return undefined;
  if (one.state === 'missing') {
    const proof = one.events?.length
      ? `: the trail was on, and its next change came later: ${one.events.map(describeEvent).join('; ')}`
      : '';
    return finding('DIGEST_MISSING', `${files(count)} missing${proof}`, place);
  }
  if (one.state === 'gap') {
    const explained = one.cause !== undefined && one.cause !== 'unknown' && one.events?.length;
    const hint = explained
      ? 'compare with what was planned; --allow-gaps lets lawful gaps that an event names pass'
      : undefined;
    return finding('COVERAGE_GAP', gapMessage(one, count), { ...place, hint });
  }
  if (one.state === 'not-due' && (asked.explicitEnd || one.cause === 'late')) {
    return finding(
      'DIGEST_NOT_DUE',
      'digest files of this time may not have been delivered yet',
      place,
    );
  }
  return undefined;
}

function toReport(one: Interval): ReportInterval {
  const { start, end, state, cause, evidence } = one;
  const counted = state !== 'proved';
  return {
    start: formatInstant(start),
    end: formatInstant(end),
    state,
    ...(cause === undefined ? {} : { cause }),
    ...(counted ? { expectedDigests: expectedDigests(one) } : {}),
    ...(evidence === undefined ? {} : { evidence }),
  };
}

export function identify(node: DigestNode): DigestIdentity {
  const { bucket, key, hash, signature, end } = node;
  return { bucket, key, hash, signature, endTime: formatInstant(end) };
}

/**
 * Judges a standard chain over the range that was asked for: its whole time in intervals, digest
 * files counted, and the findings that follow from time. A chain without one authenticated digest
 * file is `COVERAGE_NONE`, never silently nothing.
 */
export function closeSegment(
  segment: Segment,
  asked: Asked,
  intervals: readonly Interval[] = timelineOf(segment, asked),
): ClosedChain {
  const { chain, newest } = segment;
  const findings = [...segment.findings];
  if (segment.first || segment.before.some((one) => one.key === undefined)) {
    for (const one of intervals) {
      const found = timeFinding(chain, one, asked);
      if (found) findings.push(found);
    }
  } else if (!intervals.some((one) => one.cause === 'tail-cut')) {
    const { accountId, region, kind } = chain;
    const place = { accountId, region, kind, start: asked.range.start, end: asked.range.end };
    const message = 'no digest file could be authenticated in the time range';
    findings.push(finding('COVERAGE_NONE', message, place));
  }
  let provedUntil = asked.range.start;
  for (const one of intervals) {
    if (one.state !== 'proved') break;
    provedUntil = one.end;
  }
  const missing = intervals
    .filter((one) => one.state === 'missing')
    .reduce((total, one) => total + expectedDigests(one), 0);
  return {
    intervals: intervals.map(toReport),
    digestFiles: { ...segment.digests, missing },
    findings,
    ...(newest ? { newestDigest: identify(newest) } : {}),
    provedUntil,
  };
}
