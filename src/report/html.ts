/**
 * The report as one HTML page that asks no network: verdict, coverage map, gaps, findings, what is
 * proved and what not. It is whole without its script, which draws the map and filters findings.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { count, numeral } from '../core/count.js';
import { FINDINGS } from '../core/finding.js';
import { logTime } from '../core/log-objects.js';
import type { MoreFindings, Report, ReportChain, ReportFinding } from '../core/report.js';
import { formatInstant, parseDigestTime } from '../core/timestamp.js';
import { inChunks } from './chunks.js';
import { escapeJson } from './escape.js';
import { MARK_STATES } from './marks.js';
import { escapeMarkup as html } from './markup.js';
import { PAGE_STYLE } from './page-style.js';
import { CLASSES, tellAll, type Told } from './tell.js';
import {
  chainState,
  eventsOf,
  evidenceWords,
  meaning,
  notProved,
  scopeWords,
  share,
} from './words.js';

/** Findings that stand in the page; a page with more opens slowly, and other forms have all. */
const SHOWN = 3000;

const STATES = {
  proved: 'covered by digest files that CloudTrail signed',
  altered: 'a digest file, or a log file at the mark, is altered or planted',
  missing: 'digest files, or a log file at the mark, that existed are gone',
  gap: 'nothing vouches for it',
  unreadable: 'could not be read',
  'not-due': 'not due yet',
} as const;

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The page's script, as it was built. */
function pageScript(): string {
  return readFileSync(new URL('./page/page.js', import.meta.url), 'utf8');
}

const chainName = ({
  accountId,
  region,
  kind,
}: Pick<ReportChain, 'accountId' | 'region' | 'kind'>): string =>
  `${accountId} ${region}${kind === 'backfill' ? ' backfill' : ''}`;

/** Log files that are accused, as marks in the rows of their chains: row, time, state, code. */
function marksOf(rows: readonly ReportChain[], told: Told, states: readonly string[]): unknown[] {
  const numbers = new Map(rows.map((chain, at) => [chainName(chain), at]));
  return [...told.shown.violation, ...told.shown.unproved].slice(0, SHOWN).flatMap((one) => {
    const { code, accountId = '', region = '', kind = 'standard', key = '' } = one;
    const row = numbers.get(chainName({ accountId, region, kind }));
    const time = logTime(key);
    const state = MARK_STATES[code];
    if (row === undefined || time === undefined || state === undefined) return [];
    return [[row, time, states.indexOf(state), code]];
  });
}

/** What the map is drawn from (page.ts). */
function mapData({ chains, timeRange }: Report, told: Told): object {
  const states = Object.keys(STATES);
  const causes = [
    ...new Set(chains.flatMap((one) => one.intervals.map(({ cause = '' }) => cause))),
  ];
  const seconds = (time: string): number => parseDigestTime(time) ?? 0;
  const drawn = chains.filter(({ intervals }) => intervals.length > 0);
  const starts = drawn.map(({ intervals }) => seconds(intervals[0]?.start ?? ''));
  const ends = drawn.map(({ intervals }) => seconds(intervals.at(-1)?.end ?? ''));
  return {
    start: starts.reduce((a, b) => Math.min(a, b), seconds(timeRange.start)),
    end: ends.reduce((a, b) => Math.max(a, b), seconds(timeRange.end)),
    states,
    causes,
    marks: marksOf(drawn, told, states),
    chains: drawn.map((chain) => ({
      name: chainName(chain),
      v: chain.intervals.flatMap(({ start, end, state, cause }) => [
        ...[seconds(start), seconds(end), states.indexOf(state)],
        cause === undefined ? -1 : causes.indexOf(cause),
      ]),
    })),
  };
}

/** What no line is broken within. */
const stays = (text: string): string => `<span class="nowrap">${text}</span>`;
const span = (start: string, end: string): string => `${stays(`${start} to`)} ${stays(end)}`;

