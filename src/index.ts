/**
 * validate-trail as a library. Importing this loads no AWS client; `connectAws` does.
 */
export { parseTrailArn, type TrailArn } from './core/arn.js';
export { FINDINGS, type Finding, type FindingClass, type FindingCode } from './core/finding.js';
export type { MoreFindings, Report, ReportChain, ReportFinding, Scope } from './core/report.js';
export { parseState, serializeState, type State } from './core/state.js';
export type { Verdict } from './core/verdict.js';
export { formatInstant, parseUserTime, type Instant, type TimeRange } from './core/timestamp.js';
export { renderJson, renderNdjson, streamJson, streamNdjson } from './report/json.js';
export { renderAs } from './report/formats.js';
export { FORMATS, type Format } from './report/format-names.js';
export { REPORT_SCHEMA } from './report/schema.js';
export { renderText, streamText, type TextOptions } from './report/text.js';
export { COLOUR, PLAIN, type Style } from './report/style.js';
export { DUE_AFTER, type RunOptions, type RunResult } from './runner/options.js';
export { validateTrail } from './runner/run.js';
export type { TrailPlace } from './runner/plan.js';
export type { RunEvent, RunListener } from './runner/events.js';
export { createDirectorySource } from './sources/directory.js';
export { createEvidenceKeySource, createKeyFileSource } from './sources/keys.js';
export {
  RunError,
  type KeySource,
  type ObjectSource,
  type ReadFailure,
  type TrailDescription,
  type TrailSource,
} from './sources/ports.js';

import type { CloudTrailSourceOptions } from './sources/cloudtrail.js';
import type { KeySource, ObjectSource, TrailSource } from './sources/ports.js';
import type { S3SourceOptions } from './sources/s3.js';

/** S3 and CloudTrail as sources of a run; close both when it is done. */
export async function connectAws(options: {
  readonly s3: S3SourceOptions;
  readonly cloudtrail: CloudTrailSourceOptions;
}): Promise<{
  readonly objects: ObjectSource;
  readonly cloudtrail: TrailSource & KeySource & { close(): void };
}> {
  const [{ createS3Source }, { createCloudTrailSource }] = await Promise.all([
    import('./sources/s3.js'),
    import('./sources/cloudtrail.js'),
  ]);
  return {
    objects: createS3Source(options.s3),
    cloudtrail: createCloudTrailSource(options.cloudtrail),
  };
}
