import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BUCKET_EVENTS,
  describeEvent,
  eventFacts,
  KEY_EVENTS,
  mergeEvents,
  ORGANIZATION_EVENTS,
  readTrailEvent,
  TRAIL_EVENTS,
  type EventScope,
  type TrailEvent,
} from '../../src/core/trail-event.js';

const OWNER = '111122223333';
const MEMBER = '444455556666';
const ARN = `arn:aws:cloudtrail:us-east-1:${OWNER}:trail/main`;
const KEY = '0a1b2c3d-1111-2222-3333-444455556666';
const scope: EventScope = {
  trail: { arn: ARN, name: 'main', homeRegion: 'us-east-1', accountId: OWNER },
  buckets: ['logs', 'old-logs'],
  kmsKeyId: `arn:aws:kms:us-east-1:${OWNER}:key/${KEY}`,
};
const proof = { kind: 'log', place: 's3://logs/AWSLogs/a.json.gz' } as const;

type Fields = Record<string, unknown>;

function record(eventName: string, fields: Fields = {}): Fields {
  return {
    eventTime: '2026-03-10T12:00:00Z',
    eventSource: 'cloudtrail.amazonaws.com',
    eventName,
    awsRegion: 'us-east-1',
    sourceIPAddress: '198.51.100.7',
    userAgent: 'aws-cli/2.15',
    userIdentity: { type: 'IAMUser', arn: `arn:aws:iam::${OWNER}:user/eve`, accountId: OWNER },
    requestParameters: { name: 'main' },
    responseElements: null,
    eventID: 'e-1',
    recipientAccountId: OWNER,
    ...fields,
  };
}

const without = (name: string): Fields =>
  Object.fromEntries(Object.entries(record('StopLogging')).filter(([one]) => one !== name));
const read = (one: unknown): TrailEvent | undefined => readTrailEvent(one, scope, proof);
const ofBucket = (name: string, bucketName: unknown = 'logs', more: Fields = {}): Fields =>
  record(name, {
    eventSource: 's3.amazonaws.com',
    awsRegion: 'eu-west-1',
    requestParameters: { bucketName, ...more },
  });
const ofKey = (name: string, keyId: unknown): Fields =>
  record(name, { eventSource: 'kms.amazonaws.com', requestParameters: { keyId } });
const ofOrganization = (name: string, fields: Fields = {}): Fields =>
  record(name, {
    eventSource: 'organizations.amazonaws.com',
    requestParameters: null,
    recipientAccountId: MEMBER,
    ...fields,
  });
const handshake = (action: string): Fields =>
  ofOrganization('AcceptHandshake', { responseElements: { handshake: { action } } });
const created = (state: string): Fields =>
  ofOrganization('CreateAccountResult', {
    recipientAccountId: OWNER,
    serviceEventDetails: { createAccountStatus: { state, accountId: MEMBER } },
  });

const answer = {
  trailARN: ARN,
  logFileValidationEnabled: false,
  isMultiRegionTrail: true,
  isOrganizationTrail: false,
  s3BucketName: 'logs',
};

