/** ListObjects and ListObjectsV2 over sorted keys, by binary search. Keys hold nothing to escape. */
import type { Trail } from './trail.js';

/** Index of the first key that is not before `wanted`. */
function lowerBound(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

const LAST = '\uffff';
const TIME = '2026-01-01T00:00:00.000Z';

/** A page of a listing, in the version that the query asks for. */
export function listPage({ bucket, keys, objects }: Trail, query: URLSearchParams): string {
  const isSecond = query.get('list-type') === '2';
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const token = query.get('continuation-token');
  const after = isSecond ? (token ?? query.get('start-after') ?? '') : (query.get('marker') ?? '');
  const max = Math.min(Number(query.get('max-keys') ?? 1000), 1000);
  const skipsFolder = delimiter !== '' && after.endsWith(delimiter);
  let at = lowerBound(keys, prefix);
  if (after >= prefix) at = Math.max(at, lowerBound(keys, after + (skipsFolder ? LAST : '\0')));
  let text = '';
  let count = 0;
  let last = '';
  while (count < max) {
    const key = keys[at];
    if (key?.startsWith(prefix) !== true) break;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (cut < 0) {
      last = key;
      const size = objects.get(key)?.body.length ?? 0;
      text += `<Contents><Key>${key}</Key><LastModified>${TIME}</LastModified><ETag>"0"</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
      at++;
    } else {
      last = key.slice(0, cut + delimiter.length);
      text += `<CommonPrefixes><Prefix>${last}</Prefix></CommonPrefixes>`;
      at = lowerBound(keys, last + LAST);
    }
    count++;
  }
  const isCut = keys[at]?.startsWith(prefix) === true;
  const next = isSecond ? 'NextContinuationToken' : 'NextMarker';
  return (
    `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name>` +
    `<Prefix>${prefix}</Prefix>${isSecond ? `<KeyCount>${count}</KeyCount>` : `<Marker>${after}</Marker>`}<MaxKeys>${max}</MaxKeys>` +
    `${query.has('encoding-type') ? '<EncodingType>url</EncodingType>' : ''}<IsTruncated>${isCut}</IsTruncated>` +
    `${isCut ? `<${next}>${last}</${next}>` : ''}${text}</ListBucketResult>`
  );
}
