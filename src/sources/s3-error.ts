/** What an error of S3's says about an object. */
import type { ReadFailure, UnreadableReason } from './ports.js';
import { inWords, isOfCredentials, isThrottle, serviceError } from './retry.js';

/** Tells absent, forbidden and broken apart (SPEC 8, "S3 codes to separate"). */
export function classifyS3Error(error: unknown): ReadFailure {
  const found = serviceError(error);
  const { name, status, message } = found;
  const unreadable = (reason: UnreadableReason): ReadFailure => ({
    kind: 'unreadable',
    reason,
    detail: inWords(found),
  });
  if (name === 'NoSuchBucket') return { kind: 'absent', what: 'bucket' };
  if (name === 'NoSuchKey' || name === 'NoSuchVersion') return { kind: 'absent', what: 'key' };
  // A delete marker, read by its version ID, holds nothing.
  if (status === 405 && found.headers['x-amz-delete-marker'] === 'true') {
    return { kind: 'absent', what: 'key' };
  }
  if (name === 'InvalidObjectState') return unreadable('archived');
  if (/^KMS\./i.test(name) || /\bkms\b/i.test(message)) return unreadable('kms');
  if (status === 400 && /Server Side Encryption|customer.provided|SSE-C/i.test(message)) {
    return { kind: 'foreign-encryption' };
  }
  if (isOfCredentials(found)) return unreadable('credentials');
  if (isThrottle(found)) return unreadable('throttled');
  if (status === 403 || status === 401) return unreadable('access-denied');
  if (status === undefined || status < 300) return unreadable('network');
  return unreadable('service');
}
