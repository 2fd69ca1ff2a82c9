/**
 * What is known of one account's source Region over a stretch of UTC days: its two chains, what its
 * log files came to, and the objects beside them. The unit that is joined, written to a journal and
 * spread over machines.
 */
import type { BackfillSegment } from './backfill.js';
import type { Finding } from './finding.js';
import { joinLedgers, type LogLedger, type PackedLedger } from './log-objects.js';
import type { ChainKind } from './object-key.js';
import type { CheckedCounts } from './report.js';
import { join, type Segment } from './segment.js';

/** Counts of log files that digest files list; `notSampled` were left out by `--sample`. */
export type LogTally = { -readonly [name in keyof CheckedCounts]: number } & { notSampled: number };

export interface SourceSegment {
  readonly standard: Segment;
  readonly backfill: BackfillSegment;
  readonly logs: Readonly<Record<ChainKind, LogTally>>;
  /** Bytes of the digest and log files that were read, as stored. */
  readonly bytesRead: number;
  readonly verifiedBy: KeyUse;
  /** Whether any digest file of the trail was met. */
  readonly met: boolean;
  readonly ledger: LogLedger;
}

/** Public keys by fingerprint, in order, and how many digest files' own signatures verify with each. */
export type KeyUse = readonly (readonly [fingerprint: string, digestFiles: number])[];

/** What was counted for each fingerprint, together. */
export function addKeyUse(...all: readonly KeyUse[]): KeyUse {
  const counts = new Map<string, number>();
  for (const [name, number] of all.flat()) counts.set(name, (counts.get(name) ?? 0) + number);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

export const noLogs = (): LogTally => ({
  valid: 0,
  invalid: 0,
  missing: 0,
  unreadable: 0,
  notSampled: 0,
});

function addTallies(a: LogTally, b: LogTally): LogTally {
  return {
    valid: a.valid + b.valid,
    invalid: a.invalid + b.invalid,
    missing: a.missing + b.missing,
    unreadable: a.unreadable + b.unreadable,
    notSampled: a.notSampled + b.notSampled,
  };
}

/** The counts of two lots of log files together. */
export function addLogs(a: SourceSegment['logs'], b: SourceSegment['logs']): SourceSegment['logs'] {
  return {
    standard: addTallies(a.standard, b.standard),
    backfill: addTallies(a.backfill, b.backfill),
  };
}

/** Joins the backfill digest files of two stretches: they are judged together, as a graph. */
function joinBackfill(older: BackfillSegment, newer: BackfillSegment): BackfillSegment {
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

/** Joins two neighbouring stretches of one source. Pure and associative. */
export function joinSource(older: SourceSegment, newer: SourceSegment): SourceSegment {
  return {
    standard: join(older.standard, newer.standard),
    backfill: joinBackfill(older.backfill, newer.backfill),
    logs: addLogs(older.logs, newer.logs),
    bytesRead: older.bytesRead + newer.bytesRead,
    verifiedBy: addKeyUse(older.verifiedBy, newer.verifiedBy),
    met: older.met || newer.met,
    ledger: joinLedgers(older.ledger, newer.ledger),
  };
}

/** A segment as JSON can hold it. */
export interface PackedSegment extends Omit<SourceSegment, 'ledger'>, PackedLedger {
  readonly findings: readonly Finding[];
}
