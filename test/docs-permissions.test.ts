/** docs/permissions.md: the command is run under its policies, and under them less one action. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Report } from '../src/core/report.js';
import { trailEvent } from './support/events.js';
import { actionsOf, enforce, without, type Statement } from './support/iam.js';
import { FROM } from './support/lies.js';
import { startEndpoint } from './support/loopback.js';
import { runCommand, runJson } from './support/run-command.js';
import { inTemp, partials, runShards } from './support/shards.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';
import { writeEvidence } from './support/write-evidence.js';

const page = await readFile(new URL('../docs/permissions.md', import.meta.url), 'utf8');

/** The JSON of the section under a heading. */
function jsonUnder(heading: string): unknown {
  const from = page.indexOf(`\n## ${heading}\n`);
  const section = page.slice(from + 1).split(/^## /m)[1] ?? '';
  const [, text = ''] = /^```json\n(.*?)^```$/ms.exec(section) ?? [];
  return JSON.parse(text);
}
const policy = (heading: string): Statement[] =>
  (jsonUnder(heading) as { Version: string; Statement: Statement[] }).Statement.map((one) => ({
    ...one,
    Resource: JSON.parse(
      JSON.stringify(one.Resource).replaceAll('TRAIL-BUCKET', 'trail-bucket'),
    ) as Statement['Resource'],
  }));

const WHOLE = policy('Validating');
const SHARE = policy('A share');
const ESTIMATE = policy('Estimating');
const KEYS = policy('Keys');

/** What the table says of each action. */
const told = new Map(
  [...page.matchAll(/^\| `(\w+:\w+)` +\| ([^|]+?) +\| ([^|]+?) +\|$/gm)].map(
    ([, action = '', , lacks = '']) => [action, lacks],
  ),
);
const UNNEEDED = ['cloudtrail:GetTrail', 's3:GetBucketLocation'];

/** What the SDK calls an operation is not always what IAM does. */
const ACTION_OF: Readonly<Record<string, readonly string[]>> = {
  'cloudtrail.DescribeTrails': ['cloudtrail:DescribeTrails'],
  'cloudtrail.GetEventSelectors': ['cloudtrail:GetEventSelectors'],
  'cloudtrail.GetTrail': ['cloudtrail:GetTrail'],
  'cloudtrail.GetTrailStatus': ['cloudtrail:GetTrailStatus'],
  'cloudtrail.ListPublicKeys': ['cloudtrail:ListPublicKeys'],
  'cloudtrail.LookupEvents': ['cloudtrail:LookupEvents'],
  // Needs no permission.
  'sts.GetCallerIdentity': [],
  's3.GetBucketLifecycleConfiguration': ['s3:GetLifecycleConfiguration'],
  's3.GetBucketLocation': ['s3:GetBucketLocation'],
  's3.GetBucketVersioning': ['s3:GetBucketVersioning'],
  // With the headers of Object Lock, for those who may see them.
  's3.GetObject': ['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectRetention'],
  's3.HeadBucket': ['s3:ListBucket'],
  's3.ListObjectsV2': ['s3:ListBucket'],
  's3.ListObjectVersions': ['s3:ListBucketVersions'],
};

const sources = await (async () => {
  const root = fileURLToPath(new URL('../src', import.meta.url));
  const names = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.ts'));
  return Promise.all(names.map((name) => readFile(join(root, name), 'utf8')));
})();

/** A trail that was stopped for three hours; one log file is removed where that is asked for. */
function trail(kind: 'whole' | 'removed' | 'stopped') {
  const builder = new TrailBuilder({ versioning: 'Enabled' });
  const { digests } = builder.chain({ from: FROM, hours: 8 });
  let end = FROM + 8 * HOUR;
  if (kind === 'removed') builder.remove(digests[4]!.logs[0]!);
  if (kind === 'stopped') {
    builder.chain({ from: FROM + 11 * HOUR, hours: 4 });
    end = FROM + 15 * HOUR;
    const records = [
      trailEvent(builder, { name: 'StopLogging', at: FROM + 8 * HOUR - 300 }),
      trailEvent(builder, { name: 'StartLogging', at: FROM + 12 * HOUR + 10 }),
    ];
    builder.world.history = new Map([['us-east-1', records]]);
  }
  return { builder, range: { start: FROM + HOUR, end } };
}

async function writeKeys(builder: TrailBuilder, path: string): Promise<void> {
  await writeFile(path, JSON.stringify({ PublicKeyList: builder.world.keys.get('us-east-1') }));
}

/** Runs a task against an endpoint that allows what policies allow. */
async function under<T>(
  statements: readonly Statement[],
  { builder, range }: ReturnType<typeof trail>,
  task: (argv: string[]) => Promise<T>,
) {
  const { answer, asked, refused } = enforce(statements, builder.trail.TrailARN);
  const now = new Date((range.end + 3 * HOUR) * 1000);
  const endpoint = await startEndpoint(builder.world, { now, answer });
  try {
    const ran = await task([
      ...['--trail-arn', builder.trail.TrailARN, '--endpoint-url', endpoint.url],
      ...['--start-time', iso(range.start), '--end-time', iso(range.end)],
    ]);
    return { ran, asked: [...asked].sort(), refused: [...refused] };
  } finally {
    await endpoint.close();
  }
}

const KINDS = ['whole', 'removed', 'stopped'] as const;

/** What is told of the three trails. */
async function runAll(statements: readonly Statement[], argv: readonly string[] = []) {
  const all: { status: number; report: Report; asked: string[]; refused: string[] }[] = [];
  for (const kind of KINDS) {
    const { ran, ...rest } = await under(statements, trail(kind), (own) =>
      runJson([...own, ...argv]),
    );
    all.push({ status: ran.status, report: ran.report, ...rest });
  }
  return all;
}
const codes = ({ report }: { report: Report }): string[] => report.findings.map(({ code }) => code);

describe('docs/permissions.md', () => {
  it('has every call that the source can send, and no other', () => {
    const sent = new Set(
      sources.flatMap((text) =>
        [...text.matchAll(/\bnew (\w+\.\w+)Command\(/g)].map(([, name = '']) => name),
      ),
    );
    expect([...sent].sort()).toEqual(Object.keys(ACTION_OF).sort());
    const clients = sources.flatMap((text) =>
      [...text.matchAll(/(?:from |import\(|require\w*\()'(@aws-sdk\/[^']+)'/g)].map(
        ([, one]) => one,
      ),
    );
    expect([...new Set(clients)].sort()).toEqual([
      '@aws-sdk/client-cloudtrail',
      '@aws-sdk/client-s3',
      '@aws-sdk/client-sts',
    ]);
    const actions = new Set([...sent].flatMap((name) => ACTION_OF[name] ?? []));
    const documented = [...new Set(actionsOf(WHOLE))];
    expect([...documented, ...UNNEEDED].sort()).toEqual([...actions].sort());
    expect([...told.keys()].sort()).toEqual([...documented].sort());
    for (const action of UNNEEDED) expect(page).toContain(`\`${action}\`, asked only where`);
    for (const smaller of [SHARE, ESTIMATE]) {
      for (const action of actionsOf(smaller)) expect(documented).toContain(action);
    }
  });

  it('writes nothing, and gives `*` only to what takes no resource', () => {
    const blocks = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(([, text = '']) => text);
    expect(blocks).toHaveLength(6);
    for (const text of blocks) {
      const parsed = JSON.parse(text) as Statement | Statement[] | { Statement: Statement[] };
      const found = 'Statement' in parsed ? parsed.Statement : [parsed].flat();
      for (const { Effect, Action, Resource } of found) {
        expect(Effect).toBe('Allow');
        for (const action of [Action].flat()) {
          expect(action).toMatch(/^(?:cloudtrail|s3|kms):(?:Get|List|Describe|Lookup|Decrypt)\w*$/);
          expect([action, Resource === '*']).toEqual([
            action,
            /:(?:DescribeTrails|ListPublicKeys|LookupEvents)$/.test(action),
          ]);
        }
      }
    }
    const shared = jsonUnder('A bucket in another account') as Statement[];
    const ofS3 = WHOLE.filter(({ Action }) =>
      actionsOf([{ Action } as Statement])[0]?.startsWith('s3'),
    );
    expect(actionsOf(shared)).toEqual(actionsOf(ofS3));
  });

  it('validating: nothing is refused, nothing is lacking, and all but what can’t be seen here is asked', async () => {
    const all = await runAll(WHOLE);
    expect(all.map(({ status, refused }) => [status, refused])).toEqual([
      [0, []],
      [1, []],
      [3, []],
    ]);
    const [, removed, stopped] = all;
    expect(removed?.report.findings[0]?.details).toHaveProperty('original');
    expect(
      stopped?.report.findings.find(({ code }) => code === 'COVERAGE_GAP')?.details,
    ).toMatchObject({ cause: 'logging-stopped' });
    const asked = new Set(all.flatMap((one) => one.asked));
    // Object Lock's headers come with GetObject.
    expect([...asked, 's3:GetObjectRetention'].sort()).toEqual(actionsOf(WHOLE).sort());
    expect(
      all.every(({ report }) => !report.settings.some(({ code }) => code === 'SETTING_UNREADABLE')),
    ).toBe(true);
  });

  it('the two that are not in it change nothing', async () => {
    const more = [
      ...WHOLE,
      { Sid: 'More', Effect: 'Allow', Action: UNNEEDED, Resource: '*' } as const,
    ];
    const [a, b] = [await runAll(WHOLE), await runAll(more)];
    expect(b.map(codes)).toEqual(a.map(codes));
    expect(b.flatMap(({ asked }) => asked)).not.toContain('cloudtrail:GetTrail');
  });

  it.each([...told])('without %s: %s', async (action, lacks) => {
    const less = without(WHOLE, action);
    if (action === 'cloudtrail:DescribeTrails') {
      const { ran } = await under(less, trail('whole'), (argv) => runCommand(argv));
      expect([ran.status, lacks]).toEqual([2, expect.stringMatching(/^status 2,/)]);
      const found = await runAll(less, ['--s3-bucket', 'trail-bucket']);
      expect(found.map(({ status }) => status)).toEqual([0, 1, 3]);
      return;
    }
    if (action === 'cloudtrail:ListPublicKeys') {
      const { builder, range } = trail('removed');
      await inTemp(async (directory) => {
        const keys = join(directory, 'keys.json');
        await writeKeys(builder, keys);
        const { ran } = await under(less, { builder, range }, (argv) =>
          runCommand([...argv, '--public-keys', keys]),
        );
        expect(ran.status).toBe(1);
      });
    }
    const all = await runAll(less);
    const [whole, removed, stopped] = all;
    const [, status, code = ''] = /^(?:status (\d), )?(?:`([A-Z_]+)`)?/.exec(lacks) ?? [];
    expect(whole?.status).toBe(Number(status ?? 0));
    // A verdict of what was read is no better for what was not.
    if (status === undefined) expect([removed?.status, stopped?.status]).toEqual([1, 3]);
    const settings = whole?.report.settings.map((one) => one.code) ?? [];
    if (code !== '') expect([...codes(whole!), ...settings]).toContain(code);
    else if (lacks.startsWith('none is named')) {
      expect(removed?.report.findings[0]?.details).toMatchObject({
        versions: expect.stringContaining('access-denied') as string,
      });
      expect(removed?.report.findings[0]?.details).not.toHaveProperty('original');
    } else if (action === 'cloudtrail:LookupEvents') {
      const gap = stopped?.report.findings.find((one) => one.code === 'COVERAGE_GAP');
      expect(gap?.details).toMatchObject({ cause: 'unknown' });
    } else expect([action, lacks]).toEqual(['s3:GetObjectRetention', 'that isn’t told']);
  });

  it('--no-versions asks for none', async () => {
    const less = without(without(WHOLE, 's3:ListBucketVersions'), 's3:GetObjectVersion');
    const all = await runAll(less, ['--no-versions']);
    expect(all.map(({ status, refused }) => [status, refused])).toEqual([
      [0, []],
      [1, []],
      [3, []],
    ]);
  });

  it('a share needs no more than its own, and its merge the whole', async () => {
    const settled = trail('removed');
    await inTemp(async (directory) => {
      const files = partials(directory, 2);
      const shares = await under(SHARE, settled, (argv) => runShards(argv, files));
      expect(shares.refused).toEqual([]);
      expect(shares.asked).toEqual(actionsOf(SHARE).sort());
      const merge = await under(WHOLE, settled, (argv) =>
        runJson(['merge', ...files, ...argv.slice(2, 4)]),
      );
      expect([merge.ran.status, merge.refused]).toEqual([1, []]);
      expect(merge.asked).toContain('s3:ListBucketVersions');
    });
  });

  it('collecting needs no more than validating, and what is collected none', async () => {
    await inTemp(async (directory) => {
      const place = join(directory, 'evidence');
      const { ran, refused } = await under(WHOLE, trail('removed'), (argv) =>
        runCommand(['collect', '--evidence', place, ...argv]),
      );
      expect([ran.status, refused]).toEqual([0, []]);
      const pin = /manifest\.jsonl +SHA-256 (\S+)/.exec(ran.stdout)?.[1] ?? '';
      const offline = await runCommand(['--evidence', place, '--manifest-sha256', pin]);
      expect(offline.status).toBe(1);
    });
  });

  it('keys need no more than their own', async () => {
    await inTemp(async (directory) => {
      const { ran, asked, refused } = await under(KEYS, trail('whole'), (argv) => {
        const [url = ''] = argv.filter((one) => one.startsWith('http'));
        const own = [
          'keys',
          '--output',
          join(directory, 'keys.json'),
          '--start-time',
          '2026-01-01',
        ];
        return runCommand([...own, '--endpoint-url', url]);
      });
      expect([ran.status, refused, asked]).toEqual([0, [], actionsOf(KEYS)]);
    });
  });

  it('an estimate needs no more than its own', async () => {
    const { ran, asked, refused } = await under(ESTIMATE, trail('removed'), (argv) =>
      runCommand([...argv, '--estimate']),
    );
    expect([ran.status, refused, asked]).toEqual([0, [], actionsOf(ESTIMATE).sort()]);
  });

  it('--evidence sends nothing', async () => {
    const { builder, range } = trail('whole');
    await inTemp(async (directory) => {
      const [evidence, keys] = [join(directory, 'evidence'), join(directory, 'keys.json')];
      await writeEvidence(builder.world, evidence, 'us-east-1');
      await writeKeys(builder, keys);
      const { ran, asked } = await under(
        [],
        { builder, range },
        ([flag = '', arn = '', , url = '', ...times]) =>
          runCommand([flag, arn, ...times, '--evidence', evidence, '--public-keys', keys], {
            AWS_ENDPOINT_URL: url,
          }),
      );
      expect([ran.stderr, ran.status, asked]).toEqual(['', 0, []]);
    });
  });
});
