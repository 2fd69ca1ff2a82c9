/**
 * The part of SARIF 2.1.0's schema (OASIS, sarif-schema-2.1.0.json) that our reports use: of each object the
 * properties that we write, what the standard says of them, and nothing else, since it forbids others.
 */
import { Ajv } from 'ajv';
import formats from 'ajv-formats';

const text = { type: 'string' };
const bag = { type: 'object' };
const object = (
  properties: Readonly<Record<string, object>>,
  required: readonly string[] = [],
): object => ({ type: 'object', additionalProperties: false, properties, required });
const list = (items: object): object => ({ type: 'array', items });

const level = { enum: ['none', 'note', 'warning', 'error'] };
const words = object({ text }, ['text']);
const time = { type: 'string', format: 'date-time' };
const location = object({
  physicalLocation: object({
    artifactLocation: object({ uri: { type: 'string', format: 'uri-reference' } }),
  }),
  logicalLocations: list(object({ fullyQualifiedName: text, kind: text })),
});
const rule = object(
  {
    ...{ id: text, name: text, shortDescription: words, fullDescription: words, help: words },
    defaultConfiguration: object({ level }),
  },
  ['id'],
);
const result = object(
  {
    ...{ ruleId: text, ruleIndex: { type: 'integer', minimum: -1 }, level, message: words },
    locations: list(location),
    partialFingerprints: { type: 'object', additionalProperties: text },
    properties: bag,
  },
  ['message'],
);
const driver = object(
  { name: text, version: text, semanticVersion: text, rules: { ...list(rule), uniqueItems: true } },
  ['name'],
);
const invocation = object(
  { executionSuccessful: { type: 'boolean' }, startTimeUtc: time, endTimeUtc: time },
  ['executionSuccessful'],
);
const run = object(
  {
    tool: object({ driver }, ['driver']),
    invocations: list(invocation),
    results: list(result),
    properties: bag,
  },
  ['tool'],
);
const SCHEMA = object(
  { $schema: { type: 'string', format: 'uri' }, version: { enum: ['2.1.0'] }, runs: list(run) },
  ['version', 'runs'],
);

const ajv = new Ajv({ allErrors: true });
formats.default(ajv);
const validate = ajv.compile(SCHEMA);

/** What of a document isn't as SARIF has it. */
export function sarifErrors(document: unknown): unknown[] {
  validate(document);
  return validate.errors ?? [];
}
