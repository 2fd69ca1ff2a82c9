import type { Arguments } from './args.js';
import type { CollectArguments } from './collect-args.js';
import { commandOf } from './commands.js';
import type { KeysArguments } from './keys-args.js';
import type { MergeArguments } from './merge-args.js';
import { UsageError } from './usage-error.js';
import type { VerifyArguments } from './verify-args.js';

/** What a command line asks for. */
export type Parsed =
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }
  | { readonly command: 'validate'; readonly arguments: Arguments }
  | { readonly command: 'merge'; readonly arguments: MergeArguments }
  | { readonly command: 'collect'; readonly arguments: CollectArguments }
  | { readonly command: 'keys'; readonly arguments: KeysArguments }
  | { readonly command: 'verify-report'; readonly arguments: VerifyArguments };

/** What `--explain` asks for: a code's meaning, or all codes where it names none. */
async function explain(code: string | undefined): Promise<string> {
  const { EXPLAINED, renderCodes, renderExplanation } = await import('../report/explain.js');
  if (code === undefined) return renderCodes();
  const wanted = code.toUpperCase().replaceAll('-', '_');
  const found = renderExplanation(wanted);
  if (found !== undefined) return found;
  const { nearest } = await import('../core/nearest.js');
  const { listed } = await import('../report/cut.js');
  const near = nearest(wanted, EXPLAINED);
  const holding = EXPLAINED.filter((one) => one.includes(wanted));
  const meant = near === undefined ? holding : [near];
  const question =
    meant.length === 0
      ? ''
      : `: did you mean ${meant.length === 1 ? '' : 'one of '}${listed(meant, false)}?`;
  throw new UsageError(
    `--explain: ${code} is no code of a finding or setting${question}`,
    'validate-trail --explain lists all codes',
  );
}

/**
 * Parses a command line; throws `UsageError` for one that can't be run. Loads no AWS client, and each
 * kind of answer only what it takes.
 */
export async function parseArguments(given: readonly string[]): Promise<Parsed> {
  const argv = given[0] === 'help' ? [...given.slice(1), '--help'] : given;
  if (argv[0] === '--get-yargs-completions') {
    const { complete } = await import('./completion.js');
    return { command: 'help', text: (await complete(argv.slice(1))).join('\n') };
  }
  const isHelp = argv.includes('--help') || argv.includes('-h');
  const command = await commandOf(argv[0])?.load();
  if (command && !isHelp) return command.parse(argv.slice(1));
  if (isHelp) {
    const { parser } = command ?? (await import('./options.js'));
    return { command: 'help', text: await parser(command ? argv.slice(1) : argv).getHelp() };
  }
  const at = argv.findIndex((one) => /^--explain(=|$)/.test(one));
  if (at >= 0) {
    const code = argv[at]?.slice('--explain='.length) || argv[at + 1];
    return { command: 'help', text: await explain(code) };
  }
  if (argv.includes('--report-schema')) {
    const { REPORT_SCHEMA } = await import('../report/schema.js');
    return { command: 'help', text: JSON.stringify(REPORT_SCHEMA, null, 2) };
  }
  if (argv.includes('--version')) return { command: 'version' };
  const { readOptions } = await import('./args.js');
  return { command: 'validate', arguments: await readOptions(argv) };
}
