/** What the runner asks of the outside world. Every source of bytes or keys stands behind these. */
import type { KeyLookup } from '../core/authenticate.js';
import type { ObjectFacts } from '../core/evidence.js';
import type { Finding, FindingClass, FindingCode } from '../core/finding.js';
import type { RecordedDay, RecordedSource } from '../core/journal.js';
import type { LogContent } from '../core/log-file.js';
import type { PublicKey } from '../core/public-key.js';
import type { Instant, TimeRange } from '../core/timestamp.js';

export type UnreadableReason =
  | 'access-denied'
  /** The request as such was refused: no, wrong or expired credentials. */
  | 'credentials'
  | 'archived'
  | 'kms'
  | 'throttled'
  | 'network'
  | 'too-many-objects'
  /** The copy in the evidence is gone, or is not what was collected. */
  | 'altered-copy'
  /** Nobody asked for it when the evidence was collected. */
  | 'not-collected'
  | 'service';

/** Why an object or listing isn't there to be judged. Absent, unreadable and altered never mix. */
export type ReadFailure =
  | { readonly kind: 'absent'; readonly what: 'key' | 'bucket' }
  | { readonly kind: 'unreadable'; readonly reason: UnreadableReason; readonly detail: string }
  /** Encrypted with a key that only its writer has (SSE-C). */
  | { readonly kind: 'foreign-encryption' };

export type Read<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: ReadFailure };

/** Object Lock's hold on a version. */
export interface Retention {
  /** `GOVERNANCE` or `COMPLIANCE`. */
  readonly mode: string;
  readonly until: Instant;
}

export interface ObjectBody {
  /** Bytes as stored. */
  readonly size: number;
  /** User metadata, lower-case names without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * The bytes as stored. Ends only when all of them came: a body that ends early throws, and the
   * source reads again.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly retention?: Retention;
  /** What else the service says of it. */
  readonly facts?: () => ObjectFacts;
}

/** A log file that was read and hashed. */
export interface HashedObject {
  /** Bytes as stored. */
  readonly size: number;
  readonly content: LogContent;
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
  /** When the service says that it was written; absent where nobody vouches for that. */
  readonly lastModified?: Instant;
}

/** One version of an object, or a delete marker. */
export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
  readonly size: number;
  readonly lastModified: Instant;
  readonly isDeleteMarker: boolean;
  readonly isLatest: boolean;
}

/** An answer that may be refused without ending the run; `why` is for a person. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly why: string;
      /** Whether nobody answered, so that asking again may tell: no refusal, and not for good. */
      readonly unanswered?: boolean;
    };

/** What of a lifecycle rule matters here: what it expires, and when. */
export interface LifecycleRule {
  readonly id: string;
  readonly enabled: boolean;
  /** Keys that begin so; empty for all. */
  readonly prefix: string;
  /** Whether tags or sizes narrow the rule further. */
  readonly narrowed: boolean;
  readonly expiresAfterDays?: number;
  readonly expiresAt?: Instant;
}

export interface BucketSettings {
  readonly versioning: Answer<'Enabled' | 'Suspended' | 'Off'>;
  readonly lifecycle: Answer<readonly LifecycleRule[]>;
}

export interface Listing {
  readonly objects: readonly ListedObject[];
  /** With `folders`: the common prefixes, each with its slash. */
  readonly folders: readonly string[];
}

export interface ObjectSource {
  /** False for a source that as a whole has no object metadata, where signatures live. */
  readonly carriesMetadata: boolean;
  /**
   * Everything whose key begins with a prefix, all pages, in order of keys. With `folders`, only the
   * next level. Never partly: a listing that can't be finished is a failure.
   */
  list(bucket: string, prefix: string, options?: { folders?: boolean }): Promise<Read<Listing>>;
  /**
   * Reads one object through `consume`, which may be called again from the start when the
   * connection fails half-way. Errors that `consume` throws by itself are thrown on.
   */
  read<T>(
    bucket: string,
    key: string,
    consume: (body: ObjectBody) => Promise<T>,
    versionId?: string,
  ): Promise<Read<T>>;
  /** Reads one object as a log file and hashes what it holds, where the source likes to do that. */
  hashLog(bucket: string, key: string): Promise<Read<HashedObject>>;
  /**
   * All versions and delete markers of the names that begin with a prefix, by key, newest first. A
   * source that keeps none gives none.
   */
  versions(bucket: string, prefix: string): Promise<Read<readonly ObjectVersion[]>>;
  /** How a bucket is set up; `undefined` from a source that can't tell. */
  settings(bucket: string): Promise<BucketSettings | undefined>;
  /** The Region that a bucket lies in; `undefined` from a source that can't tell. */
  regionOf(bucket: string): Promise<string | undefined>;
  /**
   * Objects that the source holds otherwise than they were collected, of those that nobody read; absent
   * in a source that can't tell.
   */
  altered?(): AsyncIterable<AlteredCopy>;
  /** Frees connections. */
  close(): void;
}