describe('what counts', () => {
  it.each<[string, Fields, object]>([
    ['StopLogging by bare name', record('StopLogging'), { logging: false }],
    ['by ARN', record('StartLogging', { requestParameters: { name: ARN } }), { logging: true }],
    ['DeleteTrail', record('DeleteTrail'), { exists: false }],
    ['an error code that is null', record('DeleteTrail', { errorCode: null }), { exists: false }],
    [
      'milliseconds',
      record('StopLogging', { eventTime: '2026-03-10T12:00:00.123Z' }),
      { logging: false },
    ],
    [
      'UpdateTrail: the answer counts, not the request',
      record('UpdateTrail', {
        requestParameters: { name: ARN, enableLogFileValidation: true, s3BucketName: 'new' },
        responseElements: { ...answer, s3BucketName: 'new' },
      }),
      { validation: false, multiRegion: true, organization: false, bucket: 'new' },
    ],
    [
      'UpdateTrail without an answer: the request',
      record('UpdateTrail', {
        requestParameters: { name: 'main', enableLogFileValidation: false, s3KeyPrefix: 'p' },
      }),
      { validation: false, prefix: 'p' },
    ],
    [
      'CreateTrail logs nothing yet',
      record('CreateTrail', {
        requestParameters: { name: 'main', s3BucketName: 'logs' },
        responseElements: { ...answer, logFileValidationEnabled: true },
      }),
      {
        exists: true,
        logging: false,
        validation: true,
        multiRegion: true,
        organization: false,
        bucket: 'logs',
      },
    ],
    [
      'PutEventSelectors by trailName',
      record('PutEventSelectors', { requestParameters: { trailName: 'main' } }),
      {},
    ],
    ['a lifecycle rule', ofBucket('PutBucketLifecycle'), { removes: 'lifecycle' }],
    ['on an older bucket', ofBucket('DeleteBucketPolicy', 'old-logs'), { hinders: 'bucket' }],
    [
      'versioning suspended',
      ofBucket('PutBucketVersioning', 'logs', {
        VersioningConfiguration: { Status: 'Suspended' },
      }),
      { removes: 'versioning' },
    ],
    ['a key by ID', ofKey('DisableKey', KEY), { hinders: 'key' }],
    ['a key by ARN', ofKey('ScheduleKeyDeletion', scope.kmsKeyId), { hinders: 'key' }],
    ['leaving', ofOrganization('LeaveOrganization'), { leftAccount: MEMBER }],
    [
      'being removed, in a Region that is not home',
      ofOrganization('RemoveAccountFromOrganization', {
        awsRegion: 'us-west-2',
        recipientAccountId: OWNER,
        requestParameters: { accountId: MEMBER },
      }),
      { leftAccount: MEMBER },
    ],
    ['accepting an invitation', handshake('INVITE'), { joinedAccount: MEMBER }],
    [
      'a handshake of an unknown kind',
      ofOrganization('AcceptHandshake'),
      { joinedAccount: MEMBER },
    ],
    ['an account that was created', created('SUCCEEDED'), { joinedAccount: MEMBER }],
  ])('%s', (_, one, effect) => {
    expect(read(one)?.effect).toEqual(effect);
  });

  it('has who, when, from where and the proof', () => {
    expect(read(record('StopLogging'))).toEqual({
      eventId: 'e-1',
      time: Date.parse('2026-03-10T12:00:00Z') / 1000,
      source: 'cloudtrail.amazonaws.com',
      name: 'StopLogging',
      actor: `arn:aws:iam::${OWNER}:user/eve`,
      sourceIp: '198.51.100.7',
      userAgent: 'aws-cli/2.15',
      region: 'us-east-1',
      accountId: OWNER,
      effect: { logging: false },
      proof,
    });
  });

  it.each([
    [{ type: 'AWSService', invokedBy: 'cloudtrail.amazonaws.com' }, 'cloudtrail.amazonaws.com'],
    [{ type: 'Unknown', principalId: 'AIDA1' }, 'AIDA1'],
    [{ type: 'Root', arn: 7 }, 'Root'],
    [['x'], 'unknown'],
    [undefined, 'unknown'],
  ])('takes the best name of the caller: %j', (userIdentity, actor) => {
    expect(read(record('StopLogging', { userIdentity }))?.actor).toBe(actor);
  });

  it('cuts texts at a bound', () => {
    const userAgent = 'x'.repeat(1_000_000);
    expect(read(record('StopLogging', { userAgent }))?.userAgent).toHaveLength(1000);
  });
});

