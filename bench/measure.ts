/**
 * Runs a command and takes its time, CPU and peak memory. python3 counts them: node knows only its
 * own, and not every machine has GNU time. The command runs unmodified, its children count with it.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

const COUNT = `
import json, resource, subprocess, sys, time
begun = time.time()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
wall = time.time() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps(dict(wall=wall, cpu=used.ru_utime + used.ru_stime, mb=used.ru_maxrss / 1024,
                      status=done.returncode, output=done.stdout.decode(errors='replace')[-2000:])))
`;

export interface Figures {
  /** Seconds, start-up included. */
  readonly wall: number;
  /** Seconds, user and system. */
  readonly cpu: number;
  /** Peak resident memory. */
  readonly mb: number;
  readonly output: string;
}

/** What a child may know: no person's configuration, credentials that nobody checks. */
export const environment = (url: string): NodeJS.ProcessEnv => ({
  ...process.env,
  AWS_ACCESS_KEY_ID: 'TESTACCESSKEY0000000',
  AWS_SECRET_ACCESS_KEY: 'test-secret-key-for-loopback-only',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_ENDPOINT_URL: url,
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  NO_PROXY: '127.0.0.1',
});

/** Runs a command to its end; one that fails is no figure. */
export async function measure(argv: readonly string[], url = ''): Promise<Figures> {
  const settings = { env: environment(url), maxBuffer: 2 ** 24 };
  const { stdout } = await run('python3', ['-c', COUNT, ...argv], settings);
  const figures = JSON.parse(stdout) as Figures & { readonly status: number };
  if (figures.status === 0) return figures;
  throw new Error(`${argv.join(' ')}\nended with ${figures.status}:\n${figures.output}`);
}

/** The middle value, of an even number the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const [low = NaN, high = low] = sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1);
  return (low + high) / 2;
}
