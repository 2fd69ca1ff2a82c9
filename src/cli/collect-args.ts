/** The command line of `validate-trail collect`. */
import { readArguments, type Arguments } from './args.js';
import { ENVIRONMENT } from './help-texts.js';
import { flag, text } from './option.js';
import type { Parsed } from './command-line.js';
import { commandLine, OPTIONS } from './options.js';
import { UsageError } from './usage-error.js';

export interface CollectArguments {
  /** The directory that takes the evidence. */
  readonly directory: string;
  /** Only say how much would be copied. */
  readonly dryRun: boolean;
  /** Close the evidence although something could not be read that another try might. */
  readonly finish: boolean;
  /** What is collected, and how it is reached. */
  readonly options: Arguments;
}

const OWN = {
  evidence: text(
    'What:',
    'the directory that takes the evidence, new, empty or begun by this command',
  ),
  'trail-arn': OPTIONS['trail-arn'],
  'start-time': text('What:', 'begin of the range'),
  'end-time': OPTIONS['end-time'],
  'trail-name': OPTIONS['trail-name'],
  'home-region': OPTIONS['home-region'],
  region: OPTIONS.region,
  'account-id': OPTIONS['account-id'],
  'digests-only': flag('What:', 'copy digest files, no log file'),
  'no-versions': OPTIONS['no-versions'],
  retention: OPTIONS.retention,
  'dry-run': flag('What:', 'only say how many objects and bytes, from listings'),
  finish: flag(
    'What:',
    'close the evidence although something could not be read that another try might',
  ),
  location: OPTIONS.location,
  'bucket-alias': OPTIONS['bucket-alias'],
  's3-bucket': OPTIONS['s3-bucket'],
  's3-prefix': OPTIONS['s3-prefix'],
  'organization-id': OPTIONS['organization-id'],
  profile: OPTIONS.profile,
  'endpoint-url': text('AWS:', 'endpoint of CloudTrail, of S3 and of STS'),
  's3-endpoint-url': OPTIONS['s3-endpoint-url'],
  's3-force-path-style': OPTIONS['s3-force-path-style'],
  's3-client': OPTIONS['s3-client'],
  concurrency: text('AWS:', OPTIONS.concurrency.desc),
  quiet: flag('Output:', 'no progress'),
} as const;

const EPILOGUE = `Copies all that judging the range takes into a directory: digest files, log
files (all that lie in their folders, listed or not), the versions that prove
what an altered object held, metadata, listings, CloudTrail's description and
status of the trail, its event history where gaps ask for it, and the public
keys. Objects lie at BUCKET/KEY, byte for byte; keys that can't be paths
everywhere lie in +by-hash. manifest.jsonl says what was collected, when, by
whom (sts:GetCallerIdentity), and with which SHA-256, and is closed with its
own hash. Write that hash down apart: it vouches for all the rest.

Interrupted, the same command goes on and fetches nothing again that is whole.
What could not be read for a reason that may pass keeps the evidence open:
give the command again, or close it with --finish.

${ENVIRONMENT}

Exit status:
  0    all of it is there and closed, whatever it proves
  2    could not run: usage, credentials, no such trail or bucket, a full disk
  3    something could not be read; the message says what
  130  interrupted; the same command goes on

Examples:
  validate-trail collect --evidence ./2026-10 --trail-arn "$ARN" \\
    --start-time 2026-10-01 --end-time 2026-11-01
  validate-trail --evidence ./2026-10 --manifest-sha256 "$SHA256"`;

export function parser(argv: readonly string[]): ReturnType<typeof commandLine> {
  return commandLine(argv)
    .usage(
      'Usage: validate-trail collect --evidence DIR --trail-arn ARN --start-time T [options]\n\n' +
        'Copies a range of a trail into a directory, to be proved without AWS.',
    )
    .options({ ...OWN, help: { type: 'boolean', desc: 'this text' } })
    .strict()
    .epilogue(EPILOGUE);
}

/** Parses what follows `collect`; throws `UsageError`. */
export async function parse(argv: readonly string[]): Promise<Parsed> {
  const { evidence, ...given } = (await parser(argv).parse()) as Record<string, unknown> & {
    _: unknown[];
  };
  if (given._.length > 0) throw new UsageError(`${String(given._[0])} is not an option`);
  if (typeof evidence !== 'string' || evidence === '') {
    throw new UsageError('collect needs --evidence DIR, the directory that takes the evidence');
  }
  const { 'dry-run': dryRun, finish, ...raw } = given;
  return {
    command: 'collect',
    arguments: {
      directory: evidence,
      dryRun: dryRun === true,
      finish: finish === true,
      // The main thread copies what other threads would only hash.
      options: { ...readArguments(raw), threads: 0 },
    },
  };
}
