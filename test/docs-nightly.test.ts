/** docs/nightly.md and README: their workflows, scripts and policies, run as they are pasted. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseArguments } from '../src/cli/command-line.js';
import type { Report } from '../src/core/report.js';
import type { State } from '../src/core/state.js';
import { startEndpoint, type Endpoint } from './support/loopback.js';
import { startMoto, type RealS3 } from './support/real-s3.js';
import { CREDENTIALS } from './support/run-command.js';
import { HOUR, TrailBuilder, type BuiltDigest } from './support/trail-builder.js';
import { parseYaml, runJob, type Job, type Ran } from './support/workflow.js';

const [page, readme] = await Promise.all(
  ['docs/nightly.md', 'README.md'].map((name) =>
    readFile(new URL(`../${name}`, import.meta.url), 'utf8'),
  ),
);
const blocksOf = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, block = '']) => block,
  );
const [full = '', ...moreFull] = blocksOf(page!, 'yaml');
const [short = '', ...moreShort] = blocksOf(readme!, 'yaml');
const scripts = blocksOf(page!, 'bash');
const script = (holds: string): string => scripts.find((one) => one.includes(holds)) ?? 'exit 99';

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly concurrency: Readonly<Record<string, string>>;
  readonly jobs: { readonly nightly: Job };
}
const read = async (text: string): Promise<Workflow> =>
  (await parseYaml(text)) as unknown as Workflow;
/** Two days in place of thirty, which would be read by each test. */
const shorter = (text: string): string => text.replace('--start-time 30d', '--start-time 2d');
const WORKFLOWS = { 'docs/nightly.md': await read(shorter(full)), 'README.md': await read(short) };
const BUILD = 'npm ci && npm link';

/** Some days of a trail; nights are added to it. */
const BEGUN = Date.UTC(2026, 2, 10, 4, 37) / 1000;

function grown() {
  const builder = new TrailBuilder();
  const hours = 3 * 24;
  const chain = builder.chain({
    ...{ from: BEGUN - hours * HOUR, hours, logsPerHour: 1, logBytes: 300 },
  });
  let newest: BuiltDigest = chain.digests.at(-1)!;
  let nights = 0;
  return {
    builder,
    now: () => new Date((BEGUN + HOUR + nights * 24 * HOUR) * 1000),
    /** Delivers a day more, and gives its digest files. */
    night: (): readonly BuiltDigest[] => {
      const { digests } = builder.chain({
        ...{ from: newest.end, hours: 24, logsPerHour: 1, logBytes: 300, after: newest },
      });
      newest = digests.at(-1)!;
      nights++;
      return digests;
    },
  };
}

/**
 * `aws` as far as the page uses it, over files: a bucket is a directory, each write also a version. Only
 * the role of the state reaches it, where the job has one.
 */
