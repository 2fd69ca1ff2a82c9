/** Keys that sign an attestation and check one: PEM in, signatures out. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
  constants,
  type KeyObject,
} from 'node:crypto';

export type KeyKind = 'Ed25519' | 'ECDSA P-256' | 'ECDSA P-384' | 'RSA';

/** A public key that checks signatures. */
export interface CheckKey {
  readonly kind: KeyKind;
  /** SHA-256 of the key's SubjectPublicKeyInfo in DER, 64 hex digits: the `keyid` of a DSSE signature. */
  readonly id: string;
  /** Whether the signature is this key's of the very message; never throws. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** A private key, with what checks its signatures. */
export interface SigningKey extends CheckKey {
  sign(message: Uint8Array): Buffer;
}

/** A key, or why it is none that signs here, in words that follow the file’s name. */
export type ParsedKey<T> =
  { readonly ok: true; readonly key: T } | { readonly ok: false; readonly why: string };

const PRIVATE = ['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'];
const PUBLIC = ['PUBLIC KEY', 'RSA PUBLIC KEY'];
const LEAST_BITS = 2048;
/** FIPS 186-5, 5.4: the public exponent is larger than 2^16. */
const LEAST_EXPONENT = 65_537n;

/** How a kind signs: hash, and for RSA and ECDSA the form. Ed25519 (RFC 8032) hashes by itself. */
interface Scheme {
  readonly kind: KeyKind;
  readonly hash: 'sha256' | 'sha384' | null;
}

/**
 * What a key signs with: what cosign (sigstore’s `LoadDefaultVerifier`) and openssl take without being
 * told. ECDSA in DER with the hash of its curve’s size, RSA as RSASSA-PKCS1-v1_5 with SHA-256.
 */
function schemeOf(key: KeyObject): Scheme | string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  if (type === 'ed25519') return { kind: 'Ed25519', hash: null };
  if (type === 'ec') {
    if (details.namedCurve === 'prime256v1') return { kind: 'ECDSA P-256', hash: 'sha256' };
    if (details.namedCurve === 'secp384r1') return { kind: 'ECDSA P-384', hash: 'sha384' };
    return `is an ECDSA key of the curve ${details.namedCurve ?? 'that it spells out'}, not P-256 or P-384`;
  }
  if (type !== 'rsa') return `is of the kind ${type ?? 'unknown'}, not Ed25519, ECDSA or RSA`;
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = details;
  if (bits < LEAST_BITS) return `is an RSA key of ${bits} bits: at least ${LEAST_BITS} are needed`;
  if (exponent < LEAST_EXPONENT || exponent % 2n === 0n) {
    return `is an RSA key with the exponent ${String(exponent)}: an odd one from ${String(LEAST_EXPONENT)} is needed`;
  }
  return { kind: 'RSA', hash: 'sha256' };
}

const formOf = (key: KeyObject) => ({
  key,
  dsaEncoding: 'der' as const,
  ...(key.asymmetricKeyType === 'rsa' ? { padding: constants.RSA_PKCS1_PADDING } : {}),
});

function checkKey(key: KeyObject, { kind, hash }: Scheme): CheckKey {
  // Through JWK, so that one key has one DER, however its file writes a curve's point.
  const same = createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
  const der = same.export({ type: 'spki', format: 'der' });
  return {
    kind,
    id: createHash('sha256').update(der).digest('hex'),
    verify: (message, signature) => {
      try {
        return verify(hash, message, formOf(same), signature);
      } catch {
        return false;
      }
    },
  };
}

/** What kinds of block PEM text has, parameters of a curve aside. */
const labelsOf = (pem: string): string[] =>
  [...pem.matchAll(/^-----BEGIN ([A-Z0-9 ]+)-----/gm)]
    .map(([, label = '']) => label)
    .filter((label) => label !== 'EC PARAMETERS');

/**
 * Reads a private key from PEM (PKCS #8, PKCS #1 or SEC 1, encrypted or not): Ed25519, ECDSA on P-256
 * or P-384, or RSA of at least 2048 bits. It has signed once, and its signature verified.
 */
export function parseSigningKey(
  pem: string,
  passphrase: string | undefined,
): ParsedKey<SigningKey> {
  const labels = labelsOf(pem);
  const [label = ''] = labels;
  if (labels.length > 1) return { ok: false, why: 'holds more than one key: give it one alone' };
  if (PUBLIC.includes(label))
    return { ok: false, why: 'holds a public key: the private one signs' };
  if (!PRIVATE.includes(label)) return { ok: false, why: 'holds no private key in PEM' };
  const isEncrypted = pem.includes('ENCRYPTED');
  if (isEncrypted && passphrase === undefined) {
    return { ok: false, why: 'is encrypted: set VALIDATE_TRAIL_KEY_PASSPHRASE' };
  }
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(isEncrypted ? { passphrase } : {}) });
  } catch {
    const why = isEncrypted
      ? 'can’t be opened with VALIDATE_TRAIL_KEY_PASSPHRASE'
      : 'holds a private key that is damaged';
    return { ok: false, why };
  }
  const scheme = schemeOf(key);
  if (typeof scheme === 'string') return { ok: false, why: scheme };
  const own = checkKey(createPublicKey(key), scheme);
  const signWith = (message: Uint8Array): Buffer => sign(scheme.hash, message, formOf(key));
  try {
    const trial = Buffer.from('trial');
    if (!own.verify(trial, signWith(trial))) throw new Error('another key');
  } catch {
    return { ok: false, why: 'holds a private key that doesn’t sign as its own public key says' };
  }
  return { ok: true, key: { ...own, sign: signWith } };
}

/** Reads a public key from PEM, SubjectPublicKeyInfo or PKCS #1, of the kinds that sign. */
export function parseCheckKey(pem: string): ParsedKey<CheckKey> {
  const labels = labelsOf(pem);
  const [label = ''] = labels;
  if (labels.length > 1) return { ok: false, why: 'holds more than one key: give it one alone' };
  if (PRIVATE.includes(label)) {
    return { ok: false, why: 'holds a private key: whoever checks has the public one alone' };
  }
  if (!PUBLIC.includes(label)) return { ok: false, why: 'holds no public key in PEM' };
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    return { ok: false, why: 'holds a public key that is damaged' };
  }
  const scheme = schemeOf(key);
  if (typeof scheme === 'string') return { ok: false, why: scheme };
  return { ok: true, key: checkKey(key, scheme) };
}
