/** Reading the names and times of S3's answers. */
import type { Instant } from '../core/timestamp.js';
import { isRegionName } from '../core/arn.js';

/** Undoes `EncodingType=url`, which writes a space as `+`; what isn't encoded so stays as it is. */
export function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

/** How to read the names of an answer: encoded only where it says so. */
export function nameDecoder(encoding: string | undefined): (key: string) => string {
  return encoding === 'url' ? decodeKey : (key) => key;
}

/** The legacy answers of GetBucketLocation: nothing is us-east-1, `EU` is eu-west-1. */
export function regionOfLocation(location: string | undefined): string | undefined {
  if (location === undefined || location === '') return 'us-east-1';
  if (location === 'EU') return 'eu-west-1';
  return isRegionName(location) ? location : undefined;
}

/** Whole epoch seconds of a date; `undefined` where there is none or it is no date. */
export function secondsOf(date: Date | undefined): Instant | undefined {
  const time = date?.getTime() ?? NaN;
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000);
}
