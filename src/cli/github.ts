/** What a job of GitHub Actions gets beside the report: annotations, and the job's summary. */
import { appendFile, stat } from 'node:fs/promises';
import { renderAnnotations } from '../report/github.js';
import { streamMarkdown } from '../report/markdown.js';
import type { RunResult } from '../runner/options.js';
import { systemReason } from '../sources/file-error.js';
import type { Io } from './main.js';

/** GitHub drops a summary that is longer. */
const MAX_SUMMARY = 1024 * 1024;

/**
 * Annotates where GitHub Actions runs the command: on standard error, which its runner reads, too, so
 * that a report on standard output stays what it is. A summary that can't be written is told, and
 * changes nothing else.
 */
export async function tellGitHub({ report, more }: RunResult, io: Io): Promise<void> {
  const { GITHUB_ACTIONS: isThere, GITHUB_STEP_SUMMARY: summary = '' } = io.env;
  if (isThere !== 'true') return;
  io.stderr.write(await renderAnnotations(report, more));
  if (summary === '') return;
  try {
    let text = '';
    for await (const piece of streamMarkdown(report, more)) text += piece;
    const before = await stat(summary).then(
      ({ size }) => size,
      () => 0,
    );
    if (before + Buffer.byteLength(text) <= MAX_SUMMARY) await appendFile(summary, text);
  } catch (error) {
    io.stderr.write(`validate-trail: the job’s summary can’t be written: ${systemReason(error)}\n`);
  }
}
