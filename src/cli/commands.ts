/** The commands beside the validation itself: a new one is a line here, and help, hints and completion know it. */
import type { commandLine } from './options.js';
import type { Parsed } from './command-line.js';

/** The command line of a command, in a file of its own that is loaded when somebody asks for it. */
export interface CommandLine {
  /** Its options. */
  readonly parser: (argv: readonly string[]) => ReturnType<typeof commandLine>;
  /** Parses what follows the command's name; throws `UsageError`. */
  readonly parse: (argv: readonly string[]) => Promise<Parsed>;
}

interface Command {
  /** What it is for, in the list of commands. */
  readonly about: string;
  readonly load: () => Promise<CommandLine>;
}

export const COMMANDS: Readonly<Record<string, Command>> = {
  merge: { about: 'join what shards left', load: () => import('./merge-args.js') },
  collect: {
    about: 'copy a range into a directory, to be proved without AWS',
    load: () => import('./collect-args.js'),
  },
  keys: {
    about: 'save the public keys of a range, for all Regions',
    load: () => import('./keys-args.js'),
  },
  'verify-report': {
    about: 'check that a report is the one that was attested',
    load: () => import('./verify-args.js'),
  },
  completion: {
    about: 'print what lets bash or zsh complete command lines',
    load: () => import('./completion-args.js'),
  },
};

/** The command of a name. */
export const commandOf = (name = ''): Command | undefined =>
  Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
