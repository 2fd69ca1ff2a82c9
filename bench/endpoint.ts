/**
 * The endpoint, a process of its own: `node endpoint.js SHAPE` prints one line of JSON, an
 * `EndpointFacts`, and serves S3 and CloudTrail on loopback until it is killed. It speaks what the AWS
 * CLI, validate-trail and bare.ts ask, checks no signature, and is cheap, because it shares the
 * machine with what it measures. Under `/-/` it takes the benchmark's own orders.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCloudTrail } from './cloudtrail.js';
import { Latency } from './latency.js';
import { listPage } from './listing.js';
import { makeTrail, type Shape, type Trail } from './trail.js';

/** What the benchmark learns of the endpoint's trail. */
export interface EndpointFacts extends Pick<
  Trail,
  'bucket' | 'arn' | 'accounts' | 'regions' | 'end' | 'mean'
> {
  readonly url: string;
}

/** Since the latency was set. */
export interface EndpointTally {
  readonly requests: number;
  /** GETs of objects among them. */
  readonly objects: number;
  /** The endpoint's own CPU. */
  readonly cpuSeconds: number;
  readonly meanLateMs: number;
}

const trail = makeTrail(JSON.parse(process.argv[2] ?? '{}') as Shape);
const cloudTrail = createCloudTrail(trail);
const latency = new Latency();
const objectPath = `/${trail.bucket}/`;
let requests = 0;
let objects = 0;
let cpu = process.cpuUsage();

type Headers = readonly string[];
const XML: Headers = ['content-type', 'application/xml'];
const JSON_TYPE: Headers = ['content-type', 'application/x-amz-json-1.1'];

function send(
  response: ServerResponse,
  status: number,
  headers: Headers,
  body: Buffer | string | undefined,
): void {
  requests++;
  latency.send(() => response.writeHead(status, headers as string[]).end(body));
}

const failed = (response: ServerResponse, status: number, code: string): void =>
  send(response, status, XML, `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);

function onBucket(response: ServerResponse, query: URLSearchParams): void {
  const plain = (element: string): void =>
    send(response, 200, XML, `<?xml version="1.0"?><${element}/>`);
  if (query.has('location')) plain('LocationConstraint');
  else if (query.has('versioning')) plain('VersioningConfiguration');
  else if (query.has('lifecycle')) failed(response, 404, 'NoSuchLifecycleConfiguration');
  else if (query.has('versions')) failed(response, 501, 'NotImplemented');
  else send(response, 200, XML, listPage(trail, query));
}

function onS3(request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? '/';
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  if (path === objectPath || path === objectPath.slice(0, -1)) {
    if (request.method === 'HEAD') send(response, 200, ['x-amz-bucket-region', 'us-east-1'], '');
    else onBucket(response, new URLSearchParams(at < 0 ? '' : url.slice(at + 1)));
    return;
  }
  const served = trail.objects.get(path.slice(objectPath.length));
  if (!served || !path.startsWith(objectPath)) {
    failed(response, 404, 'NoSuchKey');
    return;
  }
  objects++;
  send(response, 200, served.headers, request.method === 'HEAD' ? undefined : served.body);
}

function onCloudTrail(request: IncomingMessage, response: ServerResponse, target: string): void {
  const scope = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '');
  const operation = target.slice(target.lastIndexOf('.') + 1);
  const { status, json } = cloudTrail(operation, scope?.[1] ?? '');
  request.resume().once('end', () => send(response, status, JSON_TYPE, JSON.stringify(json)));
}

/** `/-/latency/20` sets it and begins a tally, `/-/tally` tells it, `/-/logs?...` lists log files. */
function onOrder(order: URL, response: ServerResponse): void {
  const [, , name = '', value = ''] = order.pathname.split('/');
  if (name === 'latency') {
    latency.set(Number(value));
    requests = objects = 0;
    cpu = process.cpuUsage();
    response.end('{}');
  } else if (name === 'tally') {
    const { user, system } = process.cpuUsage(cpu);
    const { meanLateMs } = latency;
    response.end(
      JSON.stringify({ requests, objects, cpuSeconds: (user + system) / 1e6, meanLateMs }),
    );
  } else {
    const most = Number(order.searchParams.get('most'));
    const logs = [...trail.objects].filter(([, { hash }]) => hash !== undefined).slice(-most);
    response.end(JSON.stringify(logs.map(([key, { hash }]) => [objectPath + key, hash])));
  }
}

const server = createServer((request, response) => {
  const target = request.headers['x-amz-target'];
  if (request.url?.startsWith('/-/') === true)
    onOrder(new URL(request.url, 'http://localhost'), response);
  else if (target === undefined) onS3(request, response);
  else onCloudTrail(request, response, String(target));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const { bucket, arn, accounts, regions, end, mean } = trail;
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const facts: EndpointFacts = { url, bucket, arn, accounts, regions, end, mean };
  process.stdout.write(`${JSON.stringify(facts)}\n`);
});
