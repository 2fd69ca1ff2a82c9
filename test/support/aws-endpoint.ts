/**
 * A loopback endpoint that speaks enough S3 (path-style) and CloudTrail for the AWS SDK and the
 * AWS CLI. It checks no signatures; it only reads the Region they are scoped to.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerS3, errorXml, Refused, refused, type Reply, type S3Call } from './s3-xml.js';
import { mulberry32 } from './trail-builder.js';
import type { TrailEntry, World } from './world.js';

export type FaultKind = 'slowdown' | 'internal' | 'reset' | 'cut' | 'throttle' | 'stall';

export interface EndpointOptions {
  /** Delay before each answer. */
  readonly latencyMs?: number;
  /** Keys on a page of a listing, at most. */
  readonly pageSize?: number;
  /** Keys on a page of ListPublicKeys, which has no pages otherwise. */
  readonly keyPageSize?: number;
  readonly faults?: {
    readonly rate: number;
    readonly seed: number;
    readonly kinds?: readonly FaultKind[];
  };
  /** The service's clock, in its answers and its Date header. */
  readonly now?: Date;
  /** Operations answered with AccessDenied. */
  readonly denied?: readonly string[];
  /** Refuse S3 requests signed for another Region than the bucket's. */
  readonly checkRegion?: boolean;
  /** How they're refused: 301 PermanentRedirect, or 400 AuthorizationHeaderMalformed. */
  readonly redirectAs?: 'redirect' | 'malformed';
  /** Bucket → what GetBucketLocation answers literally. */
  readonly locations?: ReadonlyMap<string, string>;
  /** `false`: no `x-amz-bucket-region` anywhere, as from old S3-compatible servers. */
  readonly bucketRegionHeader?: boolean;
}

export interface LogEntry {
  readonly operation: string;
  readonly region?: string;
  readonly bucket?: string;
  readonly key?: string;
  /** 0: the connection was reset, or never answered. */
  readonly status: number;
}

export interface Endpoint {
  readonly url: string;
  /** Operation → times asked. */
  readonly requests: Map<string, number>;
  readonly peak: { readonly inFlight: number };
  /** The last 10,000 requests. */
  readonly log: readonly LogEntry[];
  /** Changes the options given; the faults start over. */
  set(options: Partial<EndpointOptions>): void;
  close(): Promise<void>;
}

const DEFAULT_FAULTS: readonly FaultKind[] = ['slowdown', 'internal', 'reset', 'cut', 'throttle'];
const MAX_LOG = 10_000;
const LIST_PARAMETERS = new Set(
  'prefix delimiter marker max-keys encoding-type list-type continuation-token start-after fetch-owner x-id location'.split(
    ' ',
  ),
);

interface Call extends S3Call {
  readonly json: boolean;
  /** The request's body. */
  readonly input: string;
}

function callOf(request: IncomingMessage, input: string): Call {
  const scope = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '');
  const region = scope?.[1] === undefined ? {} : { region: scope[1] };
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') {
    const operation = target.slice(target.lastIndexOf('.') + 1);
    return { operation, json: true, ...region, query: new URLSearchParams(), input };
  }
  // Not through `URL`, which would rewrite keys with `..` or `//` in them.
  const [, path = '', search = ''] = /^\/([^?]*)\??(.*)$/s.exec(request.url ?? '') ?? [];
  const slash = path.indexOf('/');
  const bucket = decodeURIComponent(slash < 0 ? path : path.slice(0, slash));
  const key = slash < 0 ? '' : decodeURIComponent(path.slice(slash + 1));
  const query = new URLSearchParams(search);
  const operation = s3Operation(request.method ?? '', bucket, key, query);
  const where = { ...(bucket && { bucket }), ...(key && { key }) };
  return { operation, json: false, ...region, ...where, query, input };
}

