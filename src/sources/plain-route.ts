/** How the AWS SDK would ask a bucket for an object, learnt from the SDK itself. */
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { createSigner, escapeKey, type Sign, type SigningCredentials } from './sigv4.js';

/** A request as the SDK hands it to its HTTP handler. */
export interface PlainRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** The request for a key, signed with credentials at a time in milliseconds. */
export type Route = (key: string, credentials: SigningCredentials, epochMs: number) => PlainRequest;

/** Everything that an encoding may stumble over: the SDK must write it as we do. */
const PROBE =
  Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('') +
  '/./../ a//\u00e9\u20ac\u{1f600}\u0001\u007f/';

/** What the SDK asks of every GET of an object; other questions are the SDK's own. */
const QUERY = 'x-id=GetObject';

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

/** The SDK's own request, built and signed but not sent. */
async function dryRun(client: S3Client, bucket: string): Promise<PlainRequest> {
  const command = new GetObjectCommand({ Bucket: bucket, Key: PROBE });
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

/** Signs `model`'s own path as it was signed, to see that it comes out the same. */
function signsAlike(model: PlainRequest, sign: Sign, credentials: SigningCredentials): boolean {
  const signed = sign(model.path, credentials, timeOf(model.headers['x-amz-date']));
  return WRITTEN.every((name) => signed[name] === model.headers[name]);
}

/**
 * Learns how to ask a bucket for its objects: host, path, Region and headers from a request that the
 * SDK builds, signs and doesn't send. `undefined` where that request is of another kind (another
 * way of signing, another encoding, more than a path and fixed headers): then only the SDK may ask.
 * Our own signature of the same request must be the SDK's, so no other is ever sent.
 */
export async function learnRoute(client: S3Client, bucket: string): Promise<Route | undefined> {
  const model = await dryRun(client, bucket);
  const { protocol, hostname, port, path, query = {}, headers } = model;
  const [, region, service, list] = AUTHORIZATION.exec(headers['authorization'] ?? '') ?? [];
  if (region === undefined || service !== 's3' || list === undefined) return undefined;
  const tail = escapeKey(PROBE);
  const isPlain =
    model.method === 'GET' &&
    /^https?:$/.test(protocol) &&
    path.endsWith(tail) &&
    new URLSearchParams(query).toString() === QUERY;
  if (!isPlain) return undefined;
  const signedNames = new Set(list.split(';').filter((name) => !WRITTEN.includes(name)));
  const shape = { region, service, query: QUERY };
  const whole = createSigner({ ...shape, headers: pick(headers, (name) => signedNames.has(name)) });
  if (!signsAlike(model, whole, await client.config.credentials())) return undefined;

  const kept = (name: string): boolean => !PER_REQUEST.test(name) && !WRITTEN.includes(name);
  const unsigned = pick(headers, (name) => kept(name) && !signedNames.has(name));
  const sign = createSigner({
    ...shape,
    headers: pick(headers, (name) => kept(name) && signedNames.has(name)),
  });
  const before = path.slice(0, path.length - tail.length);
  return (key, credentials, epochMs) => {
    const keyPath = before + escapeKey(key);
    return {
      protocol,
      hostname,
      port,
      method: 'GET',
      path: `${keyPath}?${QUERY}`,
      headers: { ...unsigned, ...sign(keyPath, credentials, epochMs) },
    };
  };
}
