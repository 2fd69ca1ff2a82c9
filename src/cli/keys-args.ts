/** The command line of `validate-trail keys`. */
import { defaultRegions } from '../core/regions.js';
import { parseUserTime } from '../core/timestamp.js';
import { many, text } from './option.js';
import type { Parsed } from './command-line.js';
import { commandLine, OPTIONS, TIME_FORMS } from './options.js';
import { checked, regions, single, type Raw } from './raw-options.js';
import { UsageError } from './usage-error.js';

export interface KeysArguments {
  /** The file that takes the keys, or has those of other ranges already. */
  readonly output: string;
  readonly startTime: string;
  readonly endTime: string | undefined;
  /** Those that must answer; without them all of the partition. */
  readonly regions: readonly string[] | undefined;
  readonly partition: string;
  readonly profile: string | undefined;
  readonly endpointUrl: string | undefined;
}

const OWN = {
  output: text('What:', 'the file that takes the keys; one that is there is added to'),
  'start-time': text('What:', 'begin of the range that the keys are for'),
  'end-time': text('What:', 'end of the range [default: now]'),
  region: many(
    'What:',
    'only this Region (repeatable) [default: all of the partition; opt-in ones where they answer]',
  ),
  partition: text('What:', 'aws, aws-cn or aws-us-gov [default: aws]'),
  profile: OPTIONS.profile,
  'endpoint-url': text('AWS:', 'endpoint of CloudTrail'),
} as const;

const EPILOGUE = `Saves the public keys with which CloudTrail signed digest files, for a range
and all Regions, so that a trail can be proved by --public-keys when CloudTrail
no longer tells them, or by who can't ask it. Keys are a Region's, not an
account's: any account's credentials will do. Keep the file apart from the
trail's bucket and from evidence, or write its SHA-256 down.

Exit status:
  0    all Regions that were asked for answered
  2    could not run: usage, no credentials, a file that can't be written
  3    a Region did not answer; those that did are in the file
  130  interrupted; the file is as it was

Example, monthly:
  validate-trail keys --output cloudtrail-keys.json --start-time 40d`;

export function parser(argv: readonly string[]): ReturnType<typeof commandLine> {
  return commandLine(argv)
    .usage(
      'Usage: validate-trail keys --output FILE --start-time T [options]\n\n' +
        'Saves the public keys of a range, for all Regions.',
    )
    .options({ ...OWN, help: { type: 'boolean', desc: 'this text' } })
    .strict()
    .epilogue(EPILOGUE);
}

function readKeysArguments(raw: Raw): KeysArguments {
  const [output, startTime, endTime] = [
    single(raw, 'output'),
    single(raw, 'start-time'),
    single(raw, 'end-time'),
  ];
  if (output === undefined) throw new UsageError('keys needs --output FILE');
  if (startTime === undefined) {
    throw new UsageError('--start-time is missing: say where the range begins');
  }
  for (const [option, value] of Object.entries({ 'start-time': startTime, 'end-time': endTime })) {
    if (value !== undefined && parseUserTime(value, 0) === undefined) {
      throw new UsageError(`--${option}: ${value} is not ${TIME_FORMS}`);
    }
  }
  const isPartition = (one: string): boolean => defaultRegions(one).length > 0;
  const isUrl = (value: string): boolean =>
    URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
  return {
    ...{ output, startTime, endTime },
    regions: regions(raw, 'region'),
    partition: checked(raw, 'partition', isPartition, 'aws, aws-cn or aws-us-gov') ?? 'aws',
    profile: single(raw, 'profile'),
    endpointUrl: checked(raw, 'endpoint-url', isUrl, 'an http or https URL'),
  };
}

/** Parses what follows `keys`; throws `UsageError`. */
export async function parse(argv: readonly string[]): Promise<Parsed> {
  const raw = (await parser(argv).parse()) as Record<string, unknown> & { _: unknown[] };
  if (raw._.length > 0) throw new UsageError(`${String(raw._[0])} is not an option`);
  return { command: 'keys', arguments: readKeysArguments(raw) };
}
