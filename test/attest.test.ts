/** `--attest`: what is signed, with which keys, and when nothing is. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Report } from '../src/core/report.js';
import { parseStatement, writeStatement } from '../src/core/statement.js';
import {
  IN_PYTHON,
  KINDS,
  pkcs8,
  readEnvelope,
  signed,
  spki,
  statementOf,
  verifyWithOpenssl,
  type Kind,
} from './support/attested.js';
import { base, FROM } from './support/lies.js';
import { runCommand } from './support/run-command.js';
import { inTemp, partials, runShards, serving } from './support/shards.js';
import { HOUR, iso, TrailBuilder } from './support/trail-builder.js';
import { writeEvidence } from './support/write-evidence.js';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const hasPython = spawnSync('python3', ['-c', 'import cryptography']).status === 0;
const ed25519 = KINDS.Ed25519();

describe.each(Object.keys(KINDS) as Kind[])('--attest with %s', (kind) => {
  it('signs what verify-report, openssl and another implementation verify', () =>
    signed(
      KINDS[kind](),
      async (made) => {
        expect(made.ran).toEqual({ status: 0, stdout: '', stderr: '' });
        const told = await made.verify();
        expect(told).toMatchObject({ status: 0, stderr: '' });
        expect(told.stdout).toContain(`${kind}; the signature is this key’s\n`);
        expect(told.stdout).toContain('VERIFIED: the signature and 2 files\n');
        await verifyWithOpenssl(kind, made);
        if (!hasPython) return;
        const printed = execFileSync('python3', ['-c', IN_PYTHON, made.attestation, made.key]);
        expect(printed.toString()).toBe('verified\n');
      },
      (directory) => ['--report', `markdown=${join(directory, 'trail.md')}`, '--quiet'],
    ));
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) console.warn('docs/custody.md by hand skipped: openssl is not installed');

describe.skipIf(!hasOpenssl)('docs/custody.md, by hand', () => {
  it.each(Object.keys(KINDS) as Kind[])('verifies what %s signed, and no other', async (kind) => {
    const page = await readFile(new URL('../docs/custody.md', import.meta.url), 'utf8');
    const [, pasted = ''] = /^```sh\n(.*?)^```$/ms.exec(page) ?? [];
    // As the page says below.
    const more = kind === 'ECDSA P-384' ? ' -digest sha384' : '';
    expect(page).toContain('For a P-384 key, `-digest sha384` besides');
    await signed(KINDS[kind](), async ({ attestation, directory }) => {
      const envelope = await readEnvelope(attestation);
      const verify = async (payload: string) => {
        const changed = JSON.stringify({ ...envelope, payload });
        await writeFile(join(directory, 'trail.json.intoto.json'), changed);
        const script = `${pasted.trimEnd()}${more}`;
        return spawnSync('bash', ['-ec', script], { cwd: directory, encoding: 'utf8' });
      };
      expect(await verify(envelope.payload)).toMatchObject({ status: 0, stderr: '' });
      const other = Buffer.from(envelope.payload, 'base64').toString().replace('valid', 'other');
      expect((await verify(Buffer.from(other).toString('base64'))).status).not.toBe(0);
    });
  });
});

describe('what is signed', () => {
  it('is the report’s files, the newest digest file of each chain, and what the report says', async () => {
    const made = base();
    await signed(
      ed25519,
      async ({ attestation, directory }) => {
        const envelope = await readEnvelope(attestation);
        expect(envelope.payloadType).toBe('application/vnd.in-toto+json');
        const { _type, subject, predicateType, predicate } = statementOf(envelope);
        expect(_type).toBe('https://in-toto.io/Statement/v1');
        expect(predicateType).toMatch(/^https:\/\/.*\/report\/v1$/);
        const read = (name: string): Promise<Buffer> => readFile(join(directory, name));
        const report = JSON.parse((await read('trail.json')).toString()) as Report;
        const newest = report.chains[0]?.newestDigest;
        expect(subject).toEqual([
          { name: 'trail.json', digest: { sha256: sha256(await read('trail.json')) } },
          { name: 'trail.txt', digest: { sha256: sha256(await read('trail.txt')) } },
          {
            name: `s3://${newest?.bucket ?? ''}/${newest?.key ?? ''}`,
            // Of the bytes that are compressed in the bucket.
            digest: { sha256: sha256(gunzipSync(made.builder.get(made.digest(7)).body)) },
          },
        ]);
        const { tool, verdict, trail, timeRange, scope, counts, startedAt, finishedAt } = report;
        expect(predicate).toEqual({
          ...{ tool, verdict, trail, timeRange, scope, counts, startedAt, finishedAt },
          exitStatus: 0,
          narrowed: ['only Regions us-east-1'],
          newestDigests: 1,
        });
      },
      (directory) => ['--report', `json=${join(directory, 'trail.json')}`, '--region', 'us-east-1'],
      made,
    );
  });

  it('is a merged report, too', async () => {
    const { builder, start, end } = base({}, 60);
    await serving(builder, { start, end }, {}, (argv) =>
      inTemp(async (directory) => {
        const at = (name: string): string => join(directory, name);
        await writeFile(at('key.pem'), pkcs8(ed25519));
        await writeFile(at('public.pem'), spki(ed25519));
        const files = partials(directory, 2);
        await runShards(argv, files);
        const own = ['--output', at('whole.txt'), '--attest', at('key.pem')];
        expect(await runCommand(['merge', ...files, ...own])).toMatchObject({ status: 0 });
        const attestation = at('whole.txt.intoto.json');
        const ran = await runCommand(['verify-report', attestation, '--key', at('public.pem')]);
        expect(ran).toMatchObject({ status: 0 });
        expect(ran.stdout).toContain('VALID (exit status 0)');
      }),
    );
  });

  it('has the exit status of the process, also where a journal leaves the newest to another run', async () => {
    const builder = new TrailBuilder();
    const { digests } = builder.chain({ from: FROM, hours: 100 });
    const at = (hours: number) => ({ now: new Date((FROM + hours * HOUR) * 1000) });
    const [sick] = digests[50]?.logs ?? [];
    if (!sick) throw new Error('no log file');
    const whole = builder.get(sick);
    builder.put(sick.bucket, sick.key, {
      ...whole,
      refuse: { status: 500, code: 'InternalError' },
    });
    const range = { start: FROM + HOUR, end: FROM + 60 * HOUR };
    await serving(builder, range, at(60), (argv, endpoint) =>
      inTemp(async (directory) => {
        const own = [...argv.slice(0, 4), '--start-time', '1d'];
        const journal = ['--resume', join(directory, 'journal')];
        expect((await runCommand([...own, ...journal])).status).toBe(3);
        builder.put(sick.bucket, sick.key, whole);
        endpoint.set(at(84));
        const key = join(directory, 'key.pem');
        await writeFile(key, pkcs8(ed25519));
        const output = join(directory, 'trail.txt');
        const signing = ['--output', output, '--attest', key];
        expect((await runCommand([...own, ...journal, ...signing])).status).toBe(3);
        const { predicate } = statementOf(await readEnvelope(`${output}.intoto.json`));
        expect(predicate).toMatchObject({ verdict: 'valid', exitStatus: 3 });
      }),
    );
  });

  it('names as many digest files as anyone reads, and counts all', () => {
    const counts = { valid: 0, invalid: 0, missing: 0, unreadable: 0 };
    const logFiles = { ...counts, unlisted: 0, unvalidated: 0 };
    const newest = { bucket: 'b', hash: '0'.repeat(64), signature: '', endTime: '' };
    const report: Report = {
      schemaVersion: 1,
      tool: { name: 't', version: '1' },
      verdict: 'incomplete',
      interrupted: true,
      trail: { arn: 'arn', name: 'n', homeRegion: 'r', accountId: 'a', bucket: 'b' },
      timeRange: { start: 's', end: 'e' },
      ...{ scope: {}, startedAt: 's', finishedAt: 'f', settings: [], findings: [] },
      counts: { digestFiles: counts, logFiles, bytesRead: 0 },
      chains: Array.from({ length: 10_001 }, (_, at) => ({
        ...{
          accountId: 'a',
          region: 'r',
          kind: 'standard',
          intervals: [],
          digestFiles: counts,
          logFiles,
        },
        newestDigest: { ...newest, key: `k${at}` },
      })),
    };
    const files = [{ name: 'r', sha256: '0'.repeat(64) }];
    const written = writeStatement(report, { files, exitStatus: 130, narrowed: [] });
    const parsed = parseStatement(written);
    if (!parsed.ok) throw new Error(parsed.why);
    expect(parsed.statement.digests).toHaveLength(10_000);
    expect(parsed.statement.claim).toMatchObject({ newestDigests: 10_001, exitStatus: 130 });
  });
});

describe('an evidence directory’s manifest', () => {
  const ARN = new TrailBuilder().trail.TrailARN;

  /** Lays out evidence, as it is collected or as a plain copy, and signs a report of it. */
  async function withEvidence(
    isCollected: boolean,
    prepare: (evidence: string) => Promise<void>,
    task: (
      evidence: string,
      verify: (...own: string[]) => ReturnType<typeof runCommand>,
      ran: Awaited<ReturnType<typeof runCommand>>,
    ) => Promise<void>,
  ): Promise<void> {
    const { builder, start, end } = base();
    await inTemp(async (directory) => {
      const at = (name: string): string => join(directory, name);
      const evidence = at('evidence');
      if (!isCollected) await writeEvidence(builder.world, evidence, 'us-east-1');
      else {
        await serving(builder, { start, end }, {}, async (argv) => {
          const ran = await runCommand(['collect', '--evidence', evidence, ...argv]);
          expect([ran.status, ran.stderr]).toEqual([0, '']);
        });
      }
      await prepare(evidence);
      await writeFile(at('key.pem'), pkcs8(ed25519));
      await writeFile(at('public.pem'), spki(ed25519));
      const range = ['--start-time', iso(start), '--end-time', iso(end)];
      const own = ['--output', at('trail.txt'), '--attest', at('key.pem')];
      const sig = ['--attestation', at('sig')];
      const ran = await runCommand(
        ['--trail-arn', ARN, ...range, '--evidence', evidence].concat(own, sig),
      );
      const verify = (...more: string[]) =>
        runCommand(['verify-report', at('sig'), '--key', at('public.pem'), ...more]);
      await task(evidence, verify, ran);
    });
  }
  const asItIs = (): Promise<void> => Promise.resolve();

  it('is signed, and checked with every file where the evidence is given', () =>
    withEvidence(true, asItIs, async (evidence, verify) => {
      const alone = await verify();
      expect([alone.status, alone.stdout]).toEqual([
        0,
        expect.stringContaining('  manifest.jsonl of the evidence (--evidence DIR)\n'),
      ]);
      const both = await verify('--evidence', evidence);
      expect([both.status, both.stdout]).toEqual([
        0,
        expect.stringMatching(/matches {4}\S*evidence\/manifest\.jsonl\n.*evidence \(25 files\)\n/),
      ]);
      const logs = await readdir(evidence, { recursive: true, withFileTypes: true });
      const log = logs.find((one) => one.isFile() && one.name.includes('_CloudTrail_'));
      const path = join(log?.parentPath ?? '', log?.name ?? '');
      const bytes = await readFile(path);
      await writeFile(path, Buffer.concat([bytes, Buffer.from([0])]));
      const longer = await verify('--evidence', evidence);
      expect([longer.status, longer.stdout]).toEqual([1, expect.stringContaining('  ALTERED ')]);
      await rm(path);
      const less = await verify('--evidence', evidence);
      expect([less.status, less.stdout]).toEqual([1, expect.stringContaining('  MISSING ')]);
      await writeFile(path, bytes);
      await writeFile(join(evidence, 'planted'), '');
      const more = await verify('--evidence', evidence);
      expect([more.status, more.stdout]).toEqual([
        1,
        expect.stringContaining('it was not collected'),
      ]);
      await rm(join(evidence, 'planted'));
      expect((await verify('--evidence', evidence)).status).toBe(0);
      await writeFile(join(evidence, 'manifest.jsonl'), '{"whole":true}');
      const altered = await verify('--evidence', evidence);
      expect([altered.status, altered.stdout]).toEqual([
        1,
        expect.stringMatching(/ALTERED {4}\S*manifest\.jsonl\n/),
      ]);
      expect(await verify('--evidence', join(evidence, 'nowhere'))).toMatchObject({ status: 2 });
      expect(await verify('--evidence', join(evidence, 'manifest.jsonl'))).toMatchObject({
        status: 2,
      });
      await mkdir(join(evidence, 'empty'));
      const empty = await verify('--evidence', join(evidence, 'empty'));
      expect([empty.status, empty.stdout]).toEqual([1, expect.stringContaining('  MISSING ')]);
    }));

  it('that was not there is not checked by accident', () =>
    withEvidence(false, asItIs, async (evidence, verify) => {
      expect(await verify()).toMatchObject({ status: 0 });
      await writeFile(join(evidence, 'manifest.jsonl'), 'planted');
      const { status, stdout } = await verify('--evidence', evidence);
      expect([status, stdout]).toEqual([1, expect.stringContaining('no manifest was signed')]);
    }));

  it('that is a link, or somebody else’s file, is refused', async () => {
    const link = (evidence: string) => symlink('/etc/hostname', join(evidence, 'manifest.jsonl'));
    await withEvidence(false, link, (_, __, ran) => {
      expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining('can’t be opened')]);
      return Promise.resolve();
    });
    const file = (evidence: string) => writeFile(join(evidence, 'manifest.jsonl'), '{"a":1}\n');
    await withEvidence(false, file, (_, __, ran) => {
      expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining('no collecting wrote')]);
      return Promise.resolve();
    });
  });
});

