/** The command at a terminal: util-linux's `script` gives it one. */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CREDENTIALS } from './run-command.js';

const bin = fileURLToPath(new URL('../../bin/validate-trail.js', import.meta.url));

export const hasTerminal = spawnSync('script', ['--version']).stdout.includes('util-linux');

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export interface AtTerminal {
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Ctrl-C once the terminal was sent this. */
  readonly interruptAt?: RegExp;
}

/** Everything that a terminal is sent, and the command's status. */
export async function atTerminal(
  argv: readonly string[],
  { columns = 80, env = {}, interruptAt }: AtTerminal = {},
): Promise<{ sent: string; status: number | null }> {
  const command = [process.execPath, bin, ...argv].map(quoted).join(' ');
  const child = spawn(
    'script',
    ['-qefc', `stty cols ${columns} rows 50; exec ${command}`, '/dev/null'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...{ PATH: process.env['PATH'] ?? '', TERM: 'xterm', LANG: 'C.UTF-8', SHELL: '/bin/sh' },
        ...{ ...CREDENTIALS, ...env },
      },
    },
  );
  let sent = '';
  let isInterrupted = false;
  child.stdout.on('data', (data: Buffer) => {
    sent += data.toString();
    if (isInterrupted || interruptAt?.test(sent) !== true) return;
    // As somebody at the keyboard does it.
    isInterrupted = true;
    child.stdin.write('\u0003');
  });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { sent, status };
}

/**
 * What a terminal shows in the end of what it was sent, line by line: carriage returns, line feeds, and
 * the few movements that are used; colours are left out.
 */
export function shownOf(sent: string): string[] {
  const lines: string[] = [''];
  let [row, column] = [0, 0];

  for (const [token] of sent.matchAll(/\u001b\[[?\d;]*[A-Za-z]|[^]/gu)) {
    const move = /^\u001b\[(\??)(\d*)(?:;\d*)*([A-Za-z])$/.exec(token);
    const number = Number(move?.[2] || 1);
    if (move) {
      const [, , , kind] = move;
      if (kind === 'G') column = number - 1;
      else if (kind === 'A') row = Math.max(0, row - number);
      else if (kind === 'K') {
        const line = lines[row] ?? '';
        lines[row] = move[2] === '2' ? '' : move[2] === '1' ? line : line.slice(0, column);
      } else if (!/[mhl]/.test(kind ?? '')) throw new Error(`a movement: ${JSON.stringify(token)}`);
    } else if (token === '\r') column = 0;
    else if (token === '\n') {
      row++;
      lines[row] ??= '';
    } else {
      const line = (lines[row] ?? '').padEnd(column);
      lines[row] = line.slice(0, column) + token + line.slice(column + 1);
      column++;
    }
  }
  return lines.map((line) => line.trimEnd());
}
