import type { MoreFindings, Report } from '../core/report.js';
import { inChunks } from './chunks.js';
import { escapeJson } from './escape.js';

/** The report as one JSON document. */
export function renderJson(report: Report): string {
  return `${escapeJson(report, 2)}\n`;
}

/** JSON of a value that stands so many levels deep. */
function indented(value: unknown, depth: number): string {
  return escapeJson(value, 2).replaceAll('\n', `\n${'  '.repeat(depth)}`);
}

async function* list(items: readonly unknown[], more: AsyncIterable<unknown> | undefined) {
  let before = '[';
  for (const item of items) {
    yield `${before}\n    ${indented(item, 2)}`;
    before = ',';
  }
  for await (const item of more ?? []) {
    yield `${before}\n    ${indented(item, 2)}`;
    before = ',';
  }
  yield before === '[' ? '[]' : '\n  ]';
}

async function* document(report: Report, more: MoreFindings | undefined): AsyncGenerator<string> {
  let before = '{\n';
  for (const [name, value] of Object.entries(report) as [string, unknown][]) {
    if (value === undefined) continue;
    yield `${before}  ${escapeJson(name)}: `;
    before = ',\n';
    if (Array.isArray(value)) yield* list(value, name === 'findings' ? more : undefined);
    else yield indented(value, 1);
  }
  yield '\n}\n';
}

/**
 * The document that `renderJson` makes, in pieces: `more` stands in `findings` after those that the
 * report holds.
 */
export function streamJson(report: Report, more?: MoreFindings): AsyncGenerator<string> {
  return inChunks(document(report, more));
}

/** What the first line of the JSON lines says, what those between are made of, and the last. */
function parts(report: Report) {
  const {
    chains,
    findings,
    verdict,
    gapsAllowed,
    interrupted,
    counts,
    finishedAt,
    timeRange,
    ...run
  } = report;
  return {
    chains,
    findings,
    run: { type: 'run', ...run, timeRange },
    summary: {
      type: 'summary',
      verdict,
      ...(gapsAllowed ? { gapsAllowed } : {}),
      ...(interrupted ? { interrupted } : {}),
      timeRange,
      counts,
      finishedAt,
    },
  };
}

const line = (value: object): string => `${escapeJson(value)}\n`;

/** The report as JSON lines, each with a `type`: run, chain, finding, summary. */
export function renderNdjson(report: Report): string {
  const { run, chains, findings, summary } = parts(report);
  return [
    run,
    ...chains.map((chain) => ({ type: 'chain', ...chain })),
    ...findings.map((finding) => ({ type: 'finding', ...finding })),
    summary,
  ]
    .map(line)
    .join('');
}

async function* lines(report: Report, more: MoreFindings | undefined): AsyncGenerator<string> {
  const { run, chains, findings, summary } = parts(report);
  yield line(run);
  for (const chain of chains) yield line({ type: 'chain', ...chain });
  for (const finding of findings) yield line({ type: 'finding', ...finding });
  for await (const finding of more ?? []) yield line({ type: 'finding', ...finding });
  yield line(summary);
}

/** The lines that `renderNdjson` makes, in pieces: `more` after the findings that the report holds. */
export function streamNdjson(report: Report, more?: MoreFindings): AsyncGenerator<string> {
  return inChunks(lines(report, more));
}
