/** The command as a process of its own, as its users start it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ran } from './run-command.js';
import { CREDENTIALS } from './run-command.js';

const bin = fileURLToPath(new URL('../../bin/validate-trail.js', import.meta.url));

/** Lets no file become longer than one block of 512 bytes: what a full disk does, without one. */
export const ONE_BLOCK = ['sh', '-c', 'trap "" XFSZ; ulimit -f 1; exec "$@"', 'sh'];

/** Starts it, through another command perhaps; `signal` sends one while it runs. */
export function start(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  through: readonly string[] = [],
): { ended: Promise<Ran>; signal: (name: NodeJS.Signals) => void } {
  const [program = '', ...own] = [...through, process.execPath, bin, ...argv];
  const child = spawn(program, own, {
    env: { PATH: process.env['PATH'] ?? '', ...CREDENTIALS, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<Ran>((resolve) => {
    child.once('close', (code) => resolve({ status: code ?? -1, stdout, stderr }));
  });
  return { ended, signal: (name) => child.kill(name) };
}
