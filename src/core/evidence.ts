/**
 * An evidence directory's manifest: JSON lines that say what was collected, when and by whom. All that
 * a run asked of S3 and CloudTrail stands in it with the answer, so that the same judgement can be
 * made from the directory alone; each object that was copied, with the SHA-256 of its bytes. The last
 * line closes it with the hash of everything before. It shows what was changed since only to who knows
 * that hash: whoever may write the directory may write another manifest.
 */
import { createHash } from 'node:crypto';
import type { Endpoints, Work } from './journal.js';
import type { Instant, TimeRange } from './timestamp.js';

export const EVIDENCE_FORMAT = 'validate-trail-evidence';
export const EVIDENCE_VERSION = 1;

/** Who collected: GetCallerIdentity's answer, or why there is none. */
export type Collector =
  | { readonly account: string; readonly arn: string; readonly userId: string }
  | { readonly unknown: string };

/** The first line. */
export interface EvidenceHead {
  readonly format: typeof EVIDENCE_FORMAT;
  readonly version: typeof EVIDENCE_VERSION;
  /** The version of the tool. */
  readonly tool: string;
  /** The trail's ARN. */
  readonly trail: string;
  /** What was asked for, by option; the range as times. */
  readonly options: Work['options'];
  /** Who was asked in AWS's place, where somebody was. */
  readonly endpoints: Endpoints;
  /** Delivery time. */
  readonly range: TimeRange;
  /** The service's clock when collecting began: what was due then is due in the evidence. */
  readonly now: Instant;
  readonly startedAt: string;
  readonly collectedBy: Collector;
}

/** What S3 says of an object beside its bytes and user metadata. */
export interface ObjectFacts {
  readonly versionId?: string;
  readonly eTag?: string;
  readonly lastModified?: string;
  readonly storageClass?: string;
  readonly encryption?: string;
}

/** An object's name; with a version where one was asked for. */
export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
  readonly version?: string;
}

/** An object that was copied. */
export interface CopiedObject extends ObjectName, ObjectFacts {
  /** Below the evidence directory. */
  readonly path: string;
  /** Stored bytes, and their SHA-256 in lower-case hex. */
  readonly size: number;
  readonly sha256: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retention?: { readonly mode: string; readonly until: Instant };
  /** When it was read, by this machine's clock. */
  readonly at: string;
}

/** The last line. */
export interface EvidenceEnd {
  readonly objects: number;
  /** Of the objects, as stored. */
  readonly bytes: number;
  /** Objects and listings that could not be read. */
  readonly failed: number;
  /** SHA-256 of the file of public keys. */
  readonly keysSha256: string;
  readonly finishedAt: string;
}

/** An object that could not be read, with the source's `ReadFailure`. */
export interface FailedObject extends ObjectName {
  readonly failure: unknown;
  readonly at: string;
}

/** A few of the objects of a listing: key, size, LastModified. */
export interface ListedPart {
  readonly id: number;
  readonly objects: readonly (readonly [string, number, Instant | null])[];
}

/** A listing that came to its end, or didn't. */
export interface ListingEnd {
  readonly id: number;
  readonly bucket: string;
  readonly prefix: string;
  /** With folders: only the next level, as common prefixes. */
  readonly folders?: readonly string[];
  /** How many objects the parts with this id hold. */
  readonly objects: number;
  readonly failure?: unknown;
  readonly at: string;
}

/** An answer to one question. */
export interface KeptAnswer {
  readonly of: string;
  readonly asked: readonly unknown[];
  readonly value: unknown;
  readonly at: string;
}

export type ManifestLine =
  | { readonly head: EvidenceHead }
  | { readonly object: CopiedObject }
  | { readonly failed: FailedObject }
  | { readonly listed: ListedPart }
  | { readonly listing: ListingEnd }
  | { readonly answer: KeptAnswer };

export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
}

/** The manifest and the keys lie beside the buckets' directories. */
export const MANIFEST = 'manifest.jsonl';
export const KEYS_FILE = 'public-keys.json';
/** Where objects lie whose keys can't be paths everywhere. No bucket can be named so. */
export const BY_HASH = '+by-hash';
/** Where a copy is written before it is whole. */
export const PARTS = '+parts';

