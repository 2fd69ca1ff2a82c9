/** The options of the command, as they are declared and described. */
import yargs from 'yargs';
import { nearest } from '../core/nearest.js';
import { FORMATS } from '../report/format-names.js';
import { COMMANDS } from './commands.js';
import { EPILOGUE } from './help-texts.js';
import { flag, many, text } from './option.js';
import { UsageError } from './usage-error.js';

/** By measurement (ARCHITECTURE.md). */
export const DEFAULT_CONCURRENCY = 64;
export const MOST_THREADS = 64;
/** Two days are enough for what goes on or was shared out, and too few for last month's. */
export const MAX_AGE = '2d';

/** What is said of options that a run and a merge have alike. */
export const DESCRIBED = {
  format: `form of the report: ${FORMATS.slice(0, -1).join(', ')} or ${FORMATS.at(-1) ?? ''} [default: text]`,
  report: 'FORMAT=FILE: the report in another form too (repeatable)',
  attest:
    'KEY.pem: sign the report’s files with this private key (VALIDATE_TRAIL_KEY_PASSPHRASE opens an encrypted one)',
  attestation: 'file of the signature [default: the report’s, and .intoto.json]',
  concurrency: `objects read at the same time (1 to 1024) [default: ${DEFAULT_CONCURRENCY}]`,
  threads: `threads beside the main one that hash log files (0 to ${MOST_THREADS}) [default: as many as cores, at most 4]`,
} as const;

export const TIME_FORMS = 'a time such as 2026-11-01T00:00:00Z, 2026-11-01, 12h, 3d or yesterday';

/** Short options of other programs, and what they mean there. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  v: ['verbose', 'version'],
  V: ['version'],
  o: ['output'],
  f: ['format'],
  q: ['quiet'],
};

/** What is wrong with a word that begins with one dash, of which yargs tells a letter. */
function ofOneDash(word: string, letter: string, known: readonly string[]): string {
  const name = word.slice(1).replace(/=.*$/s, '');
  const near = name.length === 1 ? undefined : nearest(name, known);
  const own = SHORT[letter]?.filter((one) => known.includes(one)) ?? [];
  const meant = near === undefined ? own : [near];
  const hint = meant.map((one) => `--${one}`).join(' or ');
  return `-${name} is not an option${hint === '' ? '' : `: did you mean ${hint}?`}`;
}

/** A mistake that yargs found, in the words of all others. */
function inOurWords(message: string, argv: readonly string[], known: readonly string[]): string {
  const [, valueless] = /^Not enough arguments following: (.+)$/.exec(message) ?? [];
  if (valueless !== undefined) return `--${valueless} needs a value`;
  const [, unknown] = /^Unknown arguments?: ([^,]+)/.exec(message) ?? [];
  if (unknown === undefined) return message.replace(/\s*\n\s*/g, ' ');
  const dashed = argv.find((one) => /^-[^-]/.test(one) && one.includes(unknown, 1));
  if (unknown.length === 1 && dashed !== undefined) return ofOneDash(dashed, unknown, known);
  const isOption = !argv.includes(unknown);
  const [kind, begin, names] = isOption
    ? ['not an option', '--', known]
    : ['neither a command nor an option', 'validate-trail ', Object.keys(COMMANDS)];
  const meant = nearest(unknown, names);
  const hint = meant === undefined ? '' : `: did you mean ${begin}${meant}?`;
  return `${isOption ? '--' : ''}${unknown} is ${kind}${hint}`;
}

/** What all parsers of command lines begin with: mistakes are thrown as `UsageError`. */
export function commandLine(argv: readonly string[]) {
  const instance = yargs([...argv]);
  return instance
    .scriptName('validate-trail')
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .wrap(80)
    .parserConfiguration({ 'camel-case-expansion': false, 'boolean-negation': false })
    .fail((message, error) => {
      const known = instance.parsed === false ? [] : Object.keys(instance.parsed.aliases);
      throw new UsageError(inOurWords(message || error.message, argv, known));
    });
}

