/** S3's listings and errors: the order and paging of keys, and the XML they are written in. */
import { createHash } from 'node:crypto';
import type { StoredObject } from './world.js';

export const LAST_MODIFIED = new Date('2026-01-01T00:00:00Z');
const XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const PROLOGUE = '<?xml version="1.0" encoding="UTF-8"?>\n';
const SURROGATE = /[\ud800-\udfff]/;

/** UTF-16 order is UTF-8 order unless surrogates are involved, which sort before U+E000. */
function compareKeys(a: string, b: string): number {
  if (SURROGATE.test(a) || SURROGATE.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

interface SortedKeys {
  readonly inserted: readonly string[];
  readonly sorted: readonly string[];
}
const cache = new WeakMap<ReadonlyMap<string, StoredObject>, SortedKeys>();

/** Every change of a Map's keys shows in their insertion order, which is cheaper than sorting. */
function sortedKeys(objects: ReadonlyMap<string, StoredObject>): readonly string[] {
  const known = cache.get(objects);
  if (known?.inserted.length === objects.size) {
    let at = 0;
    let same = true;
    for (const key of objects.keys()) {
      if (key !== known.inserted[at++]) {
        same = false;
        break;
      }
    }
    if (same) return known.sorted;
  }
  const inserted = [...objects.keys()];
  const plain = !inserted.some((key) => SURROGATE.test(key));
  const sorted = plain ? inserted.toSorted() : inserted.toSorted(compareKeys);
  cache.set(objects, { inserted, sorted });
  return sorted;
}

/** The first index from `low` whose key is not `before`; the keys that are come first. */
function search(keys: readonly string[], low: number, before: (key: string) => boolean): number {
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(keys[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Page {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  /** The last key or common prefix, where more follow. */
  readonly next?: string;
}

/** Keys and common prefixes after `after`, at most `max` of both together. */
function listPage(
  objects: ReadonlyMap<string, StoredObject>,
  {
    prefix,
    delimiter,
    after,
    max,
  }: Record<'prefix' | 'delimiter' | 'after', string> & { max: number },
): Page {
  const all = sortedKeys(objects);
  const keys: string[] = [];
  const prefixes: string[] = [];
  if (max === 0) return { keys, prefixes };
  let last = '';
  let at = search(all, 0, (key) => compareKeys(key, prefix) < 0);
  at = search(all, at, (key) => compareKeys(key, after) <= 0);
  for (; at < all.length; at++) {
    const key = all[at]!;
    if (!key.startsWith(prefix)) break;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const item = cut < 0 ? key : key.slice(0, cut + delimiter.length);
    if (cut >= 0) {
      const under = (one: string) => one.startsWith(item) || compareKeys(one, item) < 0;
      at = search(all, at, under) - 1;
      if (compareKeys(item, after) <= 0) continue;
    }
    if (keys.length + prefixes.length === max) return { keys, prefixes, next: last };
    (cut < 0 ? keys : prefixes).push(item);
    last = item;
  }
  return { keys, prefixes };
}

const NAMED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** What XML 1.0 has no way to write goes out as a numeric entity all the same, as from S3. */
function escapeXml(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[&<>"\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]/g, (char) => {
    return NAMED[char] ?? `&#x${char.charCodeAt(0).toString(16)};`;
  });
}

/** `encoding-type=url` as S3 does it: a space is `+`, a slash stays. */
function encodeKey(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
    .replaceAll('%20', '+');
}

const element = (name: string, text: string | number | boolean): string =>
  `<${name}>${escapeXml(String(text))}</${name}>`;

const etags = new WeakMap<Buffer, string>();
export function etagOf(body: Buffer): string {
  let etag = etags.get(body);
  if (etag === undefined) {
    etag = `"${createHash('md5').update(body).digest('hex')}"`;
    etags.set(body, etag);
  }
  return etag;
}

/** An object refused with InvalidObjectState is one that was archived. */
export function storageClassOf(object: StoredObject): string {
  return object.refuse?.code === 'InvalidObjectState' ? 'GLACIER' : 'STANDARD';
}

export interface ListRequest {
  readonly bucket: string;
  readonly version: 1 | 2;
  readonly query: URLSearchParams;
  readonly pageSize: number;
}

/** ListObjects and ListObjectsV2. A continuation token is the last item in base64url. */
export function listingXml(
  objects: ReadonlyMap<string, StoredObject>,
  { bucket, version, query, pageSize }: ListRequest,
): string {
  const asked = (name: string): string => query.get(name) ?? '';
  const [prefix, delimiter, token] = [
    asked('prefix'),
    asked('delimiter'),
    asked('continuation-token'),
  ];
  const start = asked(version === 1 ? 'marker' : 'start-after');
  const after = token === '' ? start : Buffer.from(token, 'base64url').toString();
  const maxKeys = Math.min(Number(query.get('max-keys') ?? 1000), 1000);
  const page = listPage(objects, { prefix, delimiter, after, max: Math.min(maxKeys, pageSize) });

  const url = asked('encoding-type') === 'url';
  const key = (name: string, text: string): string => element(name, url ? encodeKey(text) : text);
  const parts = [element('Name', bucket), key('Prefix', prefix)];
  if (delimiter !== '') parts.push(key('Delimiter', delimiter));
  if (url) parts.push(element('EncodingType', 'url'));
  parts.push(element('MaxKeys', maxKeys), element('IsTruncated', page.next !== undefined));
  if (version === 1) {
    parts.push(key('Marker', start));
    // Without a delimiter S3 leaves it to the client to go on from the last key.
    if (page.next !== undefined && delimiter !== '') parts.push(key('NextMarker', page.next));
  } else {
    parts.push(element('KeyCount', page.keys.length + page.prefixes.length));
    if (start !== '') parts.push(key('StartAfter', start));
    if (token !== '') parts.push(element('ContinuationToken', token));
    if (page.next !== undefined) {
      const next = Buffer.from(page.next).toString('base64url');
      parts.push(element('NextContinuationToken', next));
    }
  }
  for (const name of page.keys) {
    const object = objects.get(name)!;
    parts.push(
      `<Contents>${key('Key', name)}`,
      element('LastModified', (object.lastModified ?? LAST_MODIFIED).toISOString()),
      element('ETag', etagOf(object.body)),
      element('Size', object.body.length),
      `${element('StorageClass', storageClassOf(object))}</Contents>`,
    );
  }
  for (const name of page.prefixes) {
    parts.push(`<CommonPrefixes>${key('Prefix', name)}</CommonPrefixes>`);
  }
  return `${PROLOGUE}<ListBucketResult ${XMLNS}>${parts.join('')}</ListBucketResult>`;
}

export function locationXml(location: string): string {
  return `${PROLOGUE}<LocationConstraint ${XMLNS}>${escapeXml(location)}</LocationConstraint>`;
}

export function errorXml(fields: Readonly<Record<string, string>>): string {
  const inner = Object.entries(fields).map(([name, text]) => element(name, text));
  return `${PROLOGUE}<Error>${inner.join('')}</Error>`;
}
