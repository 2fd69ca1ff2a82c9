/**
 * A loopback endpoint that speaks enough S3 and CloudTrail for the real AWS SDK and the AWS CLI,
 * with switches for latency, faults and refusals. It checks no signatures; the real S3 servers of
 * real-s3.ts do.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mulberry32 } from './trail-builder.js';
import type { PublicKeyEntry, Refusal, World } from './world.js';

export type FaultKind = 'slowdown' | 'internal' | 'reset' | 'cut' | 'throttle' | 'stall';

export interface EndpointOptions {
  readonly latencyMs?: number;
  /** Keys on a page of a listing. */
  readonly pageSize?: number;
  /** Keys on a page of ListPublicKeys, which then gives tokens. */
  readonly keyPageSize?: number;
  readonly faults?: {
    readonly rate: number;
    readonly seed: number;
    readonly kinds?: readonly FaultKind[];
  };
  /** The service's clock. */
  readonly now?: Date;
  /** Operations that are answered with AccessDenied. */
  readonly denied?: readonly string[];
  /** A missing object is answered with 403, as S3 does where the caller may not list. */
  readonly absentIsForbidden?: boolean;
  /** Answer requests signed for another Region than the bucket's as S3 does. */
  readonly checkRegion?: 'redirect' | 'malformed';
  /** Literal answers of GetBucketLocation. */
  readonly locations?: ReadonlyMap<string, string>;
  /** HeadBucket says the bucket's Region; older servers don't. */
  readonly bucketRegionHeader?: boolean;
}

export interface Endpoint {
  readonly url: string;
  /** Operation → times asked. */
  readonly requests: Map<string, number>;
  readonly peak: { inFlight: number };
  set(options: EndpointOptions): void;
  close(): Promise<void>;
}

const DEFAULT_FAULTS: readonly FaultKind[] = ['slowdown', 'internal', 'reset', 'cut', 'throttle'];

const XML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};
const escapeXml = (text: string): string =>
  text.replace(
    /[&<>"\u0000-\u001f]/g,
    (char) => XML[char] ?? `&#x${char.charCodeAt(0).toString(16)};`,
  );
const encodeKey = (key: string): string =>
  encodeURIComponent(key)
    .replace(/%2F/g, '/')
    .replace(/%20/g, '+')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const etags = new WeakMap<Buffer, string>();
function etagOf(body: Buffer): string {
  let etag = etags.get(body);
  if (etag === undefined) {
    etag = `"${createHash('md5').update(body).digest('hex')}"`;
    etags.set(body, etag);
  }
  return etag;
}

class AwsFault extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;
  constructor(refusal: Refusal, headers: Record<string, string> = {}) {
    super(refusal.message ?? refusal.code);
    this.status = refusal.status;
    this.code = refusal.code;
    this.headers = headers;
  }
}

const fault = (status: number, code: string, message?: string): AwsFault =>
  new AwsFault({ status, code, ...(message === undefined ? {} : { message }) });

