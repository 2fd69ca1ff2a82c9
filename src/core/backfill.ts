/**
 * Backfill chains. They follow their links, not the clock: a digest file made later may cover an
 * earlier hour, hours without late log files have none, and nothing they prove fills standard
 * coverage. So a backfill segment keeps its digest files and is judged as a graph when it is closed.
 */
import { normalize, type Interval } from './coverage.js';
import { identify, type ClosedChain } from './close.js';
import type { Link } from './digest-file.js';
import { finding, type Finding } from './finding.js';
import { parseDigestKey, type DigestKey } from './object-key.js';
import {
  contradiction,
  contradicts,
  type Chain,
  type DigestNode,
  type DigestTally,
  type Loose,
} from './segment.js';
import { formatInstant, HOUR, type TimeRange } from './timestamp.js';

export interface BackfillSegment {
  readonly chain: Chain;
  readonly nodes: readonly DigestNode[];
  readonly loose: readonly Loose[];
  readonly digests: DigestTally;
  readonly findings: readonly Finding[];
}

const id = (node: { bucket?: string; key?: string }): string =>
  JSON.stringify([node.bucket, node.key]);

/** A digest file that a signed one names and that was not met. */
export interface AbsentTarget {
  readonly link: Link;
  readonly named: DigestKey;
  /** The digest file that names it. */
  readonly by: DigestNode;
}

/** Digest files that signed ones name, whose hour lies in the range, and that are not there. */
export function absentTargets(segment: BackfillSegment, range: TimeRange): AbsentTarget[] {
  const { chain, nodes, loose } = segment;
  const met = new Set([...nodes, ...loose].map(id));
  const unseen = loose.filter((one) => one.key === undefined);
  const absent = new Map<string, AbsentTarget>();
  for (const by of nodes) {
    const { link } = by;
    if (!link || met.has(id(link)) || absent.has(id(link))) continue;
    const named = parseDigestKey(link.bucket, link.key, chain, chain.trail);
    // Whether a backfill chain starts from a standard digest is not documented: no accusation on it.
    if (named?.kind !== 'backfill') continue;
    const { end } = named;
    if (end <= range.start || end - HOUR >= range.end) continue;
    if (unseen.some((one) => one.start < end && end <= one.end)) continue;
    absent.set(id(link), { link, named, by });
  }
  return [...absent.values()];
}

/**
 * Judges a backfill chain: every digest file that a signed one names and whose hour lies in the
 * range must be there and be the one that was named.
 */
export function closeBackfill(
  segment: BackfillSegment,
  range: TimeRange,
): ClosedChain & { readonly lost: readonly Interval[] } {
  const { chain, loose } = segment;
  const place = { accountId: chain.accountId, region: chain.region, kind: chain.kind };
  const known = new Map(segment.nodes.map((node) => [id(node), node]));
  const failed = new Set(loose.map(id));
  const broken = new Set<string>();
  let demoted = 0;
  const findings = [...segment.findings];
  for (const node of segment.nodes) {
    if (!node.link || failed.has(id(node.link))) continue;
    const { link } = node;
    const target = known.get(id(link));
    if (!target) continue;
    if (!contradicts(link, target) || !target.counted || broken.has(id(target))) continue;
    broken.add(id(target));
    if (target.sound) demoted++;
    const message = 'is signed, but it is not the digest file that its successor recorded';
    const { bucket, key, end } = target;
    const details = contradiction(link, target);
    const at = { ...place, bucket, key, end, digestKey: node.key, details };
    findings.push(finding('CHAIN_LINK_BROKEN', message, at));
  }
  const missing = absentTargets(segment, range).map(({ link, named: { end }, by }): Interval => {
    const time = { start: end - HOUR, end };
    const { bucket, key } = link;
    const at = { ...place, bucket, key, ...time, digestKey: by.key };
    findings.push(finding('DIGEST_MISSING', 'backfill digest file missing', at));
    return { ...time, state: 'missing', evidence: by.key };
  });
  const windows: Interval[] = [
    ...segment.nodes.map((node): Interval => {
      const { start, end } = node;
      return { start, end, state: broken.has(id(node)) ? 'altered' : 'proved' };
    }),
    ...loose.map(({ start, end, state }): Interval => ({ start, end, state })),
    ...missing,
  ];
  windows.sort((a, b) => a.start - b.start || a.end - b.end || (a.state < b.state ? -1 : 1));
  const newest = segment.nodes
    .filter((node) => node.counted)
    .reduce<DigestNode | undefined>(
      (best, node) => (best && best.end >= node.end ? best : node),
      undefined,
    );
  const { valid, invalid, unreadable } = segment.digests;
  const intervals = normalize(windows, range);
  return {
    lost: intervals.filter(({ state }) => state !== 'proved'),
    intervals: intervals.map(({ start, end, state }) => ({
      start: formatInstant(start),
      end: formatInstant(end),
      state,
    })),
    digestFiles: {
      valid: valid - demoted,
      invalid: invalid + demoted,
      missing: missing.length,
      unreadable,
    },
    findings,
    ...(newest ? { newestDigest: identify(newest) } : {}),
    provedUntil: range.end,
  };
}