function s3Operation(method: string, bucket: string, key: string, query: URLSearchParams): string {
  const parameters = [...query.keys()];
  if (key !== '' && parameters.every((name) => name === 'x-id')) {
    if (method === 'GET') return 'GetObject';
    if (method === 'HEAD') return 'HeadObject';
  } else if (bucket !== '' && parameters.every((name) => LIST_PARAMETERS.has(name))) {
    if (method === 'HEAD') return 'HeadBucket';
    if (method === 'GET' && query.has('location')) return 'GetBucketLocation';
    if (method === 'GET') return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
  }
  return 'NotImplemented';
}

interface Input {
  readonly Name?: string;
  readonly trailNameList?: readonly string[];
  readonly includeShadowTrails?: boolean;
  readonly StartTime?: number;
  readonly EndTime?: number;
  readonly NextToken?: string;
}

function answerJson(world: World, options: EndpointOptions, call: Call): object {
  const { operation, region = 'us-east-1' } = call;
  const input = JSON.parse(call.input || '{}') as Input;
  if (options.denied?.includes(operation)) {
    throw refused(400, 'AccessDeniedException', `not authorized to perform: ${operation}`);
  }
  const atHome = (trail: TrailEntry) => trail.HomeRegion === region;
  const visible = (trail: TrailEntry) => atHome(trail) || trail.IsMultiRegionTrail;
  // A shadow trail goes by its ARN only.
  const named = (trail: TrailEntry, name: string) =>
    trail.TrailARN === name || (trail.Name === name && atHome(trail));
  const trailNamed = (name = '') => {
    const trail = world.trails.find((one) => visible(one) && named(one, name));
    if (!trail) throw refused(400, 'TrailNotFoundException', `Unknown trail: ${name}`);
    return trail;
  };
  switch (operation) {
    case 'DescribeTrails': {
      const names = input.trailNameList ?? [];
      const seen = world.trails.filter(input.includeShadowTrails === false ? atHome : visible);
      const wanted = (trail: TrailEntry) => names.some((name) => named(trail, name));
      return { trailList: names.length === 0 ? seen : seen.filter(wanted) };
    }
    case 'GetTrail':
      return { Trail: trailNamed(input.Name) };
    case 'GetTrailStatus': {
      const { TrailARN } = trailNamed(input.Name);
      const status = world.status.get(region);
      if (!status) throw refused(400, 'TrailNotFoundException', `Unknown trail: ${TrailARN}`);
      return status;
    }
    case 'ListPublicKeys':
      return publicKeys(world, options, region, input);
    case 'DescribeOrganization':
      if (world.organizationId === undefined) {
        throw refused(400, 'AWSOrganizationsNotInUseException', 'not a member of an organization');
      }
      return { Organization: { Id: world.organizationId } };
    default:
      throw refused(400, 'UnknownOperationException', operation);
  }
}

function publicKeys(world: World, options: EndpointOptions, region: string, input: Input): object {
  const now = (options.now?.getTime() ?? Date.now()) / 1000;
  const { StartTime: start = now, EndTime: end = now, NextToken: token = '0' } = input;
  if (start > end) throw refused(400, 'InvalidTimeRangeException', 'StartTime is after EndTime');
  const all = world.keys.get(region) ?? [];
  const keys = all.filter((key) => key.ValidityStartTime <= end && key.ValidityEndTime >= start);
  const from = Number(token);
  if (!Number.isInteger(from) || from < 0) throw refused(400, 'InvalidTokenException');
  const to = from + (options.keyPageSize ?? keys.length);
  const next = to < keys.length ? { NextToken: String(to) } : {};
  return { PublicKeyList: keys.slice(from, to), ...next };
}