/** The Region in a SigV4 credential scope. */
function signingRegion(request: IncomingMessage): string {
  const scope = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '');
  return scope?.[1] ?? 'us-east-1';
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export async function startEndpoint(
  world: World,
  initial: EndpointOptions = {},
): Promise<Endpoint> {
  let options = initial;
  let random = mulberry32(initial.faults?.seed ?? 1);
  const requests = new Map<string, number>();
  const peak = { inFlight: 0 };
  let inFlight = 0;

  const listKeys = (bucket: string, prefix: string): string[] => {
    const objects = world.buckets.get(bucket)?.objects ?? new Map<string, never>();
    const found: string[] = [];
    for (const key of objects.keys()) if (key.startsWith(prefix)) found.push(key);
    return found.sort(compareBytes);
  };

  const listing = (bucket: string, query: URLSearchParams, version: 1 | 2): string => {
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') ?? '';
    const token = query.get('continuation-token');
    const after =
      version === 1
        ? (query.get('marker') ?? '')
        : token === null
          ? (query.get('start-after') ?? '')
          : Buffer.from(token, 'base64').toString('utf8');
    const max = Math.min(Number(query.get('max-keys') ?? 1000), options.pageSize ?? 1000);
    const url = query.get('encoding-type') === 'url';
    const text = (key: string): string => (url ? encodeKey(key) : escapeXml(key));
    const objects = world.buckets.get(bucket)?.objects;
    const entries: string[] = [];
    const folders = new Set<string>();
    let last = '';
    let truncated = false;
    for (const key of listKeys(bucket, prefix)) {
      const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      const folder = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
      const name = folder ?? key;
      if (after !== '' && compareBytes(name, after) <= 0) continue;
      if (folder !== undefined && folders.has(folder)) continue;
      if (entries.length + folders.size >= max) {
        truncated = true;
        break;
      }
      last = name;
      if (folder !== undefined) {
        folders.add(folder);
        continue;
      }
      const object = objects?.get(key);
      const modified = (object?.lastModified ?? new Date('2026-03-10T12:00:00Z')).toISOString();
      entries.push(
        `<Contents><Key>${text(key)}</Key><LastModified>${modified}</LastModified><ETag>"0"</ETag><Size>${object?.body.length ?? 0}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
      );
    }
    const common = [...folders].map(
      (one) => `<CommonPrefixes><Prefix>${text(one)}</Prefix></CommonPrefixes>`,
    );
    const next = truncated
      ? version === 1
        ? `<NextMarker>${text(last)}</NextMarker>`
        : `<NextContinuationToken>${Buffer.from(last).toString('base64')}</NextContinuationToken>`
      : '';
    return (
      `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${escapeXml(bucket)}</Name>` +
      `<Prefix>${text(prefix)}</Prefix>${version === 1 ? `<Marker>${text(after)}</Marker>` : `<KeyCount>${entries.length + folders.size}</KeyCount>`}` +
      `<MaxKeys>${max}</MaxKeys>${url ? '<EncodingType>url</EncodingType>' : ''}<IsTruncated>${truncated}</IsTruncated>${next}` +
      `${entries.join('')}${common.join('')}</ListBucketResult>`
    );
  };

  const checkRegion = (request: IncomingMessage, bucketRegion: string): void => {
    if (options.checkRegion === undefined || signingRegion(request) === bucketRegion) return;
    const headers = { 'x-amz-bucket-region': bucketRegion };
    if (options.checkRegion === 'redirect') {
      throw new AwsFault({ status: 301, code: 'PermanentRedirect' }, headers);
    }
    throw new AwsFault({ status: 400, code: 'AuthorizationHeaderMalformed' }, headers);
  };

  const refuse = (operation: string): void => {
    if (options.denied?.includes(operation) === true)
      throw fault(403, 'AccessDenied', 'Access Denied');
  };

  const s3 = (
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    broken: FaultKind | undefined,
  ): void => {
    const [, bucketPart = '', ...rest] = url.pathname.split('/');
    const bucket = decodeURIComponent(bucketPart);
    const key = decodeURIComponent(rest.join('/'));
    const stored = world.buckets.get(bucket);
    const count = (operation: string): void => {
      requests.set(operation, (requests.get(operation) ?? 0) + 1);
      refuse(operation);
    };
    const xml = (text: string): void => {
      response.writeHead(200, { 'content-type': 'application/xml' }).end(text);
    };
    if (key === '') {
      if (request.method === 'HEAD') {
        count('HeadBucket');
        if (!stored) throw fault(404, 'NoSuchBucket');
        checkRegion(request, stored.region);
        const headers =
          options.bucketRegionHeader === false ? {} : { 'x-amz-bucket-region': stored.region };
        response.writeHead(200, headers).end();
        return;
      }
      if (url.searchParams.has('location')) {
        count('GetBucketLocation');
        if (!stored) throw fault(404, 'NoSuchBucket');
        const region =
          options.locations?.get(bucket) ?? (stored.region === 'us-east-1' ? '' : stored.region);
        xml(
          `<?xml version="1.0"?><LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${region}</LocationConstraint>`,
        );
        return;
      }
      const version = url.searchParams.get('list-type') === '2' ? 2 : 1;
      count(version === 2 ? 'ListObjectsV2' : 'ListObjects');
      if (!stored) throw fault(404, 'NoSuchBucket', 'The specified bucket does not exist');
      checkRegion(request, stored.region);
      if (stored.refuseListing) throw new AwsFault(stored.refuseListing);
      xml(listing(bucket, url.searchParams, version));
      return;
    }
    count('GetObject');
    if (!stored) throw fault(404, 'NoSuchBucket', 'The specified bucket does not exist');
    checkRegion(request, stored.region);
    const object = stored.objects.get(key);
    if (!object && options.absentIsForbidden === true)
      throw fault(403, 'AccessDenied', 'Access Denied');
    if (!object) throw fault(404, 'NoSuchKey', 'The specified key does not exist.');
    if (object.refuse) throw new AwsFault(object.refuse);
    const headers: Record<string, string | number> = {
      'content-length': object.body.length,
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      etag: etagOf(object.body),
      'last-modified': (object.lastModified ?? new Date('2026-03-10T12:00:00Z')).toUTCString(),
    };
    for (const [name, value] of Object.entries(object.metadata ?? {}))
      headers[`x-amz-meta-${name}`] = value;
    response.writeHead(200, headers);
    if (request.method === 'HEAD') {
      response.end();
    } else if (broken === 'cut' || broken === 'stall') {
      response.write(object.body.subarray(0, object.body.length / 2), () => {
        if (broken === 'cut') response.destroy();
      });
    } else response.end(object.body);
  };

  const listPublicKeys = (region: string, input: Record<string, unknown>): object => {
    const now = (options.now?.getTime() ?? Date.now()) / 1000;
    const { StartTime: start, EndTime: end } = input as { StartTime?: number; EndTime?: number };
    const from = start ?? end ?? now;
    const to = end ?? now;
    if (from > to) throw fault(400, 'InvalidTimeRangeException');
    const all: PublicKeyEntry[] = (world.keys.get(region) ?? []).filter(
      (key) => key.ValidityStartTime <= to && key.ValidityEndTime >= from,
    );
    const size = options.keyPageSize ?? all.length;
    const at = Number(input['NextToken'] ?? 0);
    const next = at + size < all.length ? { NextToken: String(at + size) } : {};
    return { PublicKeyList: all.slice(at, at + size), ...next };
  };

  const cloudtrail = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = String(request.headers['x-amz-target']);
    const operation = target.slice(target.lastIndexOf('.') + 1);
    const input = JSON.parse((await bodyOf(request)) || '{}') as Record<string, unknown>;
    requests.set(operation, (requests.get(operation) ?? 0) + 1);
    if (options.denied?.includes(operation) === true)
      throw fault(400, 'AccessDeniedException', 'not authorized');
    const region = signingRegion(request);
    const matches = (name: unknown) => (trail: World['trails'][number]) =>
      (trail.TrailARN === name || trail.Name === name) &&
      (trail.HomeRegion === region || trail.IsMultiRegionTrail);
    const named = (name: unknown): World['trails'][number] => {
      const trail = world.trails.find(matches(name));
      if (!trail) throw fault(400, 'TrailNotFoundException', `Unknown trail: ${String(name)}`);
      return trail;
    };
    const answer = (): object => {
      switch (operation) {
        case 'DescribeTrails': {
          const list = input['trailNameList'] as string[] | undefined;
          const visible = world.trails.filter((trail) => matches(trail.TrailARN)(trail));
          return {
            trailList: list
              ? visible.filter((trail) => list.some((name) => matches(name)(trail)))
              : visible,
          };
        }
        case 'GetTrail':
          return { Trail: named(input['Name']) };
        case 'GetTrailStatus': {
          const status = world.status.get(region);
          if (!status) throw fault(400, 'TrailNotFoundException');
          return status;
        }
        case 'ListPublicKeys':
          return listPublicKeys(region, input);
        case 'DescribeOrganization':
          return { Organization: { Id: world.organizationId } };
        default:
          throw fault(400, 'UnsupportedOperationException', operation);
      }
    };
    response
      .writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
      .end(JSON.stringify(answer()));
  };

  const fail = (response: ServerResponse, error: unknown, json: boolean, head: boolean): void => {
    const { status, code, message, headers } =
      error instanceof AwsFault
        ? error
        : new AwsFault({ status: 500, code: 'InternalError', message: String(error) });
    const type = {
      'content-type': json ? 'application/x-amz-json-1.1' : 'application/xml',
      ...headers,
    };
    const body = json
      ? JSON.stringify({ __type: code, message })
      : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
    response.writeHead(status, type).end(head ? undefined : body);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const json = request.headers['x-amz-target'] !== undefined;
    const head = request.method === 'HEAD';
    response.setHeader('date', (options.now ?? new Date()).toUTCString());
    const { faults } = options;
    const kinds = faults?.kinds ?? DEFAULT_FAULTS;
    const broken =
      faults && random() < faults.rate ? kinds[Math.floor(random() * kinds.length)] : undefined;
    try {
      if (options.latencyMs) await new Promise((resolve) => setTimeout(resolve, options.latencyMs));
      if (broken === 'reset') {
        request.socket.destroy();
        return;
      }
      if (broken === 'internal') throw fault(500, 'InternalError');
      if (broken === 'throttle' || (broken === 'slowdown' && json))
        throw fault(400, 'ThrottlingException', 'Rate exceeded');
      if (broken === 'slowdown') throw fault(503, 'SlowDown', 'Please reduce your request rate.');
      if (json) await cloudtrail(request, response);
      else s3(request, response, new URL(request.url ?? '/', 'http://localhost'), broken);
    } catch (error) {
      fail(response, error, json, head);
    }
  };

  const server = createServer((request, response) => {
    inFlight++;
    peak.inFlight = Math.max(peak.inFlight, inFlight);
    response.once('close', () => {
      inFlight--;
    });
    void handle(request, response);
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    peak,
    set: (next) => {
      options = next;
      random = mulberry32(next.faults?.seed ?? 1);
      requests.clear();
      peak.inFlight = 0;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
