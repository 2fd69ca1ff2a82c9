/** `validate-trail collect`: what was collected is judged as the bucket was, and shows every change. */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from '../src/core/report.js';
import { base, catalogue } from './support/lies.js';
import { CALLER } from './support/loopback-sts.js';
import type { EndpointOptions } from './support/loopback.js';
import { runCommand, runJson } from './support/run-command.js';
import { ONE_BLOCK, start } from './support/spawned.js';
import { inTemp, serving, timeless } from './support/shards.js';
import { mulberry32, signingKey, TrailBuilder } from './support/trail-builder.js';

const collect = (place: string, argv: readonly string[], ...more: string[]) =>
  runCommand(['collect', '--evidence', place, ...argv, ...more]);

/** The pin that collecting prints. */
const pinIn = (stdout: string): string => {
  const [, pin] = /manifest\.jsonl +SHA-256 ([0-9a-f]{64})\n/.exec(stdout) ?? [];
  if (pin === undefined) throw new Error(`no pin in ${stdout}`);
  return pin;
};

const judged = (place: string, pin: string, ...more: string[]) =>
  runJson(['--evidence', place, '--manifest-sha256', pin, ...more]);

/** A report but for when and from what it was made. */
function alike(report: Report): Report {
  const rest: { -readonly [Name in keyof Report]: Report[Name] } = timeless(report);
  delete rest.evidence;
  return rest;
}

/** A trail in a temporary place, collected whole. */
async function collected<T>(
  builder: TrailBuilder,
  range: { start: number; end: number },
  use: (place: string, pin: string, argv: string[]) => Promise<T>,
  more: readonly string[] = [],
  options: EndpointOptions = {},
): Promise<T> {
  return inTemp((directory) =>
    serving(builder, range, options, async (argv) => {
      const place = join(directory, 'evidence');
      const ran = await collect(place, argv, ...more);
      if (![0, 3].includes(ran.status)) throw new Error(ran.stderr);
      return use(place, pinIn(ran.stdout), argv);
    }),
  );
}

/** A trail and its range. */
const both = (made: ReturnType<typeof base>) => [made.builder, made] as const;

/** Makes it as it was before it was closed. */
async function reopened(place: string): Promise<void> {
  const manifest = join(place, 'manifest.jsonl');
  const lines = (await readFile(manifest, 'utf8')).trimEnd().split('\n');
  await writeFile(manifest, `${lines.slice(0, -1).join('\n')}\n`);
}

async function filesOf(place: string): Promise<string[]> {
  const found = await readdir(place, { recursive: true, withFileTypes: true });
  return found
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .sort();
}

