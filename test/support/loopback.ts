/**
 * A loopback endpoint that speaks enough S3 and CloudTrail for the real AWS SDK and the AWS CLI,
 * with switches for latency, faults and refusals. It checks signatures only where it is told to; the
 * real S3 servers of real-s3.ts always do.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCloudTrailService } from './loopback-cloudtrail.js';
import { createS3Service, escapeXml } from './loopback-s3.js';
import { answerSts, isSts } from './loopback-sts.js';
import { checkSignature } from './loopback-sigv4.js';
import { AwsFault, fault, type EndpointOptions, type FaultKind } from './loopback-service.js';
import { mulberry32 } from './trail-builder.js';
import type { World } from './world.js';

export type { EndpointOptions, FaultKind } from './loopback-service.js';

export interface Endpoint {
  readonly url: string;
  /**
   * Operation → times asked; `fault` → requests that met an injected fault instead, `throttled` → those
   * above `throttleAbove`, `plain` and `plainList` → GETs of objects and of
   * listings that the AWS SDK didn't send.
   */
  readonly requests: Map<string, number>;
  readonly peak: { inFlight: number };
  set(options: EndpointOptions): void;
  close(): Promise<void>;
}

const DEFAULT_FAULTS: readonly FaultKind[] = ['slowdown', 'internal', 'reset', 'cut', 'throttle'];

/** Serves a world; requests that write change it. */
export async function startEndpoint(
  world: World,
  initial: EndpointOptions = {},
): Promise<Endpoint> {
  let options = initial;
  let random = mulberry32(initial.faults?.seed ?? 1);
  const requests = new Map<string, number>();
  const peak = { inFlight: 0 };
  let inFlight = 0;

  const count = (operation: string, json: boolean): void => {
    requests.set(operation, (requests.get(operation) ?? 0) + 1);
    if (options.failing?.includes(operation) === true) throw fault(500, 'InternalError');
    if (options.denied?.includes(operation) !== true) return;
    if (json) throw fault(400, 'AccessDeniedException', 'not authorized');
    throw fault(403, 'AccessDenied', 'Access Denied');
  };
  const s3 = createS3Service(world, {
    options: () => options,
    count: (operation) => count(operation, false),
  });
  const cloudtrail = createCloudTrailService(world, {
    options: () => options,
    count: (operation) => count(operation, true),
  });

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

  const handle = async (
    request: IncomingMessage,
    response: ServerResponse,
    underWay: number,
  ): Promise<void> => {
    const json = request.headers['x-amz-target'] !== undefined;
    const head = request.method === 'HEAD';
    response.setHeader('date', (options.now ?? new Date()).toUTCString());
    if (options.answer?.(request, response) === true) return;
    const { faults } = options;
    const kinds = faults?.kinds ?? DEFAULT_FAULTS;
    const broken =
      faults && random() < faults.rate ? kinds[Math.floor(random() * kinds.length)] : undefined;
    if (broken !== undefined) requests.set('fault', (requests.get('fault') ?? 0) + 1);
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
      const { throttleAbove = Infinity, verify } = options;
      if (!json && underWay > throttleAbove) {
        requests.set('throttled', (requests.get('throttled') ?? 0) + 1);
        throw fault(503, 'SlowDown', 'Please reduce your request rate.');
      }
      if (!json && verify) checkSignature(request, verify, options.now ?? new Date());
      if (isSts(request)) {
        count('GetCallerIdentity', false);
        await answerSts(request, response);
      } else if (json) await cloudtrail(request, response);
      else await s3(request, response, broken);
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
    void handle(request, response, inFlight);
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
