/** What every report says in words: counts, states, scope, what a verdict means. */
import type { DigestCounts } from '../core/close.js';
import { count, numeral } from '../core/count.js';
import type { LogCounts, Report, ReportChain, ReportFinding } from '../core/report.js';
import { listed } from './cut.js';
import type { Told } from './tell.js';

/** How many files of a kind are whole, and what the others are. */
export function share(counts: DigestCounts & Partial<LogCounts>, word: string): string {
  const { valid, invalid, missing, unreadable, unlisted = 0, unvalidated = 0 } = counts;
  const { notSampled = 0 } = counts;
  const all = valid + invalid + missing + unreadable;
  const bad = [
    [invalid, 'INVALID'],
    [missing, 'MISSING'],
    [unreadable, 'unreadable'],
    [unlisted, 'UNLISTED besides'],
    [unvalidated, 'unvalidated besides'],
    [notSampled, 'left out of the sample'],
  ] as const;
  const told = bad
    .filter(([number]) => number > 0)
    .map(([number, what]) => `${numeral(number)} ${what}`);
  const rest = told.length > 0 ? ` (${told.join(', ')})` : '';
  return `${numeral(valid)}/${count(all, `${word} file`)}${rest}`;
}

export type ChainState = 'proved' | 'INVALID' | 'incomplete' | 'no news';

/** How a chain stands as a whole. */
export function chainState(chain: ReportChain, told: Told): ChainState {
  const { digestFiles, logFiles, intervals } = chain;
  if (intervals.length === 0 && chain.kind === 'standard') return 'no news';
  const planted = told.hasPlanted(chain.accountId, chain.region);
  const bad = digestFiles.invalid + digestFiles.missing + logFiles.invalid + logFiles.missing;
  if (bad > 0 || intervals.some(({ state }) => state === 'altered' || state === 'missing'))
    return 'INVALID';
  const open =
    digestFiles.unreadable +
    logFiles.unreadable +
    logFiles.unvalidated +
    (planted ? logFiles.unlisted : 0);
  // A backfill chain covers what it covers; only a standard chain owes the whole range.
  const whole = chain.kind === 'backfill' || intervals.some(({ state }) => state === 'proved');
  const holes = intervals.some(
    ({ state, cause }) => state !== 'proved' && (state !== 'not-due' || cause === 'late'),
  );
  return open > 0 || holes || !whole ? 'incomplete' : 'proved';
}

/** The events that a finding names, each with where it is proved. */
export function eventsOf({ details }: ReportFinding): string[] {
  const events = details?.['events'];
  if (!Array.isArray(events)) return [];
  return (events as Readonly<Record<string, unknown>>[]).map(
    ({ event, eventId, proof }) => `${String(event)} ${String(eventId)} in ${String(proof)}`,
  );
}

/** What narrows the scope, in words; a verdict is never shown without it. `every` leaves out no name. */
export function scopeWords(report: Report, every = true): string[] {
  const { scope } = report;
  const { regions, accountIds, digestsOnly, retentionDays, acceptUnlisted } = scope;
  return [
    ...(regions ? [`only Regions ${listed(regions, every)}`] : []),
    ...(accountIds ? [`only accounts ${listed(accountIds, every)}`] : []),
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
      ? [`unlisted log files let pass as those of ${listed(acceptUnlisted, every)}`]
      : []),
    ...(scope.versions === false ? ['no search for originals among versions'] : []),
    ...(scope.locations ? [`older places by your word: ${listed(scope.locations, every)}`] : []),
    ...(scope.bucketAliases
      ? [`buckets read in place of those signed: ${listed(scope.bucketAliases, every)}`]
      : []),
  ];
}

/** When the evidence was collected and by whom, where a report is made of any. */
export function evidenceWords({ evidence }: Report): string | undefined {
  if (!evidence) return undefined;
  const { collectedAt, collectedBy, pinned, manifestSha256 } = evidence;
  const by = collectedBy === undefined ? '' : ` by ${collectedBy}`;
  return `collected ${collectedAt}${by}; manifest SHA-256 ${manifestSha256}, ${pinned ? 'as pinned' : 'not pinned'}`;
}

/** What a verdict says, in the words that its scope allows. */
export function meaning(report: Report): string[] {
  const { verdict, scope, chains, timeRange } = report;
  if (verdict === 'invalid') {
    return ['Something was altered or removed, or is in a state that only tampering explains.'];
  }
  if (verdict === 'incomplete') {
    const isDamaged = report.findings.some(({ code }) => code === 'EVIDENCE_ALTERED');
    return [
      ...(isDamaged ? ['The evidence is not what was collected: it was changed since.'] : []),
      `Nothing ${isDamaged ? 'else ' : ''}was found altered, but part of what was asked for is not proved.`,
    ];
  }
  if (chains.every(({ intervals }) => intervals.length === 0)) {
    return ['Nothing new is due; the digest files that the state remembers are still there.'];
  }
  const { end, provedUntil = end } = timeRange;
  const time = provedUntil === end ? 'Every hour asked for' : `Every hour until ${provedUntil}`;
  return [
    `${time} is covered by digest files that CloudTrail signed${scope.digestsOnly ? '.' : ', and every'}`,
    ...(scope.digestsOnly
      ? []
      : [
          `log file they list${scope.sample === undefined ? '' : ' and the sample has'} is unaltered.`,
        ]),
  ];
}

/** What a valid verdict leaves open. */
export function notProved(report: Report, { unconfirmed, unknownRegions }: Told): string[] {
  if (report.verdict !== 'valid') return [];
  const { scope } = report;
  return [
    ...(scope.digestsOnly ? ['Not proved: any log file.'] : []),
    ...(scope.sample === undefined ? [] : ['Not proved: log files that the sample leaves out.']),
    ...(scope.unlisted === false
      ? ['Not proved: that the bucket holds no log files besides those listed.']
      : []),
    ...(unconfirmed
      ? ['Not proved: that nothing was cut off at the end; CloudTrail’s status could not be had.']
      : []),
    ...(unknownRegions
      ? ['Not proved: that no Region is gone as a whole; CloudTrail’s status could not be had.']
      : []),
    ...(report.evidence?.pinned === false
      ? ['Not proved: that the evidence is as it was collected; --manifest-sha256 proves it.']
      : []),
    'Not proved: that CloudTrail was told to log everything, and whatever lies',
    'outside the range.',
  ];
}
