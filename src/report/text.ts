import { count, numeral } from '../core/count.js';
import { FINDINGS, type FindingClass } from '../core/finding.js';
import type { MoreFindings, Report, ReportChain } from '../core/report.js';
import { inChunks } from './chunks.js';
import { andMore } from './cut.js';
import { escapeText } from './escape.js';
import { groupFindings, placesOf, type FindingGroup } from './group.js';
import { stripLines } from './strip.js';
import type { Style } from './style.js';
import { tell, tellAll, type Told } from './tell.js';
import {
  chainState,
  eventsOf,
  evidenceWords,
  meaning,
  notProved,
  scopeWords,
  share,
  type ChainState,
} from './words.js';

export interface TextOptions {
  readonly style: Style;
  /** Everything: notices, intervals, every chain and finding. */
  readonly verbose: boolean;
  /** Characters in a line of the coverage strips; 80 unless told. */
  readonly width?: number | undefined;
  /** Whether the terminal shows no more than ASCII. */
  readonly ascii?: boolean | undefined;
}

/** Findings of a class, chains, and settings that are printed before the rest is only counted. */
const SHOWN = 50;

/** Events that a finding tells before the rest is only counted. */
const EVENTS = 8;

/** Longest name of a chain that is honestly there; what somebody planted may stand out. */
const NAME_LENGTH = 40;

function chainName({ kind, accountId, region }: ReportChain): string {
  return escapeText(`${accountId} ${region}${kind === 'backfill' ? ' backfill' : ''}`);
}

/** The width of the names' column. */
function widthOf(chains: readonly ReportChain[]): number {
  const lengths = chains.map((chain) => chainName(chain).length);
  return lengths.reduce((most, one) => Math.max(most, Math.min(one, NAME_LENGTH)), 0);
}

function chainLines(chain: ReportChain, width: number, told: Told, options: TextOptions): string[] {
  const { style, verbose } = options;
  const state = chainState(chain, told);
  const colour = {
    proved: style.good,
    INVALID: style.bad,
    incomplete: style.warn,
    'no news': style.plain,
  }[state];
  const name = chainName(chain).padEnd(width);
  const lines = [
    `  ${colour(state.padEnd(10))} ${name}  ${share(chain.digestFiles, 'digest')}, ${share(chain.logFiles, 'log')}`,
  ];
  if (verbose) {
    for (const { start, end, state: what, expectedDigests, cause } of chain.intervals) {
      const files =
        expectedDigests === undefined ? '' : ` (${count(expectedDigests, 'hourly digest file')})`;
      const why = cause === undefined ? '' : `: ${cause}`;
      lines.push(`             ${start} to ${end} ${what}${why}${files}`);
    }
  }
  return lines;
}

/** The order in which chains are told where they are too many. */
const FIRST: readonly ChainState[] = ['INVALID', 'incomplete', 'no news', 'proved'];

/** The chains; of very many first those that aren't proved. */
function* chainSection({ chains }: Report, told: Told, options: TextOptions): Generator<string> {
  yield `Chains (${numeral(chains.length)})`;
  const isCut = chains.length > SHOWN && !options.verbose;
  const rank = (chain: ReportChain): number => FIRST.indexOf(chainState(chain, told));
  const sorted = isCut ? [...chains].sort((a, b) => rank(a) - rank(b)) : chains;
  const shown = isCut ? sorted.slice(0, SHOWN) : sorted;
  const width = widthOf(shown);
  for (const chain of shown) yield* chainLines(chain, width, told, options);
  if (!isCut) return;
  const rest = sorted.slice(SHOWN).map((chain) => chainState(chain, told));
  const states = FIRST.map((state) => [state, rest.filter((one) => one === state).length] as const);
  const present = states.filter(([, number]) => number > 0);
  const [[only] = []] = present;
  const what =
    present.length === 1
      ? `, all ${only ?? ''}`
      : ` (${present.map(([state, number]) => `${numeral(number)} ${state}`).join(', ')})`;
  yield andMore(rest.length, what);
}

