/** The range that the command line asks for, by the service's clock. */
import {
  DAY,
  formatInstant,
  parseUserTime,
  type Instant,
  type TimeRange,
} from '../core/timestamp.js';
import { DUE_AFTER } from '../runner/options.js';
import { UsageError, type Arguments } from './args.js';

/** 2015-01-01T00:00:00Z. */
const FIRST_DIGESTS = 1_420_070_400;

/** The range of a run that goes on from no state. That these are times was checked before. */
export function askedRange(options: Arguments, now: Instant): TimeRange {
  const end =
    options.endTime === undefined ? now - DUE_AFTER : (parseUserTime(options.endTime, now) ?? now);
  const asked = parseUserTime(options.startTime ?? '', now) ?? now;
  const { retentionDays } = options;
  const start = retentionDays === undefined ? asked : Math.max(asked, now - retentionDays * DAY);
  if (asked < end && start >= end) {
    throw new UsageError('--retention leaves nothing of the range: what it keeps begins later');
  }
  if (start < FIRST_DIGESTS) {
    throw new UsageError(
      '--start-time lies before 2015, when CloudTrail wrote its first digest files',
    );
  }
  if (start > now && options.endTime === undefined) {
    throw new UsageError('--start-time lies in the future: choose an earlier one');
  }
  if (start >= end && options.endTime === undefined) {
    throw new UsageError(
      '--start-time lies within the last two hours, whose digest files are not due yet: choose an earlier one',
    );
  }
  if (start >= end) {
    const [from, to] = [formatInstant(start), formatInstant(end)];
    throw new UsageError(
      `--start-time (${from}) is not before --end-time (${to})`,
      'give an earlier --start-time or a later --end-time',
    );
  }
  return { start, end };
}
