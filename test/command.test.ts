/** The command as a process: what it prints, where, and how it ends. */
import { execFile, spawn } from 'node:child_process';
import { lstat, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base, FROM, rewrite } from './support/lies.js';
import { startEndpoint, type Endpoint } from './support/loopback.js';
import { CREDENTIALS } from './support/run-command.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';

const bin = fileURLToPath(new URL('../bin/validate-trail.js', import.meta.url));
const env = { PATH: process.env['PATH'] ?? '', ...CREDENTIALS };

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function command(...argv: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [bin, ...argv],
      { env, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        resolve({ status: error ? Number(error.code) : 0, stdout, stderr });
      },
    );
  });
}

const ARN = 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main';

describe('usage', () => {
  it('--help says everything on stdout in 80 columns, with exit statuses and examples', async () => {
    const { status, stdout, stderr } = await command('--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Exit status:');
    expect(stdout).toContain('Examples:');
    for (const option of [
      '--trail-arn',
      '--evidence',
      '--format',
      '--concurrency',
      '--digests-only',
    ]) {
      expect(stdout).toContain(option);
    }
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).not.toMatch(/\S\[(string|array|boolean)/);
    const [usage = '', examples = ''] = [stdout.split('What:')[0], stdout.split('Examples:')[1]];
    expect(usage).toContain('\nor:    validate-trail merge PARTIAL... [options]\n');
    for (const option of ['--resume', '--shard']) expect(examples).toContain(option);
  });

  it('--version prints the version of the package', async () => {
    const { version } = JSON.parse(
      await readFile(new URL('../package.json', import.meta.url), 'utf8'),
    ) as { version: string };
    expect(await command('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([
    [[], '--trail-arn'],
    [['--trail-arn', ARN], '--start-time is missing'],
    [['--trail-arn', 'foo', '--start-time', '1d'], '--trail-arn: foo is not a trail ARN'],
    [['--trail-arn', ARN, '--start-time', 'monday'], '--start-time: monday is not a time'],
    [
      ['--trail-arn', ARN, '--start-time', '1d', '--end-time', '2d'],
      'is not before --end-time (20',
    ],
    [['--trail-arn', ARN, '--start-time', '1h'], 'not due yet'],
    [
      ['--trail-arn', ARN, '--start-time', '1d', '--region', 'mars'],
      '--region: mars is not a Region',
    ],
    [
      ['--trail-arn', ARN, '--start-time', '1d', '--account-id', '12'],
      '--account-id: 12 is not an account ID',
    ],
    [['--trail-arn', ARN, '--start-time', '1d', '--concurrency', '0'], '--concurrency'],
    [['--trail-arn', ARN, '--start-time', '1d', '--format', 'xml'], 'format'],
    [['--trail-arn', ARN, '--start-time', '1d', '--no-such-option'], 'no-such-option'],
    [
      ['--trail-arn', ARN, '--start-time', '1d', '--s3-prefix', 'p'],
      '--s3-prefix needs --s3-bucket',
    ],
    [['--trail-arn', ARN, '--start-time', '1d', '--format'], '--format needs a value'],
    [['--trail-arn', ARN, '--start-time', '2010-01-01'], 'before 2015'],
    [['--trail-arn', ARN, '--start-time', '2026-01-01T00:00:00+99:99'], 'is not a time'],
    [
      ['--trail-arn', ARN, '--start-time', '1d', '--s3-bucket', 's3://a/b'],
      'is not a bucket’s name',
    ],
    [
      ['--trail-arn', ARN, '--start-time', '1d', '--evidence', '.', '--profile', 'p'],
      '--profile has no meaning',
    ],
    [['--trail-arn', ARN, '--start-time', '1d', '--quiet', '--verbose'], '--quiet and --verbose'],
    [
      ['--trail-arn', ARN, '--start-time', '1d', '--start-time', '2d'],
      '--start-time was given more than once',
    ],
    [
      ['--trail-arn', ARN, '--start-time', '1d', '--evidence', '/no/such/place'],
      'no evidence directory',
    ],
    [['--trail-arn', ARN, '--start-time', '1d', '--endpoint-url', 'nonsense'], '--endpoint-url'],
  ])('%j could not run: status 2 and what to do', async (argv, says) => {
    const { status, stdout, stderr } = await command(...argv);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^validate-trail: error: /);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/ at .*:\d+:\d+/);
  });
});

