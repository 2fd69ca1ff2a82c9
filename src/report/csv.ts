/** The findings as comma-separated values (RFC 4180), one a row, the gravest first, for spreadsheets and databases. */
import { FINDINGS } from '../core/finding.js';
import type { MoreFindings, Report, ReportFinding } from '../core/report.js';
import { inChunks } from './chunks.js';
import { escapeText } from './escape.js';
import { gravestFirst } from './tell.js';

const COLUMNS = [
  ...['id', 'code', 'class', 'title', 'accountId', 'region', 'kind', 'start', 'end'],
  ...['bucket', 'key', 'digestKey', 'message', 'hint'],
] as const;

/**
 * One cell. Spreadsheets take what begins so for a formula, and whoever names objects chooses how a
 * key begins: an apostrophe makes it text.
 */
function cell(value: string): string {
  const text = escapeText(value).replace(/^[=+\-@]/, "'$&");
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function row(one: ReportFinding): string {
  const values: Readonly<Record<string, unknown>> = { ...one, title: FINDINGS[one.code].title };
  const cells = COLUMNS.map((name) => {
    const value = values[name];
    return typeof value === 'string' ? cell(value) : '';
  });
  return `${cells.join(',')}\r\n`;
}

async function* rows(report: Report, more: MoreFindings | undefined): AsyncGenerator<string> {
  yield `${COLUMNS.join(',')}\r\n`;
  for await (const one of gravestFirst(report.findings, more)) yield row(one);
}

/** The findings as CSV, in pieces; the first row names the columns. `more` follows those of the report. */
export function streamCsv(report: Report, more?: MoreFindings): AsyncGenerator<string> {
  return inChunks(rows(report, more));
}
