/** The command line of `validate-trail completion`. */
import type { Parsed } from './command-line.js';
import { SCRIPTS } from './completion-scripts.js';
import { commandLine } from './options.js';
import { UsageError } from './usage-error.js';

const EPILOGUE = `Prints a script that completes commands, options, forms of the report, Regions,
codes for --explain and file names. Without a shell's name it is that of $SHELL,
or else bash.

Examples:
  source <(validate-trail completion bash)    # in ~/.bashrc
  source <(validate-trail completion zsh)     # in ~/.zshrc, after compinit
  validate-trail completion zsh >_validate-trail    # into a folder of $fpath

Exit status: 0, or 2 for a shell that there is no script for.`;

/** The options of the command. */
export function parser(argv: readonly string[]): ReturnType<typeof commandLine> {
  return commandLine(argv)
    .usage('Usage: validate-trail completion [bash|zsh]')
    .options({ help: { type: 'boolean', desc: 'this text' } })
    .strictOptions()
    .epilogue(EPILOGUE);
}

/** Parses what follows `completion`; throws `UsageError`. */
export async function parse(argv: readonly string[]): Promise<Parsed> {
  const { _: names } = (await parser(argv).parse()) as { _: (string | number)[] };
  const own = process.env['SHELL']?.endsWith('zsh') === true ? 'zsh' : 'bash';
  const [name = own, ...more] = names.map(String);
  if (more.length > 0 || !Object.hasOwn(SCRIPTS, name)) {
    throw new UsageError(`${[name, ...more].join(' ')} is not bash or zsh`);
  }
  return { command: 'help', text: SCRIPTS[name as keyof typeof SCRIPTS] };
}
