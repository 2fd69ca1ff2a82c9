/** What the two AWS clients are made with: credentials, endpoints, connections. */
import type { CloudTrailClientConfig } from '@aws-sdk/client-cloudtrail';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import type { STSClientConfig } from '@aws-sdk/client-sts';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';
import type { Endpoints } from '../core/journal.js';
import type { Timeouts } from './http-send.js';
import { RunError } from './ports.js';

export interface ClientSettings {
  readonly profile?: string | undefined;
  /** CloudTrail's endpoint, and S3's unless that has its own. */
  readonly endpointUrl?: string | undefined;
  readonly s3EndpointUrl?: string | undefined;
  readonly s3ForcePathStyle?: boolean | undefined;
  readonly maxSockets: number;
  /** For the proxy's exceptions: the hosts that will be asked. */
  readonly homeRegion: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeouts?: ClientTimeouts;
}

/** Bounds of a request's time, in milliseconds; also the longest pause between two bytes. */
interface ClientTimeouts extends Timeouts {
  readonly socketTimeout: number;
}
const TIMEOUTS = { connectionTimeout: 10_000, requestTimeout: 20_000, socketTimeout: 30_000 };

/** How a service is reached directly. */
export interface Direct {
  /** Authorities for TLS, where not Node's own. */
  readonly ca?: string;
  readonly timeouts: Timeouts;
}

/** Virtual-host style needs a name per bucket, which an address or `localhost` doesn't have. */
function needsPathStyle(endpoint: string | undefined): boolean {
  if (endpoint === undefined) return false;
  const { hostname } = new URL(endpoint);
  return hostname === 'localhost' || hostname.startsWith('[') || /^[\d.]+$/.test(hostname);
}

function checkUrl(option: string, url: string | undefined): void {
  if (url === undefined) return;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new RunError(`${option}: ${url} is not an http or https URL`);
  }
}

function authorities(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new RunError(`AWS_CA_BUNDLE: ${(error as Error).message}`);
  }
}

/** The agent uses its options for the proxy's own TLS; the service's needs the authorities as well. */
function throughProxy(proxy: string, pool: { ca?: string }): HttpsProxyAgent<string> {
  const agent = new HttpsProxyAgent(proxy, pool);
  Object.assign(agent.options, pool.ca === undefined ? {} : { ca: pool.ca });
  return agent;
}

/** Where CloudTrail and S3 are asked; absent where that is left to AWS. */
export function endpointsOf({
  endpointUrl,
  s3EndpointUrl,
  environment,
}: Pick<ClientSettings, 'endpointUrl' | 's3EndpointUrl' | 'environment'>): Endpoints {
  const common = environment['AWS_ENDPOINT_URL'];
  const cloudtrail = endpointUrl ?? environment['AWS_ENDPOINT_URL_CLOUDTRAIL'] ?? common;
  const s3 = s3EndpointUrl ?? environment['AWS_ENDPOINT_URL_S3'] ?? endpointUrl ?? common;
  return {
    ...(cloudtrail === undefined ? {} : { cloudtrail }),
    ...(s3 === undefined ? {} : { s3 }),
  };
}

/**
 * Client configurations for CloudTrail, S3 and STS: default credential chain, `AWS_ENDPOINT_URL[_S3]`,
 * `AWS_CA_BUNDLE`, `HTTPS_PROXY` and `NO_PROXY` as other AWS tools take them.
 */
export function clientConfigs(settings: ClientSettings): {
  cloudtrail: CloudTrailClientConfig;
  s3: S3ClientConfig;
  sts: STSClientConfig;
  /** How S3 is reached where no proxy lies between. */
  s3Direct: Direct | undefined;
} {
  const { environment, profile, endpointUrl, maxSockets, homeRegion } = settings;
  const { timeouts = TIMEOUTS } = settings;
  checkUrl('--endpoint-url', endpointUrl);
  checkUrl('--s3-endpoint-url', settings.s3EndpointUrl);
  for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL_CLOUDTRAIL']) {
    checkUrl(name, environment[name]);
  }
  const ca = authorities(environment['AWS_CA_BUNDLE']);
  const tls = ca === undefined ? {} : { ca };
  const requestHandler = (target: string): object => {
    const proxy = getProxyForUrl(target);
    const pool = { keepAlive: true, maxSockets, ...tls };
    return {
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets }),
      httpsAgent: proxy === '' ? new HttpsAgent(pool) : throughProxy(proxy, pool),
      ...timeouts,
      throwOnRequestTimeout: true,
      socketAcquisitionWarningTimeout: 3_600_000,
    };
  };
  const s3Endpoint = settings.s3EndpointUrl ?? environment['AWS_ENDPOINT_URL_S3'] ?? endpointUrl;
  const { cloudtrail: cloudtrailHost, s3: s3Host } = endpointsOf(settings);
  const common = profile === undefined ? {} : { profile };
  const s3Target = s3Host ?? `https://s3.${homeRegion}.amazonaws.com`;
  return {
    s3Direct: getProxyForUrl(s3Target) === '' ? { ...tls, timeouts } : undefined,
    cloudtrail: {
      ...common,
      ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }),
      requestHandler: requestHandler(
        cloudtrailHost ?? `https://cloudtrail.${homeRegion}.amazonaws.com`,
      ),
    },
    sts: {
      ...common,
      region: homeRegion,
      ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl }),
      requestHandler: requestHandler(
        environment['AWS_ENDPOINT_URL_STS'] ??
          cloudtrailHost ??
          `https://sts.${homeRegion}.amazonaws.com`,
      ),
    },
    s3: {
      ...common,
      ...(s3Endpoint === undefined ? {} : { endpoint: s3Endpoint }),
      forcePathStyle: settings.s3ForcePathStyle ?? needsPathStyle(s3Host),
      requestHandler: requestHandler(s3Target),
    },
  };
}
