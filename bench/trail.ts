/**
 * The trail that is validated: keys, digest files and CloudTrail's answers, all made in memory from
 * a few numbers. Digest files are linked and signed with a test key as CloudTrail signs.
 */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { logBodies, randomFrom } from './log-bodies.js';

/** What a trail is made of. */
export interface Shape {
  /** Compressed bytes of a log file, about. */
  readonly logBytes: number;
  /** Digest files in a chain; before them stands a starting one that lists nothing. */
  readonly hours: number;
  readonly logsPerHour: number;
  /** Three accounts and 17 Regions instead of one chain. */
  readonly organization: boolean;
}

export interface Served {
  readonly body: Buffer;
  /** Names and values in turn, as they are sent. */
  readonly headers: readonly string[];
  /** Of a log file: its hash. */
  readonly hash?: string;
}

export interface Trail {
  readonly bucket: string;
  readonly name: string;
  readonly arn: string;
  readonly accounts: readonly string[];
  readonly regions: readonly string[];
  readonly organizationId: string | undefined;
  /** End of the newest digest file, in epoch seconds. */
  readonly end: number;
  /** In the order of their bytes. */
  readonly keys: readonly string[];
  readonly objects: ReadonlyMap<string, Served>;
  readonly publicKey: { readonly value: string; readonly fingerprint: string };
  /** Means over the distinct log files. */
  readonly mean: { readonly compressed: number; readonly inflated: number };
}

export const HOUR = 3600;
export const ACCOUNTS = ['111122223333', '444455556666', '777788889999'];
/** The Regions that every account has from the start. */
export const REGIONS =
  'ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 eu-central-1 eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2'.split(
    ' ',
  );
export const HOME = 'us-east-1';

const BUCKET = 'trail-bucket';
const NAME = 'main';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** `2026-03-02T10:17:31Z`. */
export const iso = (at: number): string => new Date(at * 1000).toISOString().slice(0, 19) + 'Z';
const stamp = (at: number): string => iso(at).replaceAll(/[-:]/g, '');
const day = (at: number): string => iso(at).slice(0, 10).replaceAll('-', '/');
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function served(body: Buffer, metadata: readonly string[] = []): Served {
  const length = String(body.length);
  const plain = ['content-length', length, 'content-type', 'application/json'];
  return { body, headers: [...plain, 'content-encoding', 'gzip', 'etag', '"0"', ...metadata] };
}

/** Makes the trail of a shape; its newest digest file ended yesterday, a quarter before midnight. */
export function makeTrail(shape: Shape): Trail {
  const random = randomFrom(1);
  const accounts = shape.organization ? ACCOUNTS : ACCOUNTS.slice(0, 1);
  const regions = shape.organization ? REGIONS : [HOME];
  const organizationId = shape.organization ? 'o-exampleorgid' : undefined;
  const end = Math.floor(Date.now() / 86_400_000) * 24 * HOUR - 749;
  const signer = createPrivateKey(
    readFileSync(new URL('../../fixtures/keys/test-key-1.pem', import.meta.url)),
  );
  const der = createPublicKey(signer).export({ type: 'pkcs1', format: 'der' });
  const fingerprint = createHash('md5').update(der).digest('hex');
  const bodies = logBodies(shape.logBytes);
  const logs = bodies.map(({ body, hash }) => ({ ...served(body), hash }));
  const objects = new Map<string, Served>();

  const id = (): string => {
    let text = '';
    for (let at = 0; at < 16; at++) text += LETTERS.charAt(Math.floor(random() * 62));
    return text;
  };
  const folder = (account: string, kind: string, region: string, at: number): string =>
    `AWSLogs/${organizationId === undefined ? '' : `${organizationId}/`}${account}/${kind}/${region}/${day(at)}/`;

  const logEntries = (account: string, region: string, start: number): object[] =>
    Array.from({ length: shape.logsPerHour }, (_, number) => {
      const at = start + Math.floor(((number + 0.5) * HOUR) / shape.logsPerHour);
      const minute = `${stamp(Math.floor(at / 300) * 300).slice(0, 13)}Z`;
      const key = `${folder(account, 'CloudTrail', region, at)}${account}_CloudTrail_${region}_${minute}_${id()}.json.gz`;
      const log = logs[objects.size % logs.length];
      if (!log) throw new Error('no log bodies');
      objects.set(key, log);
      return {
        s3Bucket: BUCKET,
        s3Object: key,
        hashValue: log.hash,
        hashAlgorithm: 'SHA-256',
        newestEventTime: iso(at),
        oldestEventTime: iso(at - 240),
      };
    });

  const chain = (account: string, region: string): void => {
    let previous: { key: string; hash: string; signature: string } | undefined;
    for (let hour = 0; hour <= shape.hours; hour++) {
      const to = end - (shape.hours - hour) * HOUR;
      const entries = hour === 0 ? [] : logEntries(account, region, to - HOUR);
      const key = `${folder(account, 'CloudTrail-Digest', region, to)}${account}_CloudTrail-Digest_${region}_${NAME}_${HOME}_${stamp(to)}.json.gz`;
      const json = JSON.stringify({
        awsAccountId: account,
        digestStartTime: iso(to - HOUR),
        digestEndTime: iso(to),
        digestS3Bucket: BUCKET,
        digestS3Object: key,
        digestPublicKeyFingerprint: fingerprint,
        digestSignatureAlgorithm: 'SHA256withRSA',
        newestEventTime: entries.length > 0 ? iso(to - 60) : null,
        oldestEventTime: entries.length > 0 ? iso(to - HOUR) : null,
        previousDigestS3Bucket: previous ? BUCKET : null,
        previousDigestS3Object: previous?.key ?? null,
        previousDigestHashValue: previous?.hash ?? null,
        previousDigestHashAlgorithm: previous ? 'SHA-256' : null,
        previousDigestSignature: previous?.signature ?? null,
        logFiles: entries,
      });
      const hash = createHash('sha256').update(json).digest('hex');
      const text = `${iso(to)}\n${BUCKET}/${key}\n${hash}\n${previous?.signature ?? 'null'}`;
      const signature = sign('sha256', Buffer.from(text), signer).toString('hex');
      const algorithm = ['x-amz-meta-signature-algorithm', 'SHA256withRSA'];
      objects.set(key, served(gzipSync(json), ['x-amz-meta-signature', signature, ...algorithm]));
      previous = { key, hash, signature };
    }
  };
  for (const account of accounts) for (const region of regions) chain(account, region);

  return {
    ...{ bucket: BUCKET, name: NAME, accounts, regions, organizationId, end, objects },
    arn: `arn:aws:cloudtrail:${HOME}:${ACCOUNTS[0] ?? ''}:trail/${NAME}`,
    keys: [...objects.keys()].sort(),
    publicKey: { value: der.toString('base64'), fingerprint },
    mean: {
      compressed: mean(bodies.map(({ body }) => body.length)),
      inflated: mean(bodies.map(({ inflated }) => inflated)),
    },
  };
}
