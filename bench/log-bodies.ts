/**
 * Log files as CloudTrail writes them: records in its usual fields, mostly alike, with as much that is
 * random as makes gzip shrink them to about a tenth (a file of a record or two: to less than half).
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

export interface LogBody {
  readonly body: Buffer;
  /** Inflated bytes. */
  readonly inflated: number;
  /** SHA-256 of the inflated bytes, as a digest file lists it. */
  readonly hash: string;
}

/** A generator whose numbers follow from the seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const BUCKETS = ['billing-exports', 'web-assets-production', 'datalake-raw', 'build-artifacts'];
const ROLES = ['deploy', 'etl-nightly', 'web-backend', 'auditor', 'ReadOnlyAccess'];
const CALLS = [
  ['s3.amazonaws.com', 'GetObject'],
  ['s3.amazonaws.com', 'PutObject'],
  ['ec2.amazonaws.com', 'DescribeInstances'],
  ['kms.amazonaws.com', 'Decrypt'],
  ['sts.amazonaws.com', 'AssumeRole'],
] as const;
const AGENTS = [
  '[aws-sdk-java/2.25.11 Linux/5.10.213 OpenJDK_64-Bit_Server_VM/17.0.10 Java/17 vendor/Amazon exec-env/AWS_ECS_FARGATE]',
  '[Boto3/1.34.69 md/Botocore#1.34.69 ua/2.0 os/linux#6.1.79 md/arch#x86_64 lang/python#3.12.2]',
  'config.amazonaws.com',
];

function record(random: () => number, account: string): object {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const hex = (length: number): string => {
    let text = '';
    while (text.length < length)
      text += Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    return text.slice(0, length);
  };
  const role = pick(ROLES);
  const bucket = pick(BUCKETS);
  const [eventSource, eventName] = pick(CALLS);
  const time = `2026-03-02T10:${String(Math.floor(random() * 60)).padStart(2, '0')}:${String(Math.floor(random() * 60)).padStart(2, '0')}Z`;
  return {
    eventVersion: '1.10',
    userIdentity: {
      type: 'AssumedRole',
      principalId: `AROAEXAMPLEROLE${role.length}:${role}-session`,
      arn: `arn:aws:sts::${account}:assumed-role/${role}/${role}-session`,
      accountId: account,
      accessKeyId: `ASIAEXAMPLE${hex(4).toUpperCase()}KEY`,
      sessionContext: {
        sessionIssuer: {
          type: 'Role',
          principalId: `AROAEXAMPLEROLE${role.length}`,
          arn: `arn:aws:iam::${account}:role/${role}`,
          accountId: account,
          userName: role,
        },
        attributes: { creationDate: '2026-03-02T09:58:11Z', mfaAuthenticated: 'false' },
      },
    },
    eventTime: time,
    eventSource,
    eventName,
    awsRegion: 'us-east-1',
    sourceIPAddress: `198.51.100.${Math.floor(random() * 250)}`,
    userAgent: pick(AGENTS),
    requestParameters: {
      bucketName: bucket,
      Host: `${bucket}.s3.us-east-1.amazonaws.com`,
      key: `year=2026/month=03/day=02/part-${hex(8)}.snappy.parquet`,
    },
    responseElements: null,
    additionalEventData: {
      SignatureVersion: 'SigV4',
      CipherSuite: 'TLS_AES_128_GCM_SHA256',
      bytesTransferredIn: 0,
      AuthenticationMethod: 'AuthHeader',
      'x-amz-id-2': Buffer.from(hex(114), 'hex').toString('base64'),
      bytesTransferredOut: Math.floor(random() * 100_000),
    },
    requestID: hex(16).toUpperCase(),
    eventID: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
    readOnly: true,
    resources: [
      { type: 'AWS::S3::Object', ARNPrefix: `arn:aws:s3:::${bucket}/` },
      { accountId: account, type: 'AWS::S3::Bucket', ARN: `arn:aws:s3:::${bucket}` },
    ],
    eventType: 'AwsApiCall',
    managementEvent: false,
    recipientAccountId: account,
    eventCategory: 'Data',
    tlsDetails: {
      tlsVersion: 'TLSv1.3',
      cipherSuite: 'TLS_AES_128_GCM_SHA256',
      clientProvidedHostHeader: `${bucket}.s3.us-east-1.amazonaws.com`,
    },
  };
}

function logBody(random: () => number, records: number): LogBody {
  const json = Buffer.from(
    JSON.stringify({ Records: Array.from({ length: records }, () => record(random, ACCOUNT)) }),
  );
  const hash = createHash('sha256').update(json).digest('hex');
  return { body: gzipSync(json), inflated: json.length, hash };
}

const ACCOUNT = '111122223333';

/**
 * Distinct bodies of about so many compressed bytes. They are few and stand under many keys: a
 * client can't tell, and a million log files need no disk.
 */
export function logBodies(bytes: number): LogBody[] {
  const random = randomFrom(bytes);
  // Sized by samples, of large ones by small samples.
  const size = Math.min(bytes, 100_000);
  let records = 1;
  for (let attempt = 0; attempt < 4; attempt++) {
    const sample = logBody(random, records).body.length;
    records = Math.max(1, Math.round((records * size) / sample));
  }
  records = Math.round((records * bytes) / size);
  const count = Math.max(2, Math.min(256, Math.floor(1_000_000 / bytes)));
  return Array.from({ length: count }, () => logBody(random, records));
}
