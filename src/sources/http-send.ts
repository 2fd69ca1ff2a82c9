/** Sending a GET through the connections of the AWS client's own HTTP handler, past its machinery. */
import type { S3Client } from '@aws-sdk/client-s3';
import { request as httpRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import type { PlainRequest } from './plain-request.js';

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

type Handler = S3Client['config']['requestHandler'];

/** Bounds of a request's time. */
export interface Timeouts {
  /** Milliseconds until there is a connection, and until the answer begins. */
  readonly connectionTimeout?: number;
  readonly requestTimeout?: number;
}

/** What the SDK's handler sends with, once it has sent anything. */
interface Settings extends Timeouts {
  readonly httpAgent?: unknown;
  readonly httpsAgent?: unknown;
}

class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** Calls back unless stopped before; no time is no limit. */
function after(ms: number, call: () => void): () => void {
  if (ms <= 0) return () => undefined;
  const timer = setTimeout(call, ms);
  return () => {
    clearTimeout(timer);
  };
}

/** Sends a request through an agent. Throws what the connection does. */
export async function sendThrough(
  agent: HttpAgent,
  timeouts: Timeouts,
  request: PlainRequest,
): Promise<HttpAnswer> {
  const answer = await exchange(agent, timeouts, request);
  const headers = answer.headers as HttpAnswer['headers'];
  return { statusCode: answer.statusCode ?? 0, headers, body: answer };
}

function exchange(
  agent: HttpAgent,
  { connectionTimeout = 0, requestTimeout = 0 }: Timeouts,
  { protocol, hostname, port, path, headers }: PlainRequest,
): Promise<IncomingMessage> {
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    const sent = send({ host, port, path, headers: { ...headers }, agent });
    const stop = after(requestTimeout, () => {
      sent.destroy(new TimeoutError(`no answer within ${requestTimeout} ms`));
    });
    sent.once('response', (answer) => {
      stop();
      resolve(answer);
    });
    sent.on('error', (error) => {
      stop();
      reject(error);
    });
    // An answer that would go on in another protocol (101) is none, and no error either.
    sent.once('upgrade', (answer, socket) => {
      stop();
      socket.destroy();
      reject(new ProtocolError(`answered with status ${answer.statusCode ?? 'unknown'}`));
    });
    sent.once('socket', (socket) => {
      if (!socket.connecting) return;
      const connected = after(connectionTimeout, () => {
        sent.destroy(new TimeoutError(`no connection within ${connectionTimeout} ms`));
      });
      socket.once('connect', connected);
      sent.once('close', connected);
    });
    sent.end();
  });
}

/**
 * Sends a request. Throws what the connection does. Handlers of another kind than Node's own, and
 * those that have made no connections yet, send by themselves.
 */
export async function sendGet(handler: Handler, request: PlainRequest): Promise<HttpAnswer> {
  const { httpHandlerConfigs: settingsOf } = handler as { httpHandlerConfigs?: () => Settings };
  const settings = settingsOf?.call(handler) ?? {};
  const agent = request.protocol === 'https:' ? settings.httpsAgent : settings.httpAgent;
  if (!(agent instanceof HttpAgent)) {
    // What the handler asks of a request is in it; the class that its type names isn't exported.
    const answer = (await handler.handle(request as never)) as unknown as { response: HttpAnswer };
    return answer.response;
  }
  return sendThrough(agent, settings, request);
}
