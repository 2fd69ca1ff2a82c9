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

/** What is listed: objects, the next level's folders, or versions. */
export type ListingKind = 'objects' | 'folders' | 'versions';

/** A row of a listing: an object's key, size and LastModified; a folder; or a version. */
export type ListedRow =
  readonly [string, number, Instant | null] | string | Readonly<Record<string, unknown>>;

/** A few rows of a listing. */
export interface ListedPart {
  readonly id: number;
  readonly rows: readonly ListedRow[];
}

/** A listing that came to its end, or didn't. */
export interface ListingEnd {
  readonly id: number;
  readonly kind: ListingKind;
  readonly bucket: string;
  readonly prefix: string;
  /** How many rows the parts with this id hold. */
  readonly rows: number;
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
/** Who collects into the directory now. */
export const LOCK = '+lock';
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

export const encodeManifestLine = (line: ManifestLine): string => `${JSON.stringify(line)}\n`;

const STRANGE = 'holds a line that no collecting wrote';

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const areTexts = (...values: readonly unknown[]): boolean =>
  values.every((one) => typeof one === 'string');
const areWhole = (...values: readonly unknown[]): boolean =>
  values.every((one) => Number.isSafeInteger(one) && (one as number) >= 0);
const isFailure = (value: unknown): boolean =>
  isFields(value) &&
  (value['kind'] === 'unreadable'
    ? areTexts(value['reason'], value['detail'])
    : value['kind'] === 'absent'
      ? areTexts(value['what'])
      : value['kind'] === 'foreign-encryption');

function isOption(value: unknown): boolean {
  return (
    typeof value === 'string' ||
    value === true ||
    (Array.isArray(value) && areTexts(...(value as unknown[])))
  );
}

function isHead({
  tool,
  trail,
  options,
  endpoints,
  range,
  now,
  startedAt,
  collectedBy,
}: Fields): boolean {
  return (
    areTexts(tool, trail, startedAt) &&
    isFields(options) &&
    Object.values(options).every(isOption) &&
    isFields(endpoints) &&
    areTexts(...Object.values(endpoints)) &&
    isFields(range) &&
    areWhole(now, range['start'], range['end']) &&
    isFields(collectedBy) &&
    areTexts(...Object.values(collectedBy))
  );
}

/** A path that leads anywhere but to the object's own place is nobody's. */
function isObject(object: Fields): boolean {
  const { bucket, key, version = '', path, size, sha256, metadata, retention, at } = object;
  if (!areTexts(bucket, key, version, path, sha256, at) || !areWhole(size)) return false;
  if (!/^[0-9a-f]{64}$/.test(sha256 as string)) return false;
  if (!isFields(metadata) || !areTexts(...Object.values(metadata))) return false;
  const isHeld = isFields(retention) && areTexts(retention['mode']) && areWhole(retention['until']);
  const name = object as unknown as CopiedObject;
  const isOwn = path === plainPath(name) || path === hashedPath(name, sha256 as string);
  return isOwn && (retention === undefined || isHeld);
}

function isRow(row: unknown): boolean {
  if (!Array.isArray(row)) return typeof row === 'string' || isFields(row);
  const [key, size, modified] = row as unknown[];
  return areTexts(key) && areWhole(size) && (modified === null || Number.isSafeInteger(modified));
}

const LISTINGS: readonly unknown[] = ['objects', 'folders', 'versions'] satisfies ListingKind[];

/** Whether a line of a kind has the shape that collecting gives it. */
const SHAPES: Readonly<Record<string, (fields: Fields) => boolean>> = {
  head: isHead,
  object: isObject,
  failed: ({ bucket, key, version = '', failure }) =>
    areTexts(bucket, key, version) && isFailure(failure),
  listed: ({ id, rows }) => areWhole(id) && Array.isArray(rows) && rows.every(isRow),
  listing: ({ id, kind, bucket, prefix, rows, failure }) =>
    areWhole(id, rows) &&
    areTexts(bucket, prefix) &&
    LISTINGS.includes(kind) &&
    (failure === undefined || isFailure(failure)),
  answer: ({ of, asked, value }) =>
    areTexts(of) && Array.isArray(asked) && (value === null || isFields(value) || areTexts(value)),
};

/** Reads a line; throws `EvidenceError` for one that no collecting wrote. */
export function decodeManifestLine(text: string): ManifestLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new EvidenceError('holds a line that is not JSON');
  }
  if (!isFields(value)) throw new EvidenceError(STRANGE);
  const [kind = '', ...others] = Object.keys(value);
  const fields = value[kind];
  const fits = Object.hasOwn(SHAPES, kind) ? SHAPES[kind] : undefined;
  if (!fits || others.length > 0 || !isFields(fields)) throw new EvidenceError(STRANGE);
  if (kind === 'head') checkForm(fields);
  if (!fits(fields)) throw new EvidenceError(STRANGE);
  return value as unknown as ManifestLine;
}

function checkForm({ format, version }: Fields): void {
  if (format !== EVIDENCE_FORMAT) throw new EvidenceError('is another kind of file');
  if (version !== EVIDENCE_VERSION) {
    throw new EvidenceError(
      `has the form ${String(version)}, and this tool reads ${EVIDENCE_VERSION}`,
    );
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
