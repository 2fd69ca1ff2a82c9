import yargs from 'yargs';
import { normalizePrefix, type Location } from '../core/object-key.js';
import type { Work } from '../core/journal.js';
import type { Sample } from '../core/sample.js';
import { parseUserTime } from '../core/timestamp.js';
import { isAccountId, isOrganizationId, isRegionName, parseTrailArn } from '../core/arn.js';
import { parseMerge, type MergeArguments } from './merge-args.js';
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

export type Parsed =
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }
  | { readonly command: 'validate'; readonly arguments: Arguments }
  | { readonly command: 'merge'; readonly arguments: MergeArguments };

/** By measurement: past this the SDK's own work is the limit (ARCHITECTURE.md). */
export const DEFAULT_CONCURRENCY = 64;

const EPILOGUE = `Times: ISO 8601 (UTC unless it has an offset), a date, or so long ago:
90m, 12h, 3d, 2w, yesterday. They mean when files were delivered.

Exit status:
  0    valid: everything asked for was read and proved; with --allow-gaps
       also where only lawful gaps are open that an event names
  1    invalid: something was altered or removed
  2    could not run: usage, credentials, no such trail or bucket
  3    incomplete: nothing found altered, but not everything is proved
  130  interrupted; what was done until then is reported

Examples:
  ARN=arn:aws:cloudtrail:us-east-1:111122223333:trail/main
  validate-trail --trail-arn "$ARN" --start-time 7d
  validate-trail --trail-arn "$ARN" --start-time 30d --state s.json --init-state
  validate-trail --trail-arn "$ARN" --since-state --state s.json
  validate-trail --trail-arn "$ARN" --start-time 2026-10-01 \\
    --end-time 2026-11-01 --evidence ./evidence --public-keys keys.json \\
    --format json --output report.json`;

const TIME_FORMS = 'a time such as 2026-11-01T00:00:00Z, 2026-11-01, 12h, 3d or yesterday';