describe('evidence', () => {
  it.each(catalogue())('of $name is judged as the bucket is', async (one) => {
    const { builder, start, end, options: own = [] } = one;
    await inTemp((directory) =>
      serving(builder, { start, end }, {}, async (argv, endpoint) => {
        const place = join(directory, 'evidence');
        // What an option of judging alone says is said again offline.
        const judging = ['--allow-gaps', '--accept-unlisted', '--no-unlisted'];
        const at = own.findIndex((option) => judging.includes(option));
        const later = at < 0 ? [] : own.slice(at);
        const online = await runJson([...argv, ...own]);
        const ran = await collect(place, argv, ...(at < 0 ? own : own.slice(0, at)));
        endpoint.set({ answer: () => true });
        const offline = await judged(place, pinIn(ran.stdout), ...later);
        expect(JSON.stringify(alike(offline.report), null, 1)).toBe(
          JSON.stringify(alike(online.report), null, 1),
        );
        expect(offline.status).toBe(online.status);
      }),
    );
  });

  it('says who collected, and when, and vouches for nothing that was not pinned', async () => {
    const made = base();
    await collected(made.builder, made, async (place, pin) => {
      const { report, status } = await judged(place, pin);
      expect(status).toBe(0);
      expect(report.evidence).toMatchObject({ manifestSha256: pin, pinned: true });
      expect(report.evidence?.collectedBy).toBe(CALLER);
      const text = await runCommand(['--evidence', place, '--manifest-sha256', pin]);
      expect(text.stdout).toContain(`by ${CALLER}`);
      const keys = await readFile(join(place, 'public-keys.json'));
      const keyPin = createHash('sha256').update(keys).digest('hex');
      const byKeys = await runCommand(['--evidence', place, '--keys-sha256', keyPin]);
      expect(byKeys.status).toBe(0);
      expect(byKeys.stdout).toContain('Not proved: that the evidence is as it was collected');
      const unpinned = await runJson(['--evidence', place]);
      expect(unpinned.status).toBe(3);
      expect(unpinned.report.findings.map(({ code }) => code)).toEqual(['KEYS_UNPINNED']);
      const other = await runCommand(['--evidence', place, '--manifest-sha256', '0'.repeat(64)]);
      expect([other.status, other.stdout]).toEqual([2, '']);
      expect(other.stderr).toContain('is not the manifest that was pinned');
    });
  });

  it('is looked at whole, also where the same trail is named again', async () => {
    const made = base();
    const { bucket, key } = made.log(4);
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    made.builder.put(bucket, `${folder}planted`, { body: Buffer.from('planted') });
    await collected(made.builder, made, async (place, pin, argv) => {
      const [copy = ''] = (await filesOf(place)).filter((file) => file.endsWith('/planted'));
      await writeFile(copy, 'altered');
      const names = argv.slice(0, argv.indexOf('--endpoint-url'));
      const plain = await judged(place, pin);
      expect(plain.report.findings.map(({ key: of }) => of)).toContain(`${folder}planted`);
      const named = await judged(place, pin, ...names);
      expect(alike(named.report)).toEqual(alike(plain.report));
    });
  });

  it('is all looked at, and told to be changed, which says nothing of the trail', async () => {
    const made = base();
    await collected(made.builder, made, async (place, pin) => {
      const files = (await filesOf(place)).filter((file) => file.endsWith('.gz'));
      for (const file of files) {
        const bytes = await readFile(file);
        await writeFile(file, Buffer.concat([bytes, Buffer.from('x')]));
        const { report, status } = await judged(place, pin);
        const told = report.findings.filter(({ code }) => code === 'EVIDENCE_ALTERED');
        expect(
          told.map(({ key = '' }) => file.endsWith(key) && key !== ''),
          file,
        ).toEqual([true]);
        expect([status, report.verdict]).toEqual([3, 'incomplete']);
        await writeFile(file, bytes);
      }
      const [first = ''] = files;
      await rm(first);
      const { stdout } = await runCommand(['--evidence', place, '--manifest-sha256', pin]);
      expect(stdout).toContain('The evidence is not what was collected: it was changed since.');
    });
  });

  it('is judged for a narrower range, and is silent on what was not collected', async () => {
    const made = base();
    await collected(made.builder, made, async (place, pin) => {
      const from = '2026-03-10T11:17:28Z';
      const narrow = await judged(place, pin, '--start-time', from);
      expect([narrow.status, narrow.report.timeRange.start]).toEqual([0, from]);
      const wide = await judged(place, pin, '--start-time', '2026-03-08');
      expect(wide.status).toBe(3);
      expect(wide.report.findings.map(({ message }) => message).join('\n')).toMatch(
        /not in the evidence/,
      );
    });
  });

  it('shows every single byte that was changed', { timeout: 240_000 }, async () => {
    const made = base({}, 4);
    await collected(made.builder, made, async (place, pin) => {
      const random = mulberry32(7);
      const files = await filesOf(place);
      for (let turn = 0; turn < 60; turn++) {
        const file = files[Math.floor(random() * files.length)] ?? '';
        const bytes = await readFile(file);
        const at = Math.floor(random() * bytes.length);
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(random() * 8));
        await writeFile(file, changed);
        const { status } = await runCommand(['--evidence', place, '--manifest-sha256', pin]);
        expect([1, 2, 3], `${file} ${at}`).toContain(status);
        const unpinned = await runCommand(['--evidence', place]);
        expect([1, 2, 3], `${file} ${at}`).toContain(unpinned.status);
        await writeFile(file, bytes);
      }
      expect((await judged(place, pin)).status).toBe(0);
    });
  });

  it('of digest files that were signed anew with other keys is refused', async () => {
    const made = base();
    const builder = new TrailBuilder();
    builder.chain({ from: made.start - 3600, hours: 8, key: signingKey(2) });
    await collected(made.builder, made, async (honest, pin) => {
      const keys = join(honest, 'public-keys.json');
      await collected(builder, made, async (place) => {
        const asPinned = await runCommand(['--evidence', place, '--manifest-sha256', pin]);
        expect(asPinned.status).toBe(2);
        const { status, report } = await runJson(['--evidence', place, '--public-keys', keys]);
        expect([1, 3]).toContain(status);
        expect(report.counts.digestFiles.valid).toBe(0);
      });
    });
  });

  it('holds objects whose keys can be no path, and those of planted names', async () => {
    const made = base();
    const { bucket, key } = made.log(4);
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    const names = [
      ...['../../../escape', 'a//b', '.', '..', 'a/.', 'con', 'trailing.', ' space', 'x\u0000y'],
      ...['CASE', 'case', 'both', 'both/under', 'line\nbreak', 'é', 'é', 'a'.repeat(300), 'a\\b'],
    ];
    for (const name of names) {
      made.builder.put(bucket, `${folder}${name}`, { body: Buffer.from(`planted ${name}`) });
    }
    await collected(made.builder, made, async (place, pin, argv) => {
      const online = await runJson(argv);
      const offline = await judged(place, pin);
      expect(alike(offline.report)).toEqual(alike(online.report));
      const bodies = await Promise.all(
        (await filesOf(place)).map((file) => readFile(file, 'utf8')),
      );
      for (const name of names) expect(bodies).toContain(`planted ${name}`);
      expect((await readdir(join(place, '..'))).sort()).toEqual(['evidence']);
    });
  });

  it('keeps what could not be read as it was told', async () => {
    const made = base();
    const { bucket, key } = made.log(2);
    const refused = { status: 403, code: 'AccessDenied' };
    made.builder.put(bucket, key, { body: Buffer.from('x'), refuse: refused });
    await inTemp((directory) =>
      serving(made.builder, made, {}, async (argv) => {
        const place = join(directory, 'evidence');
        const online = await runJson(argv);
        const ran = await collect(place, argv);
        expect(ran.status).toBe(3);
        expect(ran.stderr).toContain(`could not be read: 1 access-denied: s3://${bucket}/${key}: `);
        const offline = await judged(place, pinIn(ran.stdout));
        expect(alike(offline.report)).toEqual(alike(online.report));
      }),
    );
  });
});

