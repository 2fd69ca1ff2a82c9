/** The benchmark endpoint's CloudTrail: what it answers never changes while it runs. */
import { HOME, HOUR, type Trail } from './trail.js';

export interface Answer {
  readonly status: number;
  readonly json: object;
}

const ok = (json: object): Answer => ({ status: 200, json });

/** Answers a CloudTrail operation asked in a Region. */
export function createCloudTrail(trail: Trail): (operation: string, region: string) => Answer {
  const described = {
    Name: trail.name,
    S3BucketName: trail.bucket,
    HomeRegion: HOME,
    TrailARN: trail.arn,
    IsMultiRegionTrail: trail.regions.length > 1,
    IsOrganizationTrail: trail.organizationId !== undefined,
    LogFileValidationEnabled: true,
  };
  const management = { ReadWriteType: 'All', IncludeManagementEvents: true, DataResources: [] };
  const key = {
    Value: trail.publicKey.value,
    Fingerprint: trail.publicKey.fingerprint,
    ValidityStartTime: trail.end - 1000 * 24 * HOUR,
    ValidityEndTime: trail.end + 1000 * 24 * HOUR,
  };
  const answers: Readonly<Record<string, Answer>> = {
    DescribeTrails: ok({ trailList: [described] }),
    GetTrail: ok({ Trail: described }),
    GetTrailStatus: ok({
      IsLogging: true,
      LatestDigestDeliveryTime: trail.end + HOUR / 2,
      LatestDeliveryTime: trail.end,
    }),
    GetEventSelectors: ok({
      TrailARN: trail.arn,
      EventSelectors: [{ ...management, ExcludeManagementEventSources: [] }],
    }),
    ListPublicKeys: ok({ PublicKeyList: [key] }),
    LookupEvents: ok({ Events: [] }),
    DescribeOrganization: ok({ Organization: { Id: trail.organizationId } }),
  };
  const unknownTrail = { status: 400, json: { __type: 'TrailNotFoundException' } };
  const unknown = { status: 400, json: { __type: 'UnsupportedOperationException' } };
  return (operation, region) => {
    const isElsewhere = operation.includes('Trail') && !trail.regions.includes(region);
    return isElsewhere ? unknownTrail : (answers[operation] ?? unknown);
  };
}
