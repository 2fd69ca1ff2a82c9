import type { Arguments } from './args.js';
import type { MergeArguments } from './merge-args.js';

/** What a command line asks for. */
export type Parsed =
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }
  | { readonly command: 'validate'; readonly arguments: Arguments }
  | { readonly command: 'merge'; readonly arguments: MergeArguments };

/**
 * Parses a command line; throws `UsageError` for one that can't be run. Loads no AWS client, and each
 * kind of answer only what it takes.
 */
export async function parseArguments(given: readonly string[]): Promise<Parsed> {
  const argv = given[0] === 'help' ? [...given.slice(1), '--help'] : given;
  if (argv[0] === 'merge') return (await import('./merge-args.js')).parseMerge(argv.slice(1));
  if (argv.includes('--help') || argv.includes('-h')) {
    const { parser } = await import('./options.js');
    return { command: 'help', text: await parser(argv).getHelp() };
  }
  if (argv.includes('--version')) return { command: 'version' };
  const { readOptions } = await import('./args.js');
  return { command: 'validate', arguments: await readOptions(argv) };
}
