/** Files of keys that sign an attestation or check one. */
import {
  parseCheckKey,
  parseSigningKey,
  type CheckKey,
  type ParsedKey,
  type SigningKey,
} from '../core/signing-key.js';
import { RunError } from '../sources/ports.js';
import { readWhole } from './read-whole.js';

/** Bytes that a file of one key may have. */
const MOST_KEY = 64 * 1024;

async function read<T>(
  option: string,
  path: string,
  parse: (pem: string) => ParsedKey<T>,
  hint: string,
): Promise<T> {
  const bytes = await readWhole(path, MOST_KEY, option);
  const parsed = parse(bytes.toString('latin1'));
  if (!parsed.ok) throw new RunError(`${option} ${path} ${parsed.why}`, hint);
  return parsed.key;
}

/**
 * The private key of `--attest`; an encrypted one is opened with VALIDATE_TRAIL_KEY_PASSPHRASE. Throws
 * `RunError`, whose text tells nothing of what the file holds.
 */
export function readSigningKey(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<SigningKey> {
  const passphrase = environment['VALIDATE_TRAIL_KEY_PASSPHRASE'];
  return read(
    '--attest',
    path,
    (pem) => parseSigningKey(pem, passphrase === '' ? undefined : passphrase),
    'name a private key in PEM, such as openssl genpkey -algorithm ed25519 makes',
  );
}

/** The public key of `--key`. Throws `RunError`. */
export function readCheckKey(path: string): Promise<CheckKey> {
  const hint = 'openssl pkey -in KEY.pem -pubout gives the public key of a private one';
  return read('--key', path, parseCheckKey, hint);
}
