import { normalizePrefix, type Location } from '../core/object-key.js';
import type { Work } from '../core/journal.js';
import type { Sample } from '../core/sample.js';
import { parseUserTime } from '../core/timestamp.js';
import { isAccountId, isOrganizationId, isRegionName, parseTrailArn } from '../core/arn.js';
import { DEFAULT_CONCURRENCY, parser, TIME_FORMS } from './options.js';
import { readDuration } from './duration.js';
import { UsageError } from './usage-error.js';

export { UsageError } from './usage-error.js';

export type Format = 'text' | 'json' | 'ndjson';

export interface Arguments {
  readonly trailArn: string | undefined;
  readonly trailName: string | undefined;
  readonly homeRegion: string | undefined;
  /** Absent only where the state says it. */
  readonly startTime: string | undefined;
  readonly endTime: string | undefined;
  readonly s3Bucket: string | undefined;
  readonly s3Prefix: string | undefined;
  readonly organizationId: string | undefined;
  readonly accountIds: readonly string[] | undefined;
  readonly regions: readonly string[] | undefined;
  readonly evidence: string | undefined;
  readonly publicKeys: string | undefined;
  readonly keysSha256: readonly string[];
  readonly profile: string | undefined;
  readonly endpointUrl: string | undefined;
  readonly s3EndpointUrl: string | undefined;
  readonly s3ForcePathStyle: boolean | undefined;
  readonly s3Client: 'auto' | 'sdk';
  readonly format: Format;
  readonly output: string | undefined;
  readonly digestsOnly: boolean;
  readonly unlisted: boolean;
  readonly acceptUnlisted: readonly string[];
  readonly versions: boolean;
  readonly allowGaps: boolean;
  readonly retentionDays: number | undefined;
  readonly locations: readonly Location[];
  /** Signed name → the bucket that is read in its place. */
  readonly bucketAliases: readonly (readonly [string, string])[];
  readonly state: string | undefined;
  readonly initState: boolean;
  readonly sinceState: boolean;
  readonly accept: readonly string[];
  readonly reason: string | undefined;
  readonly acceptedBy: string | undefined;
  /** The journal of an interrupted run to go on from. */
  readonly resume: string | undefined;
  /** Seconds after which nothing more is begun. */
  readonly maxDuration: number | undefined;
  readonly sample: Sample | undefined;
  /** `I/N` or `auto`. */
  readonly shard: string | undefined;
  /** What a shard writes. */
  readonly partial: string | undefined;
  /** What was asked for and changes what is read or judged, by option: a journal is of this work. */
  readonly work: Work['options'];
  readonly concurrency: number;
  /** Only what a run would request, read and cost. */
  readonly estimate: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

type Raw = Readonly<Record<string, unknown>>;

function single(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  if (value === undefined) return undefined;
  if (Array.isArray(value)) throw new UsageError(`--${name} was given more than once`);
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} needs a value`);
  return value;
}

function list(
  raw: Raw,
  name: string,
  accepts: (value: string) => boolean,
  form: string,
): string[] | undefined {
  const values = raw[name] as (string | undefined)[] | undefined;
  if (!values) return undefined;
  for (const value of values) {
    if (value === undefined || !accepts(value)) {
      throw new UsageError(`--${name}: ${value ?? 'nothing'} is not ${form}`);
    }
  }
  return [...new Set(values as string[])].sort();
}

function checked(
  raw: Raw,
  name: string,
  accepts: (value: string) => boolean,
  form: string,
): string | undefined {
  const value = single(raw, name);
  if (value !== undefined && !accepts(value))
    throw new UsageError(`--${name}: ${value} is not ${form}`);
  return value;
}

function readLocations(raw: Raw): Location[] {
  const form = 's3://BUCKET or s3://BUCKET/PREFIX';
  const place = /^s3:\/\/([A-Za-z0-9._-]{3,255})(?:\/(.*))?$/s;
  const values = list(raw, 'location', (value) => place.test(value), form) ?? [];
  return values.map((value) => {
    const [, bucket = '', prefix] = place.exec(value) ?? [];
    return { bucket, prefix: normalizePrefix(prefix) };
  });
}

type Between = Pick<
  Arguments,
  'state' | 'initState' | 'sinceState' | 'accept' | 'reason' | 'acceptedBy'
>;

function readBetween(raw: Raw): Between {
  const state = single(raw, 'state');
  const accept =
    list(raw, 'accept', (id) => /^[0-9a-f]{12}$/.test(id), 'a finding’s ID, 12 hex digits') ?? [];
  const reason = single(raw, 'reason');
  const acceptedBy = single(raw, 'accepted-by');
  const initState = raw['init-state'] === true;
  const sinceState = raw['since-state'] === true;
  for (const [option, given] of Object.entries({
    'init-state': initState,
    'since-state': sinceState,
    accept: accept.length > 0,
  })) {
    if (given && state === undefined) throw new UsageError(`--${option} needs --state FILE`);
  }
  if (initState && (sinceState || accept.length > 0)) {
    throw new UsageError('--init-state begins a state that nothing can go on from yet');
  }
  if (accept.length > 0 && reason === undefined) {
    throw new UsageError('--accept needs --reason: say why');
  }
  if (accept.length === 0 && (reason ?? acceptedBy) !== undefined) {
    throw new UsageError('--reason and --accepted-by go with --accept');
  }
  return { state, initState, sinceState, accept, reason, acceptedBy };
}

/** Options that say how a run is made and told, not what it is of. */
const BESIDE: readonly string[] = [
  ...['format', 'output', 'verbose', 'quiet', 'concurrency', 's3-client', 'profile'],
  ...['resume', 'max-duration', 'shard', 'partial', 'estimate', 'help', 'version'],
];

type Large = Pick<Arguments, 'resume' | 'maxDuration' | 'sample' | 'shard' | 'partial' | 'work'>;

function readLarge(raw: Raw, startTime: string | undefined, endTime: string | undefined): Large {
  const resume = single(raw, 'resume');
  const duration = single(raw, 'max-duration');
  const part = /^([1-9]\d{0,4})\/([1-9]\d{0,4})$/.exec(single(raw, 'sample') ?? '1/1');
  const sample = { part: Number(part?.[1]), of: Number(part?.[2]) };
  if (!part || sample.part > sample.of) {
    throw new UsageError(
      `--sample: ${String(raw['sample'])} is not N/M, such as 1/7 (N from 1 to M)`,
    );
  }
  if (raw['sample'] !== undefined && raw['digests-only'] === true) {
    throw new UsageError('--sample and --digests-only contradict each other');
  }
  const shard = single(raw, 'shard');
  const partial = single(raw, 'partial');
  if ((shard === undefined) !== (partial === undefined)) {
    throw new UsageError(
      shard === undefined
        ? '--partial goes with --shard: say which share'
        : '--shard needs --partial FILE, which validate-trail merge joins',
    );
  }
  if (shard !== undefined) {
    if (resume !== undefined) {
      throw new UsageError('--partial is a journal by itself: a shard needs no --resume');
    }
    // Shards begin at different moments and must mean the same time.
    const fixed = (text: string | undefined): boolean => /^\d{4}-/.test(text ?? '');
    if (raw['since-state'] !== true && !fixed(startTime)) {
      throw new UsageError('--shard needs a --start-time that is a date or time, not so long ago');
    }
    if (!fixed(endTime)) {
      throw new UsageError(
        '--shard needs an --end-time that is a date or time, the same in all shards',
      );
    }
    if (raw['retention'] !== undefined) {
      throw new UsageError('--retention counts from now, and shards begin at different moments');
    }
    for (const option of ['format', 'output']) {
      if (raw[option] !== undefined && !(option === 'format' && raw[option] === 'text')) {
        throw new UsageError(`--${option}: a shard makes no report; validate-trail merge does`);
      }
    }
  }
  const work = Object.entries(raw).filter(
    ([name, value]) =>
      value !== undefined && value !== false && !BESIDE.includes(name) && /^[a-z]/.test(name),
  );
  return {
    resume,
    maxDuration: duration === undefined ? undefined : readDuration('max-duration', duration),
    sample: raw['sample'] === undefined ? undefined : sample,
    shard,
    partial,
    work: Object.fromEntries(work.sort(([a], [b]) => (a < b ? -1 : 1))) as Work['options'],
  };
}

function readArguments(raw: Raw): Arguments {
  const trailArn = checked(
    raw,
    'trail-arn',
    (arn) => parseTrailArn(arn) !== undefined,
    'a trail ARN such as arn:aws:cloudtrail:us-east-1:111122223333:trail/main',
  );
  const isName = (value: string): boolean => /^[A-Za-z0-9._-]{3,128}$/.test(value);
  const trailName = checked(raw, 'trail-name', isName, 'a trail’s name');
  const homeRegion = checked(raw, 'home-region', isRegionName, 'a Region such as us-east-1');
  if (trailArn === undefined && (trailName === undefined || homeRegion === undefined)) {
    throw new UsageError('name the trail with --trail-arn, or with --trail-name and --home-region');
  }
  if (trailArn !== undefined && (trailName ?? homeRegion) !== undefined) {
    throw new UsageError(
      '--trail-arn already says what --trail-name and --home-region say: give one of them',
    );
  }
  const startTime = single(raw, 'start-time');
  const between = readBetween(raw);
  if (startTime === undefined && !between.sinceState)
    throw new UsageError('--start-time is missing: say where the range begins');
  if (startTime !== undefined && between.sinceState) {
    throw new UsageError('--since-state begins where the state ends: leave --start-time out');
  }
  const endTime = single(raw, 'end-time');
  for (const [option, text] of Object.entries({ 'start-time': startTime, 'end-time': endTime })) {
    // Only the form is checked here; what it means follows from the service's clock.
    if (text !== undefined && parseUserTime(text, 0) === undefined) {
      throw new UsageError(`--${option}: ${text} is not ${TIME_FORMS}`);
    }
  }
  const concurrency = single(raw, 'concurrency') ?? String(DEFAULT_CONCURRENCY);
  if (!/^[1-9]\d{0,3}$/.test(concurrency) || Number(concurrency) > 1024) {
    throw new UsageError(`--concurrency: ${concurrency} is not a number from 1 to 1024`);
  }
  const bucketName = (value: string): boolean => /^[A-Za-z0-9._-]{3,255}$/.test(value);
  const s3Bucket = checked(raw, 's3-bucket', bucketName, 'a bucket’s name');
  const s3Prefix = single(raw, 's3-prefix');
  if (s3Prefix !== undefined && s3Bucket === undefined) {
    throw new UsageError('--s3-prefix needs --s3-bucket');
  }
  const retention = checked(
    raw,
    'retention',
    (value) => /^[1-9]\d{0,4}$/.test(value),
    'a number of days',
  );
  const aliases = list(
    raw,
    'bucket-alias',
    (value) => /^[A-Za-z0-9._-]{3,255}=[A-Za-z0-9._-]{3,255}$/.test(value),
    'SIGNED=ACTUAL, two buckets’ names',
  );
  const signed = (aliases ?? []).map((alias) => alias.split('=')[0]);
  if (new Set(signed).size < signed.length) {
    throw new UsageError('--bucket-alias names two buckets for one');
  }
  if (raw['accept-unlisted'] !== undefined && raw['no-unlisted'] === true) {
    throw new UsageError('--accept-unlisted and --no-unlisted contradict each other');
  }
  if (retention !== undefined && between.sinceState) {
    throw new UsageError(
      '--retention has no meaning with --since-state, which begins at the state',
    );
  }
  const large = readLarge(raw, startTime, endTime);
  if (between.state !== undefined && large.sample) {
    throw new UsageError(
      '--sample proves a part of the log files, and --state remembers what is proved',
    );
  }
  if (between.state !== undefined && raw['digests-only'] === true) {
    throw new UsageError('--digests-only proves no log file, and --state remembers what is proved');
  }
  for (const option of ['state', 'evidence']) {
    if (raw['estimate'] === true && raw[option] !== undefined) {
      throw new UsageError(`--estimate says what a range in S3 costs: leave --${option} out`);
    }
  }
  const isArn = (value: string): boolean => parseTrailArn(value) !== undefined;
  const evidence = single(raw, 'evidence');
  const hex = (value: string): boolean => /^[0-9a-f]{64}$/i.test(value);
  const pins = list(raw, 'keys-sha256', hex, 'a SHA-256 in hex');
  if (pins && evidence === undefined) throw new UsageError('--keys-sha256 goes with --evidence');
  const publicKeys = single(raw, 'public-keys');
  if (pins && publicKeys !== undefined) {
    throw new UsageError('--public-keys needs no --keys-sha256: give one of them');
  }
  for (const option of [
    'profile',
    'endpoint-url',
    's3-endpoint-url',
    's3-force-path-style',
    's3-client',
  ]) {
    if (evidence !== undefined && raw[option] !== undefined) {
      throw new UsageError(`--${option} has no meaning with --evidence, which asks no network`);
    }
  }
  if (raw['quiet'] === true && raw['verbose'] === true) {
    throw new UsageError('--quiet and --verbose contradict each other');
  }
  return {
    trailArn,
    trailName,
    homeRegion,
    startTime,
    endTime,
    s3Bucket,
    s3Prefix,
    organizationId: checked(
      raw,
      'organization-id',
      isOrganizationId,
      'an organization ID such as o-exampleorgid',
    ),
    accountIds: list(raw, 'account-id', isAccountId, 'an account ID of 12 digits'),
    regions: list(raw, 'region', isRegionName, 'a Region such as us-east-1'),
    evidence,
    publicKeys,
    keysSha256: (pins ?? []).map((pin) => pin.toLowerCase()),
    profile: single(raw, 'profile'),
    endpointUrl: single(raw, 'endpoint-url'),
    s3EndpointUrl: single(raw, 's3-endpoint-url'),
    s3ForcePathStyle: raw['s3-force-path-style'] as boolean | undefined,
    s3Client: single(raw, 's3-client') === 'sdk' ? 'sdk' : 'auto',
    format: single(raw, 'format') as Format,
    output: single(raw, 'output'),
    digestsOnly: raw['digests-only'] === true,
    unlisted: raw['no-unlisted'] !== true,
    acceptUnlisted: list(raw, 'accept-unlisted', isArn, 'a trail ARN') ?? [],
    versions: raw['no-versions'] !== true,
    allowGaps: raw['allow-gaps'] === true,
    retentionDays: retention === undefined ? undefined : Number(retention),
    locations: readLocations(raw),
    bucketAliases: (aliases ?? []).map((alias): [string, string] => {
      const [signed = '', actual = ''] = alias.split('=');
      return [signed, actual];
    }),
    ...between,
    ...large,
    concurrency: Number(concurrency),
    estimate: raw['estimate'] === true,
    quiet: raw['quiet'] === true,
    verbose: raw['verbose'] === true,
  };
}

/** Reads the options of a validation; throws `UsageError` for those that can't be run. */
export async function readOptions(argv: readonly string[]): Promise<Arguments> {
  const raw = (await parser(argv).parse()) as Raw & { _: unknown[] };
  if (raw._.length > 0) throw new UsageError(`${String(raw._[0])} is not an option`);
  return readArguments(raw);
}
