/** Records of API calls as CloudTrail writes them (SPEC 9). */
import { createHash } from 'node:crypto';
import { iso, type TrailBuilder } from './trail-builder.js';

export interface TrailEvent {
  readonly name: string;
  /** Epoch seconds. */
  readonly at: number;
  /** By default the trail's name, as `name`, for CloudTrail's own events, else none. */
  readonly parameters?: object | null;
  readonly response?: object | null;
  /** An IAM user's ARN, or a service such as `cloudtrail.amazonaws.com`. */
  readonly actor?: string;
  readonly ip?: string;
  readonly agent?: string;
  readonly errorCode?: string;
  /** By default the trail's home Region. */
  readonly region?: string;
  readonly accountId?: string;
  readonly source?: string;
}

const DATA = /^(Get|Put|Copy|Delete)Objects?$/;

/** The form of a UUID, always the same for the same event. */
function eventId(event: object): string {
  const hash = createHash('sha256').update(JSON.stringify(event)).digest('hex');
  return [0, 8, 12, 16, 20].map((at, index, all) => hash.slice(at, all[index + 1] ?? 32)).join('-');
}

function identity(actor: string, accountId: string): object {
  if (!actor.startsWith('arn:')) return { type: 'AWSService', invokedBy: actor };
  const userName = actor.slice(actor.lastIndexOf('/') + 1);
  return { type: 'IAMUser', principalId: 'AIDAEXAMPLE', arn: actor, accountId, userName };
}

/** A record as it stands in a log file and, as text, in the event history. */
export function trailEvent(builder: TrailBuilder, event: TrailEvent): object {
  const { name, at, source = 'cloudtrail.amazonaws.com', errorCode } = event;
  const { accountId = builder.accountId, region = builder.trail.HomeRegion } = event;
  const { actor = `arn:aws:iam::${accountId}:user/mallory` } = event;
  const own = source === 'cloudtrail.amazonaws.com' ? { name: builder.trail.Name } : null;
  const isData = source === 's3.amazonaws.com' && DATA.test(name);
  return {
    eventVersion: '1.09',
    userIdentity: identity(actor, accountId),
    eventTime: iso(at),
    eventSource: source,
    eventName: name,
    awsRegion: region,
    sourceIPAddress: event.ip ?? '203.0.113.7',
    userAgent: event.agent ?? 'aws-cli/2.15.0',
    ...(errorCode === undefined ? {} : { errorCode, errorMessage: 'the call failed' }),
    requestParameters: event.parameters === undefined ? own : event.parameters,
    responseElements: event.response ?? null,
    eventID: eventId({ ...event, region, accountId }),
    readOnly: false,
    eventType: 'AwsApiCall',
    managementEvent: !isData,
    recipientAccountId: accountId,
    eventCategory: isData ? 'Data' : 'Management',
  };
}
