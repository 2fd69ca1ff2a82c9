import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import forge from 'node-forge';
import type { Instant } from './timestamp.js';

/** A public key as ListPublicKeys gives it. */
export interface PublicKeyRecord {
  /** DER, PKCS#1 `RSAPublicKey` or SubjectPublicKeyInfo. */
  readonly value: Uint8Array;
  /** Lower-case hex. */
  readonly fingerprint: string;
  readonly validityStart?: Instant;
  readonly validityEnd?: Instant;
}

/** A public key that was read strictly and can verify. */
export interface PublicKey extends PublicKeyRecord {
  readonly nodeKey: KeyObject;
  readonly forgeKey: forge.pki.rsa.PublicKey;
  /** Length of the modulus, and so of a signature, in bytes. */
  readonly size: number;
  /** Whether the fingerprint is the MD5 of `value` (SPEC 5). A label, never a proof. */
  readonly fingerprintMatches: boolean;
}

export type ParsedKey =
  { readonly ok: true; readonly key: PublicKey } | { readonly ok: false; readonly detail: string };

const MAX_KEY_BYTES = 4096;
const MIN_BITS = 2048;
const MAX_BITS = 8192;

/**
 * Reads a public key strictly with node-forge: one DER structure, canonical, nothing left over,
 * RSA of 2048 to 8192 bits with an odd exponent over 2; then hands the very same numbers to
 * node:crypto, which does the verifying.
 */
export function parsePublicKey(record: PublicKeyRecord): ParsedKey {
  const { value } = record;
  if (value.length === 0 || value.length > MAX_KEY_BYTES) {
    return { ok: false, detail: `the key is ${value.length} bytes long` };
  }
  const binary = Buffer.from(value).toString('latin1');
  let forgeKey: forge.pki.rsa.PublicKey;
  let type: 'pkcs1' | 'spki';
  try {
    const structure = forge.asn1.fromDer(binary, true);
    forgeKey = forge.pki.publicKeyFromAsn1(structure);
    const encode = (one: forge.asn1.Asn1): string => forge.asn1.toDer(one).getBytes();
    const pkcs1 = encode(forge.pki.publicKeyToRSAPublicKey(forgeKey) as forge.asn1.Asn1);
    const spki = encode(forge.pki.publicKeyToAsn1(forgeKey));
    if (binary !== pkcs1 && binary !== spki) {
      return { ok: false, detail: 'the key is not canonical DER' };
    }
    type = binary === pkcs1 ? 'pkcs1' : 'spki';
  } catch {
    return { ok: false, detail: 'the key is neither PKCS#1 nor SubjectPublicKeyInfo in DER' };
  }
  const bits = forgeKey.n.bitLength();
  const exponent = forgeKey.e;
  if (bits < MIN_BITS || bits > MAX_BITS)
    return { ok: false, detail: `an RSA key of ${bits} bits` };
  if (exponent.bitLength() > 32 || exponent.bitLength() < 2 || !exponent.testBit(0)) {
    return { ok: false, detail: 'the public exponent is not an odd number over 2' };
  }
  try {
    const nodeKey = createPublicKey({ key: Buffer.from(value), format: 'der', type });
    const md5 = createHash('md5').update(value).digest('hex');
    return {
      ok: true,
      key: {
        ...record,
        nodeKey,
        forgeKey,
        size: Math.ceil(bits / 8),
        fingerprintMatches: md5 === record.fingerprint,
      },
    };
  } catch {
    return { ok: false, detail: 'node:crypto does not load the key' };
  }
}

function keyTime(value: unknown): Instant | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return Math.floor(value);
  const parsed = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(parsed) ? undefined : Math.floor(parsed / 1000);
}

/** Reads an entry of a `PublicKeyList`, the `index`-th. Throws where it lacks what a key must have. */
export function keyRecord(item: unknown, index: number): PublicKeyRecord {
  const entry = item as Record<string, unknown> | null;
  const value = entry?.['Value'];
  const fingerprint = entry?.['Fingerprint'];
  if (typeof value !== 'string' || typeof fingerprint !== 'string') {
    throw new Error(`key ${index + 1} lacks Value or Fingerprint`);
  }
  const validityStart = keyTime(entry?.['ValidityStartTime']);
  const validityEnd = keyTime(entry?.['ValidityEndTime']);
  return {
    value: Buffer.from(value, 'base64'),
    fingerprint: fingerprint.toLowerCase(),
    ...(validityStart === undefined ? {} : { validityStart }),
    ...(validityEnd === undefined ? {} : { validityEnd }),
  };
}

/**
 * Reads what `aws cloudtrail list-public-keys` prints, parsed: `PublicKeyList` with `Value` in base64
 * and times as ISO 8601 or epoch seconds. Throws an error that says what is wrong.
 */
export function parseKeyList(document: unknown): PublicKeyRecord[] {
  const list = (document as { PublicKeyList?: unknown } | null)?.PublicKeyList;
  if (!Array.isArray(list)) throw new Error('there is no PublicKeyList in it');
  return (list as unknown[]).map(keyRecord);
}
