/** `--report`: one run, many forms; each well-formed whatever names a bucket holds. */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FINDINGS } from '../src/core/finding.js';
import { SETTINGS } from '../src/core/setting.js';
import { moreFindings, type Report } from '../src/core/report.js';
import { FORMATS, type Format } from '../src/report/format-names.js';
import { renderAs } from '../src/report/formats.js';
import { PLAIN } from '../src/report/style.js';
import { base } from './support/lies.js';
import { runCommand, runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving } from './support/shards.js';
import { sarifErrors } from './support/sarif-schema.js';
import { start } from './support/spawned.js';

/** What an attacker may name an object, so that it means something to whoever reads a report. */
const NAMES = [
  `=cmd|' /C calc'!A0`,
  '<script>alert(1)</script>',
  `]]>"'&amp;<!--`,
  '![x](http://127.0.0.1/x) @team #1 `code` | cell',
  'line\nbreak\r::error::forged\u2028\u0000\u001b[31m',
  '\u202egnp.exe',
  '##[error]forged',
];

/** A trail with every kind of trouble: altered and missing log files, a hole, planted names. */
function troubled() {
  const made = base();
  const { builder, digest, log } = made;
  const altered = log(2);
  builder.put(altered.bucket, altered.key, { body: Buffer.from('no gzip') });
  builder.remove(log(3));
  builder.remove(digest(5));
  const folder = log(4).key.slice(0, log(4).key.lastIndexOf('/') + 1);
  for (const name of NAMES) {
    builder.put(altered.bucket, `${folder}${name}`, { body: Buffer.from('planted') });
  }
  return made;
}

type Files = Record<(typeof FORMATS)[number], string>;

async function reportsOf(
  { builder, start: from, end }: ReturnType<typeof base>,
  more: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<{
  files: Files;
  report: Report;
  status: number | null;
  stdout: string;
  stderr: string;
}> {
  return serving(builder, { start: from, end }, {}, (argv) =>
    inTemp(async (directory) => {
      const paths = FORMATS.map((format) => [format, join(directory, `report.${format}`)] as const);
      const reports = paths.flatMap(([format, path]) => ['--report', `${format}=${path}`]);
      const ran = await start([...argv, '--quiet', ...reports, ...more], env).ended;
      const texts = await Promise.all(
        paths.map(async ([format, path]) => [format, await readFile(path, 'utf8')] as const),
      );
      const files = Object.fromEntries(texts) as Files;
      return { ...ran, files, report: JSON.parse(files.json) as Report };
    }),
  );
}

const hasXmllint = spawnSync('xmllint', ['--version']).status === 0;

/** The rows of CSV text (RFC 4180). */
function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  for (const line of text.split('\r\n').slice(0, -1)) {
    const cells = [...line.matchAll(/("(?:[^"]|"")*"|[^,"]*)(?:,|$)/g)].map(([, cell = '']) =>
      cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
    );
    // The last match is the empty one at the end of the line.
    rows.push(cells.slice(0, -1));
  }
  return rows;
}

