/** JSON Schema (2020-12) of the report, for whoever reads it with a program. */
import { FINDINGS } from '../core/finding.js';
import { SETTINGS } from '../core/setting.js';

const text = { type: 'string' } as const;
const whole = { type: 'integer', minimum: 0 } as const;
const time = { type: 'string', format: 'date-time' } as const;
const account = { type: 'string', pattern: '^\\d{12}$' } as const;
const hex64 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;
const texts = { type: 'array', items: text } as const;

/** An object with all of these fields and perhaps some of those; later versions may add others. */
const object = (
  must: Readonly<Record<string, object>>,
  may: Readonly<Record<string, object>> = {},
) =>
  ({
    type: 'object',
    required: Object.keys(must),
    properties: { ...must, ...may },
  }) as const;

const checked = { valid: whole, invalid: whole, missing: whole, unreadable: whole };
const digestFiles = object(checked);
const logFiles = object({ ...checked, unlisted: whole, unvalidated: whole }, { notSampled: whole });
const kind = { enum: ['standard', 'backfill'] };

const interval = object(
  {
    ...{ start: time, end: time },
    state: { enum: ['proved', 'altered', 'missing', 'unreadable', 'gap', 'not-due'] },
  },
  { cause: text, expectedDigests: whole, evidence: text },
);

const chain = object(
  {
    // Folders may name what is no account and no Region.
    ...{ accountId: text, region: text, kind, digestFiles, logFiles },
    intervals: { type: 'array', items: interval },
  },
  {
    newestDigest: object({
      ...{ bucket: text, key: text, hash: hex64, signature: text, endTime: time },
    }),
  },
);

const finding = object(
  {
    id: { type: 'string', pattern: '^[0-9a-f]{12}$' },
    code: { enum: Object.keys(FINDINGS) },
    class: { enum: ['violation', 'unproved', 'notice'] },
    ...{ message: text, hint: text },
  },
  {
    ...{ accountId: text, region: text, kind, bucket: text, key: text, digestKey: text },
    ...{ start: time, end: time, details: { type: 'object' } },
  },
);

const scope = object(
  {},
  {
    ...{ regions: texts, accountIds: texts, acceptUnlisted: texts, locations: texts },
    ...{ bucketAliases: texts, retentionDays: whole, sample: text },
    ...{ digestsOnly: { const: true }, sinceState: { const: true } },
    ...{ unlisted: { const: false }, versions: { const: false } },
  },
);

/** What `--format json` gives, schema 1: fields may be added, none changes its meaning. */
export const REPORT_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Report of validate-trail, schema 1',
  ...object(
    {
      schemaVersion: { const: 1 },
      tool: object({ name: text, version: text }),
      verdict: { enum: ['valid', 'invalid', 'incomplete'] },
      trail: object(
        { arn: text, name: text, homeRegion: text, accountId: account, bucket: text },
        { prefix: text, organizationId: text },
      ),
      timeRange: object({ start: time, end: time }, { provedUntil: time }),
      scope,
      ...{ startedAt: time, finishedAt: time },
      counts: object({ digestFiles, logFiles, bytesRead: whole }),
      chains: { type: 'array', items: chain },
      settings: {
        type: 'array',
        items: object({ code: { enum: Object.keys(SETTINGS) }, message: text, hint: text }),
      },
      findings: { type: 'array', items: finding },
    },
    {
      ...{ gapsAllowed: { const: true }, interrupted: { const: true } },
      keys: {
        type: 'array',
        items: object(
          { region: text, fingerprint: text, digestFiles: whole },
          { validityStart: time, validityEnd: time },
        ),
      },
      evidence: object(
        { manifestSha256: text, pinned: { type: 'boolean' }, collectedAt: time },
        { collectedBy: text },
      ),
      accepted: {
        type: 'array',
        items: object({
          ...{ id: text, code: text, message: text, by: text, at: time, reason: text },
        }),
      },
    },
  ),
} as const;
