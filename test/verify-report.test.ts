/** `verify-report`: what passes, and that nothing else does. */
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSignedBy, parseEnvelope } from '../src/core/dsse.js';
import { parseCheckKey, type CheckKey } from '../src/core/signing-key.js';
import {
  envelopeOf,
  KINDS,
  paeOf,
  readEnvelope,
  signed,
  spki,
  statementOf,
  type EnvelopeJson,
  type KeyPair,
  type Kind,
  type Signed,
} from './support/attested.js';
import { runCommand, type Ran } from './support/run-command.js';
import { inTemp } from './support/shards.js';
import { start } from './support/spawned.js';

const ours = KINDS.Ed25519();
const theirs = KINDS.Ed25519();

/** Whether an attestation's bytes are signed by the key, for each of them a thousand times in a row. */
function passes(bytes: Buffer, key: CheckKey): boolean {
  const parsed = parseEnvelope(bytes);
  return parsed.ok && isSignedBy(parsed.envelope, key);
}

function checkKeyOf(pair: KeyPair): CheckKey {
  const parsed = parseCheckKey(spki(pair));
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.key;
}

/** A copy in which one bit of one byte is another. */
function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
  return copy;
}

const write = (path: string, envelope: unknown): Promise<void> =>
  writeFile(path, JSON.stringify(envelope));

/** Checks an attestation that somebody else made. */
async function given(envelope: unknown, key = spki(ours)): Promise<Ran> {
  return inTemp(async (directory) => {
    const at = (name: string): string => join(directory, name);
    await mkdir(at('in'));
    await writeFile(at('secret'), 'secret');
    const text = typeof envelope === 'string' || Buffer.isBuffer(envelope);
    await writeFile(at('in/a.json'), text ? envelope : JSON.stringify(envelope));
    await writeFile(at('key.pem'), key);
    await writeFile(at('in/r'), '');
    return runCommand(['verify-report', at('in/a.json'), '--key', at('key.pem')]);
  });
}

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** A statement that verifies: of one empty report. */
const statement = () => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'r', digest: { sha256: EMPTY } }],
  predicateType: 'https://github.com/validate-trail/validate-trail/report/v1',
  predicate: {
    tool: { name: 'validate-trail', version: '1.0.0' },
    ...{ verdict: 'valid', exitStatus: 0 },
    trail: { arn: 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main', bucket: 'logs' },
    timeRange: { start: '2026-03-10T09:00:00Z', end: '2026-03-10T20:00:00Z' },
    ...{ narrowed: [] as string[], newestDigests: 0 },
    ...{ startedAt: '2026-03-11T09:00:00Z', finishedAt: '2026-03-11T09:00:01Z' },
  },
});

describe('one byte', () => {
  it.each(Object.keys(KINDS) as Kind[])(
    'of the attestation that is another is noticed, whichever it is (%s)',
    (kind) => {
      const pair = KINDS[kind]();
      return signed(pair, async ({ attestation, verify }) => {
        const whole = await readFile(attestation);
        const key = checkKeyOf(pair);
        expect([passes(whole, key), (await verify()).status]).toEqual([true, 0]);
        const wrong = [...whole.keys()].filter((at) => passes(flipped(whole, at), key));
        expect(wrong).toEqual([]);
        // Any other byte, and through the command.
        const byte = fc.integer({ min: 0, max: 255 });
        await fc.assert(
          fc.asyncProperty(fc.nat(whole.length - 1), byte, async (at, value) => {
            fc.pre(value !== whole[at]);
            const copy = Buffer.from(whole);
            copy[at] = value;
            await writeFile(attestation, copy);
            expect([1, 2]).toContain((await verify()).status);
          }),
          { numRuns: 40 },
        );
        for (const cut of [whole.subarray(1), whole.subarray(0, -1), Buffer.alloc(0)]) {
          await writeFile(attestation, cut);
          expect(await verify()).toMatchObject({ status: 2 });
        }
      });
    },
  );

  it('of the statement or the signature is noticed, in base64 that is whole', () =>
    signed(ours, async ({ attestation, verify }) => {
      const whole = await readEnvelope(attestation);
      const key = checkKeyOf(ours);
      const [one] = whole.signatures;
      for (const part of ['payload', 'sig'] as const) {
        const bytes = Buffer.from(part === 'sig' ? (one?.sig ?? '') : whole.payload, 'base64');
        const changed = (at: number): string => {
          const text = flipped(bytes, at).toString('base64');
          const own = part === 'sig' ? { signatures: [{ ...one, sig: text }] } : { payload: text };
          return JSON.stringify({ ...whole, ...own });
        };
        const wrong = [...bytes.keys()].filter((at) => passes(Buffer.from(changed(at)), key));
        expect(wrong).toEqual([]);
        await writeFile(attestation, changed(bytes.length >> 1));
        const { status, stdout } = await verify();
        expect(status).toBe(1);
        // Nothing of what is not signed is told.
        expect(stdout).not.toMatch(/Verdict|Trail/);
        expect(stdout).toContain('NOT VERIFIED');
      }
    }));

  it('of a report is noticed', () =>
    signed(ours, async ({ report, verify }) => {
      const whole = await readFile(report);
      for (let at = 0; at < whole.length; at += 29) {
        await writeFile(report, flipped(whole, at));
        expect([at, (await verify()).status]).toEqual([at, 1]);
      }
      await writeFile(report, Buffer.concat([whole, Buffer.from('\n')]));
      expect(await verify()).toMatchObject({ status: 1 });
      const { stdout } = await verify('--report', report);
      expect(stdout).toMatch(/ALTERED .*\n {4}signed .*\n {4}is /);
    }));
});

