import { count } from '../core/count.js';
import type { Report } from '../core/report.js';

/** What narrows the scope, in words; a verdict is never shown without it. */
export function scopeWords(report: Report): string[] {
  const { scope } = report;
  const { regions, accountIds, digestsOnly, retentionDays, acceptUnlisted } = scope;
  return [
    ...(regions ? [`only Regions ${regions.join(', ')}`] : []),
    ...(accountIds ? [`only accounts ${accountIds.join(', ')}`] : []),
    ...(digestsOnly ? ['only digest files: no log file was read'] : []),
    ...(scope.sample === undefined
      ? []
      : [`only part ${scope.sample} of the log files; digest files all`]),
    ...(scope.sinceState ? ['only what is newer than the state, chain by chain'] : []),
    ...(retentionDays === undefined ? [] : [`only the newest ${count(retentionDays, 'day')}`]),
    ...(scope.unlisted === false
      ? ['only log files that digest files list: others were not looked for']
      : []),
    ...(acceptUnlisted
      ? [`unlisted log files let pass as those of ${acceptUnlisted.join(', ')}`]
      : []),
    ...(scope.versions === false ? ['no search for originals among versions'] : []),
    ...(scope.locations ? [`older places by your word: ${scope.locations.join(', ')}`] : []),
    ...(scope.bucketAliases
      ? [`buckets read in place of those signed: ${scope.bucketAliases.join(', ')}`]
      : []),
  ];
}
