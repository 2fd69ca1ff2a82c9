/** Deciding about one digest file: is it CloudTrail's own, at its own place? */
import { signedString, type DigestFile, type Link } from './digest-file.js';
import { unread, type Details, type FindingCode } from './finding.js';
import type { PublicKey } from './public-key.js';
import { contradiction, type Chain } from './segment.js';
import { verifySignature } from './signature.js';

/** What came of reading the object under a digest file's key. */
export type DigestOutcome =
  | { readonly kind: 'digest'; readonly digest: DigestFile; readonly signature: string | undefined }
  | { readonly kind: 'malformed' | 'trailing-data'; readonly detail: string }
  | { readonly kind: 'foreign-encryption' }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly detail: string };

/** What is known of the key with a fingerprint, in a Region, at a time. */
export type KeyLookup =
  | { readonly state: 'known'; readonly key: PublicKey }
  /** CloudTrail has keys for that time, and this fingerprint is none of theirs. */
  | { readonly state: 'unknown' }
  | { readonly state: 'unavailable' };

export interface DigestPlace {
  readonly chain: Chain;
  readonly bucket: string;
  readonly key: string;
}

export type Authentication =
  | {
      readonly state: 'authentic';
      readonly digest: DigestFile;
      readonly signature: string;
      /** Notices, and the violation of an object whose content is proved all the same. */
      readonly remarks: readonly Remark[];
    }
  /** Not by itself; its successor may still prove it. */
  | {
      readonly state: 'open';
      readonly digest: DigestFile;
      readonly lookup: KeyLookup;
      readonly remark: Remark;
    }
  | { readonly state: 'altered'; readonly remark: Remark }
  | { readonly state: 'unreadable'; readonly cause: string; readonly remark: Remark | undefined };

export interface Remark {
  readonly code: FindingCode;
  readonly message: string;
  /** Where a signed successor recorded another hash. */
  readonly details?: Details;
}

const altered = (code: FindingCode, message: string): Authentication => ({
  state: 'altered',
  remark: { code, message },
});

/** Two hours: a digest is signed when it is delivered, up to that long after its end. */
const DELIVERY = 7200;

function validityRemarks(place: DigestPlace, digest: DigestFile, key: PublicKey): Remark[] {
  // Backfill digests are signed with the key of the day they were made, not of the hour they cover.
  if (place.chain.kind === 'backfill') return [];
  const { validityStart = 0, validityEnd = Infinity } = key;
  if (digest.end + DELIVERY >= validityStart && digest.end <= validityEnd) return [];
  const message = `was signed with key ${key.fingerprint} outside the validity that CloudTrail states for it`;
  return [{ code: 'DIGEST_KEY_OUTSIDE_VALIDITY', message }];
}

/**
 * Authenticates a digest file by its own signature (SPEC 3): right place, right account, a key that
 * CloudTrail gave for its fingerprint, and an RSA signature over the signed string. `bucket` in
 * `place` is the name that must have been signed. What only lacks a usable signature or key comes
 * back `open`, for `vouch`.
 */
export function authenticate(
  place: DigestPlace,
  outcome: DigestOutcome,
  lookup: (fingerprint: string) => KeyLookup,
  carriesMetadata: boolean,
): Authentication {
  switch (outcome.kind) {
    case 'malformed':
      return altered('DIGEST_MALFORMED', `is not a digest file: ${outcome.detail}`);
    case 'trailing-data':
      return altered('DIGEST_TRAILING_DATA', outcome.detail);
    case 'foreign-encryption':
      return altered(
        'OBJECT_FOREIGN_ENCRYPTION',
        'is encrypted with SSE-C, which CloudTrail never uses',
      );
    case 'unreadable': {
      const remark = unread(outcome.reason, outcome.detail);
      return { state: 'unreadable', cause: outcome.reason, remark };
    }
    case 'digest':
      return authenticateContent(place, outcome.digest, outcome.signature, lookup, carriesMetadata);
  }
}

