/** Reading how a trail and its bucket are set up now. */
import { DAY, formatInstant, type Instant, type TimeRange } from '../core/timestamp.js';
import { setting, type Setting } from '../core/setting.js';
import type {
  Answer,
  LifecycleRule,
  ObjectSource,
  TrailSource,
  TrailStatus,
} from '../sources/ports.js';
import type { TrailPlace } from './plan.js';

function ruleSettings(
  rules: readonly LifecycleRule[],
  trail: TrailPlace,
  range: TimeRange,
  now: Instant,
): Setting[] {
  const folder = `${trail.prefix === '' ? '' : `${trail.prefix}/`}AWSLogs/`;
  return rules.flatMap((rule) => {
    const { expiresAfterDays: days, expiresAt } = rule;
    const touches = folder.startsWith(rule.prefix) || rule.prefix.startsWith(folder);
    const expired = days === undefined ? expiresAt : now - days * DAY;
    if (!rule.enabled || !touches || expired === undefined) return [];
    if (days === undefined ? expired > now : expired <= range.start) return [];
    const when =
      days === undefined ? `at ${formatInstant(expired)}` : `${days} days after they were written`;
    const what = rule.prefix === '' ? 'all objects' : `objects under ${rule.prefix}`;
    const some = rule.narrowed ? 'some of ' : '';
    const message =
      `lifecycle rule ${rule.id} expires ${some}${what} ${when}, which lies within the range asked for` +
      (days === undefined ? '' : `; what it leaves begins at ${formatInstant(expired)}`);
    return [setting('LIFECYCLE_EXPIRES', message)];
  });
}

/**
 * Notices about settings: validation or logging off now, deliveries that fail, event selectors that
 * leave management events out, no versioning, a lifecycle rule that expires what was asked for.
 */
export async function readSettings(
  trail: TrailPlace,
  objects: ObjectSource,
  trails: TrailSource | undefined,
  status: Answer<TrailStatus>,
  range: TimeRange,
  now: Instant,
): Promise<Setting[]> {
  const found: Setting[] = [];
  const unreadable = (what: string, why: string): void => {
    found.push(setting('SETTING_UNREADABLE', `${what} could not be read: ${why}`));
  };
  if (trail.validationEnabled === false) {
    found.push(setting('VALIDATION_OFF', 'log file validation is off now'));
  }
  if (status.ok) {
    const { isLogging, latestDigestDeliveryError, latestDeliveryError } = status.value;
    if (!isLogging) found.push(setting('LOGGING_OFF', 'the trail does not log now'));
    if (latestDigestDeliveryError !== undefined) {
      const message = `the latest digest file could not be delivered: ${latestDigestDeliveryError}`;
      found.push(setting('DELIVERY_FAILING', message));
    }
    if (latestDeliveryError !== undefined) {
      const message = `the latest log file could not be delivered: ${latestDeliveryError}`;
      found.push(setting('DELIVERY_FAILING', message));
    }
  }
  const bucket = await objects.settings(trail.bucket);
  if (trails && trail.isCurrent === true) {
    const leftOut = await trails.leftOut(trail.arn, trail.homeRegion);
    // A copy of a trail has what was collected; what it lacks is no setting.
    if (!leftOut.ok) {
      if (bucket) unreadable('the event selectors', leftOut.why);
    } else if (leftOut.value.length > 0) {
      const message = `the event selectors leave out ${leftOut.value.join(', ')}`;
      found.push(setting('MANAGEMENT_EVENTS_LEFT_OUT', message));
    }
  }
  if (!bucket) return found;
  const { versioning, lifecycle } = bucket;
  if (!versioning.ok) unreadable('the bucket’s versioning', versioning.why);
  else if (versioning.value !== 'Enabled') {
    const message =
      versioning.value === 'Off'
        ? 'the bucket keeps no versions, so nothing that is altered or deleted can be restored'
        : 'the bucket’s versioning is suspended';
    found.push(setting('VERSIONING_OFF', message));
  }
  if (!lifecycle.ok) unreadable('the bucket’s lifecycle rules', lifecycle.why);
  else found.push(...ruleSettings(lifecycle.value, trail, range, now));
  return found;
}
