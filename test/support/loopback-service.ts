/** What the loopback endpoint's two services share. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Refusal } from './world.js';

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
  /** Operations that are answered with an internal error. */
  readonly failing?: readonly string[];
  /** Regions in which CloudTrail refuses whatever it is asked, as one that isn't enabled does. */
  readonly closedRegions?: readonly string[];
  /** Events on a page of LookupEvents. */
  readonly lookupPageSize?: number;
  /** A missing object is answered with 403, as S3 does where the caller may not list. */
  readonly absentIsForbidden?: boolean;
  /** Answer requests signed for another Region than the bucket's as S3 does. */
  readonly checkRegion?: 'redirect' | 'malformed';
  /** Literal answers of GetBucketLocation. */
  readonly locations?: ReadonlyMap<string, string>;
  /** HeadBucket says the bucket's Region; older servers don't. */
  readonly bucketRegionHeader?: boolean;
  /** S3 answers `503 SlowDown` while more requests than this are under way. */
  readonly throttleAbove?: number;
  /** Access key ID → secret: S3 requests that aren't signed with it are refused. */
  readonly verify?: ReadonlyMap<string, string>;
  /** Answers GETs of objects in place of the service where it gives true. */
  readonly answerGet?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Answers any request in place of the service where it gives true. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** What a service is made of: options may change while it runs. */
export interface Service {
  readonly options: () => EndpointOptions;
  /** Counts a request, and refuses it where the options say so. */
  readonly count: (operation: string) => void;
}

export class AwsFault extends Error {
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

export const fault = (status: number, code: string, message?: string): AwsFault =>
  new AwsFault({ status, code, ...(message === undefined ? {} : { message }) });

/** The Region in a SigV4 credential scope. */
export function signingRegion(request: IncomingMessage): string {
  const scope = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '');
  return scope?.[1] ?? 'us-east-1';
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