describe('what does not count', () => {
  it.each<[string, unknown]>([
    ['a failed call', record('StopLogging', { errorCode: 'TrailNotFoundException' })],
    ['an error code of another type', record('StopLogging', { errorCode: ['x'] })],
    ['an empty error code', record('StopLogging', { errorCode: '' })],
    ['a trail of a similar name', record('StopLogging', { requestParameters: { name: 'main2' } })],
    ['its name in capitals', record('StopLogging', { requestParameters: { name: 'MAIN' } })],
    ['another ARN', record('StopLogging', { requestParameters: { name: `${ARN}x` } })],
    [
      'another account’s trail of the same name',
      record('StopLogging', { requestParameters: { name: ARN.replace(OWNER, MEMBER) } }),
    ],
    ['no name', record('StopLogging', { requestParameters: {} })],
    ['a list for a name', record('StopLogging', { requestParameters: { name: ['main'] } })],
    ['a list for parameters', record('StopLogging', { requestParameters: [{ name: 'main' }] })],
    ['another Region', record('StopLogging', { awsRegion: 'us-west-2' })],
    ['another account', record('StopLogging', { recipientAccountId: MEMBER })],
    ['another service', record('StopLogging', { eventSource: 'evil.amazonaws.com' })],
    ['a call that changes nothing', record('GetTrailStatus')],
    [
      'an answer about another trail',
      record('UpdateTrail', { responseElements: { ...answer, trailARN: `${ARN}x` } }),
    ],
    ['no eventID', without('eventID')],
    ['an eventID of another type', record('StopLogging', { eventID: 7 })],
    ['no time', without('eventTime')],
    ['a time that is none', record('StopLogging', { eventTime: '2026-02-30T12:00:00Z' })],
    ['a time as a number', record('StopLogging', { eventTime: 1_773_144_000 })],
    ['no account', without('recipientAccountId')],
    ['another bucket', ofBucket('PutBucketPolicy', 'logs2')],
    ['a list for a bucket', ofBucket('PutBucketPolicy', ['logs'])],
    [
      'versioning switched on',
      ofBucket('PutBucketVersioning', 'logs', { VersioningConfiguration: { Status: 'Enabled' } }),
    ],
    ['another key', ofKey('DisableKey', KEY.replace('0a', '0b'))],
    ['a key as an object', ofKey('DisableKey', {})],
    ['a key that is enabled', ofKey('EnableKey', KEY)],
    ['an account that could not be created', created('FAILED')],
    ['another handshake', handshake('ENABLE_ALL_FEATURES')],
    [
      'removed, nobody says who',
      ofOrganization('RemoveAccountFromOrganization', { requestParameters: { accountId: 4 } }),
    ],
    ['nothing', undefined],
    ['null', null],
    ['a text', 'StopLogging'],
    ['a list', [record('StopLogging')]],
    ['an inherited record', Object.create(record('StopLogging'))],
    [
      'an inherited name',
      record('StopLogging', { requestParameters: Object.create({ name: 'main' }) }),
    ],
    ['deep nesting', JSON.parse('['.repeat(5000) + ']'.repeat(5000))],
  ])('%s', (_, one) => {
    expect(read(one)).toBeUndefined();
  });

  it('survives any JSON in any place', () => {
    const names = [...TRAIL_EVENTS, ...ORGANIZATION_EVENTS, ...BUCKET_EVENTS, ...KEY_EVENTS];
    const places = ['requestParameters', 'responseElements', 'userIdentity', 'serviceEventDetails'];
    const services = ['cloudtrail', 'organizations', 's3', 'kms'];
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom(...services),
        fc.dictionary(fc.constantFrom(...places, 'sourceIPAddress', 'errorCode'), fc.jsonValue()),
        (name, service, fields) => {
          const one = read(record(name, { eventSource: `${service}.amazonaws.com`, ...fields }));
          if (one) expect(describeEvent(one)).toContain(name);
          for (const text of one ? Object.values(eventFacts(one)) : []) {
            expect(typeof text).toBe('string');
          }
        },
      ),
    );
  });

  it('a key event where the trail has no key', () => {
    const noKey = { trail: scope.trail, buckets: scope.buckets };
    expect(readTrailEvent(ofKey('DisableKey', KEY), noKey, proof)).toBeUndefined();
  });
});

