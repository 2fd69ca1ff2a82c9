/** The command line of `validate-trail merge`. */
import type { Work } from '../core/journal.js';
import type { Parsed } from './command-line.js';
import { readDuration } from './duration.js';
import { flag, many, text } from './option.js';
import { ENVIRONMENT, EXIT_STATUS } from './help-texts.js';
import { commandLine, DESCRIBED, MAX_AGE } from './options.js';
import { UsageError } from './usage-error.js';

export interface MergeArguments {
  /** What shards left. */
  readonly files: readonly string[];
  /** Seconds ago that the oldest of them may have been begun. */
  readonly maxAge: number;
  /** Options of this machine and of the report, as a command line. */
  readonly own: Work['options'];
}

const OPTIONS = {
  format: text('Report:', DESCRIBED.format),
  output: text('Report:', 'write the report to a file [default: stdout]'),
  report: many('Report:', DESCRIBED.report),
  attest: text('Report:', DESCRIBED.attest),
  attestation: text('Report:', DESCRIBED.attestation),
  verbose: flag('Report:', 'notices, intervals, and every chain and finding'),
  quiet: flag('Report:', 'only the verdict, in one line; no progress'),
  state: text(
    'Here, if elsewhere than at the shards:',
    'the state file, which is brought up to date',
  ),
  evidence: text('Here, if elsewhere than at the shards:', 'the directory that mirrors buckets'),
  'public-keys': text('Here, if elsewhere than at the shards:', 'the file of public keys'),
  profile: text('AWS:', 'profile of the shared AWS files [default: $AWS_PROFILE]'),
  'endpoint-url': text('AWS:', 'endpoint of CloudTrail, and of S3'),
  's3-endpoint-url': text('AWS:', 'endpoint of S3, if another'),
  's3-force-path-style': flag('AWS:', 'bucket in the path, not in the host name'),
  concurrency: text('AWS:', DESCRIBED.concurrency),
  threads: text('AWS:', DESCRIBED.threads),
} as const;

const EPILOGUE = `Joins what shards left (--shard, --partial) into the report that one machine
would have given, equal but for the times of the run. CloudTrail and the
bucket are asked what judging needs; a day is read again only where its shard
could not read or settle all of it. Refused are partials that are damaged or
unfinished, of different work, there twice, older than --max-age, or not all
there. All other options are those of the shards.

${ENVIRONMENT}

${EXIT_STATUS}

Examples:
  validate-trail merge part-*.jsonl
  validate-trail merge part-*.jsonl --format json --output report.json
  validate-trail merge part-*.jsonl --state s.json --max-age 5d`;

/** The options of the command. */
export function parser(argv: readonly string[]): ReturnType<typeof commandLine> {
  return commandLine(argv)
    .usage(
      'Usage: validate-trail merge PARTIAL... [options]\n\n' +
        'Joins what shards left into one report: PARTIAL is a file that --partial\n' +
        'named, all of them, in any order.',
    )
    .options({
      'max-age': text(
        'Partials:',
        `how long ago the first shard may have begun (90m, 12h, 5d) [default: ${MAX_AGE}]`,
      ),
      ...OPTIONS,
      help: { type: 'boolean', desc: 'this text' },
    })
    .strictOptions()
    .epilogue(EPILOGUE);
}

/** Parses what follows `merge`; throws `UsageError`. */
export async function parse(argv: readonly string[]): Promise<Parsed> {
  const raw = (await parser(argv).parse()) as Record<string, unknown> & { _: (string | number)[] };
  const files = raw._.map(String);
  if (files.length === 0) throw new UsageError('merge needs the files that the shards left');
  const own = Object.entries(raw).filter(
    ([name, value]) => name in OPTIONS && value !== undefined,
  ) as [string, string | boolean | string[]][];
  const maxAge = readDuration('max-age', (raw['max-age'] as string | undefined) ?? MAX_AGE);
  return { command: 'merge', arguments: { files, maxAge, own: Object.fromEntries(own) } };
}

/** The command line that options stand for. */
export function argvOf(options: Work['options']): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (typeof value === 'boolean') return [`--${name}=${value}`];
    return (typeof value === 'string' ? [value] : value).map((one) => `--${name}=${one}`);
  });
}