describe('--report', () => {
  it('tells the same in every form, whatever objects are named', async () => {
    const { files, report, status, stdout } = await reportsOf(troubled());
    expect(status).toBe(1);
    expect(stdout).toMatch(/^INVALID/);
    expect(new Set(report.findings.map(({ code }) => code))).toEqual(
      new Set([
        'DIGEST_MISSING',
        'LOG_MALFORMED',
        'LOG_MISSING',
        'LOG_UNLISTED',
        'LOG_UNVALIDATED',
      ]),
    );
    expect(
      files.ndjson.split('\n').filter((line) => line.includes('"type":"finding"')),
    ).toHaveLength(report.findings.length);

    const csv = readCsv(files.csv);
    expect(csv.map((row) => row.length)).toEqual(csv.map(() => 14));
    const gravest = ['violation', 'unproved', 'notice'].flatMap((name) =>
      report.findings.filter((one) => one.class === name),
    );
    expect(csv.slice(1).map(([id]) => id)).toEqual(gravest.map(({ id }) => id));
    for (const cell of csv.flat()) expect(cell).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);

    const sarif = JSON.parse(files.sarif) as {
      runs: {
        tool: { driver: { rules: { id: string; defaultConfiguration: { level: string } }[] } };
        results: {
          ruleId: string;
          ruleIndex: number;
          level: string;
          locations?: { physicalLocation?: { artifactLocation: { uri: string } } }[];
          partialFingerprints: Record<string, string>;
        }[];
      }[];
    };
    expect(sarifErrors(sarif)).toEqual([]);
    const [run] = sarif.runs;
    expect(run?.tool.driver.rules.map(({ id }) => id)).toEqual(Object.keys(FINDINGS));
    expect(run?.results.map(({ ruleId }) => ruleId)).toEqual(gravest.map(({ code }) => code));
    for (const one of run?.results ?? []) {
      expect(run?.tool.driver.rules[one.ruleIndex]?.id).toBe(one.ruleId);
      const uri = one.locations?.[0]?.physicalLocation?.artifactLocation.uri;
      if (uri !== undefined)
        expect(uri).toMatch(/^s3:\/\/[A-Za-z0-9.\-]+\/[A-Za-z0-9%._!~*'()/-]+$/);
    }

    for (const markup of [files.markdown, files.html, files.junit]) {
      expect(markup).not.toContain('<script>alert');
      expect(markup).not.toMatch(/[\p{Cf}\u2028\u0000\u001b\r]/u);
      expect(markup).not.toContain('<!--');
    }
    expect(files.markdown).not.toMatch(/!\[x\]|@team|`code`/);
    expect(files.markdown).toContain('❌ INVALID');
    expect(files.html.match(/<script/g)).toHaveLength(2);
    expect(report.keys).toMatchObject([{ region: 'us-east-1' }]);
    expect(report.keys?.[0]?.digestFiles).toBe(report.counts.digestFiles.valid);
    expect(files.html).toContain(`<code>${report.keys?.[0]?.fingerprint ?? 'none'}</code>`);
    expect(files.text).toContain('INVALID: ');
  }, 60_000);

  it.skipIf(!hasXmllint)('junit is well-formed XML', async () => {
    const { files } = await reportsOf(troubled());
    const { status, stderr } = spawnSync('xmllint', ['--noout', '-'], { input: files.junit });
    expect([status, stderr.toString()]).toEqual([0, '']);
  });

  it('junit fails for what is altered, and for the day on which it is', async () => {
    const { files } = await reportsOf(troubled());
    expect(files.junit).toMatch(
      /<testcase name="verdict"[^>]*>\s*<failure message="the trail is invalid"/,
    );
    expect(files.junit).toMatch(
      /<testcase name="2026-03-10"[^>]*>\s*<failure [^>]*type="violation">[^<]*LOG_MALFORMED/,
    );
  });

  it('junit errs for what is not proved, skips gaps that are allowed, and passes what is valid', async () => {
    const made = base();
    const whole = await reportsOf(made);
    expect(whole.status).toBe(0);
    expect(whole.files.junit).not.toMatch(/<(failure|error|skipped)/);
    expect(whole.files.junit).toMatch(/<testcase name="2026-03-10"[^>]*\/>/);
    const { bucket, key } = made.log(2);
    made.builder.put(bucket, `${key}.x`, { body: Buffer.from('planted') });
    const open = await reportsOf(made);
    expect(open.status).toBe(3);
    expect(open.files.junit).toMatch(/<error message="[^"]*LOG_UNLISTED[^"]*" type="unproved">/);
    expect(open.files.junit).not.toContain('<failure');
  });

  it('is written whole or not at all, and before anything is asked where it can’t be', () =>
    inTemp(async (directory) => {
      const made = base();
      await serving(
        made.builder,
        { start: made.start, end: made.end },
        {},
        async (argv, endpoint) => {
          const path = join(directory, 'no', 'such', 'place');
          const good = join(directory, 'good.xml');
          const own = ['--report', `junit=${good}`, '--report', `csv=${path}`];
          const { status, stderr } = await runCommand([...argv, ...own]);
          expect([status, endpoint.requests.size]).toEqual([2, 0]);
          expect(stderr).toContain('--report');
          await expect(readFile(good)).rejects.toThrow('ENOENT');
          await expect(readFile(`${good}.part`)).rejects.toThrow('ENOENT');
        },
      );
    }));

  it.each([
    [['--report', 'pdf=x'], 'is not FORMAT=FILE with one of text, json'],
    [['--report', 'json'], 'is not FORMAT=FILE'],
    [['--report', 'json=a', '--report', 'csv=a'], 'name the same file'],
    [['--report', 'json=a', '--output', 'a'], 'name the same file'],
    [['--report', 'json=a', '--resume', 'a'], 'name the same file'],
    [['--report', 'json=a', '--estimate'], '--estimate makes no report'],
    [['--format', 'junit', '--estimate'], '--estimate makes no report'],
    [
      ['--report', 'json=a', '--shard', '1/2', '--partial', 'p', '--end-time', '2026-01-02'],
      'a shard makes no report',
    ],
  ])('refuses %j', async (own, told) => {
    const arn = 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main';
    const argv = ['--trail-arn', arn, '--start-time', '2026-01-01', ...own];
    const { status, stderr } = await runCommand(argv);
    expect(status).toBe(2);
    expect(stderr).toContain(told);
  });
});

describe('findings beyond those that a report holds', () => {
  it('stand in every form that lists them, and are counted in the others', async () => {
    const { builder, start: from, end } = troubled();
    const { report } = await serving(builder, { start: from, end }, {}, (argv) => runJson(argv));
    const [first] = report.findings.filter(({ code }) => code === 'LOG_MISSING');
    if (!first) throw new Error('no finding');
    const many = Array.from({ length: 500 }, (_, at) => ({ ...first, message: `more ${at}` }));
    const more = moreFindings(async function* () {
      await Promise.resolve();
      yield* many;
    });
    const none = moreFindings(async function* () {
      yield* await Promise.resolve([]);
    });
    const all = report.findings.length + many.length;
    const render = async (format: Format, own = report, rest = more): Promise<string> => {
      let text = '';
      const pieces = renderAs(format, own, { style: PLAIN, verbose: true }, rest);
      for await (const piece of pieces) text += piece;
      return text;
    };
    expect(readCsv(await render('csv'))).toHaveLength(1 + all);
    // The gravest first, wherever they come.
    const classes = ['notice', 'unproved', 'violation', 'notice', 'violation'] as const;
    const mixed = moreFindings(async function* () {
      yield* await Promise.resolve(classes.map((name) => ({ ...first, class: name })));
    });
    const held = [{ ...first, class: 'notice' as const }];
    const inOrder = readCsv(await render('csv', { ...report, findings: held }, mixed));
    expect(inOrder.slice(1).map((row) => row[2])).toEqual([
      ...['violation', 'violation', 'unproved', 'notice', 'notice', 'notice'],
    ]);
    // What a spreadsheet would take for a formula.
    const formulas = ['=1+1', '+1', '-1', '@SUM(A1)'];
    const odd = formulas.map((message) => ({ ...first, message }));
    const cells = readCsv(await render('csv', { ...report, findings: odd })).slice(1, 5);
    expect(cells.map((row) => row[12])).toEqual(formulas.map((text) => `'${text}`));
    const sarif = JSON.parse(await render('sarif')) as { runs: { results: unknown[] }[] };
    expect(sarif.runs[0]?.results).toHaveLength(all);
    const violations = report.findings.filter((one) => one.class === 'violation').length + 500;
    expect(await render('markdown')).toContain(`### Violations (${violations})`);
    const junit = await render('junit');
    expect(junit).toMatch(/… and \d+ more findings/);
    expect(junit).toContain('more 0');
    // Twenty of a day are told, the gravest among them wherever they come.
    const mild = many.map((one) => ({ ...one, class: 'unproved' as const }));
    const grave = { ...first, message: 'the last one' };
    const flood = { ...report, findings: [...mild, grave] };
    expect(await render('junit', flood, none)).toContain('the last one');
  });
});

describe('merge', () => {
  it('gives the same forms', () =>
    inTemp(async (directory) => {
      const { builder, start: from, end } = troubled();
      await serving(builder, { start: from, end }, {}, async (argv) => {
        const files = partials(directory, 2);
        await runShards(argv, files);
        const [csv, junit] = [join(directory, 'a.csv'), join(directory, 'a.xml')];
        const reports = ['--report', `csv=${csv}`, '--report', `junit=${junit}`];
        const { status, stdout } = await runCommand(['merge', ...files, '--quiet', ...reports]);
        expect([status, stdout.slice(0, 7)]).toEqual([1, 'INVALID']);
        expect(readCsv(await readFile(csv, 'utf8')).length).toBeGreaterThan(5);
        expect(await readFile(junit, 'utf8')).toContain('LOG_MALFORMED');
        const same = ['--report', `csv=${files[0] ?? ''}`];
        const refused = await runCommand(['merge', ...files, ...same]);
        expect([refused.status, refused.stderr]).toEqual([
          2,
          expect.stringContaining('name the same file'),
        ]);
      });
    }));
});

describe('a job of GitHub Actions', () => {
  it('gets annotations and a summary, and the same report', async () => {
    await inTemp(async (directory) => {
      const summary = join(directory, 'summary.md');
      await mkdir(directory, { recursive: true });
      await writeFile(summary, 'before\n');
      const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary };
      const { stdout, stderr, status } = await reportsOf(troubled(), [], env);
      expect(status).toBe(1);
      expect(stdout).toMatch(/^INVALID[^\n]*\n$/);
      const commands = stderr.split('\n').filter((line) => line.startsWith('::'));
      expect(commands.length).toBeGreaterThan(3);
      for (const line of commands)
        expect(line).toMatch(/^::(error|warning) title=[A-Z_]+%3A [^:,]*::.* \[[0-9a-f]{12}\]$/);
      expect(stderr).not.toMatch(/^\s*::error::forged|##\[/m);
      const text = await readFile(summary, 'utf8');
      expect(text).toMatch(/^before\n## CloudTrail integrity: ❌ INVALID/);
    });
  }, 30_000);

  it('that can’t take the summary is told so, and the verdict stands', async () => {
    const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: '/dev/null/x' };
    const made = base();
    const { status, stderr } = await reportsOf(made, [], env);
    expect(status).toBe(0);
    expect(stderr).toContain('summary can’t be written');
  });
});

describe('--explain', () => {
  const EXPLAINED = { ...FINDINGS, ...SETTINGS };

  it.each(Object.entries(EXPLAINED))('%s fits the screen and says all', async (code, words) => {
    const { status, stdout } = await runCommand(['--explain', code]);
    expect(status).toBe(0);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const { title, explanation, honest, hint } = words;
    const flat = stdout.replace(/\s+/g, ' ');
    for (const part of [`${code}: ${title}`, explanation, honest, hint])
      expect(flat).toContain(part);
    expect(flat).toContain(code in SETTINGS ? 'no part of the verdict' : 'verdict');
  });

  it('lists all codes, and knows what was meant', async () => {
    const listed = (await runCommand(['--explain'])).stdout.trimEnd().split('\n');
    expect(listed.map((line) => line.split(' ')[0])).toEqual(Object.keys(EXPLAINED));
    expect((await runCommand(['--explain=log-missing'])).stdout).toMatch(/^LOG_MISSING: /);
    for (const [typed, meant] of [
      ['LOG_MISING', ': did you mean LOG_MISSING?'],
      ['versioning-of', ': did you mean VERSIONING_OFF?'],
      ['GAP', ': did you mean COVERAGE_GAP?'],
      ['chain-tail', ': did you mean CHAIN_TAIL_CUT?'],
      ['LOG_UN', ': did you mean one of LOG_UNLISTED, LOG_UNVALIDATED?'],
      ['KEYS', ': did you mean one of KEYS_UNAVAILABLE, KEYS_UNPINNED?'],
      ['nothing', ''],
    ] as const) {
      const { status, stderr } = await runCommand(['--explain', typed]);
      expect([status, stderr]).toEqual([
        2,
        expect.stringContaining(
          `${typed} is no code of a finding or setting${meant}\nvalidate-trail: hint: validate-trail --explain lists`,
        ),
      ]);
    }
  });
});
