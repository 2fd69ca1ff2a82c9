/** Coverage at a glance: a line for each Region, time running over it from left to right. */
import { count } from '../core/count.js';
import type { Report, ReportChain } from '../core/report.js';
import { DAY, formatInstant, HOUR, parseDigestTime, type Instant } from '../core/timestamp.js';
import { andMore } from './cut.js';
import { escapeText } from './escape.js';
import type { Fit } from './fit.js';
import { isGraver, type DayState } from './states.js';
import type { Style } from './style.js';
import type { Told } from './tell.js';
import { chainState } from './words.js';

export interface StripOptions {
  readonly style: Style;
  /** Every Region, however many. */
  readonly verbose: boolean;
  /** Characters in a line; 80 unless told. */
  readonly width?: number | undefined;
  /** Whether the terminal shows no more than ASCII. */
  readonly ascii?: boolean | undefined;
  readonly fit: Fit;
}

/** Told apart without colour. */
const SIGNS: Readonly<Record<DayState, string>> = {
  proved: '█',
  altered: 'x',
  missing: '!',
  unreadable: '?',
  gap: '-',
  'not-due': '.',
};

const WIDTH = 80;
/** A wider strip is no easier to read. */
const WIDEST = 120;
/** Cells that a strip has at least: two dates, or two times of day with theirs, fit above them. */
const FEWEST = 24;
/** Regions that get a line before the rest is only counted. */
const SHOWN = 40;
/** Longest name of a Region that is honestly there. */
const NAME_LENGTH = 16;

interface Scale {
  readonly start: Instant;
  readonly end: Instant;
  readonly cells: number;
}

interface Row {
  readonly region: string;
  readonly cells: (DayState | undefined)[];
  isWhole: boolean;
}

const secondsOf = (time: string): Instant => parseDigestTime(time) ?? 0;

/** Gives the cells of a time, later than its start up to its end, a state; the gravest one stays. */
function paint(
  { cells }: Row,
  scale: Scale,
  { start, end, state }: { start: Instant; end: Instant; state: DayState },
): void {
  const place = (time: Instant): number =>
    ((time - scale.start) * scale.cells) / (scale.end - scale.start);
  const first = Math.min(Math.max(0, Math.floor(place(start))), scale.cells - 1);
  const last = Math.min(Math.max(first, Math.ceil(place(end)) - 1), scale.cells - 1);
  for (let at = first; at <= last; at++) {
    if (isGraver(state, cells[at])) cells[at] = state;
  }
}

/**
 * A backfill chain covers no standard time, so what it proves would say nothing of these hours; what of
 * it isn't proved shows.
 */
function paintChain(row: Row, scale: Scale, { kind, intervals }: ReportChain): void {
  for (const { start, end, state } of intervals) {
    if (kind === 'backfill' && state === 'proved') continue;
    paint(row, scale, { start: secondsOf(start), end: secondsOf(end), state });
  }
}

function rowsOf(chains: readonly ReportChain[], scale: Scale, told: Told): Row[] {
  const rows = new Map<string, Row>();
  for (const chain of chains) {
    const { region } = chain;
    const cells = Array<undefined>(scale.cells).fill(undefined);
    const row = rows.get(region) ?? { region, cells, isWhole: true };
    rows.set(region, row);
    paintChain(row, scale, chain);
    if (chainState(chain, told) !== 'proved') row.isWhole = false;
  }
  for (const mark of told.marks) {
    const row = rows.get(mark.region);
    const isOutside = mark.start >= scale.end || mark.end < scale.start;
    if (!row || (isOutside && mark.end - mark.start > HOUR)) continue;
    // A log file's name may lie minutes beside the range that its digest file is of.
    paint(row, scale, mark);
    row.isWhole = false;
  }
  return [...rows.values()].sort((a, b) => (a.region < b.region ? -1 : 1));
}

function drawn({ cells }: Row, { style, ascii }: StripOptions): string {
  const colours: Readonly<Record<DayState, (text: string) => string>> = {
    proved: style.good,
    altered: style.bad,
    missing: style.bad,
    unreadable: style.warn,
    gap: style.warn,
    'not-due': style.plain,
  };
  let line = '';
  for (let at = 0; at < cells.length;) {
    const state = cells[at];
    let end = at + 1;
    while (end < cells.length && cells[end] === state) end++;
    const signs = (state === undefined ? ' ' : signOf(state, ascii)).repeat(end - at);
    line += state === undefined ? signs : colours[state](signs);
    at = end;
  }
  return line.trimEnd();
}

const signOf = (state: DayState, ascii = false): string =>
  ascii && state === 'proved' ? '#' : SIGNS[state];

