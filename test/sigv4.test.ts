/** Our signatures beside those of the AWS SDK's signer. */
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createSigner,
  escapeKey,
  escapeValue,
  type SigningCredentials,
} from '../src/sources/sigv4.js';

const EMPTY = createHash('sha256').update('').digest('hex');
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPx' };
const AT = Date.parse('2026-03-10T23:59:58.700Z');

/** What the SDK's signer hashes with. */
class Sha256 {
  readonly #hash;
  constructor(secret?: unknown) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Buffer);
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new Error('not used');
  }
}

const headersFor = (host: string) => ({ host, 'x-amz-content-sha256': EMPTY });

async function sdkHeaders(
  path: string,
  host: string,
  region: string,
  by: SigningCredentials,
  at: number,
  query: Readonly<Record<string, string>> = { 'x-id': 'GetObject' },
) {
  const { sessionToken, ...keys } = by;
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials: { ...keys, ...(sessionToken === undefined ? {} : { sessionToken }) },
    sha256: Sha256,
    uriEscapePath: false,
  });
  const request = {
    method: 'GET',
    protocol: 'https:',
    hostname: host,
    path,
    query,
    headers: headersFor(host),
  };
  const { headers } = await signer.sign(request, { signingDate: new Date(at) });
  return headers;
}

/** The SDK's way of writing a key. */
const sdkEscape = (key: string): string =>
  key
    .split('/')
    .map((part) =>
      encodeURIComponent(part).replace(
        /[!'()*]/g,
        (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
      ),
    )
    .join('/');

const KEYS = [
  Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join(''),
  'AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/10/a.json.gz',
  ' leading and trailing ',
  'a+b%20c%2Fd',
  "!'()*~-._",
  'é/€/\u{1f600}/日本語',
  './../.././a/./b/../c',
  'a//b///c/',
  '/leading',
  '//',
  '?versionId=1#fragment&x=y',
  '\u0001\t\n\r\u007f',
  'k'.repeat(1024),
  '\u{1f600}'.repeat(256),
];

const QUERY = 'x-id=GetObject';

describe('a signature', () => {
  it.each(KEYS)('is the SDK’s for a listing under %j', async (prefix) => {
    const host = 's3.us-east-1.amazonaws.com';
    const sign = createSigner({ region: 'us-east-1', service: 's3', headers: headersFor(host) });
    const query = { 'list-type': '2', 'continuation-token': prefix, prefix };
    const own = `continuation-token=${escapeValue(prefix)}&list-type=2&prefix=${escapeValue(prefix)}`;
    expect(sign('/bucket', own, credentials, AT)).toEqual(
      await sdkHeaders('/bucket', host, 'us-east-1', credentials, AT, query),
    );
  });

  it.each(KEYS)('is the SDK’s for the key %j', async (key) => {
    const path = `/bucket/${escapeKey(key)}`;
    expect(path).toBe(`/bucket/${sdkEscape(key)}`);
    const host = 's3.us-east-1.amazonaws.com';
    const sign = createSigner({
      region: 'us-east-1',
      service: 's3',
      headers: headersFor(host),
    });
    expect(sign(path, QUERY, credentials, AT)).toEqual(
      await sdkHeaders(path, host, 'us-east-1', credentials, AT),
    );
  });

  it('is the SDK’s whatever key, Region, host, credentials and time, with one signer for all', async () => {
    const host = 'trail.bucket.s3-fips.dualstack.eu-west-1.amazonaws.com';
    const sign = createSigner({
      region: 'eu-west-1',
      service: 's3',
      headers: headersFor(host),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 80 }),
        // Few of each, so that days, seconds and credentials change and come back.
        fc.constantFrom(0, 300, 1299, 1300, 86_400_000, -1),
        fc.constantFrom<SigningCredentials>(
          credentials,
          { ...credentials },
          { ...credentials, sessionToken: 'first/Token+==' },
          { ...credentials, sessionToken: 'second' },
          { ...credentials, secretAccessKey: 'another' },
          { accessKeyId: 'AKIDOTHER', secretAccessKey: 'secret', sessionToken: '' },
        ),
        async (key, later, by) => {
          const path = `/${escapeKey(key)}`;
          expect(path).toBe(`/${sdkEscape(key)}`);
          const signed = sign(path, QUERY, by, AT + later);
          expect(signed).toEqual(await sdkHeaders(path, host, 'eu-west-1', by, AT + later));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is never made for a key that isn’t Unicode', () => {
    expect(() => escapeKey('a\ud800')).toThrow(URIError);
  });
});