describe('a key that signs nothing', () => {
  const rsa = (modulusLength: number, publicExponent = 65_537): string =>
    pkcs8(generateKeyPairSync('rsa', { modulusLength, publicExponent }));
  const ec = (namedCurve: string): string => pkcs8(generateKeyPairSync('ec', { namedCurve }));
  const encrypted = ed25519.privateKey.export({
    ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' },
  }) as string;
  const whole = pkcs8(ed25519);

  it.each([
    ['RSA of 1024 bits', rsa(1024), 'RSA key of 1024 bits: at least 2048'],
    ['RSA with the exponent 3', rsa(2048, 3), 'exponent 3: an odd one from 65537'],
    ['of the curve P-521', ec('P-521'), 'curve secp521r1, not P-256 or P-384'],
    ['of Bitcoin’s curve', ec('secp256k1'), 'curve secp256k1, not P-256'],
    ['Ed448', pkcs8(generateKeyPairSync('ed448')), 'of the kind ed448, not Ed25519'],
    ['that is public', spki(ed25519), 'holds a public key: the private one signs'],
    ['encrypted', encrypted, 'is encrypted: set VALIDATE_TRAIL_KEY_PASSPHRASE'],
    ['twice', `${whole}${whole}`, 'holds more than one key'],
    ['cut off', whole.slice(0, 60), 'damaged'],
    ['none', 'precious', 'holds no private key in PEM'],
    ['empty', '', 'holds no private key in PEM'],
    ['too long', 'x'.repeat(70_000), 'has more than 65,536 bytes'],
  ])('%s', async (_, pem, words) => {
    const { builder, start, end } = base();
    await serving(builder, { start, end }, {}, (argv, endpoint) =>
      inTemp(async (directory) => {
        const at = (name: string): string => join(directory, name);
        await writeFile(at('key.pem'), pem);
        const own = ['--output', at('trail.txt'), '--attest', at('key.pem')];
        const { status, stdout, stderr } = await runCommand([...argv, ...own]);
        expect([status, stdout]).toEqual([2, '']);
        expect(stderr).toContain(words);
        // Told before anything is asked of AWS, and nothing is left behind.
        expect([endpoint.requests.size, await readdir(directory)]).toEqual([0, ['key.pem']]);
      }),
    );
  });

  it('an encrypted one is opened with its passphrase, and with no other', async () => {
    const { builder, start, end } = base();
    await serving(builder, { start, end }, {}, (argv) =>
      inTemp(async (directory) => {
        const at = (name: string): string => join(directory, name);
        await writeFile(at('key.pem'), encrypted);
        const run = (passphrase: string) =>
          runCommand([...argv, '--output', at('trail.txt'), '--attest', at('key.pem')], {
            VALIDATE_TRAIL_KEY_PASSPHRASE: passphrase,
          });
        const wrong = await run('secret-that-is-wrong');
        expect(wrong.status).toBe(2);
        expect(wrong.stderr).toContain('can’t be opened with VALIDATE_TRAIL_KEY_PASSPHRASE');
        expect(wrong.stderr).not.toContain('secret-that-is-wrong');
        expect(await run('right')).toMatchObject({ status: 0 });
      }),
    );
  });
});

