/**
 * What a run will cost, from what listings say: requests, bytes, time and S3's bill. Everything here
 * is about; the prices and the times a file takes stand in one place each.
 */

/** S3 Standard in us-east-1, in USD a thousand requests; other Regions and classes differ. */
export const PRICES = {
  listPerThousand: 0.005,
  getPerThousand: 0.0004,
  asOf: '2026-11',
  region: 'us-east-1',
  storageClass: 'Standard',
} as const;

/**
 * What one core needs for a request and for a compressed megabyte: what `npm run bench` measured of the
 * whole command over files of 1 KB, 7 KB, 100 KB and 5 MB, start-up left out, on a busy machine. Large ones
 * take up to a fifth less.
 */
export const CORE_SECONDS = { perRequest: 0.00035, perMegabyte: 1 / 30 } as const;

/** A listing tells so many names a request. */
export const PAGE = 1000;

/** Round trips that a source's day waits for, whatever else is under way: listing, then reading. */
const TURNS_A_DAY = 2;
/** Sources that a run reads side by side. */
const SOURCES_AT_ONCE = 12;

/** Accounts whose folders are listed side by side before anything else. */
const ACCOUNTS_AT_ONCE = 8;

/** Numbers of shards that are worked out, where there are days enough for them. */
const SHARDS = [10, 100, 1000] as const;

export interface Tally {
  readonly files: number;
  readonly bytes: number;
}

export interface Requests {
  readonly list: number;
  readonly get: number;
}

/** What was counted. */
export interface Counted {
  readonly sources: number;
  readonly days: number;
  readonly digestFiles: Tally;
  readonly logFiles: Tally;
  /** Digest files right after the range, which vouch for the last in it. */
  readonly contextFiles: number;
  /** What a run asks to find accounts and Regions; each shard asks it, too. */
  readonly planning: Requests;
  /** LIST requests that a run makes for its days. */
  readonly listing: number;
  /** Median of the estimate's own LIST requests. */
  readonly latencySeconds: number;
  readonly concurrency: number;
}

/** A place that could not be listed. */
export interface Failure {
  readonly place: string;
  readonly why: string;
}

/** What a number of processes come to. */
export interface Spread {
  readonly shards: number;
  readonly seconds: number;
  readonly requests: Requests;
  readonly usd: number;
}

export interface Estimate {
  readonly schemaVersion: 1;
  readonly type: 'estimate';
  readonly tool: { readonly name: string; readonly version: string };
  readonly trail: { readonly arn: string; readonly bucket: string; readonly prefix?: string };
  readonly timeRange: { readonly start: string; readonly end: string };
  readonly scope: object;
  readonly sources: number;
  readonly days: number;
  readonly digestFiles: Tally;
  readonly logFiles: Tally;
  readonly bytes: number;
  /** What the estimate itself asked for, and its price. */
  readonly made: Requests & { readonly usd: number };
  readonly assumed: {
    readonly concurrency: number;
    readonly latencySeconds: number;
    readonly core: typeof CORE_SECONDS;
    readonly prices: typeof PRICES;
  };
  /** One process, of which the network or one core sets the pace. */
  readonly run: Spread & {
    readonly networkSeconds: number;
    readonly coreSeconds: number;
  };
  readonly shards: readonly Spread[];
  /** What could not be listed: all of the above is too little by what lies there. */
  readonly failures: readonly Failure[];
  readonly failureCount: number;
  readonly interrupted?: true;
}

/** S3's bill for requests, in USD. */
export function priceOf({ list, get }: Requests): number {
  return (list * PRICES.listPerThousand + get * PRICES.getPerThousand) / 1000;
}

/** Requests and time of a run by one process, and by as many shards as are worth it. */
export function workOut(counted: Counted): Pick<Estimate, 'assumed' | 'run' | 'shards'> {
  const { digestFiles, logFiles, contextFiles, sources, days, planning, listing } = counted;
  const { latencySeconds, concurrency } = counted;
  const files = digestFiles.files + contextFiles + logFiles.files;
  const megabytes = (digestFiles.bytes + logFiles.bytes) / 1e6;
  const sourceDays = sources * days;
  const sideBySide = Math.max(1, Math.min(SOURCES_AT_ONCE, concurrency, sources));
  const networkSeconds = Math.max(
    ((listing + files) * latencySeconds) / concurrency,
    (sourceDays * TURNS_A_DAY * latencySeconds) / sideBySide,
  );
  const coreSeconds =
    (listing + files) * CORE_SECONDS.perRequest + megabytes * CORE_SECONDS.perMegabyte;
  // No shard can begin before it knows all sources.
  const ahead = ((planning.list + planning.get) * latencySeconds) / ACCOUNTS_AT_ONCE;
  const spread = (shards: number): Spread => {
    const requests = {
      list: shards * planning.list + listing,
      get: shards * planning.get + files,
    };
    const seconds = ahead + Math.max(networkSeconds, coreSeconds) / shards;
    return { shards, seconds, requests, usd: priceOf(requests) };
  };
  return {
    assumed: { concurrency, latencySeconds, core: CORE_SECONDS, prices: PRICES },
    run: { ...spread(1), networkSeconds, coreSeconds },
    shards: SHARDS.filter((shards) => shards <= sourceDays).map(spread),
  };
}
