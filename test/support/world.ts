/**
 * What a test trail consists of: buckets with objects, and CloudTrail's answers. The trail builder
 * makes one, the tamperers change it, the loopback endpoint serves it, and `writeEvidence` lays it
 * out as an evidence directory.
 */

export interface StoredObject {
  readonly body: Buffer;
  /** User metadata, names without `x-amz-meta-`. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly lastModified?: Date;
  /** Answer every GET of this object with this error instead of its body. */
  readonly refuse?: Refusal;
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message?: string;
}

export interface StoredBucket {
  readonly region: string;
  /** Keys in any order; the endpoint sorts them by UTF-8 bytes as S3 does. */
  readonly objects: Map<string, StoredObject>;
  /** Answer listings of this bucket with this error. */
  refuseListing?: Refusal;
}

/** As in ListPublicKeys: times are epoch seconds, `Value` is base64 of the DER. */
export interface PublicKeyEntry {
  readonly Value: string;
  readonly Fingerprint: string;
  readonly ValidityStartTime: number;
  readonly ValidityEndTime: number;
}

/** As in DescribeTrails. */
export interface TrailEntry {
  readonly Name: string;
  readonly S3BucketName: string;
  readonly S3KeyPrefix?: string;
  readonly HomeRegion: string;
  readonly TrailARN: string;
  readonly IsMultiRegionTrail: boolean;
  readonly IsOrganizationTrail: boolean;
  readonly LogFileValidationEnabled: boolean;
}

export interface World {
  readonly buckets: Map<string, StoredBucket>;
  readonly trails: TrailEntry[];
  /** Region → the keys that ListPublicKeys gives there. */
  readonly keys: Map<string, PublicKeyEntry[]>;
  /** Region → GetTrailStatus there (times in epoch seconds). */
  readonly status: Map<string, Readonly<Record<string, string | number | boolean>>>;
  readonly organizationId?: string;
}
