/**
 * An organization trail as a large company has it: three accounts, the 17 default-enabled Regions,
 * four days, a bucket that was changed, keys that were rotated, backfill digest files. `switches`
 * plants what its administrators did lawfully, `tamper` what an intruder did afterwards.
 */
import { gzipSync } from 'node:zlib';
import { defaultRegions } from '../../src/core/regions.js';
import { trailEvent } from './events.js';
import { rewrite } from './lies.js';
import {
  HOUR,
  iso,
  signingKey,
  TrailBuilder,
  type BuiltChain,
  type BuiltLog,
} from './trail-builder.js';

export const ACCOUNTS = ['111122223333', '444455556666', '777788889999'] as const;
export const REGIONS = defaultRegions('aws');
const HOURS = 96;
const BUCKET = 'org-trail-logs';
const OLD_BUCKET = 'org-trail-logs-2025';
const ADMIN = 'arn:aws:iam::111122223333:user/ops';
const MALLORY = 'arn:aws:iam::111122223333:user/mallory';

/** Hours at which the trail was off: its events, and the digest files that are not there. */
const OFF = [
  { from: 20, to: 23, what: 'validation' },
  { from: 50, to: 52, what: 'validation' },
  { from: 70, to: 73, what: 'logging' },
] as const;

export interface OrganizationFacts {
  readonly altered: readonly BuiltLog[];
  readonly deleted: readonly BuiltLog[];
  readonly injected: readonly BuiltLog[];
  readonly removedRegion: string;
  readonly cutRegion: string;
  /** Ends of the digest files that were cut off. */
  readonly cutHours: number;
}

export interface Organization {
  readonly builder: TrailBuilder;
  readonly start: number;
  readonly end: number;
  readonly now: Date;
  readonly from: number;
  /** Stretches without proof that the switches leave in every chain. */
  readonly gaps: readonly { start: number; end: number; cause: string }[];
  readonly facts: OrganizationFacts | undefined;
}

function switchEvents(builder: TrailBuilder, from: number): { at: number; record: object }[] {
  return OFF.flatMap(({ from: off, to: on, what }) => {
    const times = [from + off * HOUR - 600, from + on * HOUR + 60];
    return times.map((at, number) => {
      const flag = number === 1;
      const record =
        what === 'logging'
          ? trailEvent(builder, { name: flag ? 'StartLogging' : 'StopLogging', at, actor: ADMIN })
          : trailEvent(builder, {
              name: 'UpdateTrail',
              at,
              actor: ADMIN,
              parameters: { name: builder.trail.TrailARN, enableLogFileValidation: flag },
              response: {
                name: builder.trail.Name,
                trailARN: builder.trail.TrailARN,
                s3BucketName: off < 40 ? OLD_BUCKET : BUCKET,
                isMultiRegionTrail: true,
                isOrganizationTrail: true,
                logFileValidationEnabled: flag,
              },
            });
      return { at, record };
    });
  });
}

