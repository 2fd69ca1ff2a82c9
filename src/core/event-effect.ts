/** What an event does to a trail, its bucket, its key or its organization. */
import { fieldsOf, textOf, type EventScope } from './trail-event.js';

export interface EventEffect {
  readonly logging?: boolean;
  readonly validation?: boolean;
  readonly exists?: boolean;
  readonly multiRegion?: boolean;
  readonly organization?: boolean;
  readonly bucket?: string;
  readonly prefix?: string;
  readonly leftAccount?: string;
  readonly joinedAccount?: string;
  /** Could stop deliveries without any change of the trail. */
  readonly hinders?: 'bucket' | 'key';
  /** Explains that objects vanish, or that versions stop; not a gap. */
  readonly removes?: 'lifecycle' | 'versioning';
}

interface Call {
  readonly record: unknown;
  readonly source: string;
  readonly name: string;
  readonly region: string;
  readonly accountId: string;
}

function flag(fields: unknown, name: string): boolean | undefined {
  if (typeof fields !== 'object' || fields === null || !Object.hasOwn(fields, name)) {
    return undefined;
  }
  const value = (fields as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'boolean' ? value : undefined;
}

/** Only what is known, so that nothing is claimed by a field that isn't there. */
function known(effect: {
  [name in keyof EventEffect]: EventEffect[name] | undefined;
}): EventEffect {
  return Object.fromEntries(Object.entries(effect).filter(([, value]) => value !== undefined));
}

/** UpdateTrail and CreateTrail answer with the whole resulting state; requests may leave parts out. */
function resultingState(call: Call): EventEffect {
  const request = fieldsOf(call.record, 'requestParameters');
  const response = fieldsOf(call.record, 'responseElements');
  return known({
    validation:
      flag(response, 'logFileValidationEnabled') ?? flag(request, 'enableLogFileValidation'),
    multiRegion: flag(response, 'isMultiRegionTrail') ?? flag(request, 'isMultiRegionTrail'),
    organization: flag(response, 'isOrganizationTrail') ?? flag(request, 'isOrganizationTrail'),
    // Only what was asked to change: the answer has the bucket even where it stays.
    bucket: textOf(request, 's3BucketName'),
    prefix: textOf(request, 's3KeyPrefix'),
  });
}

function trailEffect(call: Call, scope: EventScope): EventEffect | undefined {
  const { trail } = scope;
  if (call.accountId !== trail.accountId || call.region !== trail.homeRegion) return undefined;
  const request = fieldsOf(call.record, 'requestParameters');
  const named = textOf(request, 'name') ?? textOf(request, 'trailName');
  if (named !== trail.arn && named !== trail.name) return undefined;
  const answered = textOf(fieldsOf(call.record, 'responseElements'), 'trailARN');
  if (answered !== undefined && answered !== trail.arn) return undefined;
  switch (call.name) {
    case 'StopLogging':
      return { logging: false };
    case 'StartLogging':
      return { logging: true };
    case 'DeleteTrail':
      return { exists: false };
    case 'CreateTrail':
      // A new trail logs nothing until StartLogging.
      return { ...resultingState(call), exists: true, logging: false };
    case 'UpdateTrail':
      return resultingState(call);
    case 'PutEventSelectors':
      return {};
    default:
      return undefined;
  }
}

function organizationEffect({ record, name, accountId }: Call): EventEffect | undefined {
  switch (name) {
    case 'RemoveAccountFromOrganization': {
      const left = textOf(fieldsOf(record, 'requestParameters'), 'accountId');
      return left === undefined ? undefined : { leftAccount: left };
    }
    case 'LeaveOrganization':
      return { leftAccount: accountId };
    case 'AcceptHandshake': {
      // Other handshakes are between an organization and an account that is in it.
      const answer = fieldsOf(fieldsOf(record, 'responseElements'), 'handshake');
      const action = textOf(answer, 'action');
      return action === undefined || action === 'INVITE' ? { joinedAccount: accountId } : undefined;
    }
    case 'CreateAccountResult': {
      const status = fieldsOf(fieldsOf(record, 'serviceEventDetails'), 'createAccountStatus');
      const joined = textOf(status, 'accountId');
      return joined === undefined || textOf(status, 'state') !== 'SUCCEEDED'
        ? undefined
        : { joinedAccount: joined };
    }
    default:
      return undefined;
  }
}

function bucketEffect({ record, name }: Call, scope: EventScope): EventEffect | undefined {
  const request = fieldsOf(record, 'requestParameters');
  const bucket = textOf(request, 'bucketName');
  if (bucket === undefined || !scope.buckets.includes(bucket)) return undefined;
  switch (name) {
    case 'PutBucketLifecycle':
    case 'PutBucketLifecycleConfiguration':
    case 'DeleteBucketLifecycle':
      return { removes: 'lifecycle' };
    case 'PutBucketVersioning':
      return textOf(fieldsOf(request, 'VersioningConfiguration'), 'Status') === 'Suspended'
        ? { removes: 'versioning' }
        : undefined;
    case 'PutBucketPolicy':
    case 'DeleteBucketPolicy':
    case 'PutBucketEncryption':
    case 'DeleteBucket':
      return { hinders: 'bucket' };
    default:
      return undefined;
  }
}

function keyEffect({ record, name }: Call, scope: EventScope): EventEffect | undefined {
  const last = (id: string): string => id.slice(id.lastIndexOf('/') + 1);
  const keyId = textOf(fieldsOf(record, 'requestParameters'), 'keyId');
  if (keyId === undefined || scope.kmsKeyId === undefined) return undefined;
  if (last(keyId) !== last(scope.kmsKeyId)) return undefined;
  return ['DisableKey', 'ScheduleKeyDeletion', 'PutKeyPolicy'].includes(name)
    ? { hinders: 'key' }
    : undefined;
}

/** What a call did to what the scope names; `undefined` where it did nothing to it. */
export function effectOf(call: Call, scope: EventScope): EventEffect | undefined {
  switch (call.source) {
    case 'cloudtrail.amazonaws.com':
      return trailEffect(call, scope);
    case 'organizations.amazonaws.com':
      return organizationEffect(call);
    case 's3.amazonaws.com':
      return bucketEffect(call, scope);
    case 'kms.amazonaws.com':
      return keyEffect(call, scope);
    default:
      return undefined;
  }
}

const onOff = (what: string, on: boolean): string => `${what} ${on ? 'on' : 'off'}`;

/** An effect in words; empty where the event's name says it all. */
export function describeEffect(effect: EventEffect): string {
  const { validation, multiRegion, organization, bucket, prefix } = effect;
  return [
    ...(validation === undefined ? [] : [onOff('validation', validation)]),
    ...(multiRegion === undefined ? [] : [onOff('all Regions', multiRegion)]),
    ...(organization === undefined ? [] : [onOff('organization', organization)]),
    ...(bucket === undefined ? [] : [`bucket ${bucket}`]),
    ...(prefix === undefined ? [] : [`prefix ${prefix}`]),
    ...(effect.leftAccount === undefined ? [] : [`account ${effect.leftAccount}`]),
    ...(effect.joinedAccount === undefined ? [] : [`account ${effect.joinedAccount}`]),
  ].join(', ');
}
