/**
 * A Slurm cluster of one node on loopback, in a directory of its own. Slurm is no dependency of this
 * package: a test asks for one and skips itself when the machine hasn't got it.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Slurm {
  /** Where jobs may leave what they write. */
  readonly directory: string;
  /** What a process needs in its environment to reach the cluster. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs one of Slurm's commands and gives its stdout. */
  command(name: string, ...argv: string[]): Promise<string>;
  /** Ends jobs and daemons and removes the directory. */
  stop(): Promise<void>;
}

async function freePorts(): Promise<[number, number]> {
  const servers = await Promise.all(
    [0, 1].map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const [one = 0, two = 0] = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [one, two];
}

/** Starts a cluster; the reason in words where the machine can't run one. */
export async function startSlurm(): Promise<Slurm | string> {
  const script = fileURLToPath(new URL('slurm.sh', import.meta.url));
  const directory = await mkdtemp(join(tmpdir(), 'slurm-'));
  const [control, node] = await freePorts();
  const cluster = spawn('bash', [script, directory, String(control), String(node)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  cluster.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<number | null>((resolve) => cluster.once('exit', resolve));
  const ready = new Promise<'ready'>((resolve) =>
    cluster.stdout.once('data', () => resolve('ready')),
  );
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 5 });
  const first = await Promise.race([ready, ended]);
  if (first !== 'ready') {
    await remove();
    if (first === 77) return stderr.trim();
    throw new Error(`slurm.sh ended with ${String(first)}: ${stderr}`);
  }
  const env = { SLURM_CONF: join(directory, 'slurm.conf') };
  return {
    directory,
    env,
    command: async (name, ...argv) => {
      const options = { cwd: directory, env: { PATH: process.env['PATH'] ?? '', ...env } };
      return (await run(name, argv, options)).stdout;
    },
    stop: async () => {
      cluster.kill('SIGTERM');
      await ended;
      await remove();
    },
  };
}
