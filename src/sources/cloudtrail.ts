import type {
  CloudTrailClient,
  CloudTrailClientConfig,
  PublicKey,
} from '@aws-sdk/client-cloudtrail';
import type { PublicKeyRecord } from '../core/public-key.js';
import type { Instant, TimeRange } from '../core/timestamp.js';
import { cloudtrail } from './aws-sdk.js';
import { requireCredentials } from './credentials.js';
import { trustOnlyCloudTrail } from './cloudtrail-answer.js';
import { createKeySource, type ListKeys } from './key-source.js';
import {
  RunError,
  UnansweredError,
  type KeySource,
  type TrailDescription,
  type TrailSource,
} from './ports.js';
import { searchHistory } from './event-history.js';
import { whatIsLeftOut } from './event-selectors.js';
import { createPacer } from './pace.js';
import {
  answered,
  DEFAULT_RETRY,
  inWords,
  isOfCredentials,
  isPassing,
  isUnanswered,
  isUnreached,
  unreached,
  serviceError,
  withRetry,
  type RetryPolicy,
} from './retry.js';
import { describeTrail, readTrailStatus } from './trail.js';

export interface CloudTrailSourceOptions {
  readonly client?: CloudTrailClientConfig;
  /** The profile whose credentials are taken, for what is said where there are none. */
  readonly profile?: string | undefined;
  readonly retry?: RetryPolicy;
  readonly signal?: AbortSignal;
  /** Milliseconds between two LookupEvents in a Region; the default keeps CloudTrail's 2 a second. */
  readonly lookupPauseMs?: number;
}

/** CloudTrail, and what frees it. */
export type CloudTrailSource = TrailSource &
  KeySource & {
    readonly listKeys: ListKeys;
    /** Throws `RunError` where there are no credentials. */
    ready(region: string): Promise<void>;
    close(): void;
  };

/** A Region may be closed to the caller or have no endpoint: asking it must not take minutes. */
const STATUS_ATTEMPTS = 3;

/** A service that gives a new token forever must not hold the run up. */
const MAX_PAGES = 100;

/** Where a request goes, without what is asked. */
function endpointOf(request: unknown): string {
  const {
    protocol = '',
    hostname = '',
    port,
  } = request as {
    protocol?: string;
    hostname?: string;
    port?: number;
  };
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
}

function record(entry: PublicKey): PublicKeyRecord[] {
  const { Value, Fingerprint, ValidityStartTime, ValidityEndTime } = entry;
  if (!Value || Fingerprint === undefined) return [];
  const seconds = (date: Date): Instant => Math.floor(date.getTime() / 1000);
  return [
    {
      value: Value,
      fingerprint: Fingerprint.toLowerCase(),
      ...(ValidityStartTime ? { validityStart: seconds(ValidityStartTime) } : {}),
      ...(ValidityEndTime ? { validityEnd: seconds(ValidityEndTime) } : {}),
    },
  ];
}

/**
 * CloudTrail through the AWS SDK: trails, and public keys in each digest's own Region (SPEC 5: keys
 * are a Region's, not an account's).
 */
