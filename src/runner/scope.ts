import type { Scope } from '../core/report.js';
import type { RunOptions } from './options.js';

/** What narrowed a run: it stands beside every verdict. */
export function scopeOf(options: RunOptions): Scope {
  const { locations = [], bucketAliases = [], acceptUnlisted = [], retentionDays } = options;
  return {
    ...(options.regions ? { regions: options.regions } : {}),
    ...(options.accountIds ? { accountIds: options.accountIds } : {}),
    ...(options.digestsOnly === true ? { digestsOnly: true } : {}),
    ...(options.sample ? { sample: `${options.sample.part}/${options.sample.of}` } : {}),
    ...(options.unlisted === false ? { unlisted: false } : {}),
    ...(acceptUnlisted.length > 0 ? { acceptUnlisted } : {}),
    ...(options.versions === false ? { versions: false } : {}),
    ...(options.sinceState === true ? { sinceState: true } : {}),
    ...(retentionDays === undefined ? {} : { retentionDays }),
    ...(locations.length > 0
      ? { locations: locations.map(({ bucket, prefix }) => `s3://${bucket}/${prefix}`) }
      : {}),
    ...(bucketAliases.length > 0 ? { bucketAliases } : {}),
  };
}
