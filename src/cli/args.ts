import { normalizePrefix, type Location } from '../core/object-key.js';
import type { Work } from '../core/journal.js';
import type { Sample } from '../core/sample.js';
import { parseUserTime } from '../core/timestamp.js';
import { isAccountId, isOrganizationId, parseTrailArn } from '../core/arn.js';
import { FORMATS, type Format } from '../report/format-names.js';
import { readAttest } from './attest-options.js';
import { readBetween } from './between-options.js';
import { readLarge } from './large-options.js';
import { parser, TIME_FORMS } from './options.js';
import { checked, list, oneOf, region, regions, single, type Raw } from './raw-options.js';
import { UsageError } from './usage-error.js';

export { UsageError } from './usage-error.js';

/** A form of the report and the file that takes it. */
export interface ReportFile {
  readonly format: Format;
  readonly path: string;
}

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
  readonly manifestSha256: readonly string[];
  /** Whether nothing narrows what collected evidence was asked for. */
  readonly wholeEvidence: boolean;
  readonly profile: string | undefined;
  readonly endpointUrl: string | undefined;
  readonly s3EndpointUrl: string | undefined;
  readonly s3ForcePathStyle: boolean | undefined;
  readonly s3Client: 'auto' | 'sdk';
  readonly format: Format;
  readonly output: string | undefined;
  /** The report in other forms, each in its file. */
  readonly reports: readonly ReportFile[];
  /** The private key that signs the reports' files. */
  readonly attest: string | undefined;
  /** The file of the signature; there if and only if there is a key. */
  readonly attestation: string | undefined;
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
  /** Seconds ago that a journal which is gone on with may have been begun. */
  readonly maxAge: number;
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
  /** Threads beside the main one that read log files; absent where the machine decides. */
  readonly threads: number | undefined;
  /** Only what a run would request, read and cost. */
  readonly estimate: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

const HTTP_URL = 'an http or https URL such as http://localhost:4566';
const isHttpUrl = (value: string): boolean =>
  URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);

function readLocations(raw: Raw): Location[] {
  const form = 's3://BUCKET or s3://BUCKET/PREFIX';
  const place = /^s3:\/\/([A-Za-z0-9._-]{3,255})(?:\/(.*))?$/s;
  const values = list(raw, 'location', (value) => place.test(value), form) ?? [];
  return values.map((value) => {
    const [, bucket = '', prefix] = place.exec(value) ?? [];
    return { bucket, prefix: normalizePrefix(prefix) };
  });
}

function readReports(raw: Raw): ReportFile[] {
  const form = /^([a-z]+)=(.+)$/s;
  const split = (value: string): ReportFile | undefined => {
    const [, name, path = ''] = form.exec(value) ?? [];
    const format = FORMATS.find((one) => one === name);
    return format && { format, path };
  };
  const known = `FORMAT=FILE with one of ${FORMATS.join(', ')}`;
  const values = list(raw, 'report', (value) => split(value) !== undefined, known) ?? [];
  return values.flatMap((value) => split(value) ?? []);
}

