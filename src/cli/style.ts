import { asciiText } from '../report/escape.js';
import { COLOUR, PLAIN, type Style } from '../report/style.js';
import type { TextOptions } from '../report/text.js';
import type { Io } from './main.js';

/** Colours for a person's terminal, none for files, pipes and where `NO_COLOR` asks for that. */
export function styleOf({ env, stdout }: Io, output: string | undefined): Style {
  const { NO_COLOR: noColor, TERM: term } = env;
  const isWanted = (noColor ?? '') === '' && term !== 'dumb' && output === undefined;
  return isWanted && stdout.isTTY === true ? COLOUR : PLAIN;
}

/** Whether a terminal shows no more than ASCII: its locale names another encoding than UTF-8, or none. */
export function isAscii(env: Io['env'], platform: string = process.platform): boolean {
  const { LC_ALL: all = '', LC_CTYPE: type = '', LANG: lang = '' } = env;
  return platform !== 'win32' && !/utf-?8/i.test(all || type || lang);
}

/** Has what stderr is told in ASCII where it is a terminal that shows no more; nothing else is changed. */
export function inItsSigns(io: Io): Io {
  const { stdout, stderr, env } = io;
  if (stderr.isTTY !== true || !isAscii(env)) return io;
  // The stream itself stays what it is to whoever draws on it.
  const ascii = Object.create(stderr, {
    write: {
      value: (piece: string | Uint8Array, ...rest: []) =>
        stderr.write(typeof piece === 'string' ? asciiText(piece) : piece, ...rest),
      writable: true,
    },
  }) as Io['stderr'];
  return {
    ...{ stdout, stderr: ascii, env },
    once: (signal, listener) => io.once(signal, listener),
    removeListener: (signal, listener) => io.removeListener(signal, listener),
  };
}

/** How the text is laid out: a terminal's width and signs; the same everywhere for files and pipes. */
export function layoutOf(
  { env, stdout }: Io,
  output: string | undefined,
): Pick<TextOptions, 'width' | 'ascii'> {
  if (output !== undefined || stdout.isTTY !== true) return {};
  // Some terminals say 0 where they don't know.
  return { width: stdout.columns || undefined, ascii: isAscii(env) };
}
