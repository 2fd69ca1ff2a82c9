/**
 * Where work is done that takes more than one process: where the trail delivered when it began. Else
 * whoever moves the trail, or empties an organization's folder, would make what was found be forgotten.
 */
import type { WorkPlace } from '../core/journal.js';
import { accountsFolder } from '../core/object-key.js';
import { isOrganizationId } from '../core/arn.js';
import type { RunOptions } from './options.js';
import { findOrganization } from './organization.js';
import { begin } from './prepare.js';

/** Where the trail delivers now. */
export async function placeNow(options: RunOptions): Promise<WorkPlace> {
  const { bucket, prefix, isOrganization, isMultiRegion } = options.trail;
  const now: WorkPlace = {
    ...{ bucket, prefix },
    ...(isOrganization === undefined ? {} : { isOrganization }),
    ...(isMultiRegion === undefined ? {} : { isMultiRegion }),
  };
  const folder = accountsFolder({ bucket, prefix });
  const listing = await options.objects.list(bucket, folder, { folders: true });
  // Why, planning tells.
  if (!listing.ok) return listing.failure.kind === 'absent' ? now : { ...now, isUndecided: true };
  const names = listing.value.folders.map((one) => one.slice(folder.length, -1));
  const { planning } = begin(options);
  const ids = names.filter(isOrganizationId);
  const organizationId = await findOrganization(options.objects, planning, ids);
  return organizationId === undefined ? now : { ...now, organizationId };
}

/**
 * Options with the trail where it was when the work began. What CloudTrail says of it now (its key, its
 * validation, its status) counts on: but its status only where it still delivers there.
 */
export function asBegun(options: RunOptions): RunOptions {
  const { trail, place } = options;
  if (!place) return options;
  const { bucket, prefix, isOrganization } = place;
  const { arn, name, homeRegion, accountId, validationEnabled, kmsKeyId, unanswered } = trail;
  const isHere = trail.bucket === bucket && trail.prefix === prefix;
  // CloudTrail may have said nothing when the work began.
  const isMultiRegion = place.isMultiRegion ?? (isHere ? trail.isMultiRegion : undefined);
  const begun = {
    ...{ arn, name, homeRegion, accountId, bucket, prefix },
    ...(isOrganization === undefined ? {} : { isOrganization }),
    ...(isMultiRegion === undefined ? {} : { isMultiRegion }),
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
    ...(unanswered === undefined ? {} : { unanswered }),
    ...(isHere && validationEnabled !== undefined ? { validationEnabled } : {}),
    isCurrent: isHere && trail.isCurrent === true,
  };
  return { ...options, trail: begun };
}
