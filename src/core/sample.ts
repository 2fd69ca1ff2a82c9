/** A deterministic part of the log files, so that so many runs cover all of them. */
import { createHash } from 'node:crypto';
import { logId } from './log-objects.js';

/** The `part`-th (from 1) of `of` parts. */
export interface Sample {
  readonly part: number;
  readonly of: number;
}

/** Whether a log file belongs to a sample: by its bucket and key alone, in every run alike. */
export function inSample({ part, of }: Sample, bucket: string, key: string): boolean {
  const hash = createHash('sha256').update(logId(bucket, key)).digest();
  return hash.readUInt32BE(0) % of === part - 1;
}
