import { COLOUR, PLAIN, type Style } from '../report/style.js';
import type { Io } from './main.js';

/** Colours for a person's terminal, none for files, pipes and where `NO_COLOR` asks for that. */
export function styleOf({ env, stdout }: Io, output: string | undefined): Style {
  const { NO_COLOR: noColor, TERM: term } = env;
  const isWanted = (noColor ?? '') === '' && term !== 'dumb' && output === undefined;
  return isWanted && stdout.isTTY === true ? COLOUR : PLAIN;
}
