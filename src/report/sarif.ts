/**
 * The findings as SARIF 2.1.0 (OASIS), for code scanning and other viewers, the gravest first, since some
 * take no more than the first thousands; rules from the registry.
 */
import { CODES, FINDINGS, type FindingClass } from '../core/finding.js';
import type { MoreFindings, Report, ReportFinding } from '../core/report.js';
import { inChunks } from './chunks.js';
import { escapeJson, escapeText } from './escape.js';
import { gravestFirst } from './tell.js';

const LEVELS: Readonly<Record<FindingClass, string>> = {
  violation: 'error',
  unproved: 'warning',
  notice: 'note',
};

/** `DIGEST_MISSING` as SARIF's rules are named, `DigestMissing`. */
const ruleName = (code: string): string =>
  code.toLowerCase().replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const RULES = CODES.map((id) => {
  const { title, explanation, honest, hint } = FINDINGS[id];
  return {
    id,
    name: ruleName(id),
    shortDescription: { text: title },
    fullDescription: { text: explanation },
    help: { text: `${explanation} How it happens honestly: ${honest}. What to do: ${hint}.` },
    defaultConfiguration: { level: LEVELS[FINDINGS[id].class] },
  };
});

/** Part of a URI's path; half a character, which no URI can hold, becomes a question mark in a diamond. */
const part = (text: string): string => encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd'));

/** An object's place as a URI. */
const uriOf = (bucket: string, key: string): string =>
  `s3://${part(bucket)}/${key.split('/').map(part).join('/')}`;

/** The report's fields of a finding that SARIF has no place for. */
const OWN = ['class', 'accountId', 'region', 'kind', 'digestKey', 'start', 'end'] as const;

function result(one: ReportFinding): object {
  const { code, id, message, bucket, key, accountId, region, kind, hint } = one;
  const chain = [accountId, region, kind].filter((part) => part !== undefined);
  const location = {
    ...(bucket === undefined
      ? {}
      : { physicalLocation: { artifactLocation: { uri: uriOf(bucket, key ?? '') } } }),
    ...(chain.length === 0
      ? {}
      : {
          logicalLocations: [
            { fullyQualifiedName: escapeText(chain.join('/')), kind: 'namespace' },
          ],
        }),
  };
  const properties = Object.fromEntries(
    OWN.flatMap((name) => (one[name] === undefined ? [] : [[name, one[name]]])),
  );
  return {
    ruleId: code,
    ruleIndex: CODES.indexOf(code),
    level: LEVELS[one.class],
    message: { text: `${escapeText(message)}. What to do: ${hint}` },
    ...(Object.keys(location).length === 0 ? {} : { locations: [location] }),
    partialFingerprints: { 'validateTrailFinding/v1': id },
    properties: { ...properties, ...(one.details === undefined ? {} : { details: one.details }) },
  };
}

async function* document(report: Report, more: MoreFindings | undefined): AsyncGenerator<string> {
  const { tool, startedAt, finishedAt, verdict, trail, timeRange, scope, counts } = report;
  const driver = {
    ...{ name: tool.name, semanticVersion: tool.version, version: tool.version },
    rules: RULES,
  };
  const run = {
    tool: { driver },
    invocations: [
      {
        executionSuccessful: report.interrupted !== true,
        ...{ startTimeUtc: startedAt, endTimeUtc: finishedAt },
      },
    ],
    properties: { verdict, trail, timeRange, scope, counts },
  };
  // All but the closing brace: the results follow.
  const opening = escapeJson(run).slice(0, -1);
  yield `{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[\n`;
  yield `${opening},"results":[`;
  let before = '\n';
  for await (const one of gravestFirst(report.findings, more)) {
    yield `${before}${escapeJson(result(one))}`;
    before = ',\n';
  }
  yield '\n]}]}\n';
}

/** The findings as SARIF, in pieces; `more` follows the findings that the report holds. */
export function streamSarif(report: Report, more?: MoreFindings): AsyncGenerator<string> {
  return inChunks(document(report, more));
}