const SEGMENT = /^(?!\.\.?$)(?! )[A-Za-z0-9 !$&'()+,;=@_.-]{1,200}(?<![ .])$/;
const BUCKET = /^(?!\.)[A-Za-z0-9._-]{3,255}$/;
/** Names that Windows keeps for devices, whatever follows a dot. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** An object's path where its key can be one on every file system: `<bucket>/<key>`. */
export function plainPath({ bucket, key, version }: ObjectName): string | undefined {
  if (version !== undefined || !BUCKET.test(bucket) || key.length > 900) return undefined;
  if (bucket === MANIFEST || bucket === KEYS_FILE) return undefined;
  const isSafe = key.split('/').every((part) => SEGMENT.test(part) && !DEVICE.test(part));
  return isSafe ? `${bucket}/${key}` : undefined;
}

/** The path of any other: by the hash of its name and of what it holds. */
export function hashedPath({ bucket, key, version = '' }: ObjectName, sha256: string): string {
  const name = JSON.stringify([bucket, key, version, sha256]);
  return `${BY_HASH}/${createHash('sha256').update(name).digest('hex')}`;
}

/** Names an object within the manifest. */
export const nameOf = ({ bucket, key, version = '' }: ObjectName): string =>
  JSON.stringify([bucket, key, version]);

const KINDS = ['head', 'object', 'failed', 'listed', 'listing', 'answer'];

export const encodeManifestLine = (line: ManifestLine): string => `${JSON.stringify(line)}\n`;

/** Reads a line; throws `EvidenceError` for one that no collecting wrote. */
export function decodeManifestLine(text: string): ManifestLine {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new EvidenceError('holds a line that is not JSON');
  }
  const [kind = '', ...others] = Object.keys(value);
  const what = value[kind];
  if (!KINDS.includes(kind) || others.length > 0 || typeof what !== 'object' || what === null) {
    throw new EvidenceError('holds a line that no collecting wrote');
  }
  if (kind === 'head') checkHead(what as EvidenceHead);
  if (kind === 'object') checkObject(what as CopiedObject);
  return value as unknown as ManifestLine;
}

function checkHead({ format, version, trail, options, range, now, tool }: EvidenceHead): void {
  if ((format as unknown) !== EVIDENCE_FORMAT) throw new EvidenceError('is another kind of file');
  if ((version as unknown) !== EVIDENCE_VERSION) {
    throw new EvidenceError(
      `has the form ${String(version)}, and this tool reads ${EVIDENCE_VERSION}`,
    );
  }
  const isWhole =
    [trail, tool].every((one: unknown) => typeof one === 'string') &&
    typeof (options as unknown) === 'object' &&
    [now, range.start, range.end].every(Number.isSafeInteger);
  if (!isWhole) throw new EvidenceError('does not say of which trail it is');
}

/** A path that leads anywhere but to the object's own place is nobody's. */
function checkObject(object: CopiedObject): void {
  const { bucket, key, path, size, sha256, metadata } = object;
  const isTyped =
    [bucket, key, path, sha256].every((one: unknown) => typeof one === 'string') &&
    Number.isSafeInteger(size) &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    Object.values(metadata).every((one: unknown) => typeof one === 'string');
  if (!isTyped || (path !== plainPath(object) && path !== hashedPath(object, sha256))) {
    throw new EvidenceError('holds a line that no collecting wrote');
  }
}

const HASH_FIELD = ',"sha256":"';

/** The last line; `before` has been given all bytes of the lines before it. */
export function encodeEnd(end: EvidenceEnd, before: ReturnType<typeof createHash>): string {
  const head = `{"end":${JSON.stringify(end)}${HASH_FIELD}`;
  return `${head}${before.copy().update(head).digest('hex')}"}\n`;
}

/**
 * Reads the last line; `undefined` for any other. Throws `EvidenceError` where the hash isn't that of
 * what stands before it.
 */
export function decodeEnd(
  text: string,
  before: ReturnType<typeof createHash>,
): EvidenceEnd | undefined {
  if (!text.startsWith('{"end":')) return undefined;
  const at = text.lastIndexOf(HASH_FIELD);
  try {
    const { end } = JSON.parse(text) as { end: EvidenceEnd };
    // As it was written, to the byte: nothing in it can be changed.
    if (at > 0 && encodeEnd(end, before) === `${text}\n`) return end;
  } catch {
    // Told below.
  }
  throw new EvidenceError('is not what was collected: its own hash does not fit');
}
