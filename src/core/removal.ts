/** S3 data events in verified log files that removed or replaced an object (SPEC 9). */
import { formatInstant, type Instant } from './timestamp.js';
import { actorOf, fieldsOf, hasFailed, textOf, timeOfRecord, quoted } from './trail-event.js';

/** Who removed or overwrote an object, as a record says. */
export interface Removal {
  readonly name: string;
  readonly time: Instant;
  readonly actor: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly eventId: string;
  /** The object that the event names; DeleteObjects names none. */
  readonly key?: string;
  /** The verified log file's `s3://` place. */
  readonly logFile: string;
}

const NAMING = ['DeleteObject', 'PutObject', 'CopyObject', 'CompleteMultipartUpload'];

/** Reads one record; `undefined` unless it could have removed or replaced objects of the bucket. */
export function readRemoval(record: unknown, bucket: string, logFile: string): Removal | undefined {
  if (hasFailed(record) || textOf(record, 'eventSource') !== 's3.amazonaws.com') return undefined;
  const name = textOf(record, 'eventName');
  const eventId = textOf(record, 'eventID');
  const time = timeOfRecord(record);
  const request = fieldsOf(record, 'requestParameters');
  if (!name || !eventId || time === undefined) return undefined;
  if (textOf(request, 'bucketName') !== bucket) return undefined;
  // CloudTrail's own deliveries remove nothing.
  if (textOf(fieldsOf(record, 'userIdentity'), 'invokedBy') === 'cloudtrail.amazonaws.com') {
    return undefined;
  }
  const key = NAMING.includes(name) ? textOf(request, 'key') : undefined;
  if (key === undefined && name !== 'DeleteObjects') return undefined;
  return {
    name,
    time,
    actor: actorOf(record),
    sourceIp: textOf(record, 'sourceIPAddress') ?? 'unknown',
    userAgent: textOf(record, 'userAgent') ?? 'unknown',
    eventId,
    ...(key === undefined ? {} : { key }),
    logFile,
  };
}

/** Seconds that a record's time may differ from when the version was removed. */
const EXACT = 900;
const BULK = 300;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The record that best tells who removed an object at a time. */
export function whoRemoved(
  removals: readonly Removal[],
  key: string,
  at: Instant,
): Removal | undefined {
  const near = (one: Removal): number => Math.abs(one.time - at);
  const fitting = removals.filter((one) =>
    one.key === undefined ? near(one) <= BULK : one.key === key && near(one) <= EXACT,
  );
  return fitting.sort(
    (a, b) =>
      Number(a.key === undefined) - Number(b.key === undefined) ||
      near(a) - near(b) ||
      compare(a.eventId, b.eventId) ||
      compare(a.logFile, b.logFile),
  )[0];
}

/** For machines. */
export function removalFacts(removal: Removal): Record<string, string | boolean> {
  const { name, time, actor, sourceIp, userAgent, eventId, logFile, key } = removal;
  return {
    event: name,
    time: formatInstant(time),
    actor,
    sourceIp,
    userAgent,
    eventId,
    logFile,
    namesObject: key !== undefined,
  };
}

/**
 * A removal in words, to follow a time. What names no object is told as what was done in the bucket
 * then, not as who removed this object.
 */
export function describeRemoval(removal: Removal): string {
  const { name, actor, sourceIp, userAgent, eventId, logFile, key, time } = removal;
  const proof = `event ${eventId}, in verified log file ${logFile}`;
  return key === undefined
    ? `; at ${formatInstant(time)} ${quoted(actor)} called ${name} on the bucket from ${quoted(sourceIp)} with ${quoted(userAgent)} (${proof}), which names no keys`
    : ` by ${quoted(actor)} from ${quoted(sourceIp)} (${name} with ${quoted(userAgent)}, ${proof})`;
}