function findingLines(group: FindingGroup, { style, verbose }: TextOptions): string[] {
  const { first: finding, all } = group;
  const { code, bucket, key, start, end, digestKey, kind } = finding;
  const colour = { violation: style.bad, unproved: style.warn, notice: style.plain }[finding.class];
  const backfill = kind === 'backfill' ? ' (backfill)' : '';
  const where = placesOf(group, verbose);
  const id =
    finding.class === 'notice'
      ? ''
      : `  [${finding.id}]${all.length > 1 ? ` and ${numeral(all.length - 1)} more` : ''}`;
  const lines = [`  ${colour(code)} ${FINDINGS[code].title}${id}`];
  if (where !== '') lines.push(`    where  ${escapeText(where, Infinity)}${backfill}`);
  if (bucket !== undefined && all.length === 1)
    lines.push(`    at     s3://${escapeText(bucket)}/${escapeText(key ?? '')}`);
  if (start !== undefined && end !== undefined) lines.push(`    when   ${start} to ${end}`);
  const told = all.every(({ message }) => message === finding.message);
  lines.push(
    `    what   ${escapeText(told ? finding.message : `for example: ${finding.message}`)}`,
  );
  const events = eventsOf(finding);
  const shown = verbose ? events : events.slice(0, EVENTS);
  for (const event of shown) lines.push(`    event  ${escapeText(event)}`);
  const rest = events.length - shown.length;
  if (rest > 0) lines.push(`    event  … and ${numeral(rest)} more; --verbose shows all`);
  for (const [word, name] of [
    ['since', 'since'],
    ['accept', 'accepted'],
  ] as const) {
    const told = finding.details?.[name];
    const what = name === 'since' ? `still open; first told at ${String(told)}` : String(told);
    if (told !== undefined) lines.push(`    ${word.padEnd(6)} ${escapeText(what)}`);
  }
  if (digestKey !== undefined && all.length === 1)
    lines.push(`    says   ${escapeText(digestKey)}`);
  if (finding.class !== 'notice') lines.push(`    hint   ${escapeText(finding.hint)}`);
  return lines;
}

const HEADINGS: Readonly<Record<FindingClass, string>> = {
  violation: 'Violations: altered or removed',
  unproved: 'Unproved: nothing vouches for it, or it could not be read',
  notice: 'Notices, for your information',
};

function* findingSection(
  told: Told,
  findingClass: FindingClass,
  options: TextOptions,
): Generator<string> {
  const all = told.counts[findingClass];
  if (all === 0) return;
  if (findingClass === 'notice' && !options.verbose) {
    yield '';
    yield `${count(all, 'notice')}; --verbose shows ${all === 1 ? 'it' : 'them'}`;
    return;
  }
  const own = told.shown[findingClass];
  const groups = groupFindings(own);
  const shown = options.verbose ? groups : groups.slice(0, SHOWN);
  yield '';
  yield `${HEADINGS[findingClass]} (${numeral(all)})`;
  for (const group of shown) yield* findingLines(group, options);
  const rest = all - shown.reduce((sum, group) => sum + group.all.length, 0);
  const verbose = own.length === all ? '--verbose or ' : '';
  if (rest > 0) yield `  … and ${numeral(rest)} more; ${verbose}--format json shows all`;
}

function settingsSection(report: Report, { verbose }: TextOptions): string[] {
  const { settings } = report;
  if (settings.length === 0) return [];
  const when = report.evidence ? 'when it was collected' : 'now';
  const lines = ['', `Settings ${when}, no part of the proof (${numeral(settings.length)})`];
  const shown = verbose ? settings : settings.slice(0, SHOWN);
  for (const { code, message, hint } of shown) {
    lines.push(`  ${code} ${escapeText(message)}`, `    hint   ${escapeText(hint)}`);
  }
  if (shown.length < settings.length) lines.push(andMore(settings.length - shown.length));
  return lines;
}

function acceptedSection(report: Report, options: TextOptions): string[] {
  const { accepted = [] } = report;
  if (accepted.length === 0) return [];
  const lines = ['', `Accepted by hand in the state file (${numeral(accepted.length)})`];
  const shown = options.verbose ? accepted : accepted.slice(-SHOWN);
  for (const { id, code, by, at, reason, message } of shown) {
    lines.push(
      `  ${code} [${id}] by ${escapeText(by)} at ${at}: ${escapeText(reason)}`,
      `    what   ${escapeText(message)}`,
    );
  }
  if (shown.length < accepted.length) {
    lines.push(andMore(accepted.length - shown.length, ', accepted before these'));
  }
  return lines;
}

