/** The command line of `validate-trail verify-report`. */
import { many, text } from './option.js';
import type { Parsed } from './command-line.js';
import { commandLine } from './options.js';
import { single, type Raw } from './raw-options.js';
import { UsageError } from './usage-error.js';

export interface VerifyArguments {
  /** The file that `--attest` left. */
  readonly attestation: string;
  /** The public key's file. */
  readonly key: string;
  /** Report files that are checked; those that lie beside the attestation where none is named. */
  readonly reports: readonly string[];
  readonly evidence: string | undefined;
}

const EPILOGUE = `Checks that an attestation, the file that --attest left, is signed with the
key and that the report’s files are the ones that were signed, byte for byte,
and prints what was signed: verdict, trail, range. The report’s files are
looked for beside the attestation; with --report only the named ones are
checked, whatever they are called now. Asks no network.

The key is one that you have from its owner, by another way than the report:
a public key in PEM, Ed25519, ECDSA (P-256, P-384) or RSA (2048 bits or more).

Exit status:
  0  verified: signed with that key, and each file is the one that was signed
  1  not verified: another key, or something altered or missing
  2  could not run: usage, or a file that can’t be read or is no attestation

The status says nothing about the trail: a report that says INVALID verifies.

Examples:
  validate-trail verify-report trail.json.intoto.json --key public.pem
  validate-trail verify-report trail.json.intoto.json --key public.pem \\
    --report ~/Downloads/trail.json --evidence ./evidence`;

export function parser(argv: readonly string[]): ReturnType<typeof commandLine> {
  return commandLine(argv)
    .usage('Usage: validate-trail verify-report ATTESTATION --key PUBLIC.pem [options]')
    .options({
      key: text('What:', 'the public key'),
      report: many('What:', 'a report’s file (repeatable) [default: those beside ATTESTATION]'),
      evidence: text(
        'What:',
        'the evidence directory: its manifest and every file are checked too',
      ),
      help: { type: 'boolean', desc: 'this text' },
    })
    .strictOptions()
    .epilogue(EPILOGUE);
}

/** Parses what follows `verify-report`; throws `UsageError`. */
export async function parse(argv: readonly string[]): Promise<Parsed> {
  const raw = (await parser(argv).parse()) as Raw & { _: (string | number)[] };
  const [attestation, ...more] = raw._.map(String);
  if (attestation === undefined) {
    throw new UsageError('verify-report needs the attestation, the file that --attest left');
  }
  if (more.length > 0) {
    throw new UsageError('verify-report takes one attestation; reports go with --report');
  }
  const key = single(raw, 'key');
  if (key === undefined) {
    throw new UsageError(
      '--key is missing: a signature proves nothing without a key that you trust',
    );
  }
  const reports = (raw['report'] as string[] | undefined) ?? [];
  if (reports.includes('')) throw new UsageError('--report needs a value');
  const evidence = single(raw, 'evidence');
  return { command: 'verify-report', arguments: { attestation, key, reports, evidence } };
}