export function createCloudTrailSource(options: CloudTrailSourceOptions): CloudTrailSource {
  const { retry = DEFAULT_RETRY, signal, lookupPauseMs = 550 } = options;
  const brief: RetryPolicy = { ...retry, attempts: Math.min(retry.attempts, STATUS_ATTEMPTS) };
  const clients = new Map<string, CloudTrailClient>();
  const endpoints = new Map<string, string>();
  let serverDate: { at: Instant; seen: number } | undefined;
  const clientIn = (region: string): CloudTrailClient => {
    const known = clients.get(region);
    if (known) return known;
    const client = new cloudtrail.CloudTrailClient({ ...options.client, region, maxAttempts: 1 });
    client.middlewareStack.add(
      (next) => async (args) => {
        // A new connection could hold an interrupted run up.
        signal?.throwIfAborted();
        endpoints.set(region, endpointOf(args.request));
        const result = await next(args);
        const { headers } = result.response as { headers?: Record<string, string> };
        const date = Date.parse(headers?.['date'] ?? '');
        if (!Number.isNaN(date)) serverDate = { at: Math.floor(date / 1000), seen: Date.now() };
        return result;
      },
      { step: 'deserialize', name: 'validateTrailClock', priority: 'low' },
    );
    trustOnlyCloudTrail(client);
    clients.set(region, client);
    return client;
  };
  signal?.addEventListener('abort', () => {
    for (const client of clients.values()) client.destroy();
  });

  const listKeys = async (
    region: string,
    range: Partial<TimeRange>,
  ): Promise<PublicKeyRecord[]> => {
    const records: PublicKeyRecord[] = [];
    const seen = new Set<string>();
    let token: string | undefined;
    do {
      const page = await withRetry(
        retry,
        () =>
          clientIn(region).send(
            new cloudtrail.ListPublicKeysCommand({
              ...(range.start === undefined ? {} : { StartTime: new Date(range.start * 1000) }),
              ...(range.end === undefined ? {} : { EndTime: new Date(range.end * 1000) }),
              ...(token === undefined ? {} : { NextToken: token }),
            }),
          ),
        signal,
      );
      for (const entry of page.PublicKeyList ?? []) records.push(...record(entry));
      token = page.NextToken;
      // A list that never ends is no list: a key that it lacks could not be called unknown.
      if (token !== undefined && (seen.has(token) || seen.size >= MAX_PAGES)) {
        throw new Error('the list of public keys does not end');
      }
      if (token !== undefined) seen.add(token);
    } while (token !== undefined);
    return records;
  };

  const keysOf: ListKeys = async (region, range) => {
    try {
      return { ok: true, keys: await listKeys(region, range) };
    } catch (error) {
      const found = serviceError(error);
      const words = isUnreached(error) ? unreached(error, endpoints.get(region)) : inWords(found);
      const why = `ListPublicKeys in ${region}: ${words}`;
      const mayCome = isPassing(error) || isOfCredentials(found) || found.isForeign;
      return { ok: false, why, mayCome, keys: [] };
    }
  };

  const describe = async (
    nameOrArn: string,
    homeRegion: string,
  ): Promise<TrailDescription | undefined> => {
    const client = clientIn(homeRegion);
    try {
      const answer = await withRetry(
        retry,
        () => client.send(new cloudtrail.DescribeTrailsCommand({ trailNameList: [nameOrArn] })),
        signal,
      );
      const trail = (answer.trailList ?? []).find(
        ({ TrailARN, Name }) => TrailARN === nameOrArn || Name === nameOrArn,
      );
      return trail && describeTrail(trail);
    } catch (error) {
      const found = serviceError(error);
      const unanswered = isUnanswered(found);
      const message = isUnreached(error)
        ? `CloudTrail in ${homeRegion}: ${unreached(error, endpoints.get(homeRegion))}`
        : `CloudTrail in ${homeRegion} does not describe the trail: ${inWords(found)}`;
      if (unanswered) {
        throw new UnansweredError(message, 'check network, proxy and endpoint, or try again later');
      }
      const failed = new RunError(
        message,
        'allow cloudtrail:DescribeTrails, check the credentials, or name the bucket with --s3-bucket',
      );
      try {
        const answer = await client.send(new cloudtrail.GetTrailCommand({ Name: nameOrArn }));
        return answer.Trail && describeTrail(answer.Trail);
      } catch (second) {
        if (/TrailNotFound/.test(serviceError(second).name)) return undefined;
        throw failed;
      }
    }
  };

  const lookupTurn = createPacer(lookupPauseMs, signal);

  return {
    describe,
    ready: (region) => requireCredentials(clientIn(region), options.profile, retry, signal),
    listKeys: keysOf,
    ...createKeySource(keysOf),
    status: (arn, region) =>
      answered(async () => {
        const ask = (): Promise<unknown> =>
          clientIn(region).send(new cloudtrail.GetTrailStatusCommand({ Name: arn }));
        return readTrailStatus(await withRetry(brief, ask, signal));
      }),
    leftOut: (arn, homeRegion) =>
      answered(async () => {
        const ask = (): Promise<unknown> =>
          clientIn(homeRegion).send(new cloudtrail.GetEventSelectorsCommand({ TrailName: arn }));
        return whatIsLeftOut(await withRetry(retry, ask, signal));
      }),
    trails: (region) =>
      answered(async () => {
        const { trailList = [] } = await withRetry(
          retry,
          () => clientIn(region).send(new cloudtrail.DescribeTrailsCommand({})),
          signal,
        );
        return trailList.flatMap((trail) => describeTrail(trail) ?? []);
      }),
    lookup: (region, eventNames, range) =>
      searchHistory(eventNames, (name, token) =>
        withRetry(
          retry,
          async () => {
            await lookupTurn(region);
            return clientIn(region).send(
              new cloudtrail.LookupEventsCommand({
                LookupAttributes: [{ AttributeKey: 'EventName', AttributeValue: name }],
                StartTime: new Date(range.start * 1000),
                EndTime: new Date(range.end * 1000),
                MaxResults: 50,
                ...(token === undefined ? {} : { NextToken: token }),
              }),
            );
          },
          signal,
        ),
      ),
    now: async (homeRegion) => {
      if (!serverDate) await listKeys(homeRegion, {}).catch(() => undefined);
      const local = Date.now();
      if (!serverDate) return Math.floor(local / 1000);
      return serverDate.at + Math.floor((local - serverDate.seen) / 1000);
    },
    close: () => {
      for (const client of clients.values()) client.destroy();
    },
  };
}