describe('a signature', () => {
  it('by another key, of any kind, is none', () =>
    signed(ours, async ({ directory, attestation }) => {
      for (const make of Object.values(KINDS)) {
        const other = join(directory, 'other.pem');
        await writeFile(other, spki(make()));
        const { status, stdout } = await runCommand(['verify-report', attestation, '--key', other]);
        expect(status).toBe(1);
        expect(stdout).toContain('NOT VERIFIED: it has no signature by this key\n');
        expect(stdout).not.toMatch(/Verdict|Trail/);
      }
    }));

  it('beside others is found, wherever it stands and however the JSON is laid out', () =>
    signed(ours, async ({ directory, attestation, verify }) => {
      const whole = await readEnvelope(attestation);
      const { payload, payloadType } = whole;
      const [second] = envelopeOf(theirs, Buffer.from(payload, 'base64'), payloadType).signatures;
      const other = join(directory, 'other.pem');
      await writeFile(other, spki(theirs));
      const both = [...whole.signatures, { keyid: '', sig: second?.sig }];
      for (const signatures of [both, both.toReversed()]) {
        await writeFile(
          attestation,
          `${JSON.stringify({ signatures, payloadType, payload }, null, 2)}\n`,
        );
        expect(await verify()).toMatchObject({ status: 0 });
        const again = await runCommand(['verify-report', attestation, '--key', other]);
        expect(again).toMatchObject({ status: 0 });
      }
      await writeFile(other, spki(KINDS.Ed25519()));
      const third = await runCommand(['verify-report', attestation, '--key', other]);
      expect(third).toMatchObject({ status: 1 });
    }));

  it('without a label is tried, and one with another key’s label is passed over', () =>
    signed(ours, async ({ attestation, verify }) => {
      const whole = await readEnvelope(attestation);
      const sig = whole.signatures[0]?.sig;
      const of = async (...signatures: object[]) => {
        await write(attestation, { ...whole, signatures });
        return (await verify()).status;
      };
      expect(await of({ sig })).toBe(0);
      expect(await of({ keyid: '', sig })).toBe(0);
      expect(await of({ keyid: 'f'.repeat(64), sig })).toBe(1);
      expect(await of()).toBe(1);
    }));

  it('of the payload alone, or as of another type, is none', async () => {
    const body = Buffer.from(JSON.stringify(statement()));
    expect(await given(envelopeOf(ours, body))).toMatchObject({ status: 0 });
    const passedOff = envelopeOf(ours, body, 'application/vnd.in-toto.other+json');
    expect(await given(passedOff)).toMatchObject({ status: 2 });
    const renamed = { ...passedOff, payloadType: 'application/vnd.in-toto+json' };
    expect(await given(renamed)).toMatchObject({ status: 1 });
    const shifted = {
      ...envelopeOf(ours, Buffer.concat([Buffer.from('x'), body])),
      payload: body.toString('base64'),
    };
    expect(await given(shifted)).toMatchObject({ status: 1 });
  });

  it('is of what DSSE’s specification has as its example', () => {
    const pae = paeOf('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(pae.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });
});

describe('an attestation', () => {
  const whole = (): EnvelopeJson => envelopeOf(ours, statement());
  const sig = (text: string): object => ({ ...whole(), signatures: [{ sig: text }] });
  const tight = JSON.stringify(whole());

  it.each<[string, unknown, string]>([
    ['that is empty', '', 'is not JSON'],
    ['with a byte order mark', `\ufeff${tight}`, 'is not JSON'],
    ['that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'is not JSON'],
    ['that is a list', [], 'is not a DSSE envelope'],
    ['with a field more', { ...whole(), more: 1 }, 'is not a DSSE envelope'],
    ['without type', { ...whole(), payloadType: undefined }, 'is not a DSSE envelope'],
    ['with one signature that is no list', { ...whole(), signatures: {} }, 'not a DSSE envelope'],
    [
      'with a signature’s field more',
      { ...whole(), signatures: [{ ...whole().signatures[0], cert: '' }] },
      'has a signature that',
    ],
    [
      'with a label that is no text',
      { ...whole(), signatures: [{ ...whole().signatures[0], keyid: 1 }] },
      'has a signature that',
    ],
    [
      'with more signatures than anyone makes',
      { ...whole(), signatures: Array(101).fill(whole().signatures[0]) },
      'more than 100',
    ],
    [
      'with blanks in base64',
      { ...whole(), payload: ` ${whole().payload}` },
      'payload that is not standard base64',
    ],
    ['without payload', { ...whole(), payload: '' }, 'payload that is not standard base64'],
    [
      'in URL-safe base64',
      sig(Buffer.alloc(64, 0xfb).toString('base64url')),
      'has a signature that',
    ],
    [
      'without padding',
      sig(whole().signatures[0]?.sig.replaceAll('=', '') ?? ''),
      'has a signature',
    ],
    ['with bits behind the last byte', sig('AB=='), 'has a signature that'],
    ['with a field twice', tight.replace('{', '{"payload":"AAAA",'), 'has a field twice'],
    [
      'with an escape',
      tight.replace('"payload"', '"p\\u0061yload"'),
      'has a field twice, or escapes',
    ],
    ['as deep as a stack', '['.repeat(200_000), 'is not JSON'],
  ])('%s is none', async (_, envelope, words) => {
    const { status, stdout, stderr } = await given(envelope);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });

  it('that is larger than any is not read to its end', async () => {
    const { status, stderr } = await given(`${tight}${' '.repeat(33 * 1024 * 1024)}`);
    expect(status).toBe(2);
    expect(stderr).toContain('more than 33,554,432 bytes');
  });

  const made = statement();
  const { predicate } = made;
  it.each<[string, unknown, string]>([
    ['that is no statement', 'text', 'it is not an object'],
    [
      'of another version',
      { ...made, _type: 'https://in-toto.io/Statement/v0.1' },
      'statement, v1',
    ],
    [
      'of something else',
      { ...made, predicateType: 'https://slsa.dev/provenance/v1' },
      'another type',
    ],
    ['of nothing', { ...made, subject: [] }, 'no subjects'],
    [
      'of no report',
      { ...made, subject: [{ name: 's3://b/k', digest: { sha256: EMPTY } }] },
      'names no report',
    ],
    [
      'with a hash in capitals',
      { ...made, subject: [{ name: 'r', digest: { sha256: EMPTY.toUpperCase() } }] },
      'no SHA-256',
    ],
    [
      'with another hash alone',
      { ...made, subject: [{ name: 'r', digest: { sha512: EMPTY } }] },
      'no SHA-256',
    ],
    ['with a name twice', { ...made, subject: [...made.subject, ...made.subject] }, 'one name'],
    [
      'with a name without end',
      { ...made, subject: [{ name: 'r'.repeat(5000), digest: { sha256: EMPTY } }] },
      'name is longer',
    ],
    ['without verdict', { ...made, predicate: { ...predicate, verdict: 'fine' } }, 'no verdict'],
    [
      'without exit status',
      { ...made, predicate: { ...predicate, exitStatus: -1 } },
      'no exitStatus',
    ],
    [
      'without trail',
      { ...made, predicate: { ...predicate, trail: null } },
      'trail is not an object',
    ],
    [
      'with scope that is no text',
      { ...made, predicate: { ...predicate, narrowed: [{}] } },
      'no narrowed',
    ],
  ])('%s says nothing, whoever signed it', async (_, payload, words) => {
    const { status, stdout, stderr } = await given(envelopeOf(ours, payload));
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });

  it('may have fields that are not known yet in its statement', async () => {
    const more = { ...made, more: 1, predicate: { ...predicate, more: 1 } };
    expect(await given(envelopeOf(ours, more))).toMatchObject({ status: 0 });
  });

  it('drives no terminal, and leads to no other folder', async () => {
    const evil = '\u001b[2K\rVERIFIED\n\u202eforged\u2028';
    const names = ['../secret', '..', '.', '/etc/hostname', 'a/b', 'a\0b', `x${evil}`];
    for (const name of names) {
      const hostile = {
        ...made,
        subject: [{ name, digest: { sha256: EMPTY } }],
        predicate: {
          ...predicate,
          tool: { name: evil, version: evil },
          trail: { arn: evil, bucket: evil },
          timeRange: { start: evil, end: evil },
          ...{ narrowed: [evil], startedAt: evil, finishedAt: evil },
        },
      };
      const { status, stdout, stderr } = await given(envelopeOf(ours, hostile));
      expect([name, status]).toEqual([name, 1]);
      expect(`${stdout}${stderr}`.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
      expect(stdout).not.toMatch(/^VERIFIED/m);
      expect(stdout).toContain(name.startsWith('x') ? 'MISSING' : 'no file has such a name');
    }
    const labelled = { ...envelopeOf(ours, made), signatures: [{ keyid: evil, sig: 'AAAA' }] };
    const { status, stdout } = await given(labelled);
    expect(status).toBe(1);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
  });
});

describe('reports', () => {
  const two = (directory: string): string[] => [
    '--report',
    `json=${join(directory, 'trail.json')}`,
  ];

  it('are all looked for beside the attestation, and must be there', () =>
    signed(
      ours,
      async ({ directory, verify }) => {
        expect((await verify()).stdout).toContain('VERIFIED: the signature and 2 files\n');
        await rename(join(directory, 'trail.json'), join(directory, 'moved.json'));
        const missing = await verify();
        expect(missing.status).toBe(1);
        expect(missing.stdout).toMatch(/MISSING .*trail\.json\n[^]*NOT VERIFIED: 1 of 2 files\n/);
        await symlink('moved.json', join(directory, 'trail.json'));
        expect(await verify()).toMatchObject({ status: 0 });
        await rm(join(directory, 'trail.json'));
        await mkdir(join(directory, 'trail.json'));
        expect(await verify()).toMatchObject({ status: 2, stdout: '' });
      },
      two,
    ));

  it('that are named are checked alone, under any name, by what they hold', () =>
    signed(
      ours,
      async ({ directory, report, key, verify }) => {
        const at = (name: string): string => join(directory, name);
        await rename(at('trail.json'), at('moved.json'));
        const moved = await verify('--report', at('moved.json'));
        expect(moved.status).toBe(0);
        expect(moved.stdout).toMatch(/matches .*moved\.json\n {4}named {4}trail\.json\n/);
        expect(moved.stdout).toMatch(/not read here\n {2}trail\.txt\n/);
        const one = await verify('--report', report);
        expect([one.status, one.stdout.includes('named')]).toEqual([0, false]);
        const stranger = await verify('--report', report, '--report', key);
        expect(stranger.status).toBe(1);
        expect(stranger.stdout).toMatch(/UNKNOWN .*public\.pem\n/);
        expect(await verify('--report', at('nowhere'))).toMatchObject({ status: 2, stdout: '' });
      },
      two,
    ));

  it('that say INVALID verify as well, with their scope beside the verdict, at 80 columns', async () => {
    const narrowed = ['only digest files: no log file was read'];
    const predicate = { ...statement().predicate, verdict: 'invalid', exitStatus: 1, narrowed };
    const { status, stdout } = await given(envelopeOf(ours, { ...statement(), predicate }));
    expect(status).toBe(0);
    expect(stdout).toContain('Verdict      INVALID (exit status 1), validate-trail 1.0.0\n');
    expect(stdout).toContain('Scope        only digest files: no log file was read\n');
    for (const line of stdout.split('\n')) {
      if (!line.includes('/in/')) expect(line.length).toBeLessThanOrEqual(80);
    }
  });

  it('of a run that was cut short say so', async () => {
    const cut = { interrupted: true, verdict: 'incomplete', exitStatus: 130, newestDigests: 3 };
    const predicate = { ...statement().predicate, ...cut };
    const { stdout } = await given(envelopeOf(ours, { ...statement(), predicate }));
    expect(stdout).toContain('INCOMPLETE (interrupted, exit status 130)');
    expect(stdout).toContain('the newest digest files of 3 chains, 0 of them named\n');
  });
});

describe('verify-report', () => {
  const of = (...argv: string[]) => runCommand(['verify-report', ...argv]);

  it.each([
    [[], 'verify-report needs the attestation'],
    [['a'], '--key is missing: a signature proves nothing without a key that you trust'],
    [['a', 'b', '--key', 'k'], 'takes one attestation; reports go with --report'],
    [['a', '--key', 'k', '--key', 'l'], '--key was given more than once'],
    [['a', '--kye', 'k'], '--kye is not an option: did you mean --key?'],
    [['a', '--key', 'k', '--reprot', 'x'], 'did you mean --report?'],
    [['a', '--key'], '--key needs a value'],
    [['a', '--key', '/nowhere'], '--key /nowhere can’t be read: ENOENT'],
    [['a', '--key', 'k', '--evidence', 'x', '--evidence', 'y'], 'given more than once'],
  ])('%j is refused', async (argv, words) => {
    const { status, stdout, stderr } = await of(...argv);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });

  it('is found by who mistypes it, and in the help', async () => {
    const { stderr } = await runCommand(['verify-reprot', 'x']);
    expect(stderr).toContain('did you mean validate-trail verify-report?');
    expect((await runCommand(['--help'])).stdout).toMatch(/^ {2}verify-report +check that /m);
    const help = await of('--help');
    expect(help).toEqual(await runCommand(['help', 'verify-report']));
    expect(help.stdout).toContain('Exit status:\n  0  verified');
    for (const line of help.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each([
    [
      'that is private',
      ours.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      'holds a private key',
    ],
    ['that is damaged', spki(ours).replace(/\n[^-]{8}/, '\n'), 'is damaged'],
    ['twice', `${spki(ours)}${spki(theirs)}`, 'more than one key'],
    ['none', 'x', 'holds no public key in PEM'],
  ])('takes no key %s', async (_, pem, words) => {
    const { status, stderr } = await given(envelopeOf(ours, statement()), pem);
    expect(status).toBe(2);
    expect(stderr).toContain(words);
  });

  it('takes RSA keys as PKCS #1, too', () => {
    const rsa = KINDS.RSA();
    return signed(rsa, async ({ key, verify }: Signed) => {
      await writeFile(key, rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }));
      expect(await verify()).toMatchObject({ status: 0 });
    });
  });

  it('runs as a process, without AWS’s client, credentials or network', () =>
    signed(ours, async ({ directory, attestation, key }) => {
      const loader = join(directory, 'refuse.cjs');
      await writeFile(
        loader,
        `const { Module } = require('node:module'); const load = Module._load;
         Module._load = (name, ...more) => { if (/smithy|aws-sdk/.test(name)) throw new Error(name); return load(name, ...more); };`,
      );
      const env = { NODE_OPTIONS: `--require=${loader}`, AWS_ACCESS_KEY_ID: '' };
      const argv = ['verify-report', attestation, '--key', key];
      const { status, stdout, stderr } = await start(argv, env).ended;
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain('VERIFIED: the signature and 1 file\n');
      await cp(attestation, join(directory, 'alone.json'));
      expect(statementOf(await readEnvelope(join(directory, 'alone.json'))).subject).toHaveLength(
        2,
      );
    }));
});
