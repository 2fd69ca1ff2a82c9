/** The loopback endpoint's S3: buckets and objects with versions, read and written. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  AwsFault,
  bodyOf,
  fault,
  signingRegion,
  type FaultKind,
  type Service,
} from './loopback-service.js';
import { compareBytes, keysUnder } from './keyed.js';
import {
  deleteObject,
  LONG_AGO,
  putObject,
  versionsOf,
  type StoredBucket,
  type StoredObject,
  type StoredVersion,
  type World,
} from './world.js';

const XML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};
export const escapeXml = (text: string): string =>
  text.replace(
    /[&<>"\u0000-\u001f]/g,
    (char) => XML[char] ?? `&#x${char.charCodeAt(0).toString(16)};`,
  );
const encodeKey = (key: string): string =>
  encodeURIComponent(key)
    .replace(/%2F/g, '/')
    .replace(/%20/g, '+')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** GETs of each object so far. */
const reads = new WeakMap<StoredObject, number>();
const etags = new WeakMap<Buffer, string>();
function etagOf(body: Buffer): string {
  let etag = etags.get(body);
  if (etag === undefined) {
    etag = `"${createHash('md5').update(body).digest('hex')}"`;
    etags.set(body, etag);
  }
  return etag;
}

const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

const modified = (object: StoredObject | undefined): Date => object?.lastModified ?? LONG_AGO;
const numberOf = (text: string | null): number => Number(text ?? 1000);

