/** The UTC days of a source, and the share of them that one of many machines takes. */
import { createHash } from 'node:crypto';
import type { Shard } from '../core/journal.js';
import type { Source } from '../core/object-key.js';
import { DAY, HOUR, startOfDay, type Instant, type TimeRange } from '../core/timestamp.js';

/** The newest UTC day whose folder can hold digest files of the range; there are none of tomorrow. */
export function newestDay(range: TimeRange, now: Instant): Instant {
  return startOfDay(Math.min(range.end + HOUR - 1, now + DAY));
}

/** The oldest UTC day whose folder can hold standard digest files of the range. */
export function oldestDay(range: TimeRange): Instant {
  return startOfDay(range.start + 1);
}

/**
 * The UTC days whose folders can hold digest files of the range, newest first; and then those before
 * it in which late backfill digest files of `backfillFrom` and later may lie.
 */
export function daysOf(range: TimeRange, now: Instant, backfillFrom: Instant): Instant[] {
  const days: Instant[] = [];
  const oldest = Math.min(oldestDay(range), startOfDay(backfillFrom));
  for (let day = newestDay(range, now); day >= oldest; day -= DAY) days.push(day);
  return days;
}

/**
 * A shard's share of a source's days: the days are cut into as many stretches as there are shards,
 * and each source begins with another shard, so that no shard gets all the oldest or all the small
 * ones. Stretches hold together because each costs a look at the day after it.
 */
export function shareOf(days: readonly Instant[], source: Source, shard: Shard): Instant[] {
  const { index, total } = shard;
  const name = `${source.accountId} ${source.region}`;
  const first = createHash('sha256').update(name).digest().readUInt32BE(0) % total;
  return days.filter((_, at) => {
    const stretch = Math.floor((at * total) / days.length);
    return (stretch + first) % total === index - 1;
  });
}