describe('collect', () => {
  it('goes on where it was stopped, at any byte, and fetches nothing again', async () => {
    const made = base();
    await collected(made.builder, made, async (place, pin, argv) => {
      const whole = await judged(place, pin);
      const manifest = join(place, 'manifest.jsonl');
      const { size } = await stat(manifest);
      const random = mulberry32(3);
      for (let turn = 0; turn < 12; turn++) {
        const copy = `${place}-${turn}`;
        await cp(place, copy, { recursive: true });
        const head = (await readFile(manifest, 'utf8')).indexOf('\n') + 1;
        const at = head + Math.floor(random() * (size - head));
        await truncate(join(copy, 'manifest.jsonl'), at);
        const unfinished = await runCommand(['--evidence', copy]);
        expect([unfinished.status, unfinished.stdout]).toEqual([2, '']);
        const ran = await collect(copy, argv);
        expect([ran.status, ran.stderr]).toEqual([0, '']);
        expect(alike((await judged(copy, pinIn(ran.stdout))).report)).toEqual(alike(whole.report));
        const again = await collect(copy, argv);
        expect([again.status, pinIn(again.stdout)]).toEqual([0, pinIn(ran.stdout)]);
        expect(again.stdout).toContain('collected and closed already');
      }
    });
  });

  it('goes on where not even the first line found room', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, {}, async (argv) => {
        const place = join(directory, 'evidence');
        const full = await start(['collect', '--evidence', place, ...argv], {}, ONE_BLOCK).ended;
        expect([full.status, full.stdout]).toEqual([2, '']);
        expect(full.stderr).toMatch(/manifest\.jsonl can’t be written: .*\n.*make room and give/);
        // As a sudden end leaves it.
        await mkdir(join(place, '+parts'), { recursive: true });
        await writeFile(
          join(place, '+parts', '.0123456789abcdef.validate-trail.tmp'),
          '{"head":{"for',
        );
        expect((await collect(place, argv)).status).toBe(0);
        expect(existsSync(join(place, '+parts'))).toBe(false);
      });
    }));

  it('asks for each object once, whatever was stopped between', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, {}, async (argv, endpoint) => {
        const place = join(directory, 'evidence');
        const first = await collect(place, argv);
        const gets = endpoint.requests.get('GetObject') ?? 0;
        const objects = Number(/Collected +(\d+) objects/.exec(first.stdout)?.[1]);
        expect(gets).toBe(objects);
        const text = await readFile(join(place, 'manifest.jsonl'), 'utf8');
        // As a sudden end leaves it: half of the lines, and of the copies.
        const lines = text.split('\n');
        const half = lines.slice(0, Math.ceil(lines.length / 2));
        await writeFile(join(place, 'manifest.jsonl'), `${half.join('\n')}\n{"obj`);
        const known = half.filter((line) => line.startsWith('{"object"')).length;
        endpoint.set({});
        expect((await collect(place, argv)).status).toBe(0);
        expect(endpoint.requests.get('GetObject') ?? 0).toBe(objects - known);
      });
    }));

  it('refuses a directory of other work, and one that it can’t write', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, {}, async (argv) => {
        const place = join(directory, 'evidence');
        await collect(place, argv);
        const text = await readFile(join(place, 'manifest.jsonl'), 'utf8');
        await writeFile(join(place, 'manifest.jsonl'), text.slice(0, -100));
        const other = await collect(place, argv, '--digests-only');
        expect([other.status, other.stdout]).toEqual([2, '']);
        expect(other.stderr).toContain('without --digests-only, and this is with --digests-only');
        const file = join(directory, 'file');
        await writeFile(file, '');
        const blocked = await collect(join(file, 'evidence'), argv);
        expect([blocked.status, blocked.stdout]).toEqual([2, '']);
        expect(blocked.stderr).toMatch(/can’t be (made|opened|written)/);
        const missing = await runCommand(['collect', ...argv]);
        expect([missing.status, missing.stderr]).toEqual([
          2,
          expect.stringContaining('collect needs --evidence DIR'),
        ]);
      });
    }));

  it('is not mixed with other files, nor held up where no directory can be made', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, {}, async (argv) => {
        await writeFile(join(directory, 'report.json'), '{}');
        const mixed = await collect(directory, argv);
        expect([mixed.status, mixed.stdout]).toEqual([2, '']);
        expect(mixed.stderr).toContain('is not empty, and no collecting was begun there');
        const file = await collect(join(directory, 'report.json'), argv);
        expect([file.status, file.stderr]).toEqual([2, expect.stringContaining('report.json')]);
        expect(await readdir(directory)).toEqual(['report.json']);
        const deep = `${directory}/a//b/../b/c/`;
        expect((await collect(deep, argv)).status).toBe(0);
        if (!existsSync('/proc/self')) return;
        const nowhere = await collect('/proc/x/y', argv);
        expect([nowhere.status, nowhere.stdout]).toEqual([2, '']);
        expect(nowhere.stderr).toContain('/proc/x/y can’t be written');
      });
    }));

  it('of digest files alone leaves log files unread', async () => {
    const made = base();
    await collected(
      made.builder,
      made,
      async (place, pin) => {
        expect((await judged(place, pin)).status).toBe(0);
        const files = await filesOf(place);
        expect(files.filter((file) => file.includes('/CloudTrail/'))).toEqual([]);
        expect(files.filter((file) => file.includes('/CloudTrail-Digest/')).length).toBe(8);
        const all = await judged(place, pin, '--digests-only=false');
        expect([all.status, all.report.scope.digestsOnly]).toEqual([3, undefined]);
        expect(all.report.counts.logFiles.valid).toBe(0);
      },
      ['--digests-only'],
    );
  });

  it('stays open where something may be readable the next time, unless it is closed', () =>
    inTemp((directory) => {
      const made = base();
      const { key } = made.log(3);
      const isBroken = (url = ''): boolean => decodeURIComponent(url).includes(key);
      const broken: EndpointOptions = {
        answerGet: (request, response) => {
          if (!isBroken(request.url)) return false;
          response.writeHead(503).end('<Error><Code>InternalError</Code></Error>');
          return true;
        },
      };
      return serving(made.builder, made, broken, async (argv, endpoint) => {
        const place = join(directory, 'evidence');
        const first = await collect(place, argv);
        expect([first.status, first.stdout]).toEqual([3, '']);
        expect(first.stderr).toContain('the same command tries again');
        const closed = `${place}-closed`;
        await cp(place, closed, { recursive: true });
        const finished = await collect(closed, argv, '--finish');
        expect(finished.status).toBe(3);
        expect((await judged(closed, pinIn(finished.stdout))).status).toBe(3);
        endpoint.set({});
        const second = await collect(place, argv);
        expect(second.status).toBe(0);
        expect(endpoint.requests.get('GetObject')).toBe(1);
        expect((await judged(place, pinIn(second.stdout))).status).toBe(0);
      });
    }));

  it('says first how much there is, and writes nothing', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, {}, async (argv, endpoint) => {
        const { status, stdout } = await collect(join(directory, 'evidence'), argv, '--dry-run');
        expect(status).toBe(0);
        expect(stdout).toMatch(/would take \d+ objects, \d+ kB \(\d digest files, \d+ log files\)/);
        expect(await readdir(directory)).toEqual([]);
        expect(endpoint.requests.get('GetObject') ?? 0).toBe(0);
      });
    }));
});