const FAULTS = {
  slowdown: { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' },
  internal: { status: 500, code: 'InternalError', message: 'We encountered an internal error.' },
  throttle: { status: 400, code: 'ThrottlingException', message: 'Rate exceeded' },
} as const;

function answer(world: World, options: EndpointOptions, call: Call, fault?: FaultKind): Reply {
  const type = { 'content-type': call.json ? 'application/x-amz-json-1.1' : 'application/xml' };
  try {
    if (fault === 'slowdown') throw new Refused(FAULTS[call.json ? 'throttle' : 'slowdown']);
    if (fault === 'internal' || fault === 'throttle') throw new Refused(FAULTS[fault]);
    if (!call.json) return answerS3(world, options, call);
    return { status: 200, headers: type, body: JSON.stringify(answerJson(world, options, call)) };
  } catch (error) {
    const { refusal, message, headers, fields } =
      error instanceof Refused ? error : refused(500, 'InternalError', String(error));
    const { status, code } = refusal;
    const body = call.json
      ? JSON.stringify({ __type: code, message })
      : errorXml({ Code: code, Message: message, ...fields });
    return { status, headers: { ...type, ...headers }, body };
  }
}

function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** Drawn from what is asked and how often it was, so the order of parallel requests is no matter. */
function faultDrawer(faults: EndpointOptions['faults']): (call: Call) => FaultKind | undefined {
  if (!faults || faults.rate <= 0) return () => undefined;
  const { rate, seed, kinds = DEFAULT_FAULTS } = faults;
  const times = new Map<string, number>();
  return ({ operation, region, bucket, key, query, input }) => {
    const identity = JSON.stringify([operation, region, bucket, key, query.toString(), input]);
    const time = times.get(identity) ?? 0;
    times.set(identity, time + 1);
    const random = mulberry32(textHash(`${seed} ${time} ${identity}`));
    return random() < rate ? kinds[Math.floor(random() * kinds.length)] : undefined;
  };
}

export async function startEndpoint(
  world: World,
  initial: EndpointOptions = {},
): Promise<Endpoint> {
  let options = initial;
  let drawFault = faultDrawer(options.faults);
  const requests = new Map<string, number>();
  const log: LogEntry[] = [];
  const peak = { inFlight: 0 };
  let inFlight = 0;
  let answered = 0;

  const respond = (request: IncomingMessage, response: ServerResponse, call: Call): void => {
    const fault = drawFault(call);
    const reply = answer(world, options, call, fault);
    const body = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body;
    const half = body.subarray(0, body.length >>> 1);
    const partial = half.length > 0 && request.method !== 'HEAD';
    const cut =
      fault === 'cut' && partial && call.operation === 'GetObject' && reply.status === 200;
    const reset = fault === 'reset' || (fault === 'cut' && !cut);
    const silent = fault === 'stall' && !partial;

    const { operation, region, bucket, key } = call;
    log.push({
      operation,
      ...(region !== undefined && { region }),
      ...(bucket !== undefined && { bucket }),
      ...(key !== undefined && { key }),
      status: reset || silent ? 0 : reply.status,
    });
    if (log.length > MAX_LOG) log.shift();

    if (reset) request.socket.resetAndDestroy();
    if (reset || silent) return;
    const id = (++answered).toString(16).toUpperCase().padStart(16, '0');
    const length = body.length > 0 ? { 'content-length': body.length } : {};
    response.writeHead(reply.status, {
      ...(options.now && { date: options.now.toUTCString() }),
      [call.json ? 'x-amzn-requestid' : 'x-amz-request-id']: id,
      ...(request.method === 'HEAD' ? {} : length),
      ...reply.headers,
    });
    if (cut) response.write(half, () => request.socket.destroy());
    else if (fault === 'stall') response.write(half);
    else response.end(request.method === 'HEAD' ? undefined : body);
  };

  const handle = (request: IncomingMessage, response: ServerResponse, input: string): void => {
    let call: Call;
    try {
      call = callOf(request, input);
    } catch {
      response.writeHead(400).end();
      return;
    }
    requests.set(call.operation, (requests.get(call.operation) ?? 0) + 1);
    const { latencyMs = 0 } = options;
    if (latencyMs <= 0) {
      respond(request, response, call);
      return;
    }
    const timer = setTimeout(respond, latencyMs, request, response, call);
    response.once('close', () => clearTimeout(timer));
  };

  const server = createServer((request, response) => {
    peak.inFlight = Math.max(peak.inFlight, ++inFlight);
    response.once('close', () => inFlight--);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => handle(request, response, Buffer.concat(chunks).toString()));
  });
  // Idle connections outlive any pause of a test, so none is closed under a request.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    peak,
    log,
    set: (changed) => {
      options = { ...options, ...changed };
      drawFault = faultDrawer(options.faults);
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
