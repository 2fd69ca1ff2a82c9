/**
 * The unit of work and the only place where digest files are joined into a chain. A segment is what
 * is known of a run of digest files; `join` puts two neighbouring segments together, is pure and
 * associative, and looks at nothing but the newest digest of the older one, the oldest digest of the
 * newer one, and what lay between them that could not be authenticated. Findings about time are not
 * made here: they follow from the intervals when the segment is closed (close.ts).
 */
import { append, type Interval } from './coverage.js';
import type { Link } from './digest-file.js';
import { finding, type Details, type Finding } from './finding.js';
import { parseDigestKey, type ChainKind, type Source, type TrailName } from './object-key.js';
import { formatInstant, HOUR, type Instant, type TimeRange } from './timestamp.js';

/** One digest chain: a trail, an account, a source Region, standard or backfill. */
export interface Chain extends Source {
  readonly trail: TrailName;
  readonly kind: ChainKind;
}

/** An authenticated digest file, reduced to what its neighbours need to know. */
export interface DigestNode extends TimeRange {
  readonly bucket: string;
  readonly key: string;
  readonly hash: string;
  readonly signature: string;
  readonly link: Link | null;
  /** False for context beyond the range: it vouches for others and is never judged itself. */
  readonly counted: boolean;
  /** False where something about the object was altered although its content is proved. */
  readonly sound: boolean;
}

/** Time about which no authenticated digest speaks: an object, or a folder, that failed. */
export interface Loose extends TimeRange {
  readonly state: 'altered' | 'unreadable';
  readonly cause?: string;
  /** One digest file's key and bucket; without it, all digest files that end in this time. */
  readonly bucket?: string;
  readonly key?: string;
}

export interface DigestTally {
  readonly valid: number;
  readonly invalid: number;
  readonly unreadable: number;
}

export interface Segment {
  readonly chain: Chain;
  /** What could not be authenticated and is older than `first`; all of it where there is no first. */
  readonly before: readonly Loose[];
  readonly first?: DigestNode;
  /** Settled time, from `first.start` to `last.start`: a successor still judges the newest window. */
  readonly settled: readonly Interval[];
  readonly last?: DigestNode;
  /** What could not be authenticated and is newer than `last`. */
  readonly after: readonly Loose[];
  /** The newest counted digest, which is `last` unless that is context. */
  readonly newest?: DigestNode;
  readonly digests: DigestTally;
  readonly findings: readonly Finding[];
}

/** The segment of nothing, the neutral element of `join`. */
export function emptySegment(chain: Chain): Segment {
  const digests = { valid: 0, invalid: 0, unreadable: 0 };
  return { chain, before: [], settled: [], after: [], digests, findings: [] };
}

/** The segment of one authenticated digest file. */
export function digestSegment(
  chain: Chain,
  node: DigestNode,
  findings: readonly Finding[],
): Segment {
  const { sound, counted } = node;
  const counts = counted ? 1 : 0;
  return {
    chain,
    before: [],
    first: node,
    settled: [],
    last: node,
    after: [],
    ...(node.counted ? { newest: node } : {}),
    digests: { valid: sound ? counts : 0, invalid: sound ? 0 : counts, unreadable: 0 },
    findings: node.counted ? findings : [],
  };
}

/** The segment of a digest file, or a folder of them, that could not be authenticated. */
export function looseSegment(
  chain: Chain,
  loose: Loose,
  counted: boolean,
  findings: readonly Finding[],
): Segment {
  const one = counted && loose.key !== undefined ? 1 : 0;
  const digests = {
    valid: 0,
    invalid: loose.state === 'altered' ? one : 0,
    unreadable: loose.state === 'unreadable' ? one : 0,
  };
  return { ...emptySegment(chain), before: [loose], digests, findings: counted ? findings : [] };
}

/** Whether a link names this very object. */
export function names(link: Link, node: { bucket?: string; key?: string }): boolean {
  return link.bucket === node.bucket && link.key === node.key;
}

/** The time that a digest file's own window has once its successor, if any, has spoken. */
export function windowOf(node: DigestNode, broken: boolean): Interval {
  const { start, end, key } = node;
  if (broken) return { start, end, state: 'altered', evidence: key };
  // A starting digest vouches for the log files it lists, not for its window (DESIGN 4).
  if (!node.link) return { start, end, state: 'gap', cause: 'unknown', evidence: key };
  return { start, end, state: 'proved', node };
}

function looseInterval(loose: Loose, range: TimeRange): Interval {
  return {
    start: Math.max(loose.start, range.start),
    end: Math.min(loose.end, range.end),
    state: loose.state,
    ...(loose.cause === undefined ? {} : { cause: loose.cause }),
    ...(loose.key === undefined ? {} : { evidence: loose.key }),
  };
}

/** Time that nothing speaks of but the loose ones in it; the rest takes `rest`. */
export function fillTime(
  range: TimeRange,
  loose: readonly Loose[],
  rest: Omit<Interval, 'start' | 'end'>,
): Interval[] {
  const result: Interval[] = [];
  let at = range.start;
  const inside = loose
    .filter((one) => one.start < range.end && one.end > range.start)
    .sort((a, b) => a.start - b.start || a.end - b.end);
  for (const one of inside) {
    if (one.start > at) append(result, { ...rest, start: at, end: one.start });
    append(result, looseInterval(one, range));
    at = Math.max(at, one.end);
  }
  if (at < range.end) append(result, { ...rest, start: at, end: range.end });
  return result;
}

/** What stands in for the digest file that should end at `end`. */
function standIn(loose: readonly Loose[], end: Instant): Loose | undefined {
  return (
    loose.find((one) => one.key !== undefined && one.end === end) ??
    loose.find((one) => one.key === undefined && one.start < end && end <= one.end)
  );
}

