/** Reading replicas in place of the buckets whose names were signed. */
import type { ObjectSource } from './ports.js';

async function* none(): AsyncGenerator<never> {
  // Nothing is altered where nobody can tell.
}

/**
 * A source that reads other buckets than it is asked for (`--bucket-alias SIGNED=ACTUAL`): all that
 * is verified, and all that is told, keeps the signed names.
 */
export function createAliasedSource(
  source: ObjectSource,
  aliases: ReadonlyMap<string, string>,
): ObjectSource {
  if (aliases.size === 0) return source;
  const actual = (bucket: string): string => aliases.get(bucket) ?? bucket;
  return {
    carriesMetadata: source.carriesMetadata,
    list: (bucket, prefix, options) => source.list(actual(bucket), prefix, options),
    read: (bucket, key, consume, versionId) => source.read(actual(bucket), key, consume, versionId),
    hashLog: (bucket, key) => source.hashLog(actual(bucket), key),
    versions: (bucket, prefix) => source.versions(actual(bucket), prefix),
    settings: (bucket) => source.settings(actual(bucket)),
    ...(source.altered ? { altered: () => source.altered?.() ?? none() } : {}),
    regionOf: (bucket) => source.regionOf(actual(bucket)),
    close: () => source.close(),
  };
}
