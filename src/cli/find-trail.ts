/** Where a trail delivers: asked of CloudTrail, or named by the user. */
import { parseTrailArn } from '../core/arn.js';
import { normalizePrefix } from '../core/object-key.js';
import type { TrailPlace } from '../runner/plan.js';
import {
  RunError,
  UnansweredError,
  type TrailDescription,
  type TrailSource,
} from '../sources/ports.js';
import { UsageError, type Arguments } from './args.js';

/** The trail that the options name. Throws `RunError` where there is none. */
export async function findTrail(options: Arguments, trails: TrailSource): Promise<TrailPlace> {
  const { trailArn, trailName, s3Bucket } = options;
  const arn = trailArn === undefined ? undefined : parseTrailArn(trailArn);
  const homeRegion = arn?.homeRegion ?? options.homeRegion ?? '';
  if (s3Bucket !== undefined) {
    const prefix = normalizePrefix(options.s3Prefix);
    if (arn) {
      const { name, accountId } = arn;
      const place = { arn: arn.arn, name, homeRegion, accountId, bucket: s3Bucket, prefix };
      // Not needed, and the trail may be gone: but where CloudTrail knows it, its word helps.
      let unanswered: string | undefined;
      const found = await trails.describe(arn.arn, homeRegion).catch((error: unknown) => {
        if (error instanceof UnansweredError) unanswered = error.message;
        return undefined;
      });
      if (unanswered !== undefined) return { ...place, unanswered };
      if (found?.bucket !== s3Bucket || found.prefix !== prefix) return place;
      return { ...place, ...factsOf(found) };
    }
    const [accountId, ...more] = options.accountIds ?? [];
    if (trailName === undefined || accountId === undefined || more.length > 0) {
      throw new UsageError(
        '--trail-name with --s3-bucket needs one --account-id, or give --trail-arn',
      );
    }
    const partition = homeRegion.startsWith('cn-')
      ? 'aws-cn'
      : homeRegion.startsWith('us-gov-')
        ? 'aws-us-gov'
        : 'aws';
    const made = `arn:${partition}:cloudtrail:${homeRegion}:${accountId}:trail/${trailName}`;
    return { arn: made, name: trailName, homeRegion, accountId, bucket: s3Bucket, prefix };
  }
  const name = trailArn ?? trailName ?? '';
  const found = await trails.describe(name, homeRegion);
  if (!found) {
    throw new RunError(
      `there is no trail ${name} in ${homeRegion}`,
      options.evidence === undefined
        ? 'check the ARN and the credentials’ account; a deleted trail needs --s3-bucket'
        : 'DescribeTrails.json in the evidence lacks it: check the ARN, or name the bucket with --s3-bucket',
    );
  }
  const { accountId = '' } = parseTrailArn(found.arn) ?? {};
  const { bucket, prefix } = found;
  return {
    arn: found.arn,
    name: found.name,
    homeRegion: found.homeRegion,
    accountId,
    bucket,
    prefix,
    ...factsOf(found),
  };
}

/** What CloudTrail says of a trail that delivers to the place that is judged. */
function factsOf(found: TrailDescription) {
  const { isOrganization, isMultiRegion, validationEnabled, kmsKeyId } = found;
  return {
    isOrganization,
    isMultiRegion,
    validationEnabled,
    isCurrent: true,
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
  };
}