describe('many records of one event', () => {
  const event = (eventId: string, eventTime: string, kind: 'log' | 'api', place: string) => {
    const one = readTrailEvent(record('StopLogging', { eventID: eventId, eventTime }), scope, {
      kind,
      place,
    });
    if (!one) throw new Error('no event');
    return one;
  };

  it('are one, proved by the log file, in order of time, whatever order they came in', () => {
    const early = '2026-03-10T11:00:00Z';
    const late = '2026-03-10T12:00:00Z';
    const all = [
      event('b', late, 'api', 'event history of us-east-1'),
      event('b', late, 'log', 's3://logs/2'),
      event('b', late, 'log', 's3://logs/1'),
      event('c', early, 'api', 'event history of us-east-1'),
      event('a', late, 'api', 'event history of us-east-1'),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        const merged = mergeEvents(shuffled).map(({ eventId, proof: { place } }) => [
          eventId,
          place,
        ]);
        expect(merged).toEqual([
          ['c', 'event history of us-east-1'],
          ['a', 'event history of us-east-1'],
          ['b', 's3://logs/1'],
        ]);
      }),
    );
  });

  it('reads like a sentence, and says where the proof lies', () => {
    const at = '2026-03-10T12:00:00Z';
    const one = event('e-1', at, 'log', 's3://logs/1');
    expect(describeEvent(one)).toBe(
      `StopLogging by arn:aws:iam::${OWNER}:user/eve from 198.51.100.7 with aws-cli/2.15 at ${at}`,
    );
    expect(eventFacts(one)).toMatchObject({
      eventId: 'e-1',
      time: at,
      proof: 'verified log file s3://logs/1',
    });
    expect(eventFacts(event('e-1', at, 'api', 'event history of us-east-1'))).toMatchObject({
      proof: 'CloudTrail’s event history of us-east-1',
    });
  });

  it('names what was switched', () => {
    const one = read(record('UpdateTrail', { responseElements: answer }));
    expect(one && describeEvent(one)).toMatch(
      /^UpdateTrail \(validation off, all Regions on, organization off\) by /,
    );
  });
});

const data = new URL('../../../shared/data/', import.meta.url);
const present = existsSync(data);
if (!present)
  console.warn(
    'real records skipped: samples of real events, which are not in the repository, are not beside the checkout',
  );

describe.skipIf(!present)('real records', () => {
  const folder = new URL('logs/', data);
  const records = present
    ? readdirSync(folder).flatMap((name) => {
        const text = gunzipSync(readFileSync(new URL(name, folder))).toString('utf8');
        return (JSON.parse(text) as { Records: Fields[] }).Records;
      })
    : [];
  /** The events of a trail as its own account would read them. */
  function eventsOf(name: string, bucket = 'none'): string[] {
    const accountId = String(records[0]?.['recipientAccountId']);
    const arn = `arn:aws:cloudtrail:us-east-1:${accountId}:trail/${name}`;
    const trail = { arn, name, homeRegion: 'us-east-1', accountId };
    const read = records.flatMap(
      (one) => readTrailEvent(one, { trail, buckets: [bucket] }, proof) ?? [],
    );
    return mergeEvents(read).map((one) => one.name);
  }

  it('StopLogging and StartLogging that failed do not count', () => {
    const name = 'stratus-red-team-ct-stop-trail-qzbgnfqisx';
    const named = records.filter((one) =>
      JSON.stringify(one['requestParameters'] ?? '').includes(name),
    );
    expect(named.map((one) => one['eventName'])).toContain('StopLogging');
    expect(eventsOf(name)).toEqual([]);
  });

  it('a trail’s life is read in order', () => {
    expect(
      eventsOf('stratus-red-team-ctlr-trail-zqfsvooxqj', 'stratus-red-team-ctlr-bucket-zqfsvooxqj'),
    ).toEqual([
      'PutBucketPolicy',
      'CreateTrail',
      'StartLogging',
      'PutBucketLifecycle',
      'DeleteBucketLifecycle',
      'DeleteTrail',
      'DeleteBucket',
    ]);
  });

  it('published StopLogging and DeleteTrail records are read', () => {
    for (const [file, expected] of [
      ['stop', 'StopLogging'],
      ['delete', 'DeleteTrail'],
      ['event-selectors', 'PutEventSelectors'],
    ] as const) {
      const text = readFileSync(
        new URL(`trail-events/stratus-cloudtrail-${file}.json`, data),
        'utf8',
      );
      const names = (JSON.parse(text) as Fields[]).map((one) => {
        const request = one['requestParameters'] as Record<string, string>;
        const name = request['name'] ?? request['trailName'] ?? '';
        const trail = {
          arn: name,
          name: name.slice(name.lastIndexOf('/') + 1),
          homeRegion: String(one['awsRegion']),
          accountId: String(one['recipientAccountId']),
        };
        // An answer names the trail by ARN, which these anonymised ones have right.
        const answered = one['responseElements'] as Record<string, string> | null;
        const arn = answered?.['trailARN'] ?? trail.arn;
        return readTrailEvent(one, { trail: { ...trail, arn }, buckets: [] }, proof)?.name;
      });
      expect(names).toContain(expected);
    }
  });
});
