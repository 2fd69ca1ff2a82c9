import type { Report } from '../core/report.js';
import { escapeJson } from './escape.js';

/** The report as one JSON document. */
export function renderJson(report: Report): string {
  return `${escapeJson(report, 2)}\n`;
}

/** The report as JSON lines, each with a `type`: run, chain, finding, summary. */
export function renderNdjson(report: Report): string {
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
  const lines: object[] = [
    { type: 'run', ...run, timeRange },
    ...chains.map((chain) => ({ type: 'chain', ...chain })),
    ...findings.map((finding) => ({ type: 'finding', ...finding })),
    {
      type: 'summary',
      verdict,
      ...(gapsAllowed ? { gapsAllowed } : {}),
      ...(interrupted ? { interrupted } : {}),
      timeRange,
      counts,
      finishedAt,
    },
  ];
  return lines.map((line) => `${escapeJson(line)}\n`).join('');
}