const listing = (
  bucket: string,
  objects: ReadonlyMap<string, StoredObject>,
  query: URLSearchParams,
  version: 1 | 2,
  pageSize: number,
): string => {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const token = query.get('continuation-token');
  const after =
    version === 1
      ? (query.get('marker') ?? '')
      : token === null
        ? (query.get('start-after') ?? '')
        : Buffer.from(token, 'base64').toString('utf8');
  const max = Math.min(numberOf(query.get('max-keys')), pageSize);
  const url = query.get('encoding-type') === 'url';
  const text = (key: string): string => (url ? encodeKey(key) : escapeXml(key));
  const entries: string[] = [];
  const folders = new Set<string>();
  let last = '';
  let truncated = false;
  for (const key of keysUnder(objects, prefix)) {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const folder = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
    const name = folder ?? key;
    if (after !== '' && compareBytes(name, after) <= 0) continue;
    if (folder !== undefined && folders.has(folder)) continue;
    if (entries.length + folders.size >= max) {
      truncated = true;
      break;
    }
    last = name;
    if (folder !== undefined) {
      folders.add(folder);
      continue;
    }
    const object = objects.get(key);
    const time = modified(object).toISOString();
    entries.push(
      `<Contents><Key>${text(key)}</Key><LastModified>${time}</LastModified><ETag>"0"</ETag><Size>${object?.body.length ?? 0}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
    );
  }
  const common = [...folders].map(
    (one) => `<CommonPrefixes><Prefix>${text(one)}</Prefix></CommonPrefixes>`,
  );
  const next = truncated
    ? version === 1
      ? `<NextMarker>${text(last)}</NextMarker>`
      : `<NextContinuationToken>${Buffer.from(last).toString('base64')}</NextContinuationToken>`
    : '';
  return (
    `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult ${NAMESPACE}><Name>${escapeXml(bucket)}</Name>` +
    `<Prefix>${text(prefix)}</Prefix>${version === 1 ? `<Marker>${text(after)}</Marker>` : `<KeyCount>${entries.length + folders.size}</KeyCount>`}` +
    `<MaxKeys>${max}</MaxKeys>${url ? '<EncodingType>url</EncodingType>' : ''}<IsTruncated>${truncated}</IsTruncated>${next}` +
    `${entries.join('')}${common.join('')}</ListBucketResult>`
  );
};

/** ListObjectVersions: after a key, or after one of its versions. */
const versionListing = (
  bucket: string,
  stored: StoredBucket,
  query: URLSearchParams,
  pageSize: number,
): string => {
  const prefix = query.get('prefix') ?? '';
  const afterKey = query.get('key-marker') ?? '';
  const afterVersion = query.get('version-id-marker') ?? '';
  const max = Math.min(numberOf(query.get('max-keys')), pageSize);
  const url = query.get('encoding-type') === 'url';
  const text = (key: string): string => (url ? encodeKey(key) : escapeXml(key));
  const keys = new Set([
    ...keysUnder(stored.objects, prefix),
    ...(stored.versions ? keysUnder(stored.versions, prefix) : []),
  ]);
  const all = [...keys]
    .sort(compareBytes)
    .filter((key) => afterKey === '' || compareBytes(key, afterKey) >= 0)
    .flatMap((key) => {
      const versions = versionsOf(stored, key).map((version, index) => ({ key, version, index }));
      if (key !== afterKey) return versions;
      const at = versions.findIndex(({ version }) => version.versionId === afterVersion);
      return at < 0 ? [] : versions.slice(at + 1);
    });
  const page = all.slice(0, max);
  const last = page.at(-1);
  const truncated = all.length > page.length;
  const entries = page.map(({ key, version, index }) => {
    const { versionId, isDeleteMarker, body } = version;
    const name = isDeleteMarker === true ? 'DeleteMarker' : 'Version';
    const size =
      isDeleteMarker === true
        ? ''
        : `<ETag>${escapeXml(etagOf(body))}</ETag><Size>${body.length}</Size><StorageClass>STANDARD</StorageClass>`;
    return `<${name}><Key>${text(key)}</Key><VersionId>${versionId}</VersionId><IsLatest>${index === 0}</IsLatest><LastModified>${version.lastModified.toISOString()}</LastModified>${size}</${name}>`;
  });
  const next =
    truncated && last
      ? `<NextKeyMarker>${text(last.key)}</NextKeyMarker><NextVersionIdMarker>${last.version.versionId}</NextVersionIdMarker>`
      : '';
  return (
    `<?xml version="1.0" encoding="UTF-8"?><ListVersionsResult ${NAMESPACE}><Name>${escapeXml(bucket)}</Name>` +
    `<Prefix>${text(prefix)}</Prefix><KeyMarker>${text(afterKey)}</KeyMarker><VersionIdMarker>${afterVersion}</VersionIdMarker>` +
    `<MaxKeys>${max}</MaxKeys>${url ? '<EncodingType>url</EncodingType>' : ''}<IsTruncated>${truncated}</IsTruncated>${next}` +
    `${entries.join('')}</ListVersionsResult>`
  );
};

/** The version that a GET or a copy means, or the fault that S3 answers with. */
function find(
  stored: StoredBucket,
  key: string,
  versionId: string | null,
): StoredObject | StoredVersion {
  const marker = { 'x-amz-delete-marker': 'true' };
  if (versionId !== null) {
    const found = versionsOf(stored, key).find((one) => one.versionId === versionId);
    if (!found) throw fault(404, 'NoSuchVersion', 'The specified version does not exist.');
    if (found.isDeleteMarker !== true) return found;
    const refusal = { status: 405, code: 'MethodNotAllowed' };
    throw new AwsFault({ ...refusal, message: 'not allowed against this resource' }, marker);
  }
  const object = stored.objects.get(key);
  if (object) return object;
  const isDeleted = versionsOf(stored, key)[0]?.isDeleteMarker === true;
  const refusal = { status: 404, code: 'NoSuchKey', message: 'The specified key does not exist.' };
  throw new AwsFault(refusal, isDeleted ? marker : {});
}

function headersOf(object: StoredObject | StoredVersion): Record<string, string | number> {
  const headers: Record<string, string | number> = {
    'content-length': object.body.length,
    'content-type': 'application/json',
    'content-encoding': 'gzip',
    etag: etagOf(object.body),
    'last-modified': modified(object).toUTCString(),
  };
  if ('versionId' in object) headers['x-amz-version-id'] = object.versionId;
  if (object.retention) {
    headers['x-amz-object-lock-mode'] = object.retention.mode;
    headers['x-amz-object-lock-retain-until-date'] = new Date(
      object.retention.until * 1000,
    ).toISOString();
  }
  for (const [name, value] of Object.entries(object.metadata ?? {}))
    headers[`x-amz-meta-${name}`] = value;
  return headers;
}

function metadataIn(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers)
      .filter(([name]) => name.startsWith('x-amz-meta-'))
      .map(([name, value]) => [name.slice('x-amz-meta-'.length), String(value)]),
  );
}

/** Makes the handler of S3 requests for a world. */
export function createS3Service(world: World, { options, count }: Service) {
  const checkRegion = (request: IncomingMessage, bucketRegion: string): void => {
    if (options().checkRegion === undefined || signingRegion(request) === bucketRegion) return;
    const headers = { 'x-amz-bucket-region': bucketRegion };
    if (options().checkRegion === 'redirect') {
      throw new AwsFault({ status: 301, code: 'PermanentRedirect' }, headers);
    }
    throw new AwsFault({ status: 400, code: 'AuthorizationHeaderMalformed' }, headers);
  };

  const bucketNamed = (request: IncomingMessage, name: string): StoredBucket => {
    const stored = world.buckets.get(name);
    if (!stored) throw fault(404, 'NoSuchBucket', 'The specified bucket does not exist');
    checkRegion(request, stored.region);
    return stored;
  };
  const now = (): Date => options().now ?? new Date();
  const lookUp = (stored: StoredBucket, key: string, versionId: string | null): StoredObject => {
    let object: StoredObject;
    try {
      object = find(stored, key, versionId);
    } catch (error) {
      if (options().absentIsForbidden !== true) throw error;
      throw fault(403, 'AccessDenied', 'Access Denied');
    }
    const served = reads.get(object) ?? 0;
    reads.set(object, served + 1);
    if (object.refuse && served >= (object.refuseAfter ?? 0)) throw new AwsFault(object.refuse);
    return object;
  };

  const onBucket = (request: IncomingMessage, bucket: string, query: URLSearchParams) => {
    if (query.has('location')) {
      count('GetBucketLocation');
      const stored = world.buckets.get(bucket);
      if (!stored) throw fault(404, 'NoSuchBucket');
      const usual = stored.region === 'us-east-1' ? '' : stored.region;
      return `<?xml version="1.0"?><LocationConstraint ${NAMESPACE}>${options().locations?.get(bucket) ?? usual}</LocationConstraint>`;
    }
    if (query.has('versioning')) {
      count('GetBucketVersioning');
      const { versioning } = bucketNamed(request, bucket);
      const status = versioning === undefined ? '' : `<Status>${versioning}</Status>`;
      return `<?xml version="1.0"?><VersioningConfiguration ${NAMESPACE}>${status}</VersioningConfiguration>`;
    }
    if (query.has('lifecycle')) {
      count('GetBucketLifecycleConfiguration');
      const { lifecycle } = bucketNamed(request, bucket);
      if (lifecycle === undefined)
        throw fault(
          404,
          'NoSuchLifecycleConfiguration',
          'The lifecycle configuration does not exist',
        );
      return `<?xml version="1.0"?><LifecycleConfiguration ${NAMESPACE}>${lifecycle}</LifecycleConfiguration>`;
    }
    const { pageSize = 1000 } = options();
    const version = query.get('list-type') === '2' ? 2 : 1;
    const versions = query.has('versions');
    count(versions ? 'ListObjectVersions' : version === 2 ? 'ListObjectsV2' : 'ListObjects');
    if (request.headers['amz-sdk-invocation-id'] === undefined) count('plainList');
    const stored = bucketNamed(request, bucket);
    const { refuseListing: refusal } = stored;
    const ofIt = refusal?.prefix === undefined || refusal.prefix === query.get('prefix');
    if (refusal && ofIt) throw new AwsFault(refusal);
    return versions
      ? versionListing(bucket, stored, query, pageSize)
      : listing(bucket, stored.objects, query, version, pageSize);
  };

  const copied = (request: IncomingMessage, source: string): StoredObject => {
    const { pathname, searchParams } = new URL(source.replace(/^\/*/, '/'), 'http://localhost');
    const [, bucket = '', ...rest] = pathname.split('/');
    const from = bucketNamed(request, decodeURIComponent(bucket));
    const key = decodeURIComponent(rest.join('/'));
    const { body, metadata = {} } = lookUp(from, key, searchParams.get('versionId'));
    const replace = request.headers['x-amz-metadata-directive'] === 'REPLACE';
    return { body, metadata: replace ? metadataIn(request) : metadata };
  };

  const write = async (
    request: IncomingMessage,
    response: ServerResponse,
    place: { bucket: string; key: string; versionId: string | null },
  ): Promise<void> => {
    const { bucket, key, versionId } = place;
    if (request.method === 'DELETE') {
      count('DeleteObject');
      const stored = bucketNamed(request, bucket);
      const named = versionId === null ? {} : { versionId };
      const marker = deleteObject(stored, key, { at: now(), ...named });
      const headers: Record<string, string> =
        versionId === null ? {} : { 'x-amz-version-id': versionId };
      if (marker)
        Object.assign(headers, {
          'x-amz-delete-marker': 'true',
          'x-amz-version-id': marker.versionId,
        });
      response.writeHead(204, headers).end();
      return;
    }
    const source = request.headers['x-amz-copy-source'];
    count(source === undefined ? 'PutObject' : 'CopyObject');
    const sent = await bodyOf(request);
    if (String(request.headers['content-encoding']).includes('aws-chunked'))
      throw fault(501, 'NotImplemented', 'aws-chunked bodies');
    const stored = bucketNamed(request, bucket);
    const object =
      source === undefined
        ? { body: sent, metadata: metadataIn(request) }
        : copied(request, String(source));
    const added = putObject(stored, key, object, now());
    const headers = {
      etag: etagOf(object.body),
      ...(added ? { 'x-amz-version-id': added.versionId } : {}),
    };
    if (source === undefined) response.writeHead(200, headers).end();
    else
      response
        .writeHead(200, { ...headers, 'content-type': 'application/xml' })
        .end(
          `<?xml version="1.0"?><CopyObjectResult ${NAMESPACE}><LastModified>${now().toISOString()}</LastModified><ETag>${escapeXml(etagOf(object.body))}</ETag></CopyObjectResult>`,
        );
  };

  return async (
    request: IncomingMessage,
    response: ServerResponse,
    broken: FaultKind | undefined,
  ): Promise<void> => {
    // Not read as a URL, which would resolve the dots that a key may have between slashes.
    const [path = '', ...more] = (request.url ?? '/').split('?');
    const query = new URLSearchParams(more.join('?'));
    const [, bucketPart = '', ...rest] = path.split('/');
    const bucket = decodeURIComponent(bucketPart);
    const key = decodeURIComponent(rest.join('/'));
    const versionId = query.get('versionId');
    const isHead = request.method === 'HEAD';
    if (key === '') {
      if (isHead) {
        count('HeadBucket');
        const { region } = bucketNamed(request, bucket);
        const headers =
          options().bucketRegionHeader === false ? {} : { 'x-amz-bucket-region': region };
        response.writeHead(200, headers).end();
      } else if (request.method === 'GET') {
        const text = onBucket(request, bucket, query);
        response.writeHead(200, { 'content-type': 'application/xml' }).end(text);
      } else throw fault(501, 'NotImplemented');
      return;
    }
    if (request.method === 'PUT' || request.method === 'DELETE') {
      await write(request, response, { bucket, key, versionId });
      return;
    }
    count(isHead ? 'HeadObject' : 'GetObject');
    if (!isHead && request.headers['amz-sdk-invocation-id'] === undefined) count('plain');
    if (!isHead && options().answerGet?.(request, response) === true) return;
    const object = lookUp(bucketNamed(request, bucket), key, versionId);
    response.writeHead(200, headersOf(object));
    if (isHead) response.end();
    else if (broken === 'cut' || broken === 'stall') {
      response.write(object.body.subarray(0, object.body.length / 2), () => {
        if (broken === 'cut') response.destroy();
      });
    } else response.end(object.body);
  };
}