const FAKE_AWS = `#!/usr/bin/env bash
set -euo pipefail
fail() { echo "An error occurred ($1) when calling the $2 operation: no" >&2; exit 254; }
[[ \${STATE_ROLE:-} == "" || $ROLE == *"$STATE_ROLE" ]] || fail AccessDenied "$2"
[[ ! -e $FAKE_S3/refuse ]] || fail AccessDenied "$2"
etag() { echo "\\"$(md5sum <"$1" | cut -d' ' -f1)\\""; }
put() { mkdir -p "$(dirname "$2")"; cp "$1" "$2"; cp "$1" "$FAKE_S3/version-$(date +%s%N)"; }
if [[ $1 == s3 ]]; then
  [[ $3 == s3://* ]] || { put "$3" "$FAKE_S3/\${4#s3://}"; exit; }
  [[ -e $FAKE_S3/\${3#s3://} ]] || { echo 'fatal error: (404) HeadObject' >&2; exit 1; }
  cp "$FAKE_S3/\${3#s3://}" "$4"
  exit
fi
operation=$2 match= none=
shift 2
while (($#)); do
  case $1 in
    --bucket) bucket=$2 ;;
    --key) key=$2 ;;
    --body) body=$2 ;;
    --if-match) match=$2 ;;
    --if-none-match) none=$2 ;;
    --query) query=$2 ;;
    --output) [[ $2 == text ]] ;;
    --*) exit 252 ;;
    *) out=$1; shift; continue ;;
  esac
  shift 2
done
object=$FAKE_S3/$bucket/$key
case $operation in
  get-object)
    [[ -e $object ]] || fail NoSuchKey GetObject
    cp "$object" "$out"
    [[ $query == ETag ]] && etag "$object" ;;
  head-object)
    [[ $query == LastModified ]] && date -u -r "$object" +%Y-%m-%dT%H:%M:%S+00:00 ;;
  put-object)
    [[ -n $match || -n $none ]] || fail AccessDenied PutObject
    [[ -z $none || ! -e $object ]] || fail PreconditionFailed PutObject
    [[ -z $match || $match == "$(etag "$object")" ]] || fail PreconditionFailed PutObject
    put "$body" "$object" ;;
esac
`;
const COMMAND = `#!/usr/bin/env bash
[[ -z \${TAKES_LONG:-} ]] || bash -c "$TAKES_LONG"
AWS_ENDPOINT_URL=$TRAIL_ENDPOINT exec '${process.execPath}' '${fileURLToPath(new URL('../bin/validate-trail.js', import.meta.url))}' "$@"
`;
const FAKE_CURL = '#!/usr/bin/env bash\necho "${@: -1}" >>"$FAKE_S3/called"\n';

let directory: string;
let store: string;
let endpoint: Endpoint;
let trail: ReturnType<typeof grown>;
let env: Record<string, string>;

async function program(name: string, text: string): Promise<string> {
  const path = join(directory, 'bin', name);
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
  store = join(directory, 's3');
  for (const name of ['bin', 's3', 'home']) await mkdir(join(directory, name));
  await program('aws', FAKE_AWS);
  await program('validate-trail', COMMAND);
  await program('curl', FAKE_CURL);
  trail = grown();
  endpoint = await startEndpoint(trail.builder.world, { now: trail.now() });
  env = {
    ...{ ...CREDENTIALS, AWS_REGION: 'us-east-1', HOME: join(directory, 'home') },
    ...{ TRAIL_ENDPOINT: endpoint.url, FAKE_S3: store },
    PATH: [join(directory, 'bin'), process.env['PATH'] ?? ''].join(delimiter),
  };
});
afterEach(async () => {
  await endpoint.close();
  await rm(directory, { recursive: true });
});

const STATE = 'STATE-BUCKET/validate-trail/main.json';
const stateInS3 = async (): Promise<State> =>
  JSON.parse(await readFile(join(store, STATE), 'utf8')) as State;
const versions = async (): Promise<number> =>
  (await readdir(store)).filter((name) => name.startsWith('version-')).length;

let runs = 0;
/** A night of a workflow, at the hour to which the trail has grown. */
async function run(
  name: keyof typeof WORKFLOWS,
  inputs: Record<string, string | boolean> = {},
  own: Record<string, string> = {},
): Promise<Ran> {
  endpoint.set({ now: trail.now() });
  return runJob(WORKFLOWS[name].jobs.nightly, {
    directory: join(directory, `run-${++runs}`),
    env: {
      ...env,
      ...(name === 'README.md' ? {} : { STATE_ROLE: 'validate-trail-state' }),
      ...own,
    },
    inputs,
    secrets: { HEARTBEAT_URL: 'https://example.com/heartbeat' },
    skip: [BUILD],
  });
}
const reportOf = async (): Promise<Report> =>
  JSON.parse(
    await readFile(join(directory, `run-${runs}`, 'report/report.json'), 'utf8'),
  ) as Report;
const heartbeats = async (): Promise<number> =>
  (await readFile(join(store, 'called'), 'utf8').catch(() => '')).split('\n').length - 1;

