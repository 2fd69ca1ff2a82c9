import type { ClosedChain, DigestCounts, DigestIdentity, ReportInterval } from './close.js';
import { findingId } from './finding-id.js';
import type { Finding } from './finding.js';
import type { ChainKind } from './object-key.js';
import type { Setting } from './setting.js';
import type { Verdict } from './verdict.js';

/** Log files that digest files list. */
export interface CheckedCounts {
  readonly valid: number;
  readonly invalid: number;
  readonly missing: number;
  readonly unreadable: number;
}

export interface LogCounts extends CheckedCounts {
  /** Objects in covered time that no digest file lists. */
  readonly unlisted: number;
  /** Objects in time that nothing vouches for. */
  readonly unvalidated: number;
  /** Listed by digest files and left out by `--sample`; present only then. */
  readonly notSampled?: number;
}

export interface ReportChain {
  readonly accountId: string;
  readonly region: string;
  readonly kind: ChainKind;
  readonly intervals: readonly ReportInterval[];
  readonly digestFiles: DigestCounts;
  readonly logFiles: LogCounts;
  readonly newestDigest?: DigestIdentity;
}

/** What a run was asked to leave out; everything here is printed beside the verdict. */
export interface Scope {
  readonly regions?: readonly string[];
  readonly accountIds?: readonly string[];
  readonly digestsOnly?: true;
  /** Only this part of the log files was read, `N/M`; digest files all. */
  readonly sample?: string;
  /** Log files in the bucket that no digest file lists were not looked for. */
  readonly unlisted?: false;
  /** Trails whose unlisted log files were let pass. */
  readonly acceptUnlisted?: readonly string[];
  /** Versions were not searched for originals. */
  readonly versions?: false;
  /** The range begins where the state's chains are proved, each at its own time. */
  readonly sinceState?: true;
  /** The range was narrowed to the newest so many days. */
  readonly retentionDays?: number;
  /** Older places that the user named, `s3://BUCKET/PREFIX`. */
  readonly locations?: readonly string[];
  /** Buckets that were read in place of others, `SIGNED=ACTUAL`. */
  readonly bucketAliases?: readonly string[];
}

/** The collected evidence that a report is made from. */
export interface ReportEvidence {
  /** SHA-256 of its manifest, lower-case hex. */
  readonly manifestSha256: string;
  /** Whether that is the hash that was written down apart. */
  readonly pinned: boolean;
  /** When collecting began, by the collector's clock, and by whom, where that is known. */
  readonly collectedAt: string;
  readonly collectedBy?: string;
}

/** A public key that may have signed digest files of the range. */
export interface ReportKey {
  readonly region: string;
  /** As CloudTrail labels it: the MD5 of its DER form, lower-case hex. */
  readonly fingerprint: string;
  /** Digest files of the range whose own signature verifies with it. */
  readonly digestFiles: number;
  readonly validityStart?: string;
  readonly validityEnd?: string;
}

/** What a person accepted in an earlier run's report. */
export interface Accepted {
  readonly id: string;
  readonly code: string;
  readonly message: string;
  readonly by: string;
  readonly at: string;
  readonly reason: string;
}

/** A finding as the report has it. */
export interface ReportFinding extends Finding {
  /** Names the fact from run to run (`--accept`). */
  readonly id: string;
}

/**
 * Findings beyond those that a report holds, after them in the one order. They are read anew each
 * time, a few at a time, from wherever they are kept.
 */
export type MoreFindings = AsyncIterable<ReportFinding>;

/** A finding as the report has it. */
export function reportFinding(finding: Finding): ReportFinding {
  return { id: findingId(finding), ...finding };
}

/** Findings from a place that can be read again, as the report has them. */
export function moreFindings(read: () => AsyncIterable<Finding>): MoreFindings {
  return {
    [Symbol.asyncIterator]: async function* () {
      for await (const one of read()) yield reportFinding(one);
    },
  };
}

/** The report, schema 1. Everything in it that came out of a bucket is unescaped. */
export interface Report {
  readonly schemaVersion: 1;
  readonly tool: { readonly name: string; readonly version: string };
  readonly verdict: Verdict;
  /** Present where all that is open are lawful, explained gaps and the user allows them. */
  readonly gapsAllowed?: true;
  /** Present where the run was stopped before its end. */
  readonly interrupted?: true;
  readonly trail: {
    readonly arn: string;
    readonly name: string;
    readonly homeRegion: string;
    readonly accountId: string;
    readonly bucket: string;
    readonly prefix?: string;
    readonly organizationId?: string;
  };
  readonly timeRange: {
    readonly start: string;
    readonly end: string;
    readonly provedUntil?: string;
  };
  readonly scope: Scope;
  /** Present where collected evidence was judged. */
  readonly evidence?: ReportEvidence;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly counts: {
    readonly digestFiles: DigestCounts;
    readonly logFiles: LogCounts;
    readonly bytesRead: number;
  };
  readonly chains: readonly ReportChain[];
  /** The public keys of the range, of each Region that digest files were met in. */
  readonly keys?: readonly ReportKey[];
  /** How the trail is set up now: no part of the proof. */
  readonly settings: readonly Setting[];
  /** What was accepted, from the state file. */
  readonly accepted?: readonly Accepted[];
  readonly findings: readonly ReportFinding[];
}

/** A chain as the report has it. */
export function reportChain(
  place: { accountId: string; region: string; kind: ChainKind },
  closed: ClosedChain,
  logFiles: LogCounts,
): ReportChain {
  const { intervals, digestFiles, newestDigest } = closed;
  return { ...place, intervals, digestFiles, logFiles, ...(newestDigest ? { newestDigest } : {}) };
}

/** Adds up one tally of all chains, name by name. */
export function total<T extends string>(
  tallies: readonly Readonly<Record<T, number>>[],
  names: readonly T[],
): Record<T, number> {
  const sums = names.map((name) => [name, tallies.reduce((sum, tally) => sum + tally[name], 0)]);
  return Object.fromEntries(sums) as Record<T, number>;
}
