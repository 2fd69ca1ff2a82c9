/** Listings read past most of the AWS SDK: what comes of them must be what the SDK gives. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { parseListing } from '../src/sources/plain-list.js';
import type { S3SourceOptions } from '../src/sources/s3.js';
import { startEndpoint } from './support/loopback.js';
import { startMoto, startRadosgw, upload } from './support/real-s3.js';
import { s3SourceAt, SECRETS } from './support/s3-source.js';
import { TrailBuilder } from './support/trail-builder.js';

const BUCKET = 'trail-bucket';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function s3At(url: string, more: Partial<S3SourceOptions> = {}) {
  const source = s3SourceAt(url, more);
  undo.push(() => source.close());
  return source;
}

const AWKWARD = [
  ...[' ', 'a b', 'a+b', 'a%20b', "it's (*)!~", 'é/\u{1f600}', '?x=1&y#z', '%', '\u0001', '<Key>'],
  ...['a//b', 'a/b/c', 'trailing/', '&amp;', 'k'.repeat(1000), '\u0000', ']]>', '"quoted"'],
];

describe('a listing', () => {
  it('has the names, sizes, times and folders that the SDK gives, whatever the names', async () => {
    const builder = new TrailBuilder();
    for (const [at, key] of AWKWARD.entries()) {
      builder.put(BUCKET, key, { body: Buffer.alloc(at) });
    }
    const endpoint = await startEndpoint(builder.world, { verify: SECRETS, pageSize: 5 });
    undo.push(() => endpoint.close());
    for (const prefix of ['', 'a', 'a/', 'é', ' ', '?x=1&y', "it's (*)!~", 'nothing']) {
      for (const folders of [false, true]) {
        const plain = await s3At(endpoint.url).list(BUCKET, prefix, { folders });
        const sdk = await s3At(endpoint.url, { isPlain: false }).list(BUCKET, prefix, { folders });
        expect(plain, prefix).toEqual(sdk);
        expect(plain.ok).toBe(true);
      }
    }
    const asked = endpoint.requests;
    expect(asked.get('plainList')).toBe((asked.get('ListObjectsV2') ?? 0) / 2);
  });

  it('that is refused, or of no bucket, is told as the SDK tells it', async () => {
    const builder = new TrailBuilder();
    const refuse = { status: 403, code: 'AccessDenied', message: 'Access Denied' };
    builder.world.buckets.get(BUCKET)!.refuseListing = refuse;
    const endpoint = await startEndpoint(builder.world);
    undo.push(() => endpoint.close());
    for (const bucket of [BUCKET, 'no-such-bucket']) {
      const plain = await s3At(endpoint.url).list(bucket, 'a');
      expect(plain).toEqual(await s3At(endpoint.url, { isPlain: false }).list(bucket, 'a'));
      expect(plain.ok).toBe(false);
    }
  });
});

const contents = (inner: string): string => `<Contents>${inner}</Contents>`;
const OBJECT =
  '<Key>a/b.gz</Key><LastModified>2026-03-10T12:00:00.000Z</LastModified><ETag>&quot;x&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass>';
const page = (inner: string, more = '<IsTruncated>false</IsTruncated>'): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>${more}${inner}</ListBucketResult>`;

/** What the SDK makes of a server that answers every request so. */
async function throughSdk(body: string, isPlain: boolean) {
  let plain = 0;
  const server = createServer((request, response) => {
    const isListing = request.url?.includes('list-type') === true;
    if (isListing && request.headers['amz-sdk-invocation-id'] === undefined) plain++;
    response.writeHead(200, {
      'content-type': 'application/xml',
      'x-amz-bucket-region': 'us-east-1',
    });
    response.end(isListing ? body : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const listed = await s3At(`http://127.0.0.1:${port}`, { isPlain }).list(BUCKET, 'a');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return { listed, plain };
}

describe('a page', () => {
  const USUAL: [string, string][] = [
    ['as S3 writes it', page(contents(OBJECT))],
    [
      'with an owner and what is restored',
      page(
        contents(
          `${OBJECT}<Owner><ID>1</ID><DisplayName/></Owner><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus>`,
        ),
      ),
    ],
    [
      'with checksums',
      page(
        contents(
          `${OBJECT}<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>`,
        ),
      ),
    ],
    ['with line breaks', page(contents(OBJECT)).replaceAll('><', '>\n  <')],
    ['with nothing in it', page('')],
    ['with folders', page('<CommonPrefixes><Prefix>a%2Fb+c/</Prefix></CommonPrefixes>')],
  ];
  it.each(USUAL)('%s: read here, as the SDK reads it', async (_name, body) => {
    const here = await throughSdk(body, true);
    const sdk = await throughSdk(body, false);
    expect(here.plain).toBe(1);
    expect(parseListing(body)).toBeDefined();
    expect(here.listed).toEqual(sdk.listed);
  });

  const ODD: [string, string][] = [
    ['without an end', page(contents(OBJECT)).replace('</ListBucketResult>', '')],
    ['cut short', page(contents(OBJECT)).slice(0, -60)],
    ['with something behind', `${page(contents(OBJECT))}<x/>`],
    ['of another kind', page('').replaceAll('ListBucketResult', 'Error')],
    ['without an encoding', page(contents(OBJECT)).replace('<EncodingType>url</EncodingType>', '')],
    ['with an entity in a name', page(contents(OBJECT.replace('a/b', 'a&amp;b')))],
    ['with a raw byte in a name', page(contents(OBJECT.replace('a/b', 'aéb')))],
    ['with two names for an object', page(contents(`${OBJECT}<Key>other</Key>`))],
    ['with an object without a name', page(contents(OBJECT.replace('<Key>a/b.gz</Key>', '')))],
    ['with a size that is none', page(contents(OBJECT.replace('>7<', '>-7<')))],
    ['with a time that is none', page(contents(OBJECT.replace('12:00:00.000Z', 'noon')))],
    ['with an element within a name', page(contents(OBJECT.replace('a/b', 'a<i/>b')))],
    ['with a comment', page(`<!-- ${contents(OBJECT)} -->`)],
    ['that does not say whether there is more', page(contents(OBJECT), '')],
    [
      'that says twice whether there is more',
      page('', '<IsTruncated>true</IsTruncated><IsTruncated>false</IsTruncated>'),
    ],
    [
      'with an entity in its token',
      page(
        '',
        '<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>',
      ),
    ],
  ];
  it.each(ODD)('%s: left to the SDK', (_name, body) => {
    expect(parseListing(body)).toBeUndefined();
  });

  it('of any bytes is read in time that grows with them, and never throws', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            '<Contents>',
            '</Contents>',
            OBJECT,
            '<Owner>',
            '</Owner>',
            'x',
            '<',
            '>',
            '&',
            '\n',
          ),
        ),
        (parts) => {
          parseListing(page(parts.join('')));
        },
      ),
    );
    // Past the test's time limit, should any of it be tried in many ways.
    parseListing(page('<Contents>'.repeat(200_000)));
    parseListing(page(contents(`<Owner>${'<ID>1</ID>'.repeat(200_000)}`)));
    parseListing(page(' '.repeat(2_000_000)));
  });
});

describe.each([
  ['moto', startMoto],
  ['radosgw', startRadosgw],
] as const)('%s', (name, start) => {
  it('lists to us what it lists to the SDK', async ({ skip }) => {
    const server = await start();
    if (!server) {
      skip(`${name} is not on this machine`);
      return;
    }
    undo.push(() => server.stop());
    const builder = new TrailBuilder();
    const keys = AWKWARD.filter((key) => !/[\u0000\u0001]/.test(key)).map((key) => `list/${key}`);
    for (const [at, key] of keys.entries()) builder.put(BUCKET, key, { body: Buffer.alloc(at) });
    await upload(server, builder.world);
    const client = { credentials: server.credentials };
    for (const prefix of ['list/', 'list/a', 'list/a/', 'list/é', 'none']) {
      for (const folders of [false, true]) {
        const [plain, sdk] = await Promise.all(
          [true, false].map((isPlain) =>
            s3At(server.url, { isPlain, client }).list(BUCKET, prefix, { folders }),
          ),
        );
        expect(plain, prefix).toEqual(sdk);
        expect(plain?.ok && plain.value.objects.length + plain.value.folders.length > 0).toBe(
          prefix !== 'none',
        );
      }
    }
  }, 240_000);
});
