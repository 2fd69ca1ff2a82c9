/**
 * `node bench/hash.js` (after `npm run build`): what inflating and hashing one log file costs on each
 * way, by size, without a network. The ways take turns; medians. On a busy machine only the CPU
 * column can be compared between runs.
 */
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip, gunzipSync, gzipSync } from 'node:zlib';
import { inflateMember } from '../dist/core/gzip.js';
import { hashLogFile } from '../dist/core/log-file.js';

const SIZES_KB = [1, 7, 20, 50, 100, 500, 5000];
const TURNS = 7;
const IN_FLIGHT = 8;
/** Compressed bytes that one turn of one way takes, about. */
const TURN_BYTES = 4_000_000;
const LIMIT = 2 ** 32;

/** Records with as much chance in them as CloudTrail's: they shrink to about a tenth. */
const record = (number) => ({
  eventVersion: '1.09',
  userIdentity: {
    type: 'AssumedRole',
    arn: `arn:aws:sts::111122223333:assumed-role/${number % 97}`,
  },
  eventTime: new Date(1.7e12 + number * 311).toISOString(),
  eventSource: 's3.amazonaws.com',
  eventName: ['GetObject', 'PutObject', 'ListBuckets', 'HeadObject'][number % 4],
  awsRegion: 'us-east-1',
  sourceIPAddress: `10.0.${number % 251}.${(number * 7) % 253}`,
  userAgent: 'aws-sdk-go/1.44 (go1.20; linux; amd64)',
  requestParameters: { bucketName: `bucket-${number % 20}`, key: `path/${number % 1000}/object` },
  responseElements: null,
  eventID: randomUUID(),
  readOnly: true,
  eventType: 'AwsApiCall',
  managementEvent: false,
  recipientAccountId: '111122223333',
  additionalEventData: { SignatureVersion: 'SigV4', CipherSuite: 'TLS_AES_128_GCM_SHA256' },
});

function logFile(bytes) {
  const make = (records) =>
    gzipSync(JSON.stringify({ Records: Array.from({ length: records }, (_, at) => record(at)) }));
  return make(Math.max(1, Math.round((bytes / make(1000).length) * 1000)));
}

async function* pieces(body) {
  for (let at = 0; at < body.length; at += 65536) yield body.subarray(at, at + 65536);
}

/** Each gives the SHA-256 of what a body holds. */
const WAYS = {
  product: async (body) => (await hashLogFile(pieces(body))).sha256,
  stream: async (body) => {
    const hash = createHash('sha256');
    const inflated = Readable.from(pieces(body)).pipe(createGunzip({ chunkSize: 256 * 1024 }));
    for await (const chunk of inflated) hash.update(chunk);
    return hash.digest('hex');
  },
  'at once': (body) => {
    const inflated = inflateMember(body, LIMIT - 1);
    return createHash('sha256').update(inflated.bytes).digest('hex');
  },
};

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

/** Wall and CPU microseconds a file. */
async function measure(way, body, hash, files) {
  let next = 0;
  const begun = performance.now();
  const cpu = process.cpuUsage();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next++ < files) {
        if ((await way(body)) !== hash) throw new Error('a wrong hash');
      }
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  return { wall: ((performance.now() - begun) * 1000) / files, cpu: (user + system) / files };
}

console.log(`Node ${process.version}; ${IN_FLIGHT} in flight; microseconds a file, wall / CPU`);
console.log(
  ['gz bytes', 'raw bytes', ...Object.keys(WAYS)].map((one) => one.padStart(17)).join(''),
);
for (const size of SIZES_KB) {
  const body = logFile(size * 1000);
  const raw = gunzipSync(body);
  const hash = createHash('sha256').update(raw).digest('hex');
  const files = Math.max(IN_FLIGHT * 2, Math.ceil(TURN_BYTES / body.length));
  const ways = Object.values(WAYS).map((way) => ({ way, all: [] }));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { way, all } of ways) all.push(await measure(way, body, hash, files));
  }
  const cells = ways.map(({ all }) =>
    [all.map(({ wall }) => wall), all.map(({ cpu }) => cpu)]
      .map((values) => median(values).toFixed(0))
      .join(' / '),
  );
  console.log([body.length, raw.length, ...cells].map((one) => String(one).padStart(17)).join(''));
}
