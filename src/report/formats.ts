/** The forms in which a report can be had. */
import type { MoreFindings, Report } from '../core/report.js';
import { streamCsv } from './csv.js';
import type { Format } from './format-names.js';
import { streamHtml } from './html.js';
import { streamJson, streamNdjson } from './json.js';
import { streamJunit } from './junit.js';
import { streamMarkdown } from './markdown.js';
import { streamSarif } from './sarif.js';
import { streamText, type TextOptions } from './text.js';

/** A report in one of its forms, in pieces; findings beyond those that it holds are read as they are needed. */
export function renderAs(
  format: Format,
  report: Report,
  options: TextOptions,
  more?: MoreFindings,
): AsyncIterable<string> {
  switch (format) {
    case 'text':
      return streamText(report, options, more);
    case 'json':
      return streamJson(report, more);
    case 'ndjson':
      return streamNdjson(report, more);
    case 'junit':
      return streamJunit(report, more);
    case 'markdown':
      return streamMarkdown(report, more);
    case 'html':
      return streamHtml(report, more);
    case 'sarif':
      return streamSarif(report, more);
    case 'csv':
      return streamCsv(report, more);
  }
}