function parser(argv: readonly string[]) {
  return yargs([...argv])
    .scriptName('validate-trail')
    .usage(
      'Usage: validate-trail --trail-arn ARN --start-time T [--end-time T] [options]\n\n' +
        'Proves the integrity of AWS CloudTrail logs from their signed digest files.',
    )
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .wrap(80)
    .parserConfiguration({ 'camel-case-expansion': false, 'boolean-negation': false })
    .options({
      'trail-arn': { type: 'string', requiresArg: true, group: 'What:', desc: 'the trail' },
      'start-time': {
        type: 'string',
        requiresArg: true,
        group: 'What:',
        desc: 'begin of the range',
      },
      'end-time': {
        type: 'string',
        requiresArg: true,
        group: 'What:',
        desc: 'end of the range; without it, all that is due (now less 2 h)',
      },
      'trail-name': {
        type: 'string',
        requiresArg: true,
        group: 'What:',
        desc: 'name of the trail, instead of its ARN',
      },
      'home-region': {
        type: 'string',
        requiresArg: true,
        group: 'What:',
        desc: 'home Region of --trail-name',
      },
      region: {
        type: 'string',
        array: true,
        nargs: 1,
        group: 'What:',
        desc: 'only this source Region (repeatable); default: all',
      },
      'account-id': {
        type: 'string',
        array: true,
        nargs: 1,
        group: 'What:',
        desc: 'only this account (repeatable); default: all of the trail',
      },
      'digests-only': {
        type: 'boolean',
        group: 'What:',
        desc: 'check the digest chain, read no log file',
      },
      'no-unlisted': {
        type: 'boolean',
        group: 'What:',
        desc: 'do not look for log files that no digest file lists',
      },
      'accept-unlisted': {
        type: 'string',
        array: true,
        nargs: 1,
        group: 'What:',
        desc: 'let unlisted files of this trail pass, told and counted (repeatable)',
      },
      'no-versions': {
        type: 'boolean',
        group: 'What:',
        desc: 'do not look for originals among object versions',
      },
      'allow-gaps': {
        type: 'boolean',
        group: 'What:',
        desc: 'exit with 0 where all that is open are lawful gaps that an event names',
      },
      retention: {
        type: 'string',
        requiresArg: true,
        group: 'What:',
        desc: 'nothing older than so many days is asked for',
      },
      estimate: {
        type: 'boolean',
        group: 'What:',
        desc: 'only tell what a run would request, read, take and cost, from listings',
      },
      state: {
        type: 'string',
        requiresArg: true,
        group: 'Between runs:',
        desc: 'file that remembers what was proved, for the next run',
      },
      'init-state': {
        type: 'boolean',
        group: 'Between runs:',
        desc: 'begin the state file: there is none yet',
      },
      'since-state': {
        type: 'boolean',
        group: 'Between runs:',
        desc: 'from where the state ends, instead of --start-time',
      },
      accept: {
        type: 'string',
        array: true,
        nargs: 1,
        group: 'Between runs:',
        desc: 'record that the open finding with this ID is accepted (repeatable)',
      },
      reason: {
        type: 'string',
        requiresArg: true,
        group: 'Between runs:',
        desc: 'why it is accepted',
      },
      'accepted-by': {
        type: 'string',
        requiresArg: true,
        group: 'Between runs:',
        desc: 'who accepts it [default: your user name]',
      },
      location: {
        type: 'string',
        array: true,
        nargs: 1,
        group: 'Where:',
        desc: 'older place of the trail, s3://BUCKET/PREFIX (repeatable)',
      },
      'bucket-alias': {
        type: 'string',
        array: true,
        nargs: 1,
        group: 'Where:',
        desc: 'SIGNED=ACTUAL: read a replica, verify the signed name (repeatable)',
      },
      's3-bucket': {
        type: 'string',
        requiresArg: true,
        group: 'Where:',
        desc: 'the bucket, instead of asking DescribeTrails',
      },
      's3-prefix': {
        type: 'string',
        requiresArg: true,
        group: 'Where:',
        desc: 'key prefix in that bucket',
      },
      'organization-id': {
        type: 'string',
        requiresArg: true,
        group: 'Where:',
        desc: 'organization whose folder holds the trail, where there are several',
      },
      evidence: {
        type: 'string',
        requiresArg: true,
        group: 'Where:',
        desc: 'read a directory that mirrors buckets, no network',
      },
      'public-keys': {
        type: 'string',
        requiresArg: true,
        group: 'Where:',
        desc: 'file of public keys that was kept apart (list-public-keys JSON)',
      },
      'keys-sha256': {
        type: 'string',
        array: true,
        nargs: 1,
        group: 'Where:',
        desc: 'SHA-256 of the key file beside the evidence (repeatable)',
      },
      profile: {
        type: 'string',
        requiresArg: true,
        group: 'AWS:',
        desc: 'profile of the shared AWS files',
      },
      'endpoint-url': {
        type: 'string',
        requiresArg: true,
        group: 'AWS:',
        desc: 'endpoint of CloudTrail, and of S3',
      },
      's3-endpoint-url': {
        type: 'string',
        requiresArg: true,
        group: 'AWS:',
        desc: 'endpoint of S3, if another',
      },
      's3-force-path-style': {
        type: 'boolean',
        group: 'AWS:',
        desc: 'bucket in the path, not in the host name',
      },
      's3-client': {
        type: 'string',
        requiresArg: true,
        choices: ['auto', 'sdk'] as const,
        group: 'AWS:',
        desc: 'sdk: all requests of S3 through the AWS SDK [default: auto]',
      },
      format: {
        type: 'string',
        requiresArg: true,
        choices: ['text', 'json', 'ndjson'] as const,
        default: 'text' as const,
        group: 'Report:',
        desc: 'form of the report',
      },
      output: {
        type: 'string',
        requiresArg: true,
        group: 'Report:',
        desc: 'write the report to a file',
      },
      verbose: {
        type: 'boolean',
        group: 'Report:',
        desc: 'notices, intervals and every finding too',
      },
      quiet: { type: 'boolean', group: 'Report:', desc: 'only the verdict, no progress' },
      resume: {
        type: 'string',
        requiresArg: true,
        group: 'Large trails:',
        desc: 'journal: goes on where an interrupted run of the same command stopped',
      },
      'max-duration': {
        type: 'string',
        requiresArg: true,
        group: 'Large trails:',
        desc: 'begin nothing more after so long (90m, 5h); what is left is incomplete',
      },
      sample: {
        type: 'string',
        requiresArg: true,
        group: 'Large trails:',
        desc: 'N/M: only this M-th of the log files; digest files all',
      },
      shard: {
        type: 'string',
        requiresArg: true,
        group: 'Large trails:',
        desc: 'I/N: read one of N shares; auto: as the scheduler says (docs/scale.md)',
      },
      partial: {
        type: 'string',
        requiresArg: true,
        group: 'Large trails:',
        desc: 'file that a shard writes, for validate-trail merge',
      },
      concurrency: {
        type: 'string',
        requiresArg: true,
        group: 'Large trails:',
        desc: `objects read at the same time (1 to 1024) [default: ${DEFAULT_CONCURRENCY}]`,
      },
      help: { type: 'boolean', desc: 'this text' },
      version: { type: 'boolean', desc: 'the version' },
    })
    .strict()
    .epilogue(EPILOGUE)
    .fail((message, error) => {
      throw new UsageError((message || error.message).replace(/\s*\n\s*/g, ' '));
    });
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

/** Parses a command line; throws `UsageError` for one that can't be run. Loads no AWS client. */
export async function parseArguments(argv: readonly string[]): Promise<Parsed> {
  if (argv[0] === 'merge') return parseMerge(argv.slice(1));
  const instance = parser(argv);
  if (argv.includes('--help') || argv.includes('-h')) {
    return { command: 'help', text: await instance.getHelp() };
  }
  if (argv.includes('--version')) return { command: 'version' };
  const raw = (await instance.parse()) as Raw & { _: unknown[] };
  if (raw._.length > 0) throw new UsageError(`${String(raw._[0])} is not an option`);
  return { command: 'validate', arguments: readArguments(raw) };
}
