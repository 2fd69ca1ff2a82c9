/** What a run is asked, and what it gives. */
import type { MoreFindings, Report, ReportEvidence } from '../core/report.js';
import type { Sample } from '../core/sample.js';
import type { State } from '../core/state.js';
import { HOUR, type Instant } from '../core/timestamp.js';
import type { Journal, KeySource, ObjectSource, TrailSource } from '../sources/ports.js';
import type { RunListener } from './events.js';
import type { PlanOptions } from './plan.js';

/** Digest files arrive about half an hour after their end; later than this they are overdue. */
export const DUE_AFTER = 2 * HOUR;

/** What a run finds out for its plan by itself. */
type PlannedBy = 'statusIn' | 'isSigned' | 'known' | 'after' | 'proved';

export interface RunOptions extends Omit<PlanOptions, PlannedBy> {
  readonly objects: ObjectSource;
  readonly keys: KeySource;
  /** CloudTrail's word on the trail; without it, ends of chains and causes of gaps stay undecided. */
  readonly trails?: TrailSource | undefined;
  /** The service's clock when the run began. */
  readonly now: Instant;
  /**
   * The service's clock when the work began, where that was earlier: a journal is gone on from, or
   * shards are merged. What was not due then is not called missing now.
   */
  readonly begunAt?: Instant | undefined;
  /** Where finished segments are kept, and those of earlier runs of the same work taken from. */
  readonly journal?: Journal | undefined;
  /** Only this part of the log files; digest files always all. */
  readonly sample?: Sample | undefined;
  /** Whether the time that the run was given is over: then nothing more is begun. */
  readonly timeUp?: (() => boolean) | undefined;
  /** Whether a person named the range's end. */
  readonly explicitEnd: boolean;
  readonly digestsOnly?: boolean;
  /** Whether log files that no digest file lists are looked for; they are, unless told otherwise. */
  readonly unlisted?: boolean;
  /** Trails without validation whose log files may lie there unlisted. */
  readonly acceptUnlisted?: readonly string[];
  /** Whether originals are looked for among versions; they are, unless told otherwise. */
  readonly versions?: boolean;
  readonly allowGaps?: boolean;
  /** Whether all of the evidence is judged, as it was collected; then every copy is looked at. */
  readonly wholeEvidence?: boolean;
  /** For the report alone: the evidence that is judged. */
  readonly evidence?: ReportEvidence;
  /** For the report alone: how the range and the places came about. */
  readonly retentionDays?: number | undefined;
  readonly bucketAliases?: readonly string[] | undefined;
  /** What earlier runs left. */
  readonly state?: State | undefined;
  /** Each chain from where the state has it. */
  readonly sinceState?: boolean;
  /** Objects read at the same time. */
  readonly concurrency: number;
  readonly tool: { readonly name: string; readonly version: string };
  readonly startedAt: Instant;
  /** Gives the time when the report is made. */
  readonly clock: () => Instant;
  readonly signal?: AbortSignal;
  readonly listener?: RunListener;
}

/** What a run gives: its report, and what the next run may build on. */
export interface RunResult {
  readonly report: Report;
  /** Findings after those that the report holds, where there are very many. */
  readonly more?: MoreFindings;
  /** Whether all that was asked for was read and judged: not interrupted, not out of time. */
  readonly finished: boolean;
  /** Absent where the run was not finished, and where more is open than a state may hold. */
  readonly state?: State;
  /** Frees what `more` is kept in. */
  close(): Promise<void>;
}