/** Writes a manifest's lines anew, and the hash that closes it, as one could who knows the format. */
async function rewriteManifest(
  place: string,
  change: (lines: Record<string, Record<string, unknown>>[]) => void,
): Promise<void> {
  const path = join(place, 'manifest.jsonl');
  const lines = (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>);
  const last = lines.pop();
  change(lines);
  const before = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const head = `{"end":${JSON.stringify(last?.['end'])},"sha256":"`;
  const cut = head.slice(0, head.lastIndexOf('"') + 1);
  const sum = createHash('sha256').update(before).update(cut).digest('hex');
  await writeFile(path, `${before}${cut}${sum}"}\n`);
}

describe('whoever writes the directory', () => {
  it('chooses neither keys nor pins nor files, and what passes', () =>
    collected(...both(base()), async (place) => {
      const keys = await readFile(join(place, 'public-keys.json'));
      const own = createHash('sha256').update(keys).digest('hex');
      const victim = join(place, '..', 'victim');
      for (const [name, value] of [
        ['keys-sha256', [own]],
        ['public-keys', join(place, 'public-keys.json')],
        ['output', victim],
        ['report', [`json=${victim}`]],
        ['state', victim],
        ['allow-gaps', true],
        ['constructor', 'x'],
      ] as const) {
        await rewriteManifest(place, ([head]) => {
          (head?.['head']?.['options'] as Record<string, unknown>)[name] = value;
        });
        const { status, stdout } = await runCommand(['--evidence', place]);
        expect([name, status, stdout.includes('KEYS_UNPINNED')]).toEqual([name, 3, true]);
        await expect(readFile(victim)).rejects.toThrow('ENOENT');
      }
    }));

  it('ends the run with words, whatever lines are made of', () =>
    collected(...both(base()), async (place) => {
      const whole = await readFile(join(place, 'manifest.jsonl'));
      const odd = [null, 5, 'x', [], {}, { x: null }];
      for (const value of odd) {
        for (const kind of ['head', 'object', 'failed', 'listed', 'listing', 'answer']) {
          await rewriteManifest(place, (lines) => {
            if (kind === 'head') lines[0] = { head: value as never };
            else lines.push({ [kind]: value as never });
          });
          const { status, stdout, stderr } = await runCommand(['--evidence', place]);
          expect([kind, value, status, stdout]).toEqual([kind, value, 2, '']);
          expect(stderr).toMatch(/manifest\.jsonl (holds a line|is another kind|has the form)/);
        }
      }
      for (const [name, value] of [
        ...['options', 'range', 'collectedBy', 'endpoints', 'now'].map(
          (one) => [one, null] as const,
        ),
        ['options', { region: 5 }],
        ['options', { region: [5] }],
      ] as const) {
        await writeFile(join(place, 'manifest.jsonl'), whole);
        await rewriteManifest(place, ([head]) =>
          Object.assign(head?.['head'] ?? {}, { [name]: value }),
        );
        const { status, stderr } = await runCommand(['--evidence', place]);
        expect([name, status]).toEqual([name, 2]);
        expect(stderr).toContain('no collecting wrote');
      }
    }));

  it('can’t hold the run up with a pipe in place of the keys', () =>
    collected(...both(base()), async (place, pin) => {
      await rm(join(place, 'public-keys.json'));
      spawnSync('mkfifo', [join(place, 'public-keys.json')]);
      const { status, stderr } = await runCommand(['--evidence', place, '--manifest-sha256', pin]);
      expect([status, stderr]).toEqual([2, expect.stringContaining('not a plain file')]);
    }));

  it('can’t have what lies elsewhere removed through a link', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, {}, async (argv) => {
        const place = join(directory, 'evidence');
        await start(['collect', '--evidence', place, ...argv]).ended;
        await reopened(place);
        const out = join(directory, 'out');
        await rename(join(place, 'trail-bucket'), out);
        await symlink(out, join(place, 'trail-bucket'));
        const mine = join(out, made.log(3).key);
        await writeFile(mine, 'somebody else’s');
        const ran = await collect(place, argv);
        expect(ran.status).toBe(0);
        expect(await readFile(mine, 'utf8')).toBe('somebody else’s');
        expect((await judged(place, pinIn(ran.stdout))).status).toBe(0);
      });
    }));

  it('can’t lead copies out of it by a link', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, {}, async (argv) => {
        const place = join(directory, 'evidence');
        const out = join(directory, 'out');
        await start(['collect', '--evidence', place, ...argv]).ended;
        // Begun, and nothing copied yet.
        const manifest = join(place, 'manifest.jsonl');
        const [head = ''] = (await readFile(manifest, 'utf8')).split('\n');
        await writeFile(manifest, `${head}\n`);
        await rm(join(place, 'trail-bucket'), { recursive: true });
        await mkdir(out);
        await symlink(out, join(place, 'trail-bucket'));
        const ran = await collect(place, argv);
        expect([ran.status, ran.stderr]).toEqual([0, '']);
        expect(await readdir(out)).toEqual([]);
        expect((await judged(place, pinIn(ran.stdout))).status).toBe(0);
      });
    }));
});