describe('--attest', () => {
  it.each([
    [['--attest', 'k'], '--attest signs a report’s file: give --output FILE'],
    [['--attestation', 'a', '--output', 'o'], '--attestation goes with --attest KEY.pem'],
    [['--attest', 'k', '--report', 'json=a', '--report', 'csv=b'], 'needs --attestation FILE'],
    [['--attest', 'k', '--report', 'json=x/a', '--output', 'a'], 'two reports are named a'],
    [['--attest', 'k', '--output', 'x/manifest.jsonl'], 'is the name of the evidence’s'],
    [['--attest', 'k', '--estimate'], '--estimate makes none'],
    [['--attest', 'k', '--output', 'k'], '--output and --attest name the same file'],
    [['--attest', 'k', '--output', 'a', '--attestation', 'a'], 'name the same file'],
    [['--attest', 'k', '--output', 'a', '--attestation', 'k'], 'name the same file'],
    [['--attest', 'k', '--output', 'a', '--attestation', 'a.part'], 'name the same file'],
    [
      ['--attest', 'k', '--shard', '1/2', '--partial', 'p', '--end-time', '2026-01-02'],
      'a shard makes no report',
    ],
    [['--atest', 'k'], '--atest is not an option: did you mean --attest?'],
  ])('%j is refused', async (own, words) => {
    const arn = 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main';
    const argv = ['--trail-arn', arn, '--start-time', '2026-01-01', ...own];
    const { status, stderr } = await runCommand(argv);
    expect(status).toBe(2);
    expect(stderr).toContain(words);
  });

  it('signs no device, and writes no part of an attestation', async () => {
    const { builder, start, end } = base();
    await serving(builder, { start, end }, {}, (argv, endpoint) =>
      inTemp(async (directory) => {
        const at = (name: string): string => join(directory, name);
        await writeFile(at('key.pem'), pkcs8(ed25519));
        await writeFile(at('old'), 'old');
        const run = (...own: string[]) => runCommand([...argv, '--attest', at('key.pem'), ...own]);
        const device = await run('--output', '/dev/null', '--attestation', at('old'));
        expect(device.stderr).toContain('devices and pipes keep none');
        const nowhere = ['--attestation', join(directory, 'no', 'place')];
        const placeless = await run('--output', at('trail.txt'), ...nowhere);
        expect(placeless.stderr).toContain('--attestation');
        expect([device.status, placeless.status, endpoint.requests.size]).toEqual([2, 2, 0]);
        expect((await readdir(directory)).sort()).toEqual(['key.pem', 'old']);
        expect(await readFile(at('old'), 'utf8')).toBe('old');
        const both = ['--output', '/dev/null', '--report', `json=${at('trail.json')}`];
        expect(await run(...both, '--attestation', at('old'))).toMatchObject({ status: 0 });
        const names = statementOf(await readEnvelope(at('old'))).subject.map(({ name }) => name);
        expect(names.filter((name) => !name.startsWith('s3:'))).toEqual(['trail.json']);
      }),
    );
  });
});