describe('the workflow of docs/nightly.md', () => {
  const NAME = 'docs/nightly.md';

  it('is red without a state, and says how to begin; reads nothing of the trail', async () => {
    const ran = await run(NAME);
    expect(ran.green).toBe(false);
    expect(ran.output).toContain(`::error::there is no state s3://${STATE}.`);
    expect(ran.output).toContain('start this workflow by hand with begin');
    expect([ran.outcomes.get('validate'), ran.outcomes.get('keep')]).toEqual([
      'skipped',
      'skipped',
    ]);
    expect([await versions(), await heartbeats(), endpoint.requests.size]).toEqual([0, 0, 0]);
  });

  it('begins by hand, goes on each night, and doesn’t begin twice', async () => {
    const begun = await run(NAME, { begin: true });
    expect([begun.output, begun.green]).toEqual([expect.stringContaining('VALID: '), true]);
    expect(begun.summary).toContain('VALID');
    const { provedUntil } = await stateInS3();
    trail.night();
    const second = await run(NAME);
    expect([second.output, second.green]).toEqual([expect.stringContaining('VALID: '), true]);
    expect((await reportOf()).timeRange.start).toBe(provedUntil);
    expect((await stateInS3()).provedUntil > provedUntil).toBe(true);
    expect([await versions(), await heartbeats()]).toEqual([2, 2]);
    const twice = await run(NAME, { begin: true });
    expect([twice.green, twice.output]).toEqual([
      false,
      expect.stringContaining('is there already'),
    ]);
    expect(await versions()).toBe(2);
  });

  it('keeps state and reports of a red night, and is red until a person accepts', async () => {
    await run(NAME, { begin: true });
    const [digest] = trail.night();
    trail.builder.remove(digest!.logs[0]!);
    const red = await run(NAME);
    expect([red.green, red.outcomes.get('validate'), red.outcomes.get('keep')]).toEqual([
      ...[false, 'failure', 'success'],
    ]);
    expect([...red.artifacts]).toEqual([
      [
        'report-run_id-run_attempt',
        ['html', 'json', 'sarif']
          .map((end) => `report/report.${end}`)
          .concat('report/junit.xml')
          .sort(),
      ],
    ]);
    expect(red.output).toMatch(/^::error .*LOG_MISSING/m);
    expect(red.summary).toContain('Violations (1)');
    expect([await versions(), await heartbeats()]).toEqual([2, 2]);
    const open = (await stateInS3()).findings;
    expect(open.map(({ finding }) => finding.code)).toEqual(['LOG_MISSING']);
    trail.night();
    const again = await run(NAME);
    expect([again.green, again.output]).toEqual([false, expect.stringContaining('LOG_MISSING')]);

    const { id } = open[0]!;
    const reasonless = await run(NAME, { accept: id });
    expect([reasonless.green, reasonless.outcomes.get('keep')]).toEqual([false, 'skipped']);
    trail.night();
    const reason = 'ticket 4711; "$(touch run)"';
    const decided = await run(NAME, { accept: ` ${id} `, reason });
    expect((await stateInS3()).accepted).toMatchObject([{ id, by: 'octocat', reason }]);
    expect((await stateInS3()).findings).toEqual([]);
    expect(decided.green).toBe(true);
    trail.night();
    expect((await run(NAME)).green).toBe(true);
  });

  it('is red where the state was removed, and where it may not be read, and begins none', async () => {
    await run(NAME, { begin: true });
    trail.night();
    await writeFile(join(store, 'refuse'), '');
    for (const begin of [false, true]) {
      const refused = await run(NAME, { begin });
      expect([refused.green, refused.output]).toEqual([
        false,
        expect.stringContaining(`::error::s3://${STATE} can't be read`),
      ]);
    }
    await rm(join(store, 'refuse'));
    await rm(join(store, STATE));
    const lost = await run(NAME);
    expect([lost.green, lost.output]).toEqual([
      false,
      expect.stringContaining('find out who removed it'),
    ]);
    expect(lost.outcomes.get('validate')).toBe('skipped');
    expect([await versions(), await heartbeats()]).toEqual([1, 1]);
  });

  it('leaves the state as it was where nothing could be run, and where another run was quicker', async () => {
    await run(NAME, { begin: true });
    trail.night();
    const before = await readFile(join(store, STATE), 'utf8');
    const other = await run(NAME, {}, { TRAIL_ENDPOINT: 'http://127.0.0.1:9' });
    expect([other.green, other.outcomes.get('keep'), other.output]).toEqual([
      false,
      'skipped',
      expect.stringContaining('validate-trail: error:'),
    ]);
    expect(await readFile(join(store, STATE), 'utf8')).toBe(before);
    const late = await run(NAME, {}, { TAKES_LONG: `echo >>"$FAKE_S3/${STATE}"` });
    expect([late.green, late.outcomes.get('validate'), late.outcomes.get('keep')]).toEqual([
      ...[false, 'success', 'failure'],
    ]);
    expect(late.output).toContain('PreconditionFailed');
    expect(await readFile(join(store, STATE), 'utf8')).toBe(`${before}\n`);
    expect([await versions(), await heartbeats()]).toEqual([1, 1]);
  });

  it('takes the role of the state for the state alone', () => {
    const steps = WORKFLOWS[NAME].jobs.nightly.steps;
    let role: string | undefined;
    for (const { run: text = '', with: given } of steps) {
      role = given?.['role-to-assume'] ?? role;
      if (text.includes('aws s3api')) expect(role).toMatch(/444455556666.*-state$/);
      if (text.includes('validate-trail --'))
        expect(role).toMatch(/111122223333:role\/validate-trail$/);
    }
  });

  it('reads and writes what the role of the state may, and no more', () => {
    const [policy] = blocksOf(page!, 'json').map(
      (text) =>
        JSON.parse(text) as {
          Statement: { Action: string; Resource: string; Condition?: object }[];
        },
    );
    const arn = `arn:aws:s3:::${STATE}`;
    expect(
      policy?.Statement.map(({ Action, Resource, Condition }) => [Action, Resource, Condition]),
    ).toEqual([
      ['s3:GetObject', arn, undefined],
      ['s3:ListBucket', 'arn:aws:s3:::STATE-BUCKET', undefined],
      ['s3:PutObject', arn, { Null: { 's3:if-match': 'false' } }],
      ['s3:PutObject', arn, { Null: { 's3:if-none-match': 'false' } }],
    ]);
    const asked = [...full.matchAll(/aws (s3\w* \S+)/g)].map(([, name]) => name);
    expect(asked).toEqual(['s3api get-object', 's3api put-object']);
  });
});

