import { createHash, verify } from 'node:crypto';
import type { PublicKey } from './public-key.js';

export type SignatureVerdict =
  | 'valid'
  | 'invalid'
  /** node:crypto and node-forge contradict each other: nobody is accused on that. */
  | 'disagreement';

function witness(key: PublicKey, signed: string, signature: Buffer): boolean {
  try {
    const hash = createHash('sha256').update(signed, 'utf8').digest('binary');
    return key.forgeKey.verify(hash, signature.toString('latin1'));
  } catch {
    return false;
  }
}

/**
 * Verifies an RSASSA-PKCS1-v1_5 signature with SHA-256 over a signed string (SPEC 3), whatever any
 * label says of the algorithm. `signature` is hex and must be exactly as long as the key's modulus.
 * node:crypto decides; a signature that it rejects is put to node-forge too before it is called
 * invalid.
 */
export function verifySignature(
  key: PublicKey,
  signed: string,
  signature: string,
): SignatureVerdict {
  // Buffer.from(…, 'hex') stops silently at the first character that isn't hex.
  if (signature.length !== key.size * 2 || !/^[0-9a-f]+$/i.test(signature)) return 'invalid';
  const bytes = Buffer.from(signature, 'hex');
  if (verify('RSA-SHA256', Buffer.from(signed, 'utf8'), key.nodeKey, bytes)) return 'valid';
  return witness(key, signed, bytes) ? 'disagreement' : 'invalid';
}
