import { createHash } from 'node:crypto';
import { parseDigestTime, type Instant } from './timestamp.js';

/** What a digest file records of its predecessor in the chain (SPEC 2, `previousDigest…`). */
export interface Link {
  readonly bucket: string;
  readonly key: string;
  /** SHA-256 of the predecessor's uncompressed bytes, lower-case hex, where the label says so. */
  readonly hash: string | undefined;
  /** The predecessor's signature, lower-case hex. */
  readonly signature: string | undefined;
}

/** One log file as a digest file lists it. */
export interface LogFileEntry {
  readonly bucket: string;
  readonly key: string;
  readonly hashValue: string;
  readonly hashAlgorithm: string;
}

/** A digest file, read. The strings that are signed stay strings; times stand beside them. */
export interface DigestFile {
  readonly awsAccountId: string;
  readonly digestEndTime: string;
  readonly start: Instant;
  readonly end: Instant;
  readonly bucket: string;
  readonly key: string;
  readonly fingerprint: string;
  /** `previousDigestSignature` exactly as it stands, for the signed string. */
  readonly previousSignature: string | null;
  /** Null in a starting digest. */
  readonly link: Link | null;
  readonly logFiles: readonly LogFileEntry[];
  /** SHA-256 of the uncompressed bytes as they came, lower-case hex. */
  readonly hash: string;
}

export type ParsedDigest =
  | { readonly ok: true; readonly digest: DigestFile }
  | { readonly ok: false; readonly detail: string };

/** Inflated size past which no digest file is read. */
export const MAX_DIGEST_BYTES = 64 * 1024 * 1024;

const MAX_DEPTH = 64;
const MAX_KEY = 1024;

/**
 * Whether JSON text is nested too deep, or so dense with values that parsing would cost many times
 * its size: whoever can write to the bucket chooses these bytes, and they are parsed before anything
 * about them is proved.
 */
function isHostile(bytes: Buffer): boolean {
  let depth = 0;
  let values = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH) return true;
      values++;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
    else if (byte === 0x2c) values++;
  }
  return values > 1000 + bytes.length / 16;
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

class Malformed extends Error {}

function text(fields: Fields, name: string, limit = MAX_KEY): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (typeof value !== 'string' || value.length === 0 || value.length > limit) {
    throw new Malformed(`${name} is not a text of 1 to ${limit} characters`);
  }
  return value;
}

function nullableText(fields: Fields, name: string, limit = MAX_KEY): string | null {
  if (Object.hasOwn(fields, name) && fields[name] === null) return null;
  return text(fields, name, limit);
}

function time(fields: Fields, name: string): Instant {
  const instant = parseDigestTime(text(fields, name));
  if (instant === undefined) throw new Malformed(`${name} is not a time`);
  return instant;
}

/** A signature is hex of twice the modulus's length; 4096 characters are RSA-16384. */
const MAX_SIGNATURE = 4096;

function readLink(fields: Fields): Link | null {
  const bucket = nullableText(fields, 'previousDigestS3Bucket');
  const key = nullableText(fields, 'previousDigestS3Object');
  const hash = nullableText(fields, 'previousDigestHashValue');
  const algorithm = nullableText(fields, 'previousDigestHashAlgorithm');
  const signature = nullableText(fields, 'previousDigestSignature', MAX_SIGNATURE);
  if (bucket === null && key === null) return null;
  if (bucket === null || key === null) {
    throw new Malformed('previousDigestS3Bucket and previousDigestS3Object are not null together');
  }
  return {
    bucket,
    key,
    hash: hash !== null && algorithm === 'SHA-256' ? hash.toLowerCase() : undefined,
    signature: signature?.toLowerCase(),
  };
}

function readLogFiles(fields: Fields): LogFileEntry[] {
  const list = fields['logFiles'];
  if (!Array.isArray(list)) throw new Malformed('logFiles is not a list');
  // The bucket's name is kept once, not with every log file.
  let bucket = '';
  return list.map((entry: unknown) => {
    if (!isFields(entry)) throw new Malformed('an entry of logFiles is not an object');
    const own = text(entry, 's3Bucket');
    if (own !== bucket) bucket = own;
    return {
      bucket,
      key: text(entry, 's3Object'),
      hashValue: text(entry, 'hashValue'),
      hashAlgorithm: text(entry, 'hashAlgorithm'),
    };
  });
}

/**
 * Parses the uncompressed bytes of a digest file (SPEC 2). Survives any bytes: what isn't a digest
 * file comes back with the reason. Unknown fields are ignored; nothing here is trusted until the
 * signature is verified.
 */
export function parseDigestFile(bytes: Buffer): ParsedDigest {
  if (isHostile(bytes)) return { ok: false, detail: 'JSON nested or packed past all reason' };
  let fields: unknown;
  try {
    fields = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return { ok: false, detail: 'not JSON in UTF-8' };
  }
  if (!isFields(fields)) return { ok: false, detail: 'not a JSON object' };
  try {
    const digest: DigestFile = {
      awsAccountId: text(fields, 'awsAccountId'),
      digestEndTime: text(fields, 'digestEndTime'),
      start: time(fields, 'digestStartTime'),
      end: time(fields, 'digestEndTime'),
      bucket: text(fields, 'digestS3Bucket'),
      key: text(fields, 'digestS3Object'),
      fingerprint: text(fields, 'digestPublicKeyFingerprint').toLowerCase(),
      previousSignature: nullableText(fields, 'previousDigestSignature', MAX_SIGNATURE),
      link: readLink(fields),
      logFiles: readLogFiles(fields),
      hash: createHash('sha256').update(bytes).digest('hex'),
    };
    if (digest.end <= digest.start) {
      return { ok: false, detail: 'digestEndTime is not later than digestStartTime' };
    }
    return { ok: true, digest };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, detail: error.message };
    throw error;
  }
}

/**
 * The string that CloudTrail signs (SPEC 3): four lines, single line feeds, none at the end; `null`
 * stands where a starting digest has no previous signature.
 */
export function signedString(digest: DigestFile): string {
  return [
    digest.digestEndTime,
    `${digest.bucket}/${digest.key}`,
    digest.hash,
    digest.previousSignature ?? 'null',
  ].join('\n');
}
