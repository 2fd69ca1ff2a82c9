/**
 * `npm run bench`: ours and the AWS CLI side by side on one loopback endpoint, in turns, medians of
 * the runs. Figures, no assertions about time. Needs python3, which counts the children's CPU.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import { startEndpoint } from './support/loopback.js';
import { CREDENTIALS } from './support/run-command.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';

const run = promisify(execFile);
const bin = fileURLToPath(new URL('../bin/validate-trail.js', import.meta.url));

const MEASURE = `
import json, resource, subprocess, sys, time
begun = time.time()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps(dict(wall=time.time() - begun, cpu=used.ru_utime + used.ru_stime, mb=used.ru_maxrss / 1024, status=done.returncode)))
`;

interface Figures {
  readonly wall: number;
  readonly cpu: number;
  readonly mb: number;
  readonly status: number;
}

async function measure(argv: readonly string[], env: Record<string, string>): Promise<Figures> {
  const { stdout } = await run('python3', ['-c', MEASURE, ...argv], {
    env: { ...process.env, ...CREDENTIALS, ...env },
  });
  return JSON.parse(stdout) as Figures;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

function row(name: string, all: readonly Figures[], files: number): string {
  const wall = median(all.map((one) => one.wall));
  const cpu = median(all.map((one) => one.cpu));
  const mb = Math.max(...all.map((one) => one.mb));
  return `${name.padEnd(34)} ${wall.toFixed(2).padStart(7)} s ${(files / wall).toFixed(0).padStart(6)} files/s ${((cpu / files) * 1e6).toFixed(0).padStart(6)} us CPU a file ${mb.toFixed(0).padStart(5)} MB peak`;
}

describe.skipIf(process.env['BENCH'] === undefined)('benchmark', () => {
  it('log files of about 7 KB, one chain', { timeout: 3_600_000 }, async () => {
    const hours = 21;
    const logsPerHour = 200;
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours, logsPerHour, logBytes: 90_000 });
    const files = (hours - 1) * logsPerHour;
    const range = ['--start-time', iso(FROM + HOUR), '--end-time', iso(FROM + hours * HOUR)];
    const trail = ['--trail-arn', builder.trail.TrailARN, ...range];
    const endpoint = await startEndpoint(builder.world);
    const env = { AWS_ENDPOINT_URL: endpoint.url };
    const sizes = [...builder.bucket('trail-bucket').objects.values()].map(
      (one) => one.body.length,
    );
    console.log(`${files} log files, median ${median(sizes)} bytes`);
    try {
      for (const [latencyMs, runs, cliRuns] of [
        [0, 5, 3],
        [20, 5, 1],
      ] as const) {
        endpoint.set({ latencyMs });
        console.log(`latency ${latencyMs} ms`);
        const cli: Figures[] = [];
        const ours = new Map<string, Figures[]>();
        for (let turn = 0; turn < runs; turn++) {
          if (turn < cliRuns) {
            cli.push(
              await measure(
                ['aws', 'cloudtrail', 'validate-logs', ...trail, '--region', 'us-east-1'],
                env,
              ),
            );
          }
          for (const concurrency of ['16', '32', '64', '128', '256']) {
            const argv = [
              process.execPath,
              bin,
              ...trail,
              '--endpoint-url',
              endpoint.url,
              '--concurrency',
              concurrency,
            ];
            const figures = ours.get(concurrency) ?? [];
            ours.set(concurrency, figures);
            figures.push(await measure(argv, {}));
          }
        }
        console.log(row('aws cloudtrail validate-logs', cli, files));
        for (const [concurrency, figures] of ours) {
          console.log(row(`validate-trail --concurrency ${concurrency}`, figures, files));
        }
        for (const one of [...cli, ...[...ours.values()].flat()]) expect(one.status).toBe(0);
      }
    } finally {
      await endpoint.close();
    }
  });
});