/** The verdict in one line. */
function renderVerdict(report: Report, style: Style): string {
  const { verdict, counts, interrupted } = report;
  const word = {
    valid: style.good('VALID'),
    invalid: style.bad('INVALID'),
    incomplete: style.warn('INCOMPLETE'),
  }[verdict];
  const stopped = interrupted ? ' (interrupted: only what was done until then)' : '';
  return `${word}${stopped}: ${share(counts.digestFiles, 'digest')}, ${share(counts.logFiles, 'log')}`;
}

/** The verdict with what narrowed it, on one line, as `--quiet` prints it. */
export function renderQuiet(report: Report, style: Style): string {
  const scope = scopeWords(report, false)
    .map((words) => escapeText(words))
    .join('; ');
  const gaps = report.gapsAllowed ? ' (lawful gaps allowed)' : '';
  return `${renderVerdict(report, style)}${gaps}${scope === '' ? '' : `; asked for: ${scope}`}`;
}

/** Longer than this between beginning and end, a report is not of one moment. */
const ONE_MOMENT = 3_600_000;

/** When a run read that went on from an older one, or joined what shards had read. */
function readingLines({ startedAt, finishedAt }: Report, style: Style): string[] {
  if (Date.parse(finishedAt) - Date.parse(startedAt) <= ONE_MOMENT) return [];
  return [`${style.bold('Read')}    ${startedAt} to ${finishedAt} (this machine’s clock)`];
}

function* textLines(report: Report, told: Told, options: TextOptions): Generator<string> {
  const { style } = options;
  const { trail, timeRange } = report;
  const prefix = trail.prefix === undefined ? '' : `/${trail.prefix}`;
  yield `${style.bold('Trail')}   ${escapeText(trail.arn)}`;
  yield `${style.bold('Bucket')}  ${escapeText(`s3://${trail.bucket}${prefix}`)}${trail.organizationId === undefined ? '' : ` (organization ${trail.organizationId})`}`;
  yield `${style.bold('Range')}   ${timeRange.start} to ${timeRange.end} (delivery time)`;
  const evidence = evidenceWords(report);
  if (evidence !== undefined) yield `${style.bold('From')}    ${escapeText(evidence)}`;
  yield* readingLines(report, style);
  // A list that is to be shown whole is not cut for its length either.
  const scope = scopeWords(report, options.verbose).map((words) => escapeText(words, Infinity));
  yield* scope.map((words) => `${style.bold('Scope')}   ${words}`);
  yield '';
  yield* chainSection(report, told, options);
  yield* stripLines(report, told, options);
  yield* findingSection(told, 'violation', options);
  yield* findingSection(told, 'unproved', options);
  yield* findingSection(told, 'notice', options);
  yield* settingsSection(report, options);
  yield* acceptedSection(report, options);
  yield '';
  yield renderVerdict(report, style);
  yield* meaning(report);
  if (report.gapsAllowed) {
    yield 'All that is open are gaps with a lawful cause that an event names; you allow them.';
  }
  yield* scope.map((words) => `Asked for: ${words}.`);
  if (timeRange.provedUntil !== undefined && timeRange.provedUntil !== timeRange.end) {
    yield `Proved without a hole until ${timeRange.provedUntil}.`;
  }
  yield* notProved(report, told);
}

/** The report for a person. */
export function renderText(report: Report, options: TextOptions): string {
  const lines = [...textLines(report, tell(report.findings), options)];
  return `${lines.join('\n')}\n`;
}

async function* lines(
  report: Report,
  options: TextOptions,
  more: MoreFindings | undefined,
): AsyncGenerator<string> {
  const told = await tellAll(report.findings, more);
  for (const line of textLines(report, told, options)) yield `${line}\n`;
}

/** The text that `renderText` makes, in pieces: `more` follows the findings that the report holds. */
export function streamText(
  report: Report,
  options: TextOptions,
  more?: MoreFindings,
): AsyncGenerator<string> {
  return inChunks(lines(report, options, more));
}
