/** S3's answers: objects, pages of listings in S3's order, errors, and the XML of it all. */
import { createHash } from 'node:crypto';
import type { EndpointOptions } from './aws-endpoint.js';
import type { Refusal, StoredBucket, StoredObject, World } from './world.js';

const LAST_MODIFIED = new Date('2026-01-01T00:00:00Z');
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
function etagOf(body: Buffer): string {
  let etag = etags.get(body);
  if (etag === undefined) {
    etag = `"${createHash('md5').update(body).digest('hex')}"`;
    etags.set(body, etag);
  }
  return etag;
}

/** An object refused with InvalidObjectState is one that was archived. */
function storageClassOf(object: StoredObject): string {
  return object.refuse?.code === 'InvalidObjectState' ? 'GLACIER' : 'STANDARD';
}

interface ListRequest {
  readonly bucket: string;
  readonly version: 1 | 2;
  readonly query: URLSearchParams;
  readonly pageSize: number;
}

/** ListObjects and ListObjectsV2. A continuation token is the last item in base64url. */
function listingXml(
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

function locationXml(location: string): string {
  return `${PROLOGUE}<LocationConstraint ${XMLNS}>${escapeXml(location)}</LocationConstraint>`;
}

export function errorXml(fields: Readonly<Record<string, string>>): string {
  const inner = Object.entries(fields).map(([name, text]) => element(name, text));
  return `${PROLOGUE}<Error>${inner.join('')}</Error>`;
}

export type Headers = Record<string, string | number>;
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string | Buffer;
}

/** An answer other than the one that was asked for. */
export class Refused extends Error {
  readonly refusal: Refusal;
  readonly headers: Headers;
  readonly fields: Readonly<Record<string, string>>;
  constructor(
    refusal: Refusal,
    headers: Headers = {},
    fields: Readonly<Record<string, string>> = {},
  ) {
    super(refusal.message ?? refusal.code);
    this.refusal = refusal;
    this.headers = headers;
    this.fields = fields;
  }
}

export function refused(status: number, code: string, message = code): Refused {
  return new Refused({ status, code, message });
}

export interface S3Call {
  readonly operation: string;
  /** The Region the request is signed for. */
  readonly region?: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly query: URLSearchParams;
}

function objectHeaders(object: StoredObject): Headers {
  const headers: Headers = {
    'content-type': 'application/json',
    'content-encoding': 'gzip',
    'content-length': object.body.length,
    etag: etagOf(object.body),
    'last-modified': (object.lastModified ?? LAST_MODIFIED).toUTCString(),
  };
  for (const [name, value] of Object.entries(object.metadata ?? {})) {
    // What a header can't carry S3 gives as RFC 2047.
    headers[`x-amz-meta-${name}`] = /^[\x20-\x7e]*$/.test(value)
      ? value
      : `=?UTF-8?B?${Buffer.from(value).toString('base64')}?=`;
  }
  const storageClass = storageClassOf(object);
  if (storageClass !== 'STANDARD') headers['x-amz-storage-class'] = storageClass;
  return headers;
}

const xml = (body: string): Reply => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body,
});

export function answerS3(world: World, options: EndpointOptions, call: S3Call): Reply {
  const { operation, bucket = '', key = '', region } = call;
  const denied = options.denied?.includes(operation) === true;
  if (operation === 'NotImplemented') throw refused(501, 'NotImplemented');
  const stored = world.buckets.get(bucket);
  if (!stored) throw refused(404, 'NoSuchBucket', 'The specified bucket does not exist');
  const regionHeader: Headers =
    options.bucketRegionHeader === false ? {} : { 'x-amz-bucket-region': stored.region };
  if (operation === 'GetBucketLocation') {
    if (denied) throw refused(403, 'AccessDenied', 'Access Denied');
    const location = stored.region === 'us-east-1' ? '' : stored.region;
    return xml(locationXml(options.locations?.get(bucket) ?? location));
  }
  if (options.checkRegion && region !== undefined && region !== stored.region) {
    throw wrongRegion(options, stored, bucket, region, regionHeader);
  }
  if (denied) {
    const refusal = { status: 403, code: 'AccessDenied', message: 'Access Denied' };
    throw new Refused(refusal, operation === 'HeadBucket' ? regionHeader : {});
  }
  if (operation === 'HeadBucket') return { status: 200, headers: regionHeader, body: '' };
  if (operation === 'ListObjects' || operation === 'ListObjectsV2') {
    if (stored.refuseListing) throw new Refused(stored.refuseListing);
    const version = operation === 'ListObjects' ? 1 : 2;
    const { pageSize = 1000 } = options;
    const listing = listingXml(stored.objects, { bucket, version, query: call.query, pageSize });
    return { ...xml(listing), headers: { ...xml('').headers, ...regionHeader } };
  }
  const object = stored.objects.get(key);
  if (!object) throw refused(404, 'NoSuchKey', 'The specified key does not exist.');
  // HEAD tells of an archived object what GET refuses.
  const archived = storageClassOf(object) !== 'STANDARD';
  if (object.refuse && !(archived && operation === 'HeadObject')) throw new Refused(object.refuse);
  return { status: 200, headers: objectHeaders(object), body: object.body };
}

function wrongRegion(
  options: EndpointOptions,
  stored: StoredBucket,
  bucket: string,
  region: string,
  headers: Headers,
): Refused {
  if (options.redirectAs === 'malformed') {
    const message = `The authorization header is malformed; the region '${region}' is wrong; expecting '${stored.region}'`;
    const code = 'AuthorizationHeaderMalformed';
    return new Refused({ status: 400, code, message }, headers, { Region: stored.region });
  }
  const message =
    'The bucket you are attempting to access must be addressed using the specified endpoint.';
  const fields = { Endpoint: `${bucket}.s3.${stored.region}.amazonaws.com`, Bucket: bucket };
  return new Refused({ status: 301, code: 'PermanentRedirect', message }, headers, fields);
}
