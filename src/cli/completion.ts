/** What may follow on a command line: asked by a shell for each press of the tabulator, so it loads little. */
import { REGIONS } from '../core/regions.js';
import { FORMATS } from '../report/format-names.js';
import { commandOf, COMMANDS } from './commands.js';
import { parser } from './options.js';

type Values = readonly string[] | Promise<readonly string[]>;

/** Options with a few known values; where nothing is known of them, the shell offers file names. */
const VALUES: Readonly<Record<string, () => Values>> = {
  format: () => FORMATS,
  report: () => FORMATS.map((format) => `${format}=`),
  region: () => REGIONS,
  'home-region': () => REGIONS,
  's3-client': () => ['auto', 'sdk'],
  shard: () => ['auto'],
  threads: () => ['auto'],
  'start-time': () => ['yesterday', 'today'],
  'end-time': () => ['yesterday', 'today', 'now'],
  explain: async () => (await import('../report/explain.js')).EXPLAINED,
};

/** What yargs knows of a parser's options. */
interface Known {
  getOptions(): { readonly boolean: readonly string[]; readonly array: readonly string[] };
}

const optionOf = (word = ''): string | undefined => /^--([a-z][a-z0-9-]*)$/.exec(word)?.[1];

/** The option whose value is being typed, and what of it is there. */
function valueAt(words: readonly string[]): { option: string; prefix: string } | undefined {
  const [last = '', second, third] = words.slice(-3).reverse();
  // bash takes an equals sign for a word.
  const [name, prefix] = last === '=' ? [second, ''] : second === '=' ? [third, ''] : [second, ''];
  const whole = /^--([a-z][a-z0-9-]*)=/.exec(last);
  if (whole) return { option: whole[1] ?? '', prefix: whole[0] };
  const option = optionOf(name);
  return option === undefined ? undefined : { option, prefix };
}

/** What the last of a command line's words may become; the first is the command itself. */
export async function complete(line: readonly string[]): Promise<string[]> {
  const [, ...words] = line;
  const command = words.length > 1 ? commandOf(words[0]) : undefined;
  const instance = command ? (await command.load()).parser([]) : parser([]);
  const { boolean, array } = (instance as unknown as Known).getOptions();
  const value = valueAt(words);
  if (value && !boolean.includes(value.option)) {
    const values = (await VALUES[value.option]?.()) ?? [];
    const last = words.at(-1) ?? '';
    const typed = last === '=' ? '' : last;
    return values.map((one) => value.prefix + one).filter((one) => one.startsWith(typed));
  }
  const current = words.at(-1) ?? '';
  if (current !== '' && !current.startsWith('-')) {
    return words.length > 1 ? [] : Object.keys(COMMANDS).filter((name) => name.startsWith(current));
  }
  // What follows a command's name is files, or a shell.
  if (command && current === '') return words[0] === 'completion' ? ['bash', 'zsh'] : [];
  const given = words.slice(0, -1).map((word) => optionOf(word.replace(/=.*$/s, '')));
  const names = words.length === 1 && current === '' ? Object.keys(COMMANDS) : [];
  const options = await instance.getCompletion([current === '' ? '--' : current]);
  const free = options.filter((one) => {
    const name = optionOf(one.replace(/:.*$/s, '')) ?? '';
    return array.includes(name) || !given.includes(name);
  });
  return [...names, ...free.filter((one) => one.startsWith(current))];
}