function* facts(report: Report): Generator<string> {
  const { trail, timeRange, settings, tool } = report;
  const prefix = trail.prefix === undefined ? '' : `/${trail.prefix}`;
  const fact = (name: string, value: string): string => `<dt>${name}</dt><dd>${value}</dd>\n`;
  yield '<dl>\n';
  yield fact('Trail', `<code>${html(trail.arn)}</code>`);
  yield fact('Bucket', `<code>${html(`s3://${trail.bucket}${prefix}`)}</code>`);
  if (trail.organizationId !== undefined) yield fact('Organization', html(trail.organizationId));
  yield fact('Range', `${span(timeRange.start, timeRange.end)} (delivery time)`);
  if (timeRange.provedUntil !== undefined && timeRange.provedUntil !== timeRange.end) {
    yield fact('Proved until', timeRange.provedUntil);
  }
  const evidence = evidenceWords(report);
  if (evidence !== undefined) yield fact('Evidence', html(evidence));
  for (const words of scopeWords(report)) yield fact('Asked for', html(words));
  yield fact('Digest files', html(share(report.counts.digestFiles, 'digest')));
  yield fact('Log files', html(share(report.counts.logFiles, 'log')));
  yield fact(
    'Read',
    `${span(report.startedAt, report.finishedAt)} by ${stays(html(`${tool.name} ${tool.version}`))}`,
  );
  yield '</dl>\n';
  if (settings.length > 0) {
    const when = report.evidence ? 'when it was collected' : 'now';
    yield `<h2>Settings ${when}, no part of the proof</h2>\n<ul>\n`;
    for (const { code, message, hint } of settings) {
      yield `<li><code>${code}</code> ${html(message)}<br>${html(hint)}</li>\n`;
    }
    yield '</ul>\n';
  }
}

function* mapSection(report: Report, told: Told): Generator<string> {
  const button = (id: string, text: string, label: string): string =>
    `<button type="button" id="${id}" aria-label="${label}">${text}</button>`;
  yield `<section aria-labelledby="map-title"><h2 id="map-title">Coverage</h2>\n`;
  yield `<ul class="legend">\n`;
  for (const [state, words] of Object.entries(STATES)) {
    yield `<li><canvas data-state="${state}" width="24" height="14" aria-hidden="true"></canvas> <b>${state}</b>: ${words}</li>\n`;
  }
  yield '</ul>\n<div class="bar" data-script hidden>\n';
  yield [
    button('map-next', 'next hole', 'to the next time that is not proved'),
    ...[button('map-in', '+', 'closer'), button('map-out', '−', 'farther')],
    ...[button('map-back', '←', 'earlier'), button('map-on', '→', 'later')],
    button('map-all', 'all', 'the whole range'),
  ].join('\n');
  yield `\n<span>With the map in focus: arrows move, + and − zoom, n is the next hole.</span></div>\n`;
  yield `<div class="map" data-script hidden><div id="map"><canvas id="map-canvas" tabindex="0" role="application" aria-roledescription="coverage map" aria-label="Coverage of each chain over time; the table below has the same in words" aria-describedby="map-said"></canvas><div id="map-spacer"></div></div><div id="map-tip" class="tip" hidden></div></div><div id="map-paper" aria-hidden="true"></div>\n`;
  yield `<div id="map-said" role="status" aria-live="polite"></div>\n`;
  yield `<script type="application/json" id="map-data">${escapeJson(mapData(report, told)).replaceAll('<', '\\u003c')}</script>\n`;
  yield '</section>\n';
}

/** Time of a chain that digest files vouch for, of what was asked for; log files in it are counted apart. */
function provedShare({ intervals }: ReportChain): string {
  let all = 0;
  let proved = 0;
  for (const { start, end, state } of intervals) {
    const span = (parseDigestTime(end) ?? 0) - (parseDigestTime(start) ?? 0);
    all += span;
    if (state === 'proved') proved += span;
  }
  // Rounded down: nothing short of all is 100 %.
  return all === 0 ? '' : `${(Math.floor((proved / all) * 10_000) / 100).toFixed(2)} %`;
}

function* chainSection(report: Report, told: Told): Generator<string> {
  const { chains } = report;
  yield `<section><h2>Chains (${numeral(chains.length)})</h2><div class="scroll"><table>\n`;
  yield '<thead><tr><th scope="col">State</th><th scope="col">Chain</th><th scope="col">Time covered</th><th scope="col">Digest files</th><th scope="col">Log files</th><th scope="col">Not proved</th></tr></thead><tbody>\n';
  for (const chain of chains) {
    const open = chain.intervals.filter(({ state }) => state !== 'proved');
    const [first] = open;
    const more = open.length > 1 ? ` and ${numeral(open.length - 1)} more` : '';
    const hole = first ? `${first.state} ${span(first.start, first.end)}${more}` : '';
    yield `<tr><td class="nowrap">${chainState(chain, told)}</td><td class="nowrap">${html(chainName(chain))}</td><td class="nowrap share">${provedShare(chain)}</td><td>${html(share(chain.digestFiles, 'digest'))}</td><td>${html(share(chain.logFiles, 'log'))}</td><td>${hole}</td></tr>\n`;
  }
  yield '</tbody></table></div></section>\n';
}

/** The time that a finding is about; of a log file the one that its name has. */
function whenOf({ start, end, key = '' }: ReportFinding): string {
  if (end !== undefined) return start === undefined ? stays(end) : span(start, end);
  const time = logTime(key);
  return time === undefined ? '' : stays(formatInstant(time));
}

function findingRow(one: ReportFinding): string {
  const { code, id, accountId, region, kind, bucket, key, message, hint } = one;
  const backfill = kind === 'backfill' ? 'backfill' : undefined;
  const where = [accountId, region, backfill].filter((part) => part !== undefined).join(' ');
  const at = bucket === undefined ? '' : `<br><code>${html(`s3://${bucket}/${key ?? ''}`)}</code>`;
  const events = eventsOf(one)
    .map((event) => `<br>${html(event)}`)
    .join('');
  return `<tr data-class="${one.class}"><td><b class="${one.class}">${one.class}</b></td><td>${code}<br>${html(FINDINGS[code].title)}<br><code>${id}</code></td><td class="nowrap">${html(where)}</td><td>${whenOf(one)}</td><td class="what">${html(message)}${at}${events}</td><td class="hint">${html(hint)}</td></tr>\n`;
}

function* findingSection(told: Told): Generator<string> {
  const all = CLASSES.reduce((sum, name) => sum + told.counts[name], 0);
  yield `<section><h2>Findings (${numeral(all)})</h2>\n`;
  yield '<div class="bar" data-script hidden><label>Only with <input type="search" id="filter-text" placeholder="words, Region, key"></label>\n';
  for (const name of CLASSES) {
    const checked = name === 'notice' ? '' : ' checked';
    yield `<label><input type="checkbox" data-class="${name}"${checked}> ${name} (${numeral(told.counts[name])})</label>\n`;
  }
  yield '<output id="filter-shown" aria-live="polite"></output></div>\n';
  yield '<div class="scroll"><table id="findings"><thead><tr><th scope="col">Class</th><th scope="col">Code</th><th scope="col">Where</th><th scope="col">When</th><th scope="col">What</th><th scope="col">What to do</th></tr></thead><tbody>\n';
  const shown = CLASSES.flatMap((name) => told.shown[name]).slice(0, SHOWN);
  for (const one of shown) yield findingRow(one);
  yield '</tbody></table></div>\n<div class="bar" data-script hidden><button type="button" id="filter-all" hidden></button></div>\n';
  const rest = all - shown.length;
  if (rest > 0)
    yield `<p>… and ${count(rest, 'more finding')}; the forms json and csv have all.</p>\n`;
  yield '</section>\n';
}

async function* document(report: Report, more: MoreFindings | undefined): AsyncGenerator<string> {
  const told = await tellAll(report.findings, more);
  const script = pageScript();
  const policy = `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(PAGE_STYLE)}; base-uri 'none'; form-action 'none'`;
  const { verdict, trail } = report;
  yield `<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n`;
  yield `<meta http-equiv="Content-Security-Policy" content="${policy}">\n`;
  yield `<meta name="viewport" content="width=device-width, initial-scale=1">\n`;
  yield `<title>${verdict.toUpperCase()}: ${html(trail.name)}</title>\n<style>${PAGE_STYLE}</style></head><body>\n`;
  yield `<header><h1>Integrity of the CloudTrail trail ${html(trail.name)}</h1>\n`;
  const stopped = report.interrupted ? ' (interrupted: only what was done until then)' : '';
  const gaps = report.gapsAllowed ? ' (lawful gaps allowed)' : '';
  yield `<p class="verdict ${verdict}">${verdict.toUpperCase()}${gaps}${stopped}</p>\n`;
  yield `<p>${meaning(report).map(html).join(' ')}</p>\n`;
  yield `<p>${notProved(report, told).map(html).join(' ')}</p></header>\n<main>\n`;
  yield* facts(report);
  yield* mapSection(report, told);
  yield* chainSection(report, told);
  yield* findingSection(told);
  yield* keySection(report);
  yield `</main>\n<footer>Made by ${html(`${report.tool.name} ${report.tool.version}`)}. This page asks no network.</footer>\n`;
  yield `<script>${script}</script>\n</body></html>\n`;
}

/** The public keys of the range, folded away: an auditor compares them with a set kept apart. */
function* keySection({ keys = [] }: Report): Generator<string> {
  if (keys.length === 0) return;
  yield `<section><h2>Public keys of the range (${numeral(keys.length)})</h2><details><summary>CloudTrail’s keys by Region, and how many digest files’ own signatures verify with each</summary><div class="scroll"><table>\n`;
  yield '<thead><tr><th scope="col">Region</th><th scope="col">Fingerprint</th><th scope="col">Digest files</th><th scope="col">Valid</th></tr></thead><tbody>\n';
  for (const { region, fingerprint, digestFiles, validityStart, validityEnd } of keys) {
    const valid = validityStart === undefined ? '' : span(validityStart, validityEnd ?? 'now');
    yield `<tr><td class="nowrap">${html(region)}</td><td><code>${html(fingerprint)}</code></td><td>${numeral(digestFiles)}</td><td>${valid}</td></tr>\n`;
  }
  yield '</tbody></table></div></details></section>\n';
}

/** The report as an HTML page, in pieces; `more` follows the findings that the report holds. */
export function streamHtml(report: Report, more?: MoreFindings): AsyncGenerator<string> {
  return inChunks(document(report, more));
}