/** A stretch of time in words. */
function lengthOf(seconds: number): string {
  const units = [
    [DAY, 'day'],
    [HOUR, 'hour'],
    [60, 'minute'],
  ] as const;
  const [size, word] = units.find(([one]) => seconds >= 1.5 * one) ?? [1, 'second'];
  return count(Number((seconds / size).toFixed(1)), word);
}

/** The range's first and last moment, over the strip's ends: of few days with the time, as short as need be. */
function axis({ start, end, cells }: Scale): string {
  const [from, to] = [formatInstant(start), formatInstant(end)];
  const short = (time: string): string => time.slice(5, 16).replace('T', ' ');
  const minutes = (time: string): string => `${time.slice(0, 16)}Z`;
  const isOneDay = from.slice(0, 10) === to.slice(0, 10);
  const isBrief = end - start <= 3 * DAY;
  const forms = [
    ...(isBrief ? [[minutes(from), minutes(to)]] : []),
    ...(isBrief && isOneDay ? [[minutes(from), minutes(to).slice(11)]] : []),
    ...(isBrief ? [[short(from), short(to)]] : []),
    [from.slice(0, 10), to.slice(0, 10)],
  ];
  const fitting = forms.find(([one = '', other = '']) => one.length + other.length + 2 <= cells);
  const [first = '', last = ''] = fitting ?? [];
  return first + last.padStart(cells - first.length);
}

/** The time that the strips span: the range, and what chains tell beyond it. */
function spanOf({ timeRange }: Report, chains: readonly ReportChain[]): [Instant, Instant] {
  let [start, end] = [secondsOf(timeRange.start), secondsOf(timeRange.end)];
  for (const { kind, intervals } of chains) {
    if (kind !== 'standard') continue;
    start = Math.min(start, secondsOf(intervals[0]?.start ?? timeRange.start));
    end = Math.max(end, secondsOf(intervals.at(-1)?.end ?? timeRange.end));
  }
  return [start, end];
}

/**
 * The coverage strips of a report: one line where all is proved, else a line for each Region, and none
 * on a terminal that is too narrow for them.
 */
export function* stripLines(report: Report, told: Told, options: StripOptions): Generator<string> {
  const { fit } = options;
  const chains = report.chains.filter(({ intervals }) => intervals.length > 0);
  const names = new Set(chains.map(({ region }) => region));
  const isLong = (name: string): boolean => name.length > NAME_LENGTH;
  const cutOff = options.ascii ? '...' : '…';
  const shorten = (name: string): string =>
    fit.name(escapeText(isLong(name) ? name.slice(0, NAME_LENGTH - 1) : name)) +
    (isLong(name) ? cutOff : '');
  const widest = Math.max(0, ...[...names].map((name) => shorten(name).length));
  const width = Math.min(options.width ?? WIDTH, WIDEST);
  const [start, end] = spanOf(report, chains);
  const scale: Scale = { start, end, cells: Math.max(1, width - widest - 4) };
  if (names.size === 0 || start >= end) return;
  const rows = rowsOf(chains, scale, told);
  if (rows.every(({ isWhole }) => isWhole)) {
    const isDue = !rows.some(({ cells }) => cells.includes('not-due'));
    yield '';
    const asFar = isDue ? '' : ', as far as digest files are due';
    yield* fit.line(`Coverage of ${count(rows.length, 'Region')}: proved throughout${asFar}`);
    return;
  }
  if (scale.cells < FEWEST) return;
  const isCut = rows.length > SHOWN && !options.verbose;
  const first = [...rows].sort((a, b) => Number(a.isWhole) - Number(b.isWhole));
  const shown = isCut ? first.slice(0, SHOWN) : rows;
  yield '';
  const regions = count(rows.length, 'Region');
  const length = lengthOf((end - start) / scale.cells);
  yield* fit.line(`Coverage (${regions}; a character is ${length})`);
  yield `  ${' '.repeat(widest)}  ${axis(scale)}`;
  for (const row of shown) yield `  ${shorten(row.region).padEnd(widest)}  ${drawn(row, options)}`;
  if (isCut) {
    const rest = first.slice(SHOWN);
    const whole = rest.every(({ isWhole }) => isWhole) ? ', all proved throughout' : '';
    yield* fit.line(andMore(rest.length, whole), 4);
  }
  const states = (Object.keys(SIGNS) as DayState[]).filter((state) =>
    shown.some(({ cells }) => cells.includes(state)),
  );
  const legend = states.map((state) => `${signOf(state, options.ascii)} ${state}`).join('   ');
  yield* fit.line(`  ${legend}`, 2, /( {3})/);
}
