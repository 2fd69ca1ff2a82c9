/** The command as a process of its own, as its users start it. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ran } from './run-command.js';
import { CREDENTIALS } from './run-command.js';

const bin = fileURLToPath(new URL('../../bin/validate-trail.js', import.meta.url));

/** Starts it; `signal` sends one while it runs. */
export function start(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { ended: Promise<Ran>; signal: (name: NodeJS.Signals) => void } {
  const child = spawn(process.execPath, [bin, ...argv], {
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