function authenticateContent(
  place: DigestPlace,
  digest: DigestFile,
  signature: string | undefined,
  lookup: (fingerprint: string) => KeyLookup,
  carriesMetadata: boolean,
): Authentication {
  if (digest.bucket !== place.bucket || digest.key !== place.key) {
    return altered(
      'DIGEST_MOVED',
      `says that it was delivered to s3://${digest.bucket}/${digest.key}`,
    );
  }
  const { accountId } = place.chain;
  if (digest.awsAccountId !== accountId) {
    const message = `is of account ${digest.awsAccountId} and lies in the folder of ${accountId}`;
    return altered('DIGEST_IDENTITY_MISMATCH', message);
  }
  const found = lookup(digest.fingerprint);
  const open = (code: FindingCode, message: string): Authentication => ({
    state: 'open',
    digest,
    lookup: found,
    remark: { code, message },
  });
  if (signature === undefined) {
    return carriesMetadata
      ? open('DIGEST_SIGNATURE_MISSING', 'carries no signature in its metadata')
      : open('DIGEST_SIGNATURE_UNAVAILABLE', 'its signature is not part of this copy');
  }
  if (found.state === 'unavailable') {
    return open('KEYS_UNAVAILABLE', `the public key ${digest.fingerprint} could not be had`);
  }
  if (found.state === 'unknown') {
    const message = `names the public key ${digest.fingerprint}, which CloudTrail does not know in ${place.chain.region}`;
    return open('DIGEST_KEY_UNKNOWN', message);
  }
  const verdict = verifySignature(found.key, signedString(digest), signature);
  if (verdict === 'disagreement') {
    return open('VERIFIER_DISAGREEMENT', 'node:crypto and node-forge disagree about its signature');
  }
  if (verdict === 'invalid') {
    const message = `its signature does not verify with the public key ${digest.fingerprint}`;
    return open('DIGEST_SIGNATURE_INVALID', message);
  }
  return {
    state: 'authentic',
    digest,
    signature: signature.toLowerCase(),
    remarks: validityRemarks(place, digest, found.key),
  };
}

const BLAMES_CONTENT: readonly FindingCode[] = [
  'DIGEST_SIGNATURE_INVALID',
  'DIGEST_SIGNATURE_MISSING',
  'DIGEST_KEY_UNKNOWN',
];

/** What a later digest file records of this one. */
export interface SuccessorLink {
  readonly link: Link;
  /** Whether the later digest file is itself authenticated. */
  readonly signed: boolean;
}

/** Whether a signed successor recorded another hash than the bytes have: no other one lifts that. */
export const isContradicted = (settled: Authentication): boolean =>
  settled.state === 'altered' && settled.remark.details !== undefined;

/** What excuses a digest file whose signature is lost: the one who may vouch for it is unheard. */
function unheard(
  { lookup, remark }: Extract<Authentication, { state: 'open' }>,
  successor: SuccessorLink | undefined,
  isUnread: boolean,
): Extract<Authentication, { state: 'unreadable' }> | undefined {
  if (remark.code !== 'DIGEST_SIGNATURE_MISSING' || successor?.signed === true) return undefined;
  if (lookup.state === 'unavailable') {
    return { state: 'unreadable', cause: 'keys-unavailable', remark: undefined };
  }
  if (!isUnread) return undefined;
  const message = `${remark.message}, and what may be the digest file after it could not be read`;
  const code = 'DIGEST_SIGNATURE_UNAVAILABLE';
  return { state: 'unreadable', cause: 'signature-unavailable', remark: { code, message } };
}

/**
 * Settles an open digest file with what its successor, if there is one, records of it. The
 * signature that the successor carries proves by itself, whoever carries it: it verifies with
 * CloudTrail's key or it doesn't. The hash counts only where the successor is authenticated; then a
 * hash that is the content's proves it even without the key, and one that differs proves that the
 * content was replaced. `isUnread` says whether the successor may be among what could not be read.
 */
export function vouch(
  open: Extract<Authentication, { state: 'open' }>,
  successor: SuccessorLink | undefined,
  isUnread = false,
): Exclude<Authentication, { state: 'open' }> {
  const { digest, lookup, remark } = open;
  const publicKey = lookup.state === 'known' ? lookup.key : undefined;
  const { signature } = successor?.link ?? {};
  const hash = successor?.signed === true ? successor.link.hash : undefined;
  const verified =
    publicKey !== undefined &&
    signature !== undefined &&
    verifySignature(publicKey, signedString(digest), signature) === 'valid';
  if (signature !== undefined && (verified || (!publicKey && hash === digest.hash))) {
    const message = 'is proved by the signature that the digest file after it records';
    const recovered = { code: 'DIGEST_SIGNATURE_RECOVERED', message } as const;
    const wrong = remark.code === 'DIGEST_SIGNATURE_INVALID';
    return { state: 'authentic', digest, signature, remarks: [wrong ? remark : recovered] };
  }
  const excused = unheard(open, successor, isUnread);
  if (excused) return excused;
  const details = contradiction({ hash }, digest);
  if (BLAMES_CONTENT.includes(remark.code)) {
    return { state: 'altered', remark: details ? { ...remark, details } : remark };
  }
  if (details) {
    const message = 'is not the digest file that its signed successor recorded';
    return { state: 'altered', remark: { code: 'CHAIN_LINK_BROKEN', message, details } };
  }
  if (remark.code === 'KEYS_UNAVAILABLE') {
    return { state: 'unreadable', cause: 'keys-unavailable', remark: undefined };
  }
  const cause = remark.code === 'VERIFIER_DISAGREEMENT' ? 'disagreement' : 'signature-unavailable';
  return { state: 'unreadable', cause, remark };
}