/** Reads options as they were given. Throws `UsageError` for those that can't be run. */
export function readArguments(raw: Raw): Arguments {
  const trailArn = checked(
    raw,
    'trail-arn',
    (arn) => parseTrailArn(arn) !== undefined,
    'a trail ARN such as arn:aws:cloudtrail:us-east-1:111122223333:trail/main',
  );
  const isName = (value: string): boolean => /^[A-Za-z0-9._-]{3,128}$/.test(value);
  const trailName = checked(raw, 'trail-name', isName, 'a trail’s name');
  const homeRegion = region(raw, 'home-region');
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
  const format = oneOf(raw, 'format', FORMATS);
  const isPlain = raw['report'] === undefined && /^(text|json|ndjson)$/.test(format);
  if (raw['estimate'] === true && !isPlain) {
    throw new UsageError(
      '--estimate makes no report: its --format is text, json or ndjson, and it takes no --report',
    );
  }
  const [output, reports] = [single(raw, 'output'), readReports(raw)];
  const isArn = (value: string): boolean => parseTrailArn(value) !== undefined;
  const evidence = single(raw, 'evidence');
  const hex = (value: string): boolean => /^[0-9a-f]{64}$/i.test(value);
  const pins = list(raw, 'keys-sha256', hex, 'a SHA-256 in hex');
  if (pins && evidence === undefined) throw new UsageError('--keys-sha256 goes with --evidence');
  const manifestPin = checked(raw, 'manifest-sha256', hex, 'a SHA-256 in hex');
  if (manifestPin !== undefined && evidence === undefined) {
    throw new UsageError('--manifest-sha256 goes with --evidence');
  }
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
    regions: regions(raw, 'region'),
    evidence,
    publicKeys,
    keysSha256: (pins ?? []).map((pin) => pin.toLowerCase()),
    wholeEvidence: raw[WHOLE] === true,
    manifestSha256: manifestPin === undefined ? [] : [manifestPin.toLowerCase()],
    profile: single(raw, 'profile'),
    endpointUrl: checked(raw, 'endpoint-url', isHttpUrl, HTTP_URL),
    s3EndpointUrl: checked(raw, 's3-endpoint-url', isHttpUrl, HTTP_URL),
    s3ForcePathStyle: raw['s3-force-path-style'] as boolean | undefined,
    s3Client: oneOf(raw, 's3-client', ['auto', 'sdk']),
    format,
    output,
    reports,
    ...readAttest(raw, output, reports),
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
    estimate: raw['estimate'] === true,
    quiet: raw['quiet'] === true,
    verbose: raw['verbose'] === true,
  };
}

/** Reads the options of a validation; throws `UsageError` for those that can't be run. */
export async function readOptions(argv: readonly string[]): Promise<Arguments> {
  const raw = (await parser(argv).parse()) as Raw & { _: unknown[] };
  if (raw._.length > 0) throw new UsageError(`${String(raw._[0])} is not an option`);
  return readArguments(await withCollected(raw));
}

/** Options that leave something of the evidence out. */
const NARROWING = [
  ...['region', 'account-id', 'digests-only', 'end-time', 'retention', 'since-state', 'sample'],
  ...['max-duration', 'shard'],
];

/** Set beside the options; no option is named so. */
const WHOLE = '+whole';

const isText = (value: unknown): boolean => typeof value === 'string';
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isTrue = (value: unknown): boolean => value === true;

/**
 * What evidence may say was asked for, and nothing else: whoever wrote the directory must not choose
 * keys, pins, files that are written, or what passes.
 */
const COLLECTED: Readonly<Record<string, ((value: unknown) => boolean) | undefined>> = {
  ...{ 'trail-arn': isText, 'trail-name': isText, 'home-region': isText },
  ...{ 'start-time': isText, 'end-time': isText, retention: isText },
  ...{ region: areTexts, 'account-id': areTexts, location: areTexts, 'bucket-alias': areTexts },
  ...{ 's3-bucket': isText, 's3-prefix': isText, 'organization-id': isText },
  ...{ 'digests-only': isTrue, 'no-versions': isTrue },
};

/** The options that name a trail: one alone means another. */
const TRAIL = ['trail-arn', 'trail-name', 'home-region'];

/** What collected evidence was asked for stands in for what isn't asked now. */
async function withCollected(raw: Raw): Promise<Raw> {
  const evidence = single(raw, 'evidence');
  if (evidence === undefined) return raw;
  const { readHead } = await import('../sources/manifest.js');
  const head = await readHead(evidence);
  if (!head) return raw;
  const isGiven = (name: string): boolean => raw[name] !== undefined;
  const replaced = [
    ...(TRAIL.some(isGiven) ? TRAIL : []),
    ...(raw['since-state'] === true ? ['start-time'] : []),
  ];
  const own = Object.entries(head.options).filter(
    ([name, value]) =>
      !isGiven(name) &&
      !replaced.includes(name) &&
      Object.hasOwn(COLLECTED, name) &&
      COLLECTED[name]?.(value) === true,
  );
  const isSame = (name: string): boolean =>
    !isGiven(name) || JSON.stringify(raw[name]) === JSON.stringify(head.options[name]);
  const isWhole = [...Object.keys(head.options), ...NARROWING].every(isSame);
  return { ...raw, ...Object.fromEntries(own), [WHOLE]: isWhole };
}