describe('going on', () => {
  it('leaves closed evidence as it is, whatever fails by then', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, { failing: ['DescribeTrails'] }, async (argv) => {
        const place = join(directory, 'evidence');
        const own = [...argv, '--s3-bucket', 'trail-bucket'];
        const first = await collect(place, own);
        expect(first.status).toBe(0);
        expect(first.stderr).toContain('not answered: DescribeTrail ');
        const before = await readFile(join(place, 'manifest.jsonl'));
        expect((await collect(place, own)).status).toBe(0);
        expect((await readFile(join(place, 'manifest.jsonl'))).equals(before)).toBe(true);
      });
    }));

  it('asks nothing of the moment again: a later status is not held against older listings', () =>
    inTemp((directory) => {
      const made = base();
      const { key } = made.log(2);
      const now = new Date((made.end + 3 * 3600) * 1000);
      const failing: EndpointOptions = {
        now,
        failing: ['GetTrailStatus'],
        answerGet: (request, response) => {
          if (!decodeURIComponent(request.url ?? '').includes(key)) return false;
          response.writeHead(503).end('<Error><Code>InternalError</Code></Error>');
          return true;
        },
      };
      return serving(made.builder, made, failing, async (argv, endpoint) => {
        const place = join(directory, 'evidence');
        const own = argv.slice(0, argv.indexOf('--end-time'));
        expect((await collect(place, own)).status).toBe(3);
        const last = made.chain.digests.at(-1);
        made.builder.chain({ from: made.end, hours: 4, ...(last ? { after: last } : {}) });
        endpoint.set({ now: new Date((made.end + 8 * 3600) * 1000) });
        const second = await collect(place, own);
        expect(second.status).toBe(0);
        const { report } = await judged(place, pinIn(second.stdout));
        expect(report.findings.map(({ code }) => code)).not.toContain('CHAIN_TAIL_CUT');
        expect(report.verdict).not.toBe('invalid');
      });
    }));

  it('tries again what credentials kept from it, and what was damaged since', () =>
    inTemp((directory) => {
      const made = base();
      let gets = 0;
      const expiring: EndpointOptions = {
        answerGet: (_, response) => {
          if (++gets <= 10) return false;
          response
            .writeHead(400, { 'x-amz-request-id': 'X', 'content-type': 'application/xml' })
            .end('<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>');
          return true;
        },
      };
      return serving(made.builder, made, expiring, async (argv, endpoint) => {
        const place = join(directory, 'evidence');
        const first = await collect(place, argv);
        expect([first.status, first.stdout]).toEqual([3, '']);
        expect(first.stderr).toContain('credentials');
        endpoint.set({});
        const copy = (await filesOf(place)).find((file) => file.endsWith('.gz')) ?? '';
        await writeFile(copy, 'damaged');
        const second = await collect(place, argv);
        expect([second.status, second.stderr]).toEqual([0, '']);
        const offline = await judged(place, pinIn(second.stdout));
        expect([offline.status, offline.report.findings]).toEqual([0, []]);
        // What was damaged doesn't lie beside what took its place.
        const objects = Number(/Collected +(\d+) objects/.exec(second.stdout)?.[1]);
        expect((await filesOf(place)).length).toBe(objects + 2);
      });
    }));

  it('counts an object once that was lost and fetched again', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, {}, async (argv) => {
        const place = join(directory, 'evidence');
        const counted = /Collected +(\d+) objects/;
        const first = await collect(place, argv);
        const { bucket, key } = made.log(3);
        for (let turn = 0; turn < 2; turn++) {
          await reopened(place);
          await rm(join(place, bucket, key));
          const again = await collect(place, argv);
          expect(counted.exec(again.stdout)?.[1]).toBe(counted.exec(first.stdout)?.[1]);
        }
      });
    }));

  it('is refused while another collects there', () =>
    inTemp((directory) => {
      const made = base();
      return serving(made.builder, made, { latencyMs: 150 }, async (argv) => {
        const place = join(directory, 'evidence');
        const first = start(['collect', '--evidence', place, ...argv]);
        while (!existsSync(join(place, '+lock'))) await setTimeout(20);
        const second = await collect(place, argv);
        expect([second.status, second.stderr]).toEqual([
          2,
          expect.stringContaining('another validate-trail collects into'),
        ]);
        expect((await first.ended).status).toBe(0);
        expect(existsSync(join(place, '+lock'))).toBe(false);
      });
    }));
});