/**
 * Time before a signed digest that names a predecessor: hourly digest files existed there, counted
 * back from that digest's start. Each is one of the loose ones or missing. Beyond one that merely
 * could not be read nothing is known: it may have been a starting digest, so the rest is a gap.
 */
export function missingBefore(
  range: TimeRange,
  loose: readonly Loose[],
  evidence: string,
): Interval[] {
  const backwards: Interval[] = [];
  let end = range.end;
  for (; end > range.start; end -= HOUR) {
    const slot = { start: Math.max(range.start, end - HOUR), end };
    const found = standIn(loose, end);
    if (found) backwards.push({ ...looseInterval(found, slot), ...slot });
    else backwards.push({ ...slot, state: 'missing', anchor: range.end, evidence });
    if (found?.state === 'unreadable' && !backwards.some((one) => one.state === 'missing')) break;
  }
  const result: Interval[] = [];
  if (end - HOUR > range.start && end > range.start) {
    const rest = { state: 'gap', cause: 'unknown', evidence } as const;
    for (const one of fillTime({ start: range.start, end: end - HOUR }, loose, rest)) {
      append(result, one);
    }
  }
  for (const interval of backwards.reverse()) append(result, interval);
  return result;
}

/** What a finding tells of a digest file whose hash is not the one that was recorded. */
export function contradiction(
  { hash }: Pick<Link, 'hash'>,
  node: { readonly hash: string },
): Details | undefined {
  if (hash === undefined || hash === node.hash) return undefined;
  return { recordedHash: hash, foundHash: node.hash };
}

interface Bridge {
  readonly intervals: readonly Interval[];
  readonly findings: readonly Finding[];
  /** The older digest is not the one that the newer one signed for. */
  readonly broken: boolean;
}

function at(chain: Chain, node: DigestNode, digestKey?: string): Parameters<typeof finding>[2] {
  const { accountId, region, kind } = chain;
  const { bucket, key, end } = node;
  return { accountId, region, kind, bucket, key, digestKey, end };
}

/** Whether a link that names an object is contradicted by the object that is there. */
export function contradicts(link: Link, node: { hash: string; signature?: string }): boolean {
  const { hash, signature } = link;
  return (
    (hash !== undefined && hash !== node.hash) ||
    (signature !== undefined && node.signature !== undefined && signature !== node.signature)
  );
}

/** Everything between two authenticated digests that follow each other in time. */
function bridge(
  chain: Chain,
  older: DigestNode,
  between: readonly Loose[],
  newer: DigestNode,
): Bridge {
  const findings: Finding[] = [];
  const hole = { start: older.end, end: newer.start };
  const gap = { state: 'gap', cause: 'unknown', evidence: newer.key } as const;
  const { link } = newer;
  if (newer.start < older.end && newer.counted && older.counted) {
    const message = `starts ${older.end - newer.start} s before its predecessor ended at ${formatInstant(older.end)}`;
    findings.push(finding('COVERAGE_OVERLAP', message, at(chain, newer)));
  }
  if (!link) return { intervals: fillTime(hole, between, gap), findings, broken: false };
  if (names(link, older)) {
    const broken = contradicts(link, older);
    if (broken && older.counted) {
      const message = 'is signed, but it is not the digest file that its successor recorded';
      const place = { ...at(chain, older, newer.key), details: contradiction(link, older) };
      findings.push(finding('CHAIN_LINK_BROKEN', message, place));
    }
    return { intervals: fillTime(hole, between, gap), findings, broken };
  }
  const named = parseDigestKey(link.bucket, link.key, chain, chain.trail);
  const follows = named !== undefined && named.end > older.end && named.end <= newer.start;
  if (follows) {
    return { intervals: missingBefore(hole, between, newer.key), findings, broken: false };
  }
  // The link goes past the older digest, though both are signed: they contradict each other.
  if (newer.counted && !between.some((one) => names(link, one))) {
    const message = `names ${link.key} as its predecessor, past a signed digest file that ends at ${formatInstant(older.end)}`;
    findings.push(finding('CHAIN_FORKED', message, at(chain, newer, older.key)));
  }
  return { intervals: fillTime(hole, between, gap), findings, broken: false };
}

function sum(a: DigestTally, b: DigestTally): DigestTally {
  return {
    valid: a.valid + b.valid,
    invalid: a.invalid + b.invalid,
    unreadable: a.unreadable + b.unreadable,
  };
}

/** Joins a segment with the one that follows it in time. Pure and associative. */
export function join(older: Segment, newer: Segment): Segment {
  const digests = sum(older.digests, newer.digests);
  const findings = [...older.findings, ...newer.findings];
  const newest = newer.newest ?? older.newest;
  const common = { chain: older.chain, digests, findings, ...(newest ? { newest } : {}) };
  if (!newer.first || !newer.last) {
    return older.first
      ? { ...older, ...common, after: [...older.after, ...newer.before] }
      : { ...older, ...common, before: [...older.before, ...newer.before] };
  }
  if (!older.first || !older.last) {
    return { ...newer, ...common, before: [...older.before, ...newer.before] };
  }
  const loose = [...older.after, ...newer.before];
  const {
    intervals,
    findings: found,
    broken,
  } = bridge(older.chain, older.last, loose, newer.first);
  const settled = [...older.settled];
  for (const one of [windowOf(older.last, broken), ...intervals, ...newer.settled]) {
    append(settled, one);
  }
  const counted = broken && older.last.counted && older.last.sound ? 1 : 0;
  return {
    ...common,
    before: older.before,
    first: older.first,
    settled,
    last: newer.last,
    after: newer.after,
    digests: { ...digests, valid: digests.valid - counted, invalid: digests.invalid + counted },
    findings: [...older.findings, ...found, ...newer.findings],
  };
}
