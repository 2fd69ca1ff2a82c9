/** What a job of GitHub Actions is told beside its log: annotations, which stand on the run's page. */
import { FINDINGS } from '../core/finding.js';
import type { MoreFindings, Report, ReportFinding } from '../core/report.js';
import { escapeText } from './escape.js';
import { tellAll } from './tell.js';

/** GitHub shows so many of a kind and step. */
const SHOWN = 10;

/** A command's text; the older form of commands is taken for one wherever it stands in a line. */
const data = (text: string): string =>
  escapeText(text).replaceAll('%', '%25').replaceAll('##[', '## [');
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

function annotation(level: string, one: ReportFinding): string {
  const { id, code, message, bucket, key, accountId, region, start, end } = one;
  const where = [accountId, region, ...(start === undefined ? [] : [start, 'to', end])];
  const at =
    bucket === undefined
      ? where.filter((part) => part !== undefined).join(' ')
      : `s3://${bucket}/${key ?? ''}`;
  return `::${level} title=${property(`${code}: ${FINDINGS[code].title}`)}::${data(`${at === '' ? '' : `${at}: `}${message} [${id}]`)}\n`;
}

/** Workflow commands for the gravest findings: errors for violations, warnings for what is unproved. */
export async function renderAnnotations(report: Report, more?: MoreFindings): Promise<string> {
  const { shown } = await tellAll(report.findings, more);
  return [
    ...shown.violation.slice(0, SHOWN).map((one) => annotation('error', one)),
    ...shown.unproved.slice(0, SHOWN).map((one) => annotation('warning', one)),
  ].join('');
}
