/** The JSON Schema of the report, held against what tests get. */
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { REPORT_SCHEMA } from '../../src/report/schema.js';

const ajv = new Ajv2020({ allErrors: true, strict: true });
formats.default(ajv);

/** The schema with nothing allowed that it doesn't name: what is added must be added to it, too. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.entries(schema).map(([name, value]: [string, unknown]) => [
    name,
    closed(value),
  ]);
  const own = 'properties' in schema ? { additionalProperties: false } : {};
  return { ...(Object.fromEntries(parts) as object), ...own };
}

const validate = ajv.compile(closed(REPORT_SCHEMA) as object);

/** What of a value is no report; none for a report. */
export function schemaErrors(value: unknown): readonly ErrorObject[] {
  return validate(value) ? [] : (validate.errors ?? []);
}
