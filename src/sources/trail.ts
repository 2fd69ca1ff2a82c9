/** Reading what describes a trail. */
import type { Trail } from '@aws-sdk/client-cloudtrail';
import { isRegionName, parseTrailArn } from '../core/arn.js';
import { normalizePrefix } from '../core/object-key.js';
import { readEvidenceJson } from './directory.js';
import type { TrailDescription, TrailSource } from './ports.js';

/** A trail of DescribeTrails or GetTrail, as the API or an evidence file has it. */
export function describeTrail(trail: Trail): TrailDescription | undefined {
  const arn = parseTrailArn(trail.TrailARN ?? '');
  const { HomeRegion: home, S3KeyPrefix: prefix } = trail;
  if (!arn || typeof trail.S3BucketName !== 'string') return undefined;
  if (home !== undefined && !isRegionName(home)) return undefined;
  if (prefix !== undefined && typeof prefix !== 'string') return undefined;
  return {
    arn: arn.arn,
    name: arn.name,
    homeRegion: home ?? arn.homeRegion,
    bucket: trail.S3BucketName,
    prefix: normalizePrefix(prefix),
    isMultiRegion: trail.IsMultiRegionTrail === true,
    isOrganization: trail.IsOrganizationTrail === true,
    validationEnabled: trail.LogFileValidationEnabled === true,
  };
}

/** The trail from `DescribeTrails.json`, and the machine's clock: a directory has none. */
export function createEvidenceTrailSource(directory: string): TrailSource {
  return {
    now: () => Promise.resolve(Math.floor(Date.now() / 1000)),
    describe: async (nameOrArn) => {
      const file = await readEvidenceJson(directory, 'DescribeTrails.json');
      const list = (file?.value as { trailList?: unknown } | undefined)?.trailList;
      const trails = Array.isArray(list) ? (list as (Trail | null)[]) : [];
      const trail = trails.find((one) => one?.TrailARN === nameOrArn || one?.Name === nameOrArn);
      return trail ? describeTrail(trail) : undefined;
    },
  };
}
