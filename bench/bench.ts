/**
 * `npm run bench`: the AWS CLI, validate-trail and the bare limit (bare.ts) side by side on one
 * loopback endpoint (endpoint.ts), in turns, medians of five. Figures on stdout: a plain table a case
 * as it goes, all of them in Markdown at the end. Needs python3, which counts the children's CPU.
 *
 *   npm run bench -- --only 7KB,startup --latency 20 --turns 7
 *   BENCH_QUICK=1 npm run bench                        smaller trails, fewer turns
 *   BENCH_MEMORY_LOGS=200000 npm run bench -- --only memory
 *
 * Cases: 1KB, 7KB, 100KB, 5MB (a log file, compressed; one chain), organization (17 Regions, three
 * accounts), memory (a day against 30 days at the same rate), startup. The bare client reads on as many
 * threads as ours; `--threads` gives it another number. Start-up is part of every figure but those that say otherwise.
 * The AWS CLI takes fewer turns over fewer files, at least 500 of them (5MB: all), and of an
 * organization some chains, since it validates one at a time; compare its files/s.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { bin, contenders, endpointFile, findPrograms, FULL, QUICK, rangeOf } from './cases.js';
import type { Case, Contender, Programs } from './cases.js';
import type { EndpointFacts, EndpointTally } from './endpoint.js';
import { measure, median } from './measure.js';
import { cells, table, toRow, type Row, type Run } from './table.js';
import type { Shape } from './trail.js';

interface Endpoint {
  readonly facts: EndpointFacts;
  order(path: string): Promise<unknown>;
  close(): Promise<void>;
}

async function startEndpoint(shape: Shape): Promise<Endpoint> {
  const child = spawn(process.execPath, [endpointFile, JSON.stringify(shape)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const died = ended.then(() => Promise.reject(new Error('the endpoint did not start')));
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), died])) as [
    string,
  ];
  died.catch(() => undefined);
  const facts = JSON.parse(line) as EndpointFacts;
  return {
    facts,
    order: async (path) => (await fetch(`${facts.url}/-/${path}`)).json(),
    close: async () => {
      child.kill();
      await ended;
    },
  };
}

/** Runs the programs in turns and tells what the endpoint saw. */
async function takeTurns(
  endpoint: Endpoint,
  scene: string,
  latency: number,
  programs: readonly Contender[],
): Promise<Row[]> {
  const runs = new Map<Contender, Run[]>(programs.map((one) => [one, []]));
  const turns = Math.max(...programs.map((one) => one.turns));
  for (let turn = 0; turn < turns; turn++) {
    for (const [one, done] of runs) {
      if (turn >= one.turns) continue;
      await endpoint.order(`latency/${latency}`);
      const figures = await measure(one.argv, endpoint.facts.url);
      const tally = (await endpoint.order('tally')) as EndpointTally;
      if (tally.objects < one.files)
        throw new Error(`${one.name} read ${tally.objects} of ${one.files} files`);
      done.push({ figures, tally });
    }
  }
  const rows = [...runs].map(([one, done]) => toRow(scene, one, done));
  console.log(`\n${table(cells(rows), 'plain')}`);
  const tallies = [...runs.values()].flat().map(({ tally }) => tally);
  const cpu = median(tallies.map(({ cpuSeconds, requests }) => (cpuSeconds / requests) * 1e6));
  const late = median(tallies.map(({ meanLateMs }) => meanLateMs));
  console.log(`endpoint: ${cpu.toFixed(0)} us CPU a request; answers ${late.toFixed(2)} ms late`);
  return rows;
}

interface Options {
  readonly programs: Programs;
  readonly latencies: readonly number[] | undefined;
  readonly turns: number;
  readonly threads: number;
}

function describeTrail({ mean, accounts, regions }: EndpointFacts, files: number): string {
  const { compressed, inflated } = mean;
  return `${files} log files of ${compressed.toFixed(0)} bytes (inflated ${inflated.toFixed(0)}, ${(inflated / compressed).toFixed(1)} times) in ${accounts.length * regions.length} chains`;
}

