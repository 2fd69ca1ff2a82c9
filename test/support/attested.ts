/** Keys that sign reports, and reports that are signed. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { base } from './lies.js';
import { runCommand, type Ran } from './run-command.js';
import { inTemp, serving } from './shards.js';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A key of each kind that signs. */
export const KINDS = {
  Ed25519: (): KeyPair => generateKeyPairSync('ed25519'),
  'ECDSA P-256': (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ECDSA P-384': (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  RSA: (): KeyPair => generateKeyPairSync('rsa', { modulusLength: 2048 }),
} as const;

export type Kind = keyof typeof KINDS;

/** PEM of a private key, as `openssl genpkey` writes it. */
export const pkcs8 = ({ privateKey }: KeyPair): string =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

export const spki = ({ publicKey }: KeyPair): string =>
  publicKey.export({ type: 'spki', format: 'pem' }) as string;

export interface Signed {
  readonly directory: string;
  /** The attestation, beside the report that it is of. */
  readonly attestation: string;
  readonly report: string;
  readonly key: string;
  readonly ran: Ran;
  /** Runs `verify-report` with these arguments after the attestation and the key. */
  readonly verify: (...own: string[]) => Promise<Ran>;
}

/** Validates a small trail, signs its text report, and goes on with what lies in the directory then. */
export function signed(
  pair: KeyPair,
  task: (signed: Signed) => Promise<void>,
  own: (directory: string) => readonly string[] = () => [],
  { builder, start, end } = base(),
): Promise<void> {
  return serving(builder, { start, end }, {}, (argv) =>
    inTemp(async (directory) => {
      const at = (name: string): string => join(directory, name);
      await writeFile(at('key.pem'), pkcs8(pair));
      await writeFile(at('public.pem'), spki(pair));
      const report = at('trail.txt');
      const signing = ['--output', report, '--attest', at('key.pem')];
      const ran = await runCommand([...argv, ...signing, ...own(directory)]);
      const attestation = `${report}.intoto.json`;
      const key = at('public.pem');
      const verify = (...more: string[]): Promise<Ran> =>
        runCommand(['verify-report', attestation, '--key', key, ...more]);
      await task({ directory, attestation, report, key, ran, verify });
    }),
  );
}

export interface EnvelopeJson {
  payload: string;
  payloadType: string;
  signatures: { keyid?: string; sig: string }[];
}

export interface StatementJson {
  _type: string;
  subject: { name: string; digest: { sha256: string } }[];
  predicateType: string;
  predicate: Record<string, unknown>;
}

export const readEnvelope = async (path: string): Promise<EnvelopeJson> =>
  JSON.parse(await readFile(path, 'utf8')) as EnvelopeJson;

export const statementOf = ({ payload }: EnvelopeJson): StatementJson =>
  JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as StatementJson;

/** What DSSE signs, written down here once more. */
export const paeOf = (type: string, body: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `, 'utf8'),
    body,
  ]);

/** An envelope that an Ed25519 key of a careless or hostile owner signed. */
export function envelopeOf(
  { privateKey }: KeyPair,
  payload: unknown,
  payloadType = 'application/vnd.in-toto+json',
): EnvelopeJson {
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload));
  const sig = sign(null, paeOf(payloadType, body), privateKey).toString('base64');
  return { payload: body.toString('base64'), payloadType, signatures: [{ sig }] };
}

/** Has openssl check a signature over what DSSE signs; throws where it doesn't verify. */
export async function verifyWithOpenssl(
  kind: Kind,
  { attestation, key, directory }: Signed,
): Promise<void> {
  const { payload, payloadType, signatures } = await readEnvelope(attestation);
  const [pae, sig] = [join(directory, 'pae'), join(directory, 'sig')];
  await writeFile(pae, paeOf(payloadType, Buffer.from(payload, 'base64')));
  await writeFile(sig, Buffer.from(signatures[0]?.sig ?? '', 'base64'));
  const argv =
    kind === 'Ed25519'
      ? ['pkeyutl', '-verify', '-pubin', '-inkey', key, '-rawin', '-in', pae, '-sigfile', sig]
      : [
          'dgst',
          kind === 'ECDSA P-384' ? '-sha384' : '-sha256',
          '-verify',
          key,
          '-signature',
          sig,
          pae,
        ];
  execFileSync('openssl', argv, { stdio: 'pipe' });
}

/** Another implementation of checking, from the specification alone. */
export const IN_PYTHON = `
import base64, hashlib, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
envelope = json.load(open(sys.argv[1]))
public = serialization.load_pem_public_key(open(sys.argv[2], 'rb').read())
body, kind = base64.b64decode(envelope['payload'], validate=True), envelope['payloadType'].encode()
pae = b'DSSEv1 %d %b %d %b' % (len(kind), kind, len(body), body)
one = envelope['signatures'][0]
sig = base64.b64decode(one['sig'], validate=True)
der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
assert one['keyid'] == hashlib.sha256(der).hexdigest()
if isinstance(public, ed25519.Ed25519PublicKey): public.verify(sig, pae)
elif isinstance(public, rsa.RSAPublicKey): public.verify(sig, pae, padding.PKCS1v15(), hashes.SHA256())
else: public.verify(sig, pae, ec.ECDSA(hashes.SHA384() if public.curve.key_size == 384 else hashes.SHA256()))
for subject in json.loads(body)['subject']:
    if '://' not in subject['name']:
        read = open(sys.argv[1].rsplit('/', 1)[0] + '/' + subject['name'], 'rb').read()
        assert hashlib.sha256(read).hexdigest() == subject['digest']['sha256']
print('verified')
`;
