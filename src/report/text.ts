import { FINDINGS, type Finding, type FindingClass } from '../core/finding.js';
import type { LogCounts, Report, ReportChain } from '../core/report.js';
import { escapeText } from './escape.js';
import type { Style } from './style.js';

export interface TextOptions {
  readonly style: Style;
  /** Everything: notices, intervals, every finding. */
  readonly verbose: boolean;
}

/** Findings of a class that are printed before the rest is only counted. */
const SHOWN = 50;

const count = (number: number, word: string): string =>
  `${number.toLocaleString('en-US')} ${word}${number === 1 ? '' : 's'}`;

function share(counts: LogCounts, word: string): string {
  const { valid, invalid, missing, unreadable } = counts;
  const all = valid + invalid + missing + unreadable;
  const bad = [
    [invalid, 'INVALID'],
    [missing, 'MISSING'],
    [unreadable, 'unreadable'],
  ] as const;
  const told = bad.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  const rest = told.length > 0 ? ` (${told.join(', ')})` : '';
  return `${valid.toLocaleString('en-US')}/${count(all, `${word} file`)}${rest}`;
}

type ChainState = 'proved' | 'INVALID' | 'incomplete';

function chainState(chain: ReportChain): ChainState {
  const { digestFiles, logFiles, intervals } = chain;
  const bad = digestFiles.invalid + digestFiles.missing + logFiles.invalid + logFiles.missing;
  if (bad > 0 || intervals.some(({ state }) => state === 'altered' || state === 'missing'))
    return 'INVALID';
  const open = digestFiles.unreadable + logFiles.unreadable;
  // A backfill chain covers what it covers; only a standard chain owes the whole range.
  const whole = chain.kind === 'backfill' || intervals.some(({ state }) => state === 'proved');
  const holes = intervals.some(
    ({ state, cause }) => state !== 'proved' && (state !== 'not-due' || cause === 'late'),
  );
  return open > 0 || holes || !whole ? 'incomplete' : 'proved';
}

function chainLines(chain: ReportChain, options: TextOptions): string[] {
  const { style, verbose } = options;
  const state = chainState(chain);
  const colour = { proved: style.good, INVALID: style.bad, incomplete: style.warn }[state];
  const kind = chain.kind === 'backfill' ? ' backfill' : '';
  const name = escapeText(`${chain.accountId} ${chain.region}${kind}`);
  const lines = [
    `  ${colour(state.padEnd(10))} ${name}  ${share(chain.digestFiles, 'digest')}, ${share(chain.logFiles, 'log')}`,
  ];
  if (verbose) {
    for (const { start, end, state: what, expectedDigests } of chain.intervals) {
      const files =
        expectedDigests === undefined ? '' : ` (${count(expectedDigests, 'hourly digest file')})`;
      lines.push(`             ${start} to ${end} ${what}${files}`);
    }
  }
  return lines;
}

function findingLines(finding: Finding, style: Style): string[] {
  const { code, bucket, key, start, end, digestKey, accountId, region, kind } = finding;
  const colour = { violation: style.bad, unproved: style.warn, notice: style.plain }[finding.class];
  const backfill = kind === 'backfill' ? ' (backfill)' : '';
  const where = [accountId, region].filter((part) => part !== undefined).join(' ');
  const lines = [`  ${colour(code)} ${FINDINGS[code].title}`];
  if (where !== '') lines.push(`    where  ${escapeText(where)}${backfill}`);
  if (bucket !== undefined)
    lines.push(`    at     s3://${escapeText(bucket)}/${escapeText(key ?? '')}`);
  if (start !== undefined && end !== undefined) lines.push(`    when   ${start} to ${end}`);
  lines.push(`    what   ${escapeText(finding.message)}`);
  if (digestKey !== undefined) lines.push(`    says   ${escapeText(digestKey)}`);
  if (finding.class !== 'notice') lines.push(`    hint   ${finding.hint}`);
  return lines;
}