describe('the workflow of README', () => {
  it('is red without a state, goes on from one, keeps it and the report of a red night, and is red without it again', async () => {
    const none = await run('README.md');
    expect([none.green, none.outcomes.get('validate'), await versions()]).toEqual([
      false,
      'skipped',
      0,
    ]);
    await run('docs/nightly.md', { begin: true });
    trail.night();
    const green = await run('README.md');
    expect([green.output, green.green]).toEqual([expect.stringContaining('VALID: '), true]);
    const [digest] = trail.night();
    trail.builder.remove(digest!.logs[0]!);
    const red = await run('README.md');
    expect([red.green, red.outcomes.get('validate')]).toEqual([false, 'failure']);
    expect([...red.artifacts]).toEqual([['report', ['report.html', 'report.xml']]]);
    expect((await stateInS3()).findings).toHaveLength(1);
    expect(await versions()).toBe(3);
    await rm(join(store, STATE));
    const lost = await run('README.md');
    expect([lost.green, lost.outcomes.get('validate'), await versions()]).toEqual([
      false,
      'skipped',
      3,
    ]);
  });
});

describe('both workflows', () => {
  it('are one each, may do little, never meet themselves, and end', () => {
    expect([moreFull, moreShort]).toEqual([[], []]);
    for (const { on, permissions, concurrency, jobs } of Object.values(WORKFLOWS)) {
      expect(Object.keys(on)).toEqual(['schedule', 'workflow_dispatch']);
      expect(permissions).toEqual({ 'id-token': 'write', contents: 'read' });
      expect(concurrency).toEqual({ group: 'validate-trail', 'cancel-in-progress': 'false' });
      const { 'timeout-minutes': minutes, steps } = jobs.nightly;
      const [, most] = /--max-duration (\d+)m/.exec(JSON.stringify(steps)) ?? [];
      expect(Number(minutes)).toBeGreaterThan(Number(most) + 10);
      // A role lasts an hour.
      expect(Number(most)).toBeLessThan(60);
    }
  });

  it('name actions by commit, the same in both, and build what they run before they have a role', () => {
    const pins = [full, short].map(
      (text) =>
        new Map(
          [...text.matchAll(/uses: (\S+)@(\S+ # \S+)$/gm)].map(([, name, pin]) => [name, pin]),
        ),
    );
    for (const [name, pin] of pins[1]!) expect(pins[0]!.get(name)).toBe(pin);
    for (const pin of pins[0]!.values()) expect(pin).toMatch(/^[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    for (const text of [full, short]) {
      expect(text.match(/uses:/g)?.length).toBe(text.match(/uses: \S+@[0-9a-f]{40} # v/g)?.length);
      expect(text).toMatch(/actions\/checkout[^]*COMMIT[^]*npm ci && npm link[^]*configure-aws/);
      // What a person types in reaches the shell as a value, never as its source.
      for (const [, source = ''] of text.matchAll(/run: \|\n((?: {10}.*\n)+)/g)) {
        expect(source).not.toContain('${{');
      }
    }
  });

  it('name only options that exist', async () => {
    const help = await parseArguments(['--help']);
    const known = help.command === 'help' ? help.text : '';
    const ours = [full, short, ...scripts].flatMap((text) => [
      ...text.replaceAll(/\\\n\s*/g, '').matchAll(/^.*validate-trail --trail-arn.*$/gm),
    ]);
    expect(ours).toHaveLength(4);
    for (const [line] of ours) {
      for (const [option] of line.matchAll(/--[a-z][a-z0-9-]+/g)) expect(known).toContain(option);
    }
  });
});

describe('the scripts of docs/nightly.md', () => {
  const nightly = async (own: Record<string, string> = {}) => {
    endpoint.set({ now: trail.now() });
    const path = await program('validate-trail-nightly', script('flock'));
    const child = spawn(path, {
      cwd: directory,
      env: {
        ...env,
        TRAIL_ARN: trail.builder.trail.TrailARN,
        STATE_DIRECTORY: join(directory, 'var'),
        ...own,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => (output += data.toString()));
    }
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, output };
  };
  it('cron: says nothing of a proved night, and why another is red', async () => {
    await mkdir(join(directory, 'var'));
    const none = await nightly();
    expect([none.status, none.output]).toEqual([
      2,
      expect.stringMatching(/^COULD NOT RUN: status 2;[^]*there is no state file/),
    ]);
    const own = join(directory, 'var');
    const text = shorter(script('--init-state').replaceAll('/var/lib/validate-trail', own));
    const started = spawn('bash', ['-c', text], { env, stdio: 'ignore' });
    expect(await once(started, 'close')).toEqual([0, null]);
    trail.night();
    expect(await nightly()).toEqual({ status: 0, output: '' });
    const [digest] = trail.night();
    trail.builder.remove(digest!.logs[0]!);
    const red = await nightly();
    expect([red.status, red.output]).toEqual([
      1,
      expect.stringMatching(/^INVALID: [^]*LOG_MISSING[^]*\nreports: /),
    ]);
    const kept = (await readdir(join(directory, 'var/reports'))).map((name) =>
      name.replace(/^[^.]*/, ''),
    );
    expect(kept.filter((end) => end === '.html')).toHaveLength(2);
    const state = join(directory, 'var/state.json');
    expect((JSON.parse(await readFile(state, 'utf8')) as State).findings).toHaveLength(1);
    await rm(state);
    const lost = await nightly();
    expect([lost.status, lost.output]).toEqual([2, expect.stringMatching(/^COULD NOT RUN: /)]);
  });

  it('cron: a night that is under way is not joined by another', async () => {
    await mkdir(join(directory, 'var'));
    const holder = spawn('flock', [join(directory, 'var/lock'), 'sh', '-c', 'echo held; read _'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    const second = await nightly();
    holder.stdin.end('\n');
    await once(holder, 'close');
    expect(second).toEqual({
      ...{ status: 2, output: 'COULD NOT RUN: the night before is still under way\n' },
    });
    expect(endpoint.requests.size).toBe(0);
  });

  it.each([
    [0, 2],
    [1, 30],
  ])('the watch ends with %i where the state is %i hours old', async (status, hours) => {
    await mkdir(join(store, 'STATE-BUCKET/validate-trail'), { recursive: true });
    await writeFile(join(store, STATE), '{}');
    const then = Date.now() / 1000 - hours * HOUR;
    await utimes(join(store, STATE), then, then);
    const ran = spawnSync('bash', ['-c', script('head-object')], { env, encoding: 'utf8' });
    expect([ran.status, ran.stderr === '']).toEqual([status, status === 0]);
  });

  it('cron and systemd start the same script at the same time, of the same trail', () => {
    const [crontab = ''] = blocksOf(page!, 'crontab');
    const [service = '', timer = ''] = blocksOf(page!, 'ini');
    expect(crontab).toMatch(
      /^37 4 \* \* \* validate-trail \/usr\/local\/bin\/validate-trail-nightly$/m,
    );
    expect(service).toMatch(/^ExecStart=\/usr\/local\/bin\/validate-trail-nightly$/m);
    expect(service).toMatch(/^StateDirectory=validate-trail$/m);
    expect(timer).toMatch(/^OnCalendar=\*-\*-\* 04:37:00 UTC$/m);
    const [, arn] = /^TRAIL_ARN=(.*)$/m.exec(crontab) ?? [];
    expect(service).toContain(`Environment=TRAIL_ARN=${arn ?? '?'}\n`);
  });

  it('parse, each', () => {
    for (const text of blocksOf(page!, 'json'))
      expect(() => JSON.parse(text) as unknown).not.toThrow();
    for (const text of scripts) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    }
  });
});

describe('with the AWS CLI and an S3 server', () => {
  it('the workflow’s state is kept by real conditional writes', async (context) => {
    const which = spawnSync('sh', ['-c', 'command -v aws'], { encoding: 'utf8' });
    const server: RealS3 | undefined = which.status === 0 ? await startMoto() : undefined;
    if (!server) return context.skip('needs aws and moto_server');
    const { url: endpoint, credentials } = server;
    const client = new S3Client({
      endpoint,
      credentials,
      region: 'us-east-1',
      forcePathStyle: true,
    });
    try {
      await rm(join(directory, 'bin/aws'));
      await program('validate-trail', '#!/bin/bash\ndate +%N >state.json; eval "$MEANWHILE"\n');
      // The page's name of the bucket is no bucket's: it has capitals.
      const { nightly } = WORKFLOWS['docs/nightly.md'].jobs;
      const job: Job = { ...nightly, env: { ...nightly.env, STATE_BUCKET: 'state-bucket' } };
      const go = (inputs: Record<string, boolean>, own: Record<string, string> = {}) =>
        runJob(job, {
          directory: join(directory, `run-${++runs}`),
          env: { ...env, AWS_ENDPOINT_URL: endpoint, AWS_DEFAULT_REGION: 'us-east-1', ...own },
          ...{ inputs, skip: [BUILD] },
        });
      await client.send(new CreateBucketCommand({ Bucket: 'state-bucket' }));
      const none = await go({});
      expect([none.green, none.output]).toEqual([
        false,
        expect.stringContaining('there is no state'),
      ]);
      const begun = await go({ begin: true });
      expect([begun.output, begun.green]).toEqual([expect.stringContaining('ETag'), true]);
      const next = await go({});
      expect([next.output, next.green]).toEqual([expect.stringContaining('ETag'), true]);
      const other = 'aws s3api put-object --bucket state-bucket --key validate-trail/main.json';
      const late = await go({}, { MEANWHILE: other });
      expect([late.outcomes.get('validate'), late.green, late.output]).toEqual([
        'success',
        false,
        expect.stringContaining('PreconditionFailed'),
      ]);
    } finally {
      client.destroy();
      await server.stop();
    }
  }, 120_000);
});