/** Builds the trail. `hours` shortens the days, for tests that need none of it. */
export function organization(
  options: { readonly switches?: boolean; readonly tamper?: boolean } = {},
): Organization {
  const from = Date.UTC(2026, 2, 2, 0, 17, 31) / 1000;
  const builder = new TrailBuilder({
    name: 'org-trail',
    bucket: BUCKET,
    organizationId: 'o-exampleorgid',
    isMultiRegion: true,
    versioning: 'Enabled',
  });
  builder.bucket(OLD_BUCKET);
  const off = options.switches === true ? OFF : [];
  const events = options.switches === true ? switchEvents(builder, from) : [];
  builder.world.history = new Map([[builder.trail.HomeRegion, events.map(({ record }) => record)]]);
  const chains = new Map<string, BuiltChain[]>();
  const removals: { at: number; record: object }[] = [];
  const deliver = (accountId: string, region: string): void => {
    const parts: BuiltChain[] = [];
    const home = accountId === builder.accountId && region === builder.trail.HomeRegion;
    // Stretches with digest files, cut where the trail was off and where the key was rotated.
    const edges = [0, ...off.flatMap((one) => [one.from, one.to]), HOURS];
    for (let at = 0; at < edges.length; at += 2) {
      const [first = 0, last = 0] = [edges[at], edges[at + 1]];
      const cuts = [first, ...(first < 60 && last > 60 ? [60] : []), last];
      for (let part = 0; part + 1 < cuts.length; part++) {
        const [begin = 0, end = 0] = [cuts[part], cuts[part + 1]];
        const after = part > 0 ? parts.at(-1)?.digests.at(-1) : undefined;
        const inPart = (one: { at: number }): boolean =>
          one.at > from + (begin - 1) * HOUR && one.at <= from + end * HOUR;
        parts.push(
          builder.chain({
            accountId,
            region,
            from: from + begin * HOUR,
            hours: end - begin,
            logsPerHour: 1,
            logBytes: 500,
            key: signingKey(begin < 60 ? 1 : 2),
            moves: [
              { hour: 0, bucket: OLD_BUCKET },
              { hour: 40 - begin, bucket: BUCKET },
            ],
            ...(after ? { after } : {}),
            events: home ? [...events, ...removals].filter(inPart) : [],
          }),
        );
      }
    }
    // While validation was off, the trail went on delivering.
    for (const one of off.filter(({ what }) => what === 'validation')) {
      const at = from + (one.from + 1.5) * HOUR;
      const { key, body } = builder.log(accountId, region, at, 500);
      builder.put(one.from < 40 ? OLD_BUCKET : BUCKET, key, { body });
    }
    chains.set(`${accountId} ${region}`, parts);
  };
  const isHome = (accountId: string, region: string): boolean =>
    accountId === builder.accountId && region === builder.trail.HomeRegion;
  for (const accountId of ACCOUNTS) {
    for (const region of REGIONS) if (!isHome(accountId, region)) deliver(accountId, region);
  }
  const logOf = (accountId: string, region: string, hour: number): BuiltLog => {
    const digests = (chains.get(`${accountId} ${region}`) ?? []).flatMap((one) => one.digests);
    const log = digests.find(({ start }) => start === from + hour * HOUR)?.logs[0];
    if (!log) throw new Error(`no log file of ${accountId} ${region} in hour ${hour}`);
    return log;
  };
  const deleted = [logOf(ACCOUNTS[1], 'eu-central-1', 15), logOf(ACCOUNTS[2], 'ap-south-1', 65)];
  const removedAt = from + 85.5 * HOUR;
  if (options.tamper === true) {
    for (const [number, { bucket, key }] of deleted.entries()) {
      const at = removedAt + number * 60;
      const parameters = { bucketName: bucket, key, Host: `${bucket}.s3.amazonaws.com` };
      const record = trailEvent(builder, {
        ...{ name: 'DeleteObject', source: 's3.amazonaws.com', actor: MALLORY },
        ...{ at, parameters, ip: '198.51.100.66' },
      });
      removals.push({ at, record });
    }
  }
  deliver(builder.accountId, builder.trail.HomeRegion);
  for (const [accountId, region, hour] of [
    [ACCOUNTS[0], 'us-east-1', 30],
    [ACCOUNTS[2], 'eu-west-1', 62],
  ] as const) {
    builder.chain({
      ...{ accountId, region, from: from + hour * HOUR, hours: 3, kind: 'backfill' },
      ...{ logsPerHour: 1, key: signingKey(hour < 60 ? 1 : 2) },
      moves: [{ hour: 0, bucket: hour < 40 ? OLD_BUCKET : BUCKET }],
    });
  }
  const range = {
    start: from + HOUR,
    end: from + HOURS * HOUR,
    now: new Date((from + (HOURS + 3) * HOUR) * 1000),
  };
  // A starting digest file's window is not proved either.
  const gaps = off.map(({ from: begin, to, what }) => ({
    start: from + begin * HOUR,
    end: from + (to + 1) * HOUR,
    cause: what === 'logging' ? 'logging-stopped' : 'validation-disabled',
  }));
  const facts = options.tamper === true ? tamper() : undefined;
  return { builder, from, ...range, gaps, facts };

  function tamper(): OrganizationFacts {
    const altered = [
      logOf(ACCOUNTS[0], 'us-west-2', 10),
      logOf(ACCOUNTS[1], 'eu-north-1', 45),
      logOf(ACCOUNTS[2], 'us-east-1', 80),
    ];
    for (const log of altered) {
      rewrite(builder, log, (text) => text.replace('GetObject', 'ListBuckets'));
    }
    for (const [number, log] of deleted.entries()) builder.remove(log, removedAt + number * 60);
    const injected = [5, 12, 33, 58, 90].map((hour, number) => {
      const accountId = ACCOUNTS[number % 3] ?? ACCOUNTS[0];
      const region = ['us-east-1', 'ap-northeast-3', 'eu-west-3'][number % 3] ?? 'us-east-1';
      const at = from + (hour + 0.5) * HOUR;
      const { key } = builder.log(accountId, region, at, 100);
      const bucket = hour < 40 ? OLD_BUCKET : BUCKET;
      builder.put(bucket, key, { body: gzipSync('{"Records":[]}') });
      return { bucket, key };
    });
    const removedRegion = 'sa-east-1';
    const cutRegion = 'eu-west-2';
    const cutHours = 5;
    for (const accountId of ACCOUNTS) {
      for (const [bucket, { objects }] of builder.world.buckets) {
        for (const key of [...objects.keys()]) {
          if (key.includes(`/${accountId}/`) && key.includes(`/${removedRegion}/`)) {
            builder.remove({ bucket, key });
          }
        }
      }
      const digests = (chains.get(`${accountId} ${cutRegion}`) ?? []).flatMap((one) => one.digests);
      for (const digest of digests.slice(-cutHours)) builder.remove(digest);
    }
    return { altered, deleted, injected, removedRegion, cutRegion, cutHours };
  }
}

export { iso };