const HEADINGS: Readonly<Record<FindingClass, string>> = {
  violation: 'Violations: altered or removed',
  unproved: 'Unproved: nothing vouches for it, or it could not be read',
  notice: 'Notices: lawful, for your information',
};

function findingSection(
  report: Report,
  findingClass: FindingClass,
  options: TextOptions,
): string[] {
  const all = report.findings.filter((finding) => finding.class === findingClass);
  if (all.length === 0) return [];
  if (findingClass === 'notice' && !options.verbose) {
    return [
      '',
      `${count(all.length, 'notice')}; --verbose shows ${all.length === 1 ? 'it' : 'them'}`,
    ];
  }
  const shown = options.verbose ? all : all.slice(0, SHOWN);
  const lines = ['', `${HEADINGS[findingClass]} (${all.length})`];
  for (const finding of shown) lines.push(...findingLines(finding, options.style));
  const rest = all.length - shown.length;
  if (rest > 0) lines.push(`  … and ${rest} more; --verbose or --format json shows all`);
  return lines;
}

/** What narrows the scope, in words; a verdict is never shown without it. */
function scopeWords(report: Report): string[] {
  const { regions, accountIds, digestsOnly } = report.scope;
  return [
    ...(regions ? [`only Regions ${regions.join(', ')}`] : []),
    ...(accountIds ? [`only accounts ${accountIds.join(', ')}`] : []),
    ...(digestsOnly ? ['only digest files: no log file was read'] : []),
  ];
}

/** The verdict in one line, as `--quiet` prints it. */
export function renderVerdict(report: Report, style: Style): string {
  const { verdict, counts, interrupted } = report;
  const word = {
    valid: style.good('VALID'),
    invalid: style.bad('INVALID'),
    incomplete: style.warn('INCOMPLETE'),
  }[verdict];
  const stopped = interrupted ? ' (interrupted: only what was done until then)' : '';
  return `${word}${stopped}: ${share(counts.digestFiles, 'digest')}, ${share(counts.logFiles, 'log')}`;
}

const MEANING = {
  valid:
    'Every hour asked for is covered by digest files that CloudTrail signed, and every\nlog file they list is unaltered.',
  invalid: 'Something was altered or removed, or is in a state that only tampering explains.',
  incomplete: 'Nothing was found altered, but part of what was asked for is not proved.',
} as const;

/** The report for a person. */
export function renderText(report: Report, options: TextOptions): string {
  const { style } = options;
  const { trail, timeRange, chains } = report;
  const prefix = trail.prefix === undefined ? '' : `/${trail.prefix}`;
  const lines = [
    `${style.bold('Trail')}   ${escapeText(trail.arn)}`,
    `${style.bold('Bucket')}  ${escapeText(`s3://${trail.bucket}${prefix}`)}${trail.organizationId === undefined ? '' : ` (organization ${trail.organizationId})`}`,
    `${style.bold('Range')}   ${timeRange.start} to ${timeRange.end} (delivery time)`,
    ...scopeWords(report).map((words) => `${style.bold('Scope')}   ${words}`),
    '',
    `Chains (${chains.length})`,
    ...chains.flatMap((chain) => chainLines(chain, options)),
    ...findingSection(report, 'violation', options),
    ...findingSection(report, 'unproved', options),
    ...findingSection(report, 'notice', options),
    '',
    renderVerdict(report, style),
    MEANING[report.verdict],
    ...scopeWords(report).map((words) => `Asked for ${words}.`),
    ...(timeRange.provedUntil !== undefined && timeRange.provedUntil !== timeRange.end
      ? [`Proved without a hole until ${timeRange.provedUntil}.`]
      : []),
    ...(report.verdict === 'valid'
      ? [
          'Not proved: that the bucket holds no log files besides those listed, that',
          'CloudTrail was told to log everything, and whatever lies outside the range.',
        ]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}
