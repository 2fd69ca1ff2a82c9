/**
 * Events that change a trail, or hinder it, read from CloudTrail's own records (SPEC 9): from verified
 * log files, or from the event history. A record counts only where every part of it fits.
 */
import { describeEffect, effectOf, type EventEffect } from './event-effect.js';
import { formatInstant, parseDigestTime, type Instant } from './timestamp.js';

export type { EventEffect } from './event-effect.js';

/** Where an event stands. */
export interface EventProof {
  readonly kind: 'log' | 'api';
  /** The verified log file's `s3://` place, or `event history of REGION`. */
  readonly place: string;
}

/** One event. Texts are as the record has them: escape before printing. */
export interface TrailEvent {
  readonly eventId: string;
  readonly time: Instant;
  readonly source: string;
  readonly name: string;
  readonly actor: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly region: string;
  readonly accountId: string;
  readonly effect: EventEffect;
  readonly proof: EventProof;
}

/** What events are about. */
export interface EventScope {
  readonly trail: {
    readonly arn: string;
    readonly name: string;
    readonly homeRegion: string;
    readonly accountId: string;
  };
  readonly buckets: readonly string[];
  readonly kmsKeyId?: string;
}

/** Events by name, as LookupEvents is asked for them. */
export const TRAIL_EVENTS: readonly string[] = [
  'StopLogging',
  'StartLogging',
  'UpdateTrail',
  'DeleteTrail',
  'CreateTrail',
  'PutEventSelectors',
];
export const ORGANIZATION_EVENTS: readonly string[] = [
  'RemoveAccountFromOrganization',
  'LeaveOrganization',
  'AcceptHandshake',
  'CreateAccountResult',
];
export const BUCKET_EVENTS: readonly string[] = [
  'PutBucketLifecycle',
  'PutBucketLifecycleConfiguration',
  'DeleteBucketLifecycle',
  'PutBucketPolicy',
  'DeleteBucketPolicy',
  'PutBucketVersioning',
  'PutBucketEncryption',
  'DeleteBucket',
];
export const KEY_EVENTS: readonly string[] = ['DisableKey', 'ScheduleKeyDeletion', 'PutKeyPolicy'];

type Fields = Readonly<Record<string, unknown>>;

const LONGEST = 1000;

/** A field that is an object; nothing for anything else. */
export function fieldsOf(value: unknown, name: string): Fields | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  const found = (value as Fields)[name];
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? (found as Fields)
    : undefined;
}

/** A field that is a text, cut at a bound; nothing for anything else. */
export function textOf(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  const found = (value as Fields)[name];
  return typeof found === 'string' && found !== '' ? found.slice(0, LONGEST) : undefined;
}

/** Whether the call failed: then nothing was changed. */
export function hasFailed(record: unknown): boolean {
  if (typeof record !== 'object' || record === null) return true;
  return Object.hasOwn(record, 'errorCode') && (record as Fields)['errorCode'] != null;
}

/** Who made a call: the identity's ARN, else the service, else what else is known. */
export function actorOf(record: unknown): string {
  const identity = fieldsOf(record, 'userIdentity');
  const names = ['arn', 'invokedBy', 'principalId', 'type'];
  return names.map((name) => textOf(identity, name)).find((one) => one !== undefined) ?? 'unknown';
}

/** The time of a record; `undefined` where it is none. */
export function timeOfRecord(record: unknown): Instant | undefined {
  return parseDigestTime((textOf(record, 'eventTime') ?? '').replace(/\.\d+Z$/, 'Z'));
}

/**
 * Reads one record. `undefined` unless it is a call that succeeded and changed this trail, its bucket,
 * its key or its organization (DESIGN 4, "A gap is explained").
 */
export function readTrailEvent(
  record: unknown,
  scope: EventScope,
  proof: EventProof,
): TrailEvent | undefined {
  if (hasFailed(record)) return undefined;
  const source = textOf(record, 'eventSource');
  const name = textOf(record, 'eventName');
  const eventId = textOf(record, 'eventID');
  const region = textOf(record, 'awsRegion');
  const accountId = textOf(record, 'recipientAccountId');
  const time = timeOfRecord(record);
  if (!source || !name || !eventId || !region || !accountId || time === undefined) return undefined;
  const effect = effectOf({ record, source, name, region, accountId }, scope);
  if (!effect) return undefined;
  return {
    eventId,
    time,
    source,
    name,
    actor: actorOf(record),
    sourceIp: textOf(record, 'sourceIPAddress') ?? 'unknown',
    userAgent: textOf(record, 'userAgent') ?? 'unknown',
    region,
    accountId,
    effect,
    proof,
  };
}

/** Whether a proof goes before another of the same event, whatever order they were found in. */
function isBetter(one: EventProof, other: EventProof): boolean {
  if (one.kind !== other.kind) return one.kind === 'log';
  return one.place < other.place;
}

/** Each event once, in order of time. Where several records tell it, the verified log file's counts. */
export function mergeEvents(events: readonly TrailEvent[]): TrailEvent[] {
  const known = new Map<string, TrailEvent>();
  for (const event of events) {
    const before = known.get(event.eventId);
    if (!before || isBetter(event.proof, before.proof)) known.set(event.eventId, event);
  }
  return [...known.values()].sort(
    (a, b) => a.time - b.time || (a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0),
  );
}

/** A text that a caller chose, as a quoted word: it must not read like the report's own. */
export function quoted(text: string): string {
  const word = text.replaceAll(/\s+/g, ' ').replaceAll('"', "'").slice(0, 100);
  return /^[A-Za-z0-9:/._@+=,-]*$/.test(word) ? word : `"${word}"`;
}

/** An event in words: what, who, from where, when. */
export function describeEvent(event: TrailEvent): string {
  const { name, actor, sourceIp, userAgent, time } = event;
  const what = describeEffect(event.effect);
  const told = what === '' ? name : `${name} (${what})`;
  return `${told} by ${quoted(actor)} from ${quoted(sourceIp)} with ${quoted(userAgent)} at ${formatInstant(time)}`;
}

/** An event for machines. */
export function eventFacts(event: TrailEvent): Record<string, string> {
  const { name, time, actor, sourceIp, userAgent, eventId, proof, effect } = event;
  return {
    event: name,
    time: formatInstant(time),
    actor,
    sourceIp,
    userAgent,
    eventId,
    effect: describeEffect(effect),
    proof:
      proof.kind === 'log' ? `verified log file ${proof.place}` : `CloudTrail’s ${proof.place}`,
  };
}
