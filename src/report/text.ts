import { count, numeral } from '../core/count.js';
import { FINDINGS, type FindingClass } from '../core/finding.js';
import type { MoreFindings, Report, ReportChain, ReportFinding } from '../core/report.js';
import { inChunks } from './chunks.js';
import { andMore } from './cut.js';
import { escapeText } from './escape.js';
import { createFit, widthOf, type Fit } from './fit.js';
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
  /** Columns of the terminal that lines are fitted to; without them only the coverage strips are, to 80. */
  readonly width?: number | undefined;
  /** Whether the terminal shows no more than ASCII. */
  readonly ascii?: boolean | undefined;
}

/** What a section's lines are made with. */
interface Layout extends TextOptions {
  readonly fit: Fit;
}

/** Findings of a class, chains, and settings that are printed before the rest is only counted. */
const SHOWN = 50;

/** Events that a finding tells before the rest is only counted. */
const EVENTS = 8;

/** Longest name of a chain that is honestly there; what somebody planted may stand out. */
const NAME_LENGTH = 40;

/** Where the text begins behind `  INVALID    `, and behind `    what   `. */
const CHAIN = 13;
const LABEL = 11;

/** Columns that a chain's counts have at least behind its name; with less they stand below it. */
const COUNTS = 24;

/** Breaks a line of counts: no number is torn from what it counts. */
const COUNTED = /((?<=,) +| +(?=\())/;

function chainName({ kind, accountId, region }: ReportChain, { name }: Fit): string {
  return name(escapeText(`${accountId} ${region}${kind === 'backfill' ? ' backfill' : ''}`));
}

/** The width of the names' column. */
function nameWidth(chains: readonly ReportChain[], fit: Fit): number {
  const lengths = chains.map((chain) => chainName(chain, fit).length);
  return lengths.reduce((most, one) => Math.max(most, Math.min(one, NAME_LENGTH)), 0);
}

/** Digest files and log files of a chain: on its line, else below each other, else below its name. */
function countLines(begin: string, { digestFiles, logFiles }: ReportChain, fit: Fit): string[] {
  const [digests, logs] = [`${share(digestFiles, 'digest')},`, share(logFiles, 'log')];
  if (fit.hasRoom(`${begin}${digests} ${logs}`)) return [`${begin}${digests} ${logs}`];
  const isNarrow = !fit.hasRoom(begin + ' '.repeat(COUNTS));
  const column = isNarrow ? CHAIN : widthOf(begin);
  const [above, first] = isNarrow ? [[begin.trimEnd()], ' '.repeat(CHAIN)] : [[], begin];
  const below = `${' '.repeat(column)}${logs}`;
  return [
    ...above,
    ...fit.line(`${first}${digests}`, column, COUNTED),
    ...fit.line(below, column, COUNTED),
  ];
}

function chainLines(chain: ReportChain, width: number, told: Told, options: Layout): string[] {
  const { style, verbose, fit } = options;
  const state = chainState(chain, told);
  const colour = {
    proved: style.good,
    INVALID: style.bad,
    incomplete: style.warn,
    'no news': style.plain,
  }[state];
  const name = chainName(chain, fit).padEnd(width);
  const lines = countLines(`  ${colour(state.padEnd(10))} ${name}  `, chain, fit);
  if (verbose) {
    for (const { start, end, state: what, expectedDigests, cause } of chain.intervals) {
      const files =
        expectedDigests === undefined ? '' : ` (${count(expectedDigests, 'hourly digest file')})`;
      const why = cause === undefined ? '' : `: ${cause}`;
      const told = `${start} to ${end} ${what}${why}${files}`;
      lines.push(...fit.line(' '.repeat(CHAIN) + told, CHAIN + 2));
    }
  }
  return lines;
}

/** The order in which chains are told where they are too many. */
const FIRST: readonly ChainState[] = ['INVALID', 'incomplete', 'no news', 'proved'];

/** The chains; of very many first those that aren't proved. */
function* chainSection({ chains }: Report, told: Told, options: Layout): Generator<string> {
  yield `Chains (${numeral(chains.length)})`;
  const isCut = chains.length > SHOWN && !options.verbose;
  const rank = (chain: ReportChain): number => FIRST.indexOf(chainState(chain, told));
  const sorted = isCut ? [...chains].sort((a, b) => rank(a) - rank(b)) : chains;
  const shown = isCut ? sorted.slice(0, SHOWN) : sorted;
  const width = nameWidth(shown, options.fit);
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
  yield* options.fit.line(andMore(rest.length, what), 4);
}

/** The command that a hint ends with. */
function commandIn({ details, hint }: ReportFinding): string | undefined {
  const { original, originals } = details ?? {};
  const [first] = Array.isArray(originals) ? (originals as unknown[]) : [original];
  const { restore } = (first ?? {}) as { restore?: unknown };
  return typeof restore === 'string' && hint.includes(restore) ? restore : undefined;
}

/** What to do. Where it is a command, a terminal gets that whole on a line of its own, to copy. */
function hintLines(finding: ReportFinding, fit: Fit): string[] {
  const hint = `    hint   ${escapeText(finding.hint)}`;
  const command = fit.hasRoom(hint) ? undefined : commandIn(finding);
  if (command === undefined) return fit.line(hint, LABEL);
  const [before = '', after = ''] = hint.split(command);
  const rest = after.trim() === '' ? [] : fit.line(`${' '.repeat(LABEL)}${after.trim()}`, LABEL);
  return [...fit.line(before.trimEnd(), LABEL), command, ...rest];
}

function findingLines(group: FindingGroup, { style, verbose, fit }: Layout): string[] {
  const { first: finding, all } = group;
  const { code, bucket, key, start, end, digestKey, kind } = finding;
  const colour = { violation: style.bad, unproved: style.warn, notice: style.plain }[finding.class];
  const backfill = kind === 'backfill' ? ' (backfill)' : '';
  const where = placesOf(group, verbose);
  const id =
    finding.class === 'notice'
      ? ''
      : `  [${finding.id}]${all.length > 1 ? ` and ${numeral(all.length - 1)} more` : ''}`;
  const lines = fit.line(`  ${colour(code)} ${FINDINGS[code].title}${id}`, 4);
  const add = (label: string, text: string): void => {
    lines.push(...fit.line(`    ${label.padEnd(LABEL - 4)}${text}`, LABEL));
  };
  if (where !== '') add('where', `${fit.name(escapeText(where, Infinity))}${backfill}`);
  if (bucket !== undefined && all.length === 1) {
    const object = `s3://${escapeText(bucket)}/${escapeText(key ?? '')}`;
    add('at', fit.name(object));
  }
  if (start !== undefined && end !== undefined) add('when', `${start} to ${end}`);
  const told = all.every(({ message }) => message === finding.message);
  add('what', escapeText(told ? finding.message : `for example: ${finding.message}`));
  const events = eventsOf(finding);
  const shown = verbose ? events : events.slice(0, EVENTS);
  for (const event of shown) add('event', escapeText(event));
  const rest = events.length - shown.length;
  if (rest > 0) add('event', `… and ${numeral(rest)} more; --verbose shows all`);
  for (const [word, name] of [
    ['since', 'since'],
    ['accept', 'accepted'],
  ] as const) {
    const told = finding.details?.[name];
    const what = name === 'since' ? `still open; first told at ${String(told)}` : String(told);
    if (told !== undefined) add(word, escapeText(what));
  }
  if (digestKey !== undefined && all.length === 1) {
    add('says', fit.name(escapeText(digestKey)));
  }
  if (finding.class !== 'notice') lines.push(...hintLines(finding, fit));
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
  options: Layout,
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
  yield* options.fit.line(`${HEADINGS[findingClass]} (${numeral(all)})`);
  for (const group of shown) yield* findingLines(group, options);
  const rest = all - shown.reduce((sum, group) => sum + group.all.length, 0);
  const verbose = own.length === all ? '--verbose or ' : '';
  if (rest === 0) return;
  yield* options.fit.line(`  … and ${numeral(rest)} more; ${verbose}--format json shows all`, 4);
}

function settingsSection(report: Report, { verbose, fit }: Layout): string[] {
  const { settings } = report;
  if (settings.length === 0) return [];
  const when = report.evidence ? 'when it was collected' : 'now';
  const heading = `Settings ${when}, no part of the proof (${numeral(settings.length)})`;
  const lines = ['', ...fit.line(heading)];
  const shown = verbose ? settings : settings.slice(0, SHOWN);
  for (const { code, message, hint } of shown) {
    lines.push(...fit.line(`  ${code} ${escapeText(message)}`, 4));
    lines.push(...fit.line(`    hint   ${escapeText(hint)}`, LABEL));
  }
  const rest = settings.length - shown.length;
  if (rest > 0) lines.push(...fit.line(andMore(rest), 4));
  return lines;
}

function acceptedSection(report: Report, { verbose, fit }: Layout): string[] {
  const { accepted = [] } = report;
  if (accepted.length === 0) return [];
  const lines = ['', `Accepted by hand in the state file (${numeral(accepted.length)})`];
  const shown = verbose ? accepted : accepted.slice(-SHOWN);
  for (const { id, code, by, at, reason, message } of shown) {
    const who = `  ${code} [${id}] by ${escapeText(by)} at ${at}: ${escapeText(reason)}`;
    lines.push(...fit.line(who, 4), ...fit.line(`    what   ${escapeText(message)}`, LABEL));
  }
  const rest = accepted.length - shown.length;
  if (rest > 0) lines.push(...fit.line(andMore(rest, ', accepted before these'), 4));
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

/** What the report is of, and what it was asked for. */
function* head(
  report: Report,
  scope: readonly string[],
  { style, fit }: Layout,
): Generator<string> {
  const { trail, timeRange, startedAt, finishedAt } = report;
  const fact = (name: string, text: string): string[] =>
    fit.line(`${style.bold(name)}${' '.repeat(8 - name.length)}${text}`, 8);
  const prefix = trail.prefix === undefined ? '' : `/${trail.prefix}`;
  const bucket = fit.name(escapeText(`s3://${trail.bucket}${prefix}`));
  const organization =
    trail.organizationId === undefined ? '' : ` (organization ${trail.organizationId})`;
  yield* fact('Trail', escapeText(trail.arn));
  yield* fact('Bucket', `${bucket}${organization}`);
  yield* fact('Range', `${timeRange.start} to ${timeRange.end} (delivery time)`);
  const evidence = evidenceWords(report);
  if (evidence !== undefined) yield* fact('From', escapeText(evidence));
  // A run may have gone on from an older one, or joined what shards had read.
  if (Date.parse(finishedAt) - Date.parse(startedAt) > ONE_MOMENT) {
    yield* fact('Read', `${startedAt} to ${finishedAt} (this machine’s clock)`);
  }
  for (const words of scope) yield* fact('Scope', words);
}

function* textLines(report: Report, told: Told, given: TextOptions): Generator<string> {
  const fit = createFit(given);
  const options = { ...given, fit };
  const { timeRange } = report;
  // A list that is to be shown whole is not cut for its length either.
  const scope = scopeWords(report, options.verbose).map((words) => escapeText(words, Infinity));
  yield* head(report, scope, options);
  yield '';
  yield* chainSection(report, told, options);
  yield* stripLines(report, told, options);
  yield* findingSection(told, 'violation', options);
  yield* findingSection(told, 'unproved', options);
  yield* findingSection(told, 'notice', options);
  yield* settingsSection(report, options);
  yield* acceptedSection(report, options);
  yield '';
  yield* fit.line(renderVerdict(report, options.style), 2, COUNTED);
  yield* fit.prose(meaning(report));
  if (report.gapsAllowed) {
    yield* fit.line(
      'All that is open are gaps with a lawful cause that an event names; you allow them.',
    );
  }
  for (const words of scope) yield* fit.line(`Asked for: ${words}.`, 2);
  if (timeRange.provedUntil !== undefined && timeRange.provedUntil !== timeRange.end) {
    yield* fit.line(`Proved without a hole until ${timeRange.provedUntil}.`);
  }
  yield* fit.prose(notProved(report, told));
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