describe('the bucket’s writer', () => {
  it('closes no evidence that can’t be opened', { timeout: 120_000 }, async () => {
    const made = base({ versioning: 'Enabled' });
    const { bucket, key } = made.log(3);
    made.builder.put(bucket, key, { body: Buffer.from('altered') });
    const filler = '\u0001'.repeat(800 - key.length);
    for (let at = 0; at < 3000; at++) {
      made.builder.put(bucket, `AWSLogs/${filler}${at}/x`, { body: Buffer.from('x') });
      made.builder.put(bucket, `${key}${filler}${at}`, { body: Buffer.from('x') });
    }
    await collected(...both(made), async (place, pin, argv) => {
      const online = await runJson(argv);
      const offline = await judged(place, pin);
      expect([offline.status, online.status]).toEqual([1, 1]);
      expect(alike(offline.report)).toEqual(alike(online.report));
      for (const line of (await readFile(join(place, 'manifest.jsonl'), 'utf8')).split('\n')) {
        expect(line.length).toBeLessThan(16 * 1024 * 1024);
      }
    });
  });

  it('and keys that CloudTrail labels oddly leave it provable', async () => {
    const made = base();
    const keys = made.builder.world.keys.get('us-east-1') ?? [];
    const [first] = keys;
    if (!first) throw new Error('no key');
    keys.push(
      { ...first, Fingerprint: '0'.repeat(32) },
      { ...first, Value: 'AAAA', Fingerprint: '1'.repeat(32) },
    );
    await collected(...both(made), async (place, pin, argv) => {
      const online = await runJson(argv);
      const offline = await judged(place, pin);
      expect(offline.status).toBe(online.status);
      expect(alike(offline.report)).toEqual(alike(online.report));
    });
  });
});
