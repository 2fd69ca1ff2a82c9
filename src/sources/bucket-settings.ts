/** How a bucket is set up, so far as it can lose what a trail delivers there. */
import type { LifecycleRule as S3Rule, S3Client } from '@aws-sdk/client-s3';
import { s3 } from './aws-sdk.js';
import type { BucketSettings, LifecycleRule } from './ports.js';
import { answered, serviceError } from './retry.js';
import { secondsOf } from './s3-names.js';

/** A rule as S3 gives it: in the old form (Prefix) or the new one (Filter, and And within it). */
function lifecycleRule(rule: S3Rule): LifecycleRule {
  const { Filter: filter, Expiration: expiration } = rule;
  // Rules of the old form live on in buckets.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const oldPrefix = rule.Prefix;
  const narrowing = [filter, filter?.And];
  const days = expiration?.Days;
  const at = secondsOf(expiration?.Date);
  return {
    id: rule.ID ?? '',
    enabled: rule.Status === 'Enabled',
    prefix: filter?.And?.Prefix ?? filter?.Prefix ?? oldPrefix ?? '',
    narrowed:
      filter?.Tag !== undefined ||
      (filter?.And?.Tags ?? []).length > 0 ||
      narrowing.some(
        (one) => one?.ObjectSizeGreaterThan !== undefined || one?.ObjectSizeLessThan !== undefined,
      ),
    ...(Number.isSafeInteger(days) && days !== undefined ? { expiresAfterDays: days } : {}),
    ...(at === undefined ? {} : { expiresAt: at }),
  };
}

/**
 * GetBucketVersioning and GetBucketLifecycleConfiguration (SPEC 8). `attempt` tries a request again
 * where that may help. A bucket that never had versions says nothing at all: `Off`.
 */
export async function bucketSettings(
  client: S3Client,
  bucket: string,
  attempt: <T>(ask: () => Promise<T>) => Promise<T>,
): Promise<BucketSettings> {
  const [versioning, lifecycle] = await Promise.all([
    answered(async () => {
      const { Status: status } = await attempt(() =>
        client.send(new s3.GetBucketVersioningCommand({ Bucket: bucket })),
      );
      return status ?? 'Off';
    }),
    answered(async () => {
      try {
        const { Rules: rules = [] } = await attempt(() =>
          client.send(new s3.GetBucketLifecycleConfigurationCommand({ Bucket: bucket })),
        );
        return rules.map(lifecycleRule);
      } catch (error) {
        if (serviceError(error).name === 'NoSuchLifecycleConfiguration') return [];
        throw error;
      }
    }),
  ]);
  return { versioning, lifecycle };
}
