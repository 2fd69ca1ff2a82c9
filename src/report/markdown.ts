/** The report in Markdown, short enough for the summary of a CI job or a ticket. */
import { count, numeral } from '../core/count.js';
import { FINDINGS, type FindingClass } from '../core/finding.js';
import type { MoreFindings, Report, ReportChain } from '../core/report.js';
import { inChunks } from './chunks.js';
import { groupFindings, placesOf, type FindingGroup } from './group.js';
import { escapeMarkdown as md } from './markup.js';
import { tellAll, type Told } from './tell.js';
import { chainState, evidenceWords, meaning, notProved, scopeWords, share } from './words.js';

/** Chains, and groups of findings of a class, that are listed before the rest is only counted. */
const SHOWN = 25;

const VERDICTS = { valid: '✅ VALID', invalid: '❌ INVALID', incomplete: '⚠️ INCOMPLETE' } as const;

const HEADINGS: Readonly<Record<FindingClass, string>> = {
  violation: 'Violations',
  unproved: 'Unproved',
  notice: 'Notices',
};

/** Text from a bucket or a command line, as code: nothing in it links, mentions or formats. */
const code = (text: string): string => `<code>${md(text)}</code>`;

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;

function* facts(report: Report): Generator<string> {
  const { trail, timeRange } = report;
  const prefix = trail.prefix === undefined ? '' : `/${trail.prefix}`;
  const { provedUntil } = timeRange;
  yield row(['', '']) + row(['---', '---']);
  yield row(['Trail', code(trail.arn)]);
  yield row(['Bucket', code(`s3://${trail.bucket}${prefix}`)]);
  if (trail.organizationId !== undefined) yield row(['Organization', code(trail.organizationId)]);
  yield row(['Range', `${timeRange.start} to ${timeRange.end} (delivery time)`]);
  if (provedUntil !== undefined && provedUntil !== timeRange.end) {
    yield row(['Proved until', provedUntil]);
  }
  const evidence = evidenceWords(report);
  if (evidence !== undefined) yield row(['Evidence', md(evidence)]);
  for (const words of scopeWords(report)) yield row(['Asked for', md(words)]);
  yield row(['Digest files', md(share(report.counts.digestFiles, 'digest'))]);
  yield row(['Log files', md(share(report.counts.logFiles, 'log'))]);
}

function chainRow(chain: ReportChain, told: Told): string {
  const { accountId, region, kind, digestFiles, logFiles } = chain;
  const name = `${region}${kind === 'backfill' ? ' (backfill)' : ''}`;
  return row([
    ...[chainState(chain, told), code(accountId), code(name)],
    ...[md(share(digestFiles, 'digest')), md(share(logFiles, 'log'))],
  ]);
}

function* chainSection({ chains }: Report, told: Told): Generator<string> {
  const open = chains.filter((one) => {
    const state = chainState(one, told);
    return state === 'INVALID' || state === 'incomplete';
  });
  if (open.length === 0) {
    yield `\nAll of ${count(chains.length, 'chain')} (account and Region) proved.\n`;
    return;
  }
  yield `\n### Chains not proved (${numeral(open.length)} of ${numeral(chains.length)})\n\n`;
  yield row(['State', 'Account', 'Region', 'Digest files', 'Log files']);
  yield row(['---', '---', '---', '---', '---']);
  for (const chain of open.slice(0, SHOWN)) yield chainRow(chain, told);
  const rest = open.length - SHOWN;
  if (rest > 0) yield `\n… and ${numeral(rest)} more.\n`;
}

function findingItem(group: FindingGroup): string {
  const { first, all } = group;
  const { code: name, bucket, key, start, end, id } = first;
  const where = placesOf(group);
  const parts = [
    ...(where === '' ? [] : [`where: ${code(where)}`]),
    ...(bucket === undefined || all.length > 1
      ? []
      : [`at: ${code(`s3://${bucket}/${key ?? ''}`)}`]),
    ...(start === undefined || end === undefined ? [] : [`when: ${start} to ${end}`]),
    `what: ${md(first.message)}`,
    ...(first.class === 'notice' ? [] : [`hint: ${md(first.hint)}`]),
  ];
  const more = all.length > 1 ? ` and ${numeral(all.length - 1)} more` : '';
  return `- **${md(name)}** ${md(FINDINGS[name].title)} ${code(id)}${more}\n${parts.map((part) => `  - ${part}\n`).join('')}`;
}

function* findingSection(told: Told, findingClass: FindingClass): Generator<string> {
  const all = told.counts[findingClass];
  if (all === 0) return;
  const heading = `${HEADINGS[findingClass]} (${numeral(all)})`;
  const isOpen = findingClass === 'violation';
  yield isOpen ? `\n### ${heading}\n\n` : `\n<details><summary>${heading}</summary>\n\n`;
  const groups = groupFindings(told.shown[findingClass]).slice(0, SHOWN);
  for (const group of groups) yield findingItem(group);
  const rest = all - groups.reduce((sum, group) => sum + group.all.length, 0);
  if (rest > 0) yield `\n… and ${numeral(rest)} more.\n`;
  if (!isOpen) yield '\n</details>\n';
}

async function* document(report: Report, more: MoreFindings | undefined): AsyncGenerator<string> {
  const told = await tellAll(report.findings, more);
  const stopped = report.interrupted ? ' (interrupted: only what was done until then)' : '';
  const gaps = report.gapsAllowed ? ' (lawful gaps allowed)' : '';
  yield `## CloudTrail integrity: ${VERDICTS[report.verdict]}${gaps}${stopped}\n\n`;
  yield* facts(report);
  yield `\n${meaning(report).map(md).join('\n')}\n`;
  yield* chainSection(report, told);
  for (const name of ['violation', 'unproved', 'notice'] as const) {
    yield* findingSection(told, name);
  }
  const left = notProved(report, told);
  if (left.length > 0) yield `\n${left.map(md).join('\n')}\n`;
  const { name, version } = report.tool;
  yield `\n<sub>${md(`${name} ${version}`)}, ${report.finishedAt}</sub>\n`;
}

/** The report in Markdown, in pieces; `more` follows the findings that the report holds. */
export function streamMarkdown(report: Report, more?: MoreFindings): AsyncGenerator<string> {
  return inChunks(document(report, more));
}
