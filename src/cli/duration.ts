import { DAY, HOUR } from '../core/timestamp.js';
import { UsageError } from './usage-error.js';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: HOUR, d: DAY };

/** Seconds of a duration such as `90m`. Throws `UsageError` for anything else. */
export function readDuration(option: string, text: string): number {
  const found = /^([1-9]\d{0,5})([smhd])$/.exec(text);
  if (!found) throw new UsageError(`--${option}: ${text} is not such as 90m or 5h`);
  return Number(found[1]) * (SECONDS[found[2] ?? ''] ?? 1);
}