async function benchCase(one: Case, folder: string, options: Options): Promise<Row[]> {
  const endpoint = await startEndpoint(one.shape);
  try {
    const { facts } = endpoint;
    const files =
      one.shape.hours * one.shape.logsPerHour * facts.accounts.length * facts.regions.length;
    console.log(`\n${one.name}: ${describeTrail(facts, files)}`);
    const planFile = join(folder, 'plan.json');
    const logs = await endpoint.order(`logs?most=${files}`);
    await writeFile(planFile, JSON.stringify({ url: facts.url, logs }));
    const rows: Row[] = [];
    for (const latency of options.latencies ?? one.latencies) {
      const programs = contenders(one, { ...options, latency, facts, planFile });
      // Once unmeasured: the endpoint compiles what it runs often.
      const warm = programs.at(-1);
      if (rows.length === 0 && warm) await measure(warm.argv, facts.url);
      rows.push(...(await takeTurns(endpoint, `${one.name} ${latency} ms`, latency, programs)));
    }
    return rows;
  } finally {
    await endpoint.close();
  }
}

/** Does memory grow with the range? A day and 30 days at the same rate, from one endpoint. */
async function benchMemory(logs: number): Promise<Row[]> {
  const hours = 30 * 24;
  const logsPerHour = Math.max(1, Math.round(logs / hours));
  const shape = { logBytes: 1000, hours, logsPerHour, organization: false };
  const endpoint = await startEndpoint(shape);
  try {
    const { facts } = endpoint;
    console.log(`\nmemory: ${describeTrail(facts, hours * logsPerHour)}`);
    const programs = [1, 30].map((days) => ({
      name: `ours, ${days} d`,
      argv: [process.execPath, bin, ...rangeOf(facts, days * 24), '--endpoint-url', facts.url],
      files: days * 24 * logsPerHour,
      turns: days === 1 ? 3 : 1,
    }));
    return await takeTurns(endpoint, 'memory 0 ms', 0, programs);
  } finally {
    await endpoint.close();
  }
}

async function benchStartup({ aws }: Programs, turns: number): Promise<void> {
  const commands = new Map<string, string[]>([
    ['node -e 0', [process.execPath, '-e', '0']],
    ['validate-trail --help', [process.execPath, bin, '--help']],
    ['validate-trail --version', [process.execPath, bin, '--version']],
    ...(aws === undefined ? [] : [['aws --version', [aws, '--version']] as const]),
  ] as [string, string[]][]);
  const times = new Map<string, number[]>([...commands.keys()].map((name) => [name, []]));
  for (let turn = 0; turn < turns; turn++) {
    for (const [name, argv] of commands) times.get(name)?.push((await measure(argv)).wall);
  }
  console.log(`\nstartup: median of ${turns}, ms`);
  for (const [name, all] of times)
    console.log(`${name.padEnd(26)} ${(median(all) * 1000).toFixed(0).padStart(5)}`);
}

async function describeMachine({ aws }: Programs): Promise<string> {
  const version =
    aws === undefined ? 'not found: skipped' : (await measure([aws, '--version'])).output;
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${memory} GB; node ${process.version}; AWS CLI: ${version.trim()}`;
}

/** As many as read log files in the command. */
const OUR_THREADS = Math.min(availableParallelism(), 4);

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    latency: { type: 'string' },
    turns: { type: 'string' },
    threads: { type: 'string' },
  },
});
const isQuick = process.env['BENCH_QUICK'] === '1';
const cases = isQuick ? QUICK : FULL;
const names = [...cases.map(({ name }) => name), 'memory', 'startup'];
const only =
  values.only?.split(',') ?? (isQuick ? names.filter((name) => name !== 'memory') : names);
const unknown = only.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`no case ${unknown.join()}; there are ${names.join()}`);

const begun = performance.now();
const programs = findPrograms();
const turns = Number(values.turns ?? (isQuick ? 3 : 5));
const latencies = values.latency?.split(',').map(Number);
const options = { programs, latencies, turns, threads: Number(values.threads ?? OUR_THREADS) };
console.log(await describeMachine(programs));
const folder = await mkdtemp(join(tmpdir(), 'bench-'));
try {
  if (only.includes('startup')) await benchStartup(programs, isQuick ? 5 : 11);
  const scenes: Row[][] = [];
  for (const one of cases.filter(({ name }) => only.includes(name)))
    scenes.push(await benchCase(one, folder, options));
  if (only.includes('memory'))
    scenes.push(await benchMemory(Number(process.env['BENCH_MEMORY_LOGS'] ?? 1_000_000)));
  const rows = scenes.flat();
  const lines = [...new Set(rows.map(({ scene }) => scene))].flatMap((scene) =>
    cells(rows.filter((row) => row.scene === scene)),
  );
  if (lines.length > 0) console.log(`\n${table(lines, 'markdown')}`);
} finally {
  await rm(folder, { recursive: true });
}
console.log(`\n${((performance.now() - begun) / 60_000).toFixed(1)} min`);