/** The options of a run. */
export const OPTIONS = {
  'trail-arn': text('What:', 'ARN of the trail'),
  'start-time': text('What:', 'begin of the range; required, unless --since-state says it'),
  'end-time': text('What:', 'end of the range [default: all that is due, now less 2 h]'),
  'trail-name': text('What:', 'name of the trail, instead of its ARN; needs --home-region'),
  'home-region': text('What:', 'home Region of --trail-name'),
  region: many('What:', 'only this source Region (repeatable) [default: all]'),
  'account-id': many('What:', 'only this account (repeatable) [default: all of the trail]'),
  'digests-only': flag('What:', 'check the digest chain, read no log file'),
  'no-unlisted': flag('What:', 'do not look for log files that no digest file lists'),
  'accept-unlisted': many(
    'What:',
    'ARN of another trail, without validation, whose log files may lie here: told and counted, and pass (repeatable)',
  ),
  'no-versions': flag('What:', 'do not look for originals among object versions'),
  'allow-gaps': flag(
    'What:',
    'exit with 0 where all that is open are lawful gaps that an event names',
  ),
  retention: text('What:', 'so many days that log files are kept: nothing older is asked for'),
  estimate: flag('What:', 'only tell what a run would request, read, take and cost, from listings'),
  state: text('Between runs:', 'file that remembers what was proved, for the next run'),
  'init-state': flag('Between runs:', 'begin the state file: there is none yet'),
  'since-state': flag('Between runs:', 'from where the state ends, instead of --start-time'),
  accept: many(
    'Between runs:',
    'record that the open finding with this ID (12 hex digits) is accepted; needs --reason (repeatable)',
  ),
  reason: text('Between runs:', 'why it is accepted'),
  'accepted-by': text('Between runs:', 'who accepts it [default: your user name]'),
  location: many('Where:', 'older place of the trail, s3://BUCKET/PREFIX (repeatable)'),
  'bucket-alias': many(
    'Where:',
    'SIGNED=ACTUAL: read a replica, verify the signed name (repeatable)',
  ),
  's3-bucket': text('Where:', 'the bucket, instead of asking DescribeTrails'),
  's3-prefix': text('Where:', 'key prefix in that bucket'),
  'organization-id': text(
    'Where:',
    'organization (o-…) whose folder holds the trail, where there are several',
  ),
  evidence: text(
    'Where:',
    'read what validate-trail collect wrote, or a directory that mirrors buckets; no network',
  ),
  'public-keys': text(
    'Where:',
    'file of public keys that was kept apart (by validate-trail keys, or list-public-keys)',
  ),
  'keys-sha256': many('Where:', 'SHA-256 of the key file beside the evidence (repeatable)'),
  'manifest-sha256': text('Where:', 'SHA-256 of the manifest that validate-trail collect wrote'),
  profile: text('AWS:', 'profile of the shared AWS files [default: $AWS_PROFILE]'),
  'endpoint-url': text('AWS:', 'endpoint of CloudTrail, and of S3'),
  's3-endpoint-url': text('AWS:', 'endpoint of S3, if another'),
  's3-force-path-style': flag('AWS:', 'bucket in the path, not in the host name'),
  's3-client': text('AWS:', 'auto or sdk: all requests of S3 through the AWS SDK [default: auto]'),
  format: text('Report:', DESCRIBED.format),
  output: text('Report:', 'write the report to a file [default: stdout]'),
  report: many('Report:', DESCRIBED.report),
  attest: text('Report:', DESCRIBED.attest),
  attestation: text('Report:', DESCRIBED.attestation),
  verbose: flag('Report:', 'notices, intervals, and every chain and finding'),
  quiet: flag('Report:', 'only the verdict, in one line; no progress'),
  'report-schema': flag('Report:', 'only print the JSON Schema of --format json'),
  explain: text(
    'Report:',
    'CODE: only print what a finding or setting means and what to do; all codes without',
  ),
  resume: text(
    'Large trails:',
    'journal: goes on where an interrupted run of the same command stopped',
  ),
  'max-age': text(
    'Large trails:',
    `with --resume, and for validate-trail merge, not for a shard: how long ago the journal, or the first partial, may have been begun [default: ${MAX_AGE}]`,
  ),
  'max-duration': text(
    'Large trails:',
    'begin nothing more after so long (90m, 5h); what is left is incomplete',
  ),
  sample: text(
    'Large trails:',
    'N/M: of M equal parts of the log files only the N-th; digest files always all',
  ),
  shard: text(
    'Large trails:',
    'I/N: read one of N shares; auto: as the scheduler says (docs/scale.md)',
  ),
  partial: text(
    'Large trails:',
    'file that a shard writes, for validate-trail merge; needs --shard',
  ),
  concurrency: text('Large trails:', DESCRIBED.concurrency),
  threads: text('Large trails:', DESCRIBED.threads),
  help: { type: 'boolean', desc: 'this text' },
  version: { type: 'boolean', desc: 'the version' },
} as const;

const commandList = (): string =>
  Object.entries(COMMANDS)
    .map(([name, { about }]) => `  ${name.padEnd(15)}${about}`)
    .join('\n');

/** Makes the parser of a command line. */
export function parser(argv: readonly string[]) {
  return commandLine(argv)
    .usage(
      'Usage: validate-trail --trail-arn ARN --start-time T [--end-time T] [options]\n' +
        'or:    validate-trail merge PARTIAL... [options]\n' +
        'or:    validate-trail COMMAND ...\n\n' +
        'Proves the integrity of AWS CloudTrail logs from their signed digest files.',
    )
    .options(OPTIONS)
    .strict()
    .epilogue(
      `Commands (validate-trail COMMAND --help tells more):\n${commandList()}\n\n${EPILOGUE}`,
    );
}