describe('a run', () => {
  const { builder, start, end, log } = base();
  let endpoint: Endpoint;
  let argv: string[];
  beforeAll(async () => {
    endpoint = await startEndpoint(builder.world);
    argv = [
      '--trail-arn',
      ARN,
      '--endpoint-url',
      endpoint.url,
      '--start-time',
      iso(start),
      '--end-time',
      iso(end),
    ];
  });
  afterAll(() => endpoint.close());

  it('prints the report on stdout and nothing else anywhere', async () => {
    const { status, stdout, stderr } = await command(...argv);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('VALID: 7/7 digest files, 14/14 log files');

    expect(stdout).not.toMatch(/\u001b/);
  });

  it('--quiet prints the verdict alone; --verbose notices and intervals too', async () => {
    expect((await command(...argv, '--quiet')).stdout).toBe(
      'VALID: 7/7 digest files, 14/14 log files\n',
    );
    expect((await command(...argv, '--verbose')).stdout).toContain('proved');
  });

  it('--digests-only reads no log file, and says so beside the verdict', async () => {
    endpoint.set({});
    const { stdout, status } = await command(...argv, '--digests-only');
    expect(status).toBe(0);
    expect(stdout).toContain('only digest files');
    expect(endpoint.requests.get('GetObject')).toBe(7);
  });

  it('ndjson is a line an object', async () => {
    const { stdout } = await command(...argv, '--format', 'ndjson');
    const types = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual(['run', 'chain', 'summary']);
  });

  it('--output writes the report to a file; where it can’t, status 2', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
    try {
      const path = join(directory, 'report.json');
      const { status, stdout } = await command(...argv, '--format', 'json', '--output', path);
      expect([status, stdout]).toEqual([0, '']);
      expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
        verdict: 'valid',
        schemaVersion: 1,
      });
      const failed = await command(...argv, '--output', join(directory, 'no', 'such', 'place'));
      expect(failed.status).toBe(2);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('the status tells although the reader of the pipe has gone', async () => {
    rewrite(builder, log(3), (text) => text.replace('GetObject', 'PutObject'));
    const child = spawn(process.execPath, [bin, ...argv, '--verbose'], { env });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    const status = await new Promise((resolve) => child.once('close', resolve));
    expect([status, stderr]).toEqual([1, '']);
  });

  it('a report that can’t be written is no verdict', async () => {
    const full = spawn('sh', ['-c', `"$0" "$@" >/dev/full`, process.execPath, bin, ...argv], {
      env,
    });
    let stderr = '';
    full.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    expect(await new Promise((resolve) => full.once('close', resolve))).toBe(2);
    expect(stderr).toBe(
      'validate-trail: error: the report could not be written: ENOSPC: no space left on device, write\n',
    );
  });

  it('no such trail, no permission, no bucket: status 2 and a hint', async () => {
    const range = [
      '--start-time',
      iso(start),
      '--end-time',
      iso(end),
      '--endpoint-url',
      endpoint.url,
    ];
    const other = await command('--trail-arn', `${ARN}-other`, ...range);
    expect(other.status).toBe(2);
    expect(other.stderr).toContain('there is no trail');
    const dead = ['--endpoint-url', 'http://127.0.0.1:9', '--s3-bucket', 'trail-bucket'];
    const unreachable = await command('--trail-arn', ARN, '--start-time', '1d', ...dead);
    expect(unreachable.status).toBe(2);
    expect(unreachable.stderr).toContain('S3 can’t be reached');
    const bucket = await command('--trail-arn', ARN, '--s3-bucket', 'no-such-bucket', ...range);
    expect(bucket.status).toBe(2);
    expect(bucket.stderr).toContain('does not exist');
    endpoint.set({ denied: ['DescribeTrails', 'GetTrail'] });
    const denied = await command('--trail-arn', ARN, ...range);
    endpoint.set({});
    expect(denied.status).toBe(2);
    expect(denied.stderr).toContain('hint: allow cloudtrail:DescribeTrails');
  });
});

describe('an interrupted run', () => {
  it('reports what was done and ends with 130', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 60, logsPerHour: 20 });
    const endpoint = await startEndpoint(builder.world, { latencyMs: 40 });
    const directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
    const journal = join(directory, 'journal');
    try {
      const child = spawn(
        process.execPath,
        [
          ...[bin, '--trail-arn', ARN, '--endpoint-url', endpoint.url, '--format', 'json'],
          ...[
            '--start-time',
            iso(FROM + HOUR),
            '--end-time',
            iso(FROM + 60 * HOUR),
            '--concurrency',
            '4',
            '--resume',
            journal,
          ],
        ],
        { env },
      );
      let stdout = '';
      child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
      let stderr = '';
      child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
      const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
      while ((endpoint.requests.get('GetObject') ?? 0) < 100)
        await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill('SIGINT');
      expect(await closed).toBe(130);
      expect(stderr).toBe(
        `validate-trail: the journal ${journal} is kept: the same command goes on from it\n`,
      );
      expect((await lstat(journal)).isFile()).toBe(true);
      const report = JSON.parse(stdout) as {
        interrupted: boolean;
        verdict: string;
        counts: { logFiles: Record<string, number> };
        findings: { class: string }[];
      };
      expect(report).toMatchObject({ interrupted: true, verdict: 'incomplete' });
      expect(report.counts.logFiles['valid']).toBeGreaterThan(0);
      expect(report.findings.filter((one) => one.class === 'violation')).toEqual([]);
    } finally {
      await endpoint.close();
      await rm(directory, { recursive: true });
    }
  });
});
