/**
 * The report as JUnit's XML, for CI servers: a test suite a chain, a test case a UTC day, and one suite
 * for what is about no day in particular. A violation is a failure; what isn't proved, an error; what
 * isn't due yet or lawful and allowed, skipped.
 */
import type { ReportInterval } from '../core/close.js';
import { count } from '../core/count.js';
import type { MoreFindings, Report, ReportFinding } from '../core/report.js';
import { formatInstant } from '../core/timestamp.js';
import { inChunks } from './chunks.js';
import { chainDays, sortByDay, type ChainDay } from './days.js';
import { escapeMarkup as xml } from './markup.js';

interface TestCase {
  readonly name: string;
  readonly outcome: 'passed' | 'failure' | 'error' | 'skipped';
  /** The outcome in a line, and all of it. */
  readonly message: string;
  readonly text: string;
}

function interval({ start, end, state, cause, expectedDigests }: ReportInterval): string {
  const files =
    expectedDigests === undefined ? '' : ` (${count(expectedDigests, 'hourly digest file')})`;
  return `${start} to ${end} ${state}${cause === undefined ? '' : `: ${cause}`}${files}`;
}

function told({ id, code, message, bucket, key, hint }: ReportFinding): string {
  const at = bucket === undefined ? '' : `\n  at s3://${bucket}/${key ?? ''}`;
  return `${code} [${id}] ${message}${at}\n  hint: ${hint}`;
}

/** Findings, and how many there are beyond those that are kept. */
function tellAll(findings: readonly ReportFinding[], all: number): string[] {
  const rest = all - findings.length;
  const gravest = findings.toSorted(
    (a, b) => Number(b.class === 'violation') - Number(a.class === 'violation'),
  );
  return [...gravest.map(told), ...(rest > 0 ? [`… and ${count(rest, 'more finding')}`] : [])];
}

function dayCase(one: ChainDay, allowed: boolean): TestCase {
  const { day, state, open, findings, violations, unproved } = one;
  const name = formatInstant(day).slice(0, 10);
  const lines = [...open.map(interval), ...tellAll(findings, violations + unproved)];
  const text = lines.join('\n');
  const [message = ''] = lines;
  if (violations > 0 || state === 'missing' || state === 'altered') {
    return { name, outcome: 'failure', message, text };
  }
  if (unproved > 0 || state === 'gap' || state === 'unreadable') {
    return { name, outcome: allowed ? 'skipped' : 'error', message, text };
  }
  const outcome = state === 'not-due' ? 'skipped' : 'passed';
  return { name, outcome, message, text };
}

/** XML has no control characters; lines may stand in it. */
const body = (text: string): string => text.split('\n').map(xml).join('\n');

function* caseLines({ name, outcome, message, text }: TestCase, suite: string): Generator<string> {
  const start = `    <testcase name="${xml(name)}" classname="${xml(suite)}" time="0"`;
  if (outcome === 'passed') {
    yield `${start}/>\n`;
    return;
  }
  yield `${start}>\n`;
  if (outcome === 'skipped') yield `      <skipped/>\n`;
  else {
    const type = outcome === 'failure' ? 'violation' : 'unproved';
    yield `      <${outcome} message="${xml(message)}" type="${type}">${body(text)}</${outcome}>\n`;
  }
  yield `    </testcase>\n`;
}

function* suiteLines(
  report: Report,
  id: number,
  name: string,
  cases: readonly TestCase[],
): Generator<string> {
  const number = (outcome: TestCase['outcome']): number =>
    cases.filter((one) => one.outcome === outcome).length;
  const counts = `tests="${cases.length}" failures="${number('failure')}" errors="${number('error')}" skipped="${number('skipped')}"`;
  // The schema's times have no zone.
  const timestamp = report.startedAt.slice(0, 19);
  yield `  <testsuite name="${xml(name)}" package="validate-trail" id="${id}" timestamp="${timestamp}" hostname="localhost" ${counts} time="0">\n`;
  yield `    <properties>\n`;
  yield `      <property name="trail" value="${xml(report.trail.arn)}"/>\n`;
  yield `      <property name="verdict" value="${report.verdict}"/>\n`;
  yield `    </properties>\n`;
  for (const one of cases) yield* caseLines(one, name);
  yield `    <system-out></system-out>\n    <system-err></system-err>\n  </testsuite>\n`;
}

async function* document(report: Report, more: MoreFindings | undefined): AsyncGenerator<string> {
  const findings = await sortByDay(report, more);
  const allowed = report.gapsAllowed === true;
  yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n';
  const { others } = findings;
  const text = tellAll(others.findings, others.violations + others.unproved).join('\n');
  const isRed = report.verdict === 'invalid' || (report.verdict === 'incomplete' && !allowed);
  const whole: TestCase = {
    name: 'verdict',
    outcome: !isRed ? 'passed' : report.verdict === 'invalid' ? 'failure' : 'error',
    message: `the trail is ${report.verdict}`,
    text,
  };
  yield* suiteLines(report, 0, 'trail', [whole]);
  for (const [at, chain] of report.chains.entries()) {
    const { accountId, region, kind } = chain;
    const name = `${accountId} ${region}${kind === 'backfill' ? ' backfill' : ''}`;
    const cases = [...chainDays(chain, findings)].map((one) => dayCase(one, allowed));
    if (cases.length > 0) yield* suiteLines(report, at + 1, name, cases);
  }
  yield '</testsuites>\n';
}

/** The report as JUnit's XML, in pieces; `more` follows the findings that the report holds. */
export function streamJunit(report: Report, more?: MoreFindings): AsyncGenerator<string> {
  return inChunks(document(report, more));
}