/** A copy that is not what was collected. */
export interface AlteredCopy {
  readonly bucket: string;
  readonly key: string;
  readonly detail: string;
}

/** Segments that were finished, by this run or earlier ones of the same work. */
export interface Journal {
  /** The sources that anything was recorded of. */
  readonly sources: readonly RecordedSource[];
  /** What was recorded of a source's UTC day, last of all. */
  find(source: string, day: Instant): Promise<RecordedDay | undefined>;
  /** Records a day; once this resolves, it outlives the machine's sudden end. */
  add(day: RecordedDay): Promise<void>;
  /**
   * Names that in which, beside the days, this run could not read something that may be readable the
   * next time: all of it, at the run's end.
   */
  addBeside(names: readonly string[]): Promise<void>;
}

/** The public keys that vouch for a run. */
export interface KeySource {
  /**
   * The keys of a Region for a range of time. Called once a Region; `now` bounds the wider question
   * that is put for fingerprints which the first answer lacks.
   */
  keysFor(region: string, range: TimeRange, now: Instant): Promise<RegionKeys>;
}

export interface RegionKeys {
  /** Finds a fingerprint's key; asks again for older keys before it calls one unknown. */
  lookup(fingerprint: string, end: Instant): Promise<KeyLookup>;
  /** Those that are valid within the range, by fingerprint. */
  readonly valid: readonly PublicKey[];
  /** Keys whose fingerprint is not the MD5 of their bytes. */
  readonly mislabelled: readonly PublicKey[];
  /** Why keys could not be had; empty where they could. */
  readonly failure: string;
  /** Whether keys that could not be had may be had the next time. */
  readonly mayCome: boolean;
  /** Why nobody vouches for the keys, where that is so; empty otherwise. */
  readonly unpinned: string;
}

/** A trail as CloudTrail describes it. */
export interface TrailDescription {
  readonly arn: string;
  readonly name: string;
  readonly homeRegion: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly isMultiRegion: boolean;
  readonly isOrganization: boolean;
  readonly validationEnabled: boolean;
  readonly kmsKeyId?: string;
}

/** GetTrailStatus in one Region, so far as it is used. */
export interface TrailStatus {
  readonly isLogging: boolean;
  readonly latestDigestDelivery?: Instant;
  readonly latestDigestDeliveryError?: string;
  readonly latestDeliveryError?: string;
}

/** Records of CloudTrail's event history, as they stand in log files. */
export interface EventSearch {
  readonly records: readonly unknown[];
  /** Whether every page of every name was had. */
  readonly complete: boolean;
  /** Why not. */
  readonly why: string;
}

export interface TrailSource {
  /** GetTrailStatus in a Region. */
  status(arn: string, region: string): Promise<Answer<TrailStatus>>;
  /**
   * Whether the trail's event selectors record all management events, and if not, what they leave
   * out in words.
   */
  leftOut(arn: string, homeRegion: string): Promise<Answer<readonly string[]>>;
  /** All trails that CloudTrail shows in a Region. */
  trails(region: string): Promise<Answer<readonly TrailDescription[]>>;
  /**
   * Searches CloudTrail's event history of a Region (90 days) for events by name. Never throws: what
   * can't be had makes the search incomplete.
   */
  lookup(region: string, eventNames: readonly string[], range: TimeRange): Promise<EventSearch>;
  /** The trail with this ARN, or with this name in its home Region. */
  describe(nameOrArn: string, homeRegion: string): Promise<TrailDescription | undefined>;
  /** What the service's clock says, in epoch seconds; the machine's own where it can't be asked. */
  now(homeRegion: string): Promise<Instant>;
}

/** How many findings there are of each class and of each code; none of what there are none. */
export interface FindingCounts {
  readonly all: number;
  readonly byClass: Readonly<Record<FindingClass, number>>;
  readonly byCode: ReadonlyMap<FindingCode, number>;
}

/** All findings in the one order (`compareFindings`), each once. */
export interface SortedFindings {
  readonly counts: FindingCounts;
  /** From the first or from a later one on, a few at a time; as often as one likes. */
  from(at: number): AsyncIterable<Finding>;
  /** Frees what they are kept in. */
  close(): Promise<void>;
}

/** Takes any number of findings and keeps few of them in memory. */
export interface FindingStore {
  add(finding: Finding): void;
  /** No more are added: puts them in order. */
  sorted(): Promise<SortedFindings>;
  /** Frees what they are kept in, without a result. */
  close(): Promise<void>;
}

/** Why a run could not be made: not a fact about the trail. `hint` says what to do. */
export class RunError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'RunError';
    this.hint = hint;
  }
}

/** A run that needs an answer of the service's, and there was none: no connection, a failure, a proxy. */
export class UnansweredError extends RunError {}
