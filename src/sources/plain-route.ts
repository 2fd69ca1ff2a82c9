/** How the AWS SDK would ask a bucket, learnt from the SDK itself. */
import type { S3Client } from '@aws-sdk/client-s3';
import { s3 } from './aws-sdk.js';
import { OF_LISTINGS, OF_OBJECTS, queryOf, type PlainRequest, type Way } from './plain-request.js';
import { createSigner, escapeKey } from './sigv4.js';

/** Everything that an encoding may stumble over: the SDK must write it as we do. */
const PROBE =
  Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('') +
  '/./../ a//\u00e9\u20ac\u{1f600}\u0001\u007f/';

/** Headers of single requests, which differ each time and which S3 has no use for. */
const PER_REQUEST = /^(amz-sdk-.*|x-amz-user-agent)$/;
/** Headers that the signer writes. */
const WRITTEN = ['authorization', 'x-amz-date', 'x-amz-security-token'];
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=[^/]*\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=(\S+), Signature=[0-9a-f]{64}$/;

/** Ends a request that the SDK has built and signed; nothing of it was sent. */
class NotSent extends Error {
  readonly request: unknown;
  constructor(request: unknown) {
    super('not sent');
    this.request = request;
  }
}

/** Of either kind: what is done with it doesn't depend on that. */
type Command = InstanceType<typeof s3.GetObjectCommand>;

/** The SDK's own request, built and signed but not sent. */
async function dryRun(client: S3Client, command: Command): Promise<PlainRequest> {
  command.middlewareStack.add(
    () =>
      ({ request }) =>
        Promise.reject(new NotSent(request)),
    {
      step: 'deserialize',
      priority: 'low',
      name: 'dryRun',
    },
  );
  try {
    await client.send(command);
  } catch (error) {
    if (error instanceof NotSent) return error.request as PlainRequest;
    throw error;
  }
  throw new Error('the request was sent');
}

/** Milliseconds of an `x-amz-date`. */
const timeOf = (date = ''): number =>
  Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

const pick = (
  headers: Readonly<Record<string, string>>,
  wanted: (name: string) => boolean,
): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => wanted(name)));

/**
 * Learns host, path, Region and headers from a request that the SDK builds, signs and doesn't send.
 * `undefined` where that request is of another kind (another way of signing, another encoding, more
 * than a path, `query` and fixed headers): then only the SDK may ask. Our own signature of the same
 * request must be the SDK's, so no other is ever sent.
 */
async function learn(
  client: S3Client,
  command: Command,
  query: Readonly<Record<string, string>>,
): Promise<Way | undefined> {
  const model = await dryRun(client, command);
  const { protocol, hostname, port, path, headers } = model;
  const [, region, service, list] = AUTHORIZATION.exec(headers['authorization'] ?? '') ?? [];
  if (region === undefined || service !== 's3' || list === undefined) return undefined;
  const own = queryOf(query);
  const isPlain =
    model.method === 'GET' && /^https?:$/.test(protocol) && queryOf(model.query ?? {}) === own;
  if (!isPlain) return undefined;
  const signedNames = new Set(list.split(';').filter((name) => !WRITTEN.includes(name)));
  const whole = createSigner({
    region,
    service,
    headers: pick(headers, (name) => signedNames.has(name)),
  });
  const credentials = await client.config.credentials();
  const signed = whole(path, own, credentials, timeOf(headers['x-amz-date']));
  if (!WRITTEN.every((name) => signed[name] === headers[name])) return undefined;

  const kept = (name: string): boolean => !PER_REQUEST.test(name) && !WRITTEN.includes(name);
  return {
    protocol,
    hostname,
    port,
    region,
    service,
    path,
    signed: pick(headers, (name) => kept(name) && signedNames.has(name)),
    unsigned: pick(headers, (name) => kept(name) && !signedNames.has(name)),
  };
}

/** Learns how to ask a bucket for objects by their keys. */
export async function learnObjects(client: S3Client, bucket: string): Promise<Way | undefined> {
  const command = new s3.GetObjectCommand({ Bucket: bucket, Key: PROBE });
  const learnt = await learn(client, command, OF_OBJECTS);
  const tail = escapeKey(PROBE);
  if (learnt?.path.endsWith(tail) !== true) return undefined;
  return { ...learnt, path: learnt.path.slice(0, learnt.path.length - tail.length) };
}

/** Learns how to ask a bucket for pages of its listing. */
export async function learnListings(client: S3Client, bucket: string): Promise<Way | undefined> {
  const command = new s3.ListObjectsV2Command({
    Bucket: bucket,
    Prefix: PROBE,
    Delimiter: PROBE,
    ContinuationToken: PROBE,
    EncodingType: 'url',
  });
  return learn(client, command as unknown as Command, {
    ...OF_LISTINGS,
    prefix: PROBE,
    delimiter: PROBE,
    'continuation-token': PROBE,
  });
}
