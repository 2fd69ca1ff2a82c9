/** What the runner asks of the outside world. Every source of bytes or keys stands behind these. */
import type { KeyLookup } from '../core/authenticate.js';
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
  | 'service';

/** Why an object or listing isn't there to be judged. Absent, unreadable and altered never mix. */
export type ReadFailure =
  | { readonly kind: 'absent'; readonly what: 'key' | 'bucket' }
  | { readonly kind: 'unreadable'; readonly reason: UnreadableReason; readonly detail: string }
  /** Encrypted with a key that only its writer has (SSE-C). */
  | { readonly kind: 'foreign-encryption' };

export type Read<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: ReadFailure };

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
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
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
  read<T>(bucket: string, key: string, consume: (body: ObjectBody) => Promise<T>): Promise<Read<T>>;
  /** Frees connections. */
  close(): void;
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
  /** Keys whose fingerprint is not the MD5 of their bytes. */
  readonly mislabelled: readonly PublicKey[];
  /** Why keys could not be had; empty where they could. */
  readonly failure: string;
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
}

export interface TrailSource {
  /** The trail with this ARN, or with this name in its home Region. */
  describe(nameOrArn: string, homeRegion: string): Promise<TrailDescription | undefined>;
  /** What the service's clock says, in epoch seconds; the machine's own where it can't be asked. */
  now(homeRegion: string): Promise<Instant>;
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
