/**
 * The catalogue: ways in which a trail can be clean, and one trail per way of lying, each with the
 * exact codes that must come of it (notices left out) and where. Vectors, the differential test
 * with the AWS CLI and the property tests are all made from it.
 */
import { deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import {
  HOUR,
  iso,
  sha256,
  signingKey,
  stamp,
  TrailBuilder,
  type BuiltChain,
  type BuiltDigest,
  type BuiltLog,
  type TrailSettings,
} from './trail-builder.js';

export interface Case {
  readonly name: string;
  readonly builder: TrailBuilder;
  readonly start: number;
  readonly end: number;
  readonly verdict: 'valid' | 'invalid' | 'incomplete';
  /** Codes above notice, one entry a finding, in any order. */
  readonly codes: readonly string[];
  /** Keys that findings above notice must stand at, where they stand at a key. */
  readonly at?: readonly string[];
  /** Total of missing digest files. */
  readonly missing?: number;
  /** Why the AWS CLI answers otherwise and why ours is right; absent where both agree. */
  readonly cliDiffers?: string;
  readonly options?: readonly string[];
}

/** 2026-03-10T08:17:28Z: an hour's minute and second that are nobody's round number. */
export const FROM = Date.UTC(2026, 2, 10, 8, 17, 28) / 1000;

interface Base {
  readonly builder: TrailBuilder;
  readonly chain: BuiltChain;
  readonly start: number;
  readonly end: number;
  readonly digest: (number: number) => BuiltDigest;
  readonly log: (digest: number, number?: number) => BuiltLog;
}

/** Eight hours, of which the first, a starting digest's, lies before the range. */
export function base(settings: TrailSettings = {}, hours = 8): Base {
  const builder = new TrailBuilder(settings);
  const chain = builder.chain({ from: FROM, hours });
  const digest = (number: number): BuiltDigest => {
    const found = chain.digests[number];
    if (!found) throw new Error(`no digest ${number}`);
    return found;
  };
  const log = (of: number, number = 0): BuiltLog => {
    const found = digest(of).logs[number];
    if (!found) throw new Error(`no log ${number} of digest ${of}`);
    return found;
  };
  return { builder, chain, start: FROM + HOUR, end: FROM + hours * HOUR, digest, log };
}

function flipByte(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/** Rewrites a stored object's inflated text. */
export function rewrite(
  builder: TrailBuilder,
  at: BuiltLog,
  change: (text: string) => string,
): void {
  const { body, ...rest } = builder.get(at);
  const text = change(gunzipSync(body).toString('utf8'));
  builder.put(at.bucket, at.key, { ...rest, body: gzipSync(text) });
}

function replaceBody(builder: TrailBuilder, at: BuiltLog, change: (body: Buffer) => Buffer): void {
  const { body, ...rest } = builder.get(at);
  builder.put(at.bucket, at.key, { ...rest, body: change(body) });
}

function setMetadata(builder: TrailBuilder, at: BuiltLog, metadata: Record<string, string>): void {
  builder.put(at.bucket, at.key, { ...builder.get(at), metadata });
}

type Expectation = Pick<Case, 'verdict' | 'codes'> & Partial<Case>;
const VALID: Expectation = { verdict: 'valid', codes: [] };
const invalid = (code: string, at?: BuiltLog, more: Partial<Case> = {}): Expectation => ({
  verdict: 'invalid',
  codes: [code],
  ...(at ? { at: [at.key] } : {}),
  ...more,
});

/** A digest file that proves nothing any more leaves its log files without proof, too. */
const lost = (code: string, at?: BuiltLog, more: Partial<Case> = {}): Expectation => ({
  ...invalid(code, at, more),
  codes: [code, 'LOG_UNVALIDATED'],
});

type Maker = (made: Base) => Expectation;

function put(
  made: Base,
  key: string,
  object: { body: Buffer; metadata?: Record<string, string> },
): void {
  made.builder.put('trail-bucket', key, object);
}

/** The key that a digest file of the base chain would have with another stamp or day folder. */
function digestKey(made: Base, time: number | string, folder?: string): string {
  const { key } = made.digest(1);
  const text = typeof time === 'number' ? stamp(time) : time;
  const day =
    folder ??
    (typeof time === 'number' ? iso(time).slice(0, 10).replaceAll('-', '/') : '2026/03/10');
  return key.replace('2026/03/10', day).replace(/\d{8}T\d{6}Z/, text);
}

const CLEAN: Readonly<Record<string, Maker>> = {
  intact: () => VALID,
  'zero-byte-folder-placeholders': (made) => {
    put(made, 'AWSLogs/111122223333/CloudTrail-Digest/', { body: Buffer.alloc(0) });
    put(made, 'AWSLogs/111122223333/CloudTrail/', { body: Buffer.alloc(0) });
    return VALID;
  },
  'time-range-ends-within-an-hour': (made) => ({ ...VALID, end: made.end - 1000 }),
  'digest-before-the-range-gone': (made) => {
    made.builder.remove(made.digest(0));
    return {
      ...VALID,
      cliDiffers:
        'W19: the CLI requires the digest that ends exactly at --start-time, wholly outside the range',
    };
  },
  'metadata-lost-but-proved-by-successor': (made) => {
    setMetadata(made.builder, made.digest(4), {});
    return {
      ...VALID,
      cliDiffers: 'W28: the successor’s signed previousDigestSignature proves the digest',
    };
  },
  'upper-case-hash': (made) => {
    const newest = made.digest(7);
    const logFiles = (newest.fields['logFiles'] as { hashValue: string }[]).map((entry) => ({
      ...entry,
      hashValue: entry.hashValue.toUpperCase(),
    }));
    made.builder.resign(newest, { logFiles });
    return { ...VALID, cliDiffers: 'W27: hex is hex in either case' };
  },
  'log-listed-twice': (made) => {
    const newest = made.digest(7);
    const logFiles = newest.fields['logFiles'] as object[];
    made.builder.resign(newest, { logFiles: [...logFiles, ...logFiles] });
    return VALID;
  },
};

const LIES: Readonly<Record<string, Maker>> = {
  'log-altered': (made) => {
    rewrite(made.builder, made.log(3), (text) => text.replace('GetObject', 'PutObject'));
    return invalid('LOG_HASH_MISMATCH', made.log(3));
  },
  'log-one-byte-flipped': (made) => {
    replaceBody(made.builder, made.log(3), (body) => flipByte(body, body.length - 20));
    return invalid('LOG_MALFORMED', made.log(3), {
      // A flipped bit in the deflate stream shows as damage, a wrong checksum or other content.
    });
  },
  'log-replaced-by-another': (made) => {
    replaceBody(made.builder, made.log(3), () => made.builder.get(made.log(4)).body);
    return invalid('LOG_HASH_MISMATCH', made.log(3));
  },
  'log-deleted': (made) => {
    made.builder.remove(made.log(5, 1));
    return invalid('LOG_MISSING', made.log(5, 1));
  },
  'log-not-gzip': (made) => {
    replaceBody(made.builder, made.log(5), (body) => gunzipSync(body));
    return invalid('LOG_MALFORMED', made.log(5));
  },
  'log-empty': (made) => {
    replaceBody(made.builder, made.log(5), () => Buffer.alloc(0));
    return invalid('LOG_MALFORMED', made.log(5));
  },
  'log-second-member': (made) => {
    replaceBody(made.builder, made.log(2), (body) =>
      Buffer.concat([body, gzipSync('{"Records":[]}')]),
    );
    return invalid('LOG_TRAILING_DATA', made.log(2), {
      cliDiffers: 'W26: appended members are read by other tools',
    });
  },
  'log-empty-second-member': (made) => {
    replaceBody(made.builder, made.log(2), (body) => Buffer.concat([body, gzipSync('')]));
    return invalid('LOG_TRAILING_DATA', made.log(2), { cliDiffers: 'W26' });
  },
  'log-trailing-garbage': (made) => {
    replaceBody(made.builder, made.log(2), (body) => Buffer.concat([body, Buffer.from('garbage')]));
    return invalid('LOG_TRAILING_DATA', made.log(2), {
      cliDiffers: 'W26: bytes after the member are not CloudTrail’s',
    });
  },
  'log-trailing-zeros': (made) => {
    replaceBody(made.builder, made.log(2), (body) => Buffer.concat([body, Buffer.alloc(8)]));
    return invalid('LOG_TRAILING_DATA', made.log(2), { cliDiffers: 'W26' });
  },
  'log-trailer-cut-off': (made) => {
    replaceBody(made.builder, made.log(2), (body) => body.subarray(0, -8));
    return invalid('LOG_MALFORMED', made.log(2), {
      cliDiffers: 'W26: a member without its trailer is not whole',
    });
  },
  'log-cut-in-half': (made) => {
    replaceBody(made.builder, made.log(2), (body) => body.subarray(0, body.length / 2));
    return invalid('LOG_MALFORMED', made.log(2));
  },
  'digest-altered': (made) => {
    rewrite(made.builder, made.digest(4), (text) =>
      text.replace('"newestEventTime":"2026', '"newestEventTime":"2025'),
    );
    return lost('DIGEST_SIGNATURE_INVALID', made.digest(4));
  },
  'digest-newest-altered': (made) => {
    rewrite(made.builder, made.digest(7), (text) =>
      text.replace('"newestEventTime":"2026', '"newestEventTime":"2025'),
    );
    return lost('DIGEST_SIGNATURE_INVALID', made.digest(7));
  },
  'digest-signature-altered': (made) => {
    const { signature } = made.digest(4);
    const wrong = (signature.startsWith('0') ? '1' : '0') + signature.slice(1);
    setMetadata(made.builder, made.digest(4), {
      signature: wrong,
      'signature-algorithm': 'SHA256withRSA',
    });
    return invalid('DIGEST_SIGNATURE_INVALID', made.digest(4));
  },
  'digest-signature-not-hex': (made) => {
    setMetadata(made.builder, made.digest(7), {
      signature: 'zz'.repeat(256),
      'signature-algorithm': 'SHA256withRSA',
    });
    return lost('DIGEST_SIGNATURE_INVALID', made.digest(7));
  },
  'digest-newest-signature-missing': (made) => {
    setMetadata(made.builder, made.digest(7), {});
    return lost('DIGEST_SIGNATURE_MISSING', made.digest(7));
  },
  'digest-signed-with-foreign-key': (made) => {
    const key = signingKey(2);
    made.builder.resign(made.digest(7), { digestPublicKeyFingerprint: key.fingerprint }, key);
    return lost('DIGEST_KEY_UNKNOWN', made.digest(7));
  },
  'digest-signed-with-foreign-key-of-same-fingerprint': (made) => {
    made.builder.resign(made.digest(7), {}, signingKey(2));
    return lost('DIGEST_SIGNATURE_INVALID', made.digest(7));
  },
  'digest-deleted': (made) => {
    made.builder.remove(made.digest(4));
    return { verdict: 'invalid', codes: ['DIGEST_MISSING', 'LOG_UNVALIDATED'], missing: 1 };
  },
  'three-digests-deleted': (made) => {
    for (const number of [3, 4, 5]) made.builder.remove(made.digest(number));
    return { verdict: 'invalid', codes: ['DIGEST_MISSING', 'LOG_UNVALIDATED'], missing: 3 };
  },
  'oldest-digests-deleted': (made) => {
    for (const number of [0, 1, 2, 3]) made.builder.remove(made.digest(number));
    return { verdict: 'invalid', codes: ['DIGEST_MISSING', 'LOG_UNVALIDATED'], missing: 3 };
  },
  'newest-digests-deleted': (made) => {
    for (const number of [6, 7]) made.builder.remove(made.digest(number));
    return {
      verdict: 'invalid',
      codes: ['CHAIN_TAIL_CUT', 'LOG_UNVALIDATED'],
      missing: 2,
      cliDiffers: 'W1: CloudTrail says that it delivered them',
    };
  },
  'everything-deleted': (made) => {
    for (const digest of made.chain.digests) {
      made.builder.remove(digest);
      for (const log of digest.logs) made.builder.remove(log);
    }
    return {
      verdict: 'invalid',
      codes: ['CHAIN_TAIL_CUT'],
      missing: 7,
      cliDiffers: 'W2: nothing found is not valid, and CloudTrail says that it delivered',
    };
  },
  'digests-deleted-beside-an-altered-one': (made) => {
    for (const number of [2, 3, 4]) made.builder.remove(made.digest(number));
    rewrite(made.builder, made.digest(5), (text) =>
      text.replace('"newestEventTime":"2026', '"newestEventTime":"2025'),
    );
    return {
      verdict: 'invalid',
      codes: [
        'DIGEST_SIGNATURE_INVALID',
        'DIGEST_MISSING',
        // One for each stretch of time: the altered digest file's, and the missing ones'.
        'LOG_UNVALIDATED',
        'LOG_UNVALIDATED',
      ],
      missing: 3,
      at: [made.digest(5).key],
    };
  },
  'digest-moved': (made) => {
    const wrong = made.digest(6);
    put(made, made.digest(5).key, {
      ...made.builder.get(wrong),
      metadata: { ...made.builder.get(wrong).metadata },
    });
    return lost('DIGEST_MOVED', made.digest(5));
  },
  'digest-of-another-account': (made) => {
    made.builder.resign(made.digest(7), { awsAccountId: '444455556666' });
    return lost('DIGEST_IDENTITY_MISMATCH', made.digest(7), {
      cliDiffers: 'W13: the account is part of what is signed',
    });
  },
  'digest-not-gzip': (made) => {
    replaceBody(made.builder, made.digest(5), (body) => gunzipSync(body));
    return lost('DIGEST_MALFORMED', made.digest(5));
  },
  'digest-trailing-data': (made) => {
    replaceBody(made.builder, made.digest(5), (body) => Buffer.concat([body, gzipSync('{}')]));
    return lost('DIGEST_TRAILING_DATA', made.digest(5), {
      cliDiffers: 'W26: digests accept trailing data in every version',
    });
  },
  'digest-trailer-cut-off': (made) => {
    replaceBody(made.builder, made.digest(5), (body) => body.subarray(0, -8));
    return lost('DIGEST_MALFORMED', made.digest(5));
  },
  'digest-without-log-files': (made) => {
    made.builder.resign(made.digest(7), { logFiles: undefined });
    return lost('DIGEST_MALFORMED', made.digest(7), {
      cliDiffers: 'W23: the CLI dies of a KeyError',
    });
  },
  'digest-empty-object': (made) => {
    put(made, made.digest(5).key, { body: gzipSync('{}') });
    return lost('DIGEST_MALFORMED', made.digest(5));
  },
  'digest-nested-deep': (made) => {
    put(made, made.digest(5).key, { body: gzipSync('['.repeat(100_000)) });
    return lost('DIGEST_MALFORMED', made.digest(5));
  },
  'predecessor-swapped': (made) => {
    made.builder.resign(made.digest(4), { logFiles: [] });
    return lost('CHAIN_LINK_BROKEN', made.digest(4), {
      cliDiffers: 'W12: the successor’s previousDigestHashValue names another content',
    });
  },
  'time-hole-with-unbroken-link': (made) => {
    made.builder.resign(made.digest(7), { digestStartTime: iso(made.digest(7).start + 1800) });
    return {
      verdict: 'incomplete',
      codes: ['COVERAGE_GAP'],
      cliDiffers: 'W7: no digest covers those 30 minutes',
    };
  },
  'planted-forged-digest': (made) => {
    const key = digestKey(made, FROM + 3 * HOUR + 600);
    put(made, key, made.builder.get(made.digest(3)));
    return {
      ...invalid('DIGEST_MOVED'),
      at: [key],
      cliDiffers: 'W16: the CLI walks past it by the links',
    };
  },
  'planted-unparsable-name': (made) => {
    put(made, digestKey(made, '20260310T16zz00Z'), { body: Buffer.from('x') });
    return { ...VALID, cliDiffers: 'W16: a planted name that is no time ends the CLI’s run' };
  },
  'log-hash-unsupported': (made) => {
    const newest = made.digest(7);
    const logFiles = (newest.fields['logFiles'] as object[]).map((entry) => ({
      ...entry,
      hashAlgorithm: 'SHA-512',
    }));
    made.builder.resign(newest, { logFiles });
    return {
      verdict: 'incomplete',
      codes: ['LOG_HASH_UNSUPPORTED', 'LOG_HASH_UNSUPPORTED'],
      cliDiffers: 'W13: the label is not looked at by the CLI',
    };
  },
  'log-forbidden': (made) => {
    const log = made.log(3);
    made.builder.put(log.bucket, log.key, {
      ...made.builder.get(log),
      refuse: { status: 403, code: 'AccessDenied', message: 'Access Denied' },
    });
    return {
      verdict: 'incomplete',
      codes: ['OBJECT_UNREADABLE'],
      at: [log.key],
      cliDiffers: 'W21: one 403 ends the CLI’s run',
    };
  },
  'log-archived': (made) => {
    const log = made.log(3);
    made.builder.put(log.bucket, log.key, {
      ...made.builder.get(log),
      refuse: {
        status: 403,
        code: 'InvalidObjectState',
        message: 'The operation is not valid for the object’s storage class',
      },
    });
    return {
      verdict: 'incomplete',
      codes: ['OBJECT_UNREADABLE'],
      at: [log.key],
      cliDiffers: 'W21',
    };
  },
  'log-foreign-encryption': (made) => {
    const log = made.log(3);
    made.builder.put(log.bucket, log.key, {
      ...made.builder.get(log),
      refuse: {
        status: 400,
        code: 'InvalidRequest',
        message:
          'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
      },
    });
    return invalid('OBJECT_FOREIGN_ENCRYPTION', log, {
      cliDiffers: 'W21: the CLI’s run ends there',
    });
  },
  'digest-forbidden': (made) => {
    const digest = made.digest(4);
    made.builder.put(digest.bucket, digest.key, {
      ...made.builder.get(digest),
      refuse: { status: 403, code: 'AccessDenied', message: 'Access Denied' },
    });
    return {
      verdict: 'incomplete',
      codes: ['OBJECT_UNREADABLE', 'LOG_UNVALIDATED'],
      at: [digest.key],
      cliDiffers: 'W21',
    };
  },
};

/** Trails that aren't the base with one change. */
function special(): Case[] {
  const cases: Case[] = [];
  const add = (
    name: string,
    settings: TrailSettings,
    build: (builder: TrailBuilder) => Expectation & { start: number; end: number },
  ): void => {
    const builder = new TrailBuilder(settings);
    cases.push({ name, builder, ...build(builder) });
  };
  const whole = { start: FROM + HOUR, end: FROM + 8 * HOUR };

  add('prefix-with-dots', { prefix: 'org.logs/team_a', name: 'my.trail_1-x' }, (builder) => {
    builder.chain({ from: FROM, hours: 8 });
    return { ...VALID, ...whole };
  });
  add('slashes-escaped', { escapeSlashes: true }, (builder) => {
    builder.chain({ from: FROM, hours: 8 });
    return { ...VALID, ...whole };
  });
  add('subject-public-key-info', {}, (builder) => {
    builder.chain({ from: FROM, hours: 8, key: signingKey(3, 'spki') });
    return { ...VALID, ...whole, cliDiffers: 'W28: the CLI can’t load SubjectPublicKeyInfo' };
  });
  add('key-rotated', {}, (builder) => {
    const older = builder.chain({ from: FROM, hours: 4 });
    const after = older.digests.at(-1);
    builder.chain({
      from: FROM + 4 * HOUR,
      hours: 4,
      key: signingKey(2),
      ...(after ? { after } : {}),
    });
    return { ...VALID, ...whole };
  });
  add('stopped-and-started', {}, (builder) => {
    builder.chain({ from: FROM, hours: 3 });
    builder.chain({ from: FROM + 5 * HOUR + 77, hours: 3 });
    return {
      verdict: 'incomplete',
      codes: ['COVERAGE_GAP'],
      start: FROM + HOUR,
      end: FROM + 8 * HOUR,
      cliDiffers: 'W3: a gap proves nothing and may hide a deletion',
    };
  });
  add('crosses-midnight', {}, (builder) => {
    const from = Date.UTC(2026, 2, 10, 20, 17, 28) / 1000;
    builder.chain({ from, hours: 30 });
    return { ...VALID, start: from + HOUR, end: from + 30 * HOUR };
  });
  add('planted-far-future-name', {}, (builder) => {
    const from = Date.UTC(2026, 2, 10, 20, 17, 28) / 1000;
    const chain = builder.chain({ from, hours: 12 });
    const last = chain.digests.at(-1);
    if (last)
      rewrite(builder, last, (text) =>
        text.replace('"newestEventTime":"2026', '"newestEventTime":"2025'),
      );
    const planted = (chain.digests[1]?.key ?? '').replace(/\d{8}T\d{6}Z/, '99991231T235959Z');
    builder.put('trail-bucket', planted, { body: Buffer.from('x') });
    return {
      ...lost('DIGEST_SIGNATURE_INVALID', last),
      start: from + HOUR,
      end: from + 12 * HOUR,
      cliDiffers:
        'W15: one planted name ends the CLI’s listing, and the altered digest behind it passes',
    };
  });
  add('deletion-across-midnight', {}, (builder) => {
    const from = Date.UTC(2026, 2, 10, 20, 17, 28) / 1000;
    const chain = builder.chain({ from, hours: 10 });
    for (const digest of chain.digests.slice(2, 6)) builder.remove(digest);
    const range = { start: from + HOUR, end: from + 10 * HOUR };
    return {
      verdict: 'invalid',
      codes: ['DIGEST_MISSING', 'LOG_UNVALIDATED'],
      missing: 4,
      ...range,
    };
  });
  add('bucket-changed', {}, (builder) => {
    builder.chain({
      from: FROM,
      hours: 8,
      moves: [
        { hour: 0, bucket: 'older-bucket' },
        { hour: 4, bucket: 'trail-bucket' },
      ],
    });
    return { ...VALID, ...whole };
  });
  add('prefix-changed', { prefix: 'new' }, (builder) => {
    builder.chain({
      from: FROM,
      hours: 8,
      moves: [
        { hour: 0, prefix: 'old' },
        { hour: 4, prefix: 'new' },
      ],
    });
    return { ...VALID, ...whole };
  });
  add('prefix-changed-older-digest-deleted', { prefix: 'new' }, (builder) => {
    const chain = builder.chain({
      from: FROM,
      hours: 8,
      moves: [
        { hour: 0, prefix: 'old' },
        { hour: 4, prefix: 'new' },
      ],
    });
    const gone = chain.digests[2];
    if (gone) builder.remove(gone);
    return {
      verdict: 'invalid',
      codes: ['DIGEST_MISSING', 'LOG_UNVALIDATED'],
      missing: 1,
      ...whole,
    };
  });
  add('older-bucket-gone', {}, (builder) => {
    builder.chain({
      from: FROM,
      hours: 8,
      moves: [
        { hour: 0, bucket: 'older-bucket' },
        { hour: 4, bucket: 'trail-bucket' },
      ],
    });
    builder.world.buckets.delete('older-bucket');
    return {
      verdict: 'invalid',
      codes: ['DIGEST_MISSING'],
      missing: 3,
      ...whole,
      cliDiffers: 'W21: NoSuchBucket ends the CLI’s run',
    };
  });
  add('older-bucket-forbidden', {}, (builder) => {
    builder.chain({
      from: FROM,
      hours: 8,
      moves: [
        { hour: 0, bucket: 'trail-bucket' },
        { hour: 2, bucket: 'older-bucket' },
        { hour: 5, bucket: 'trail-bucket' },
      ],
    });
    builder.bucket('older-bucket').refuseListing = { status: 403, code: 'AccessDenied' };
    return {
      verdict: 'incomplete',
      // A day's digest folder and log folder, and which Regions either has.
      codes: Array<string>(4).fill('OBJECT_UNREADABLE'),
      ...whole,
      cliDiffers: 'W21: a bucket that may not be listed ends the CLI’s run',
    };
  });
  add('other-trail-of-confusing-name', {}, (builder) => {
    const chain = builder.chain({ from: FROM, hours: 8 });
    new TrailBuilder({ name: 'main_us-east-1_x', seed: 5 }, builder.world).chain({
      from: FROM,
      hours: 9,
    });
    for (const log of chain.digests.flatMap((digest) => digest.logs)) {
      rewrite(builder, log, (text) => text.replace('GetObject', 'PutObject'));
    }
    return {
      verdict: 'invalid',
      codes: Array<string>(14).fill('LOG_HASH_MISMATCH'),
      ...whole,
      cliDiffers: 'W14: the CLI validates the other trail instead',
    };
  });
  add('backfill', {}, (builder) => {
    builder.chain({ from: FROM, hours: 8 });
    builder.chain({ from: FROM + HOUR, hours: 3, kind: 'backfill', logsPerHour: 1 });
    return { ...VALID, ...whole };
  });
  add('backfill-log-altered', {}, (builder) => {
    builder.chain({ from: FROM, hours: 8 });
    const backfill = builder.chain({
      from: FROM + HOUR,
      hours: 3,
      kind: 'backfill',
      logsPerHour: 1,
    });
    const log = backfill.digests[1]?.logs[0];
    if (log) rewrite(builder, log, (text) => text.replace('GetObject', 'PutObject'));
    return { ...invalid('LOG_HASH_MISMATCH', log), ...whole };
  });
  add('backfill-digest-deleted', {}, (builder) => {
    builder.chain({ from: FROM, hours: 8 });
    const backfill = builder.chain({
      from: FROM + HOUR,
      hours: 3,
      kind: 'backfill',
      logsPerHour: 1,
    });
    const gone = backfill.digests[1];
    if (gone) builder.remove(gone);
    return { ...lost('DIGEST_MISSING', gone), missing: 1, ...whole };
  });
  add('backfill-generation-time-altered', {}, (builder) => {
    builder.chain({ from: FROM, hours: 8 });
    const backfill = builder.chain({
      from: FROM + HOUR,
      hours: 3,
      kind: 'backfill',
      logsPerHour: 1,
      key: signingKey(2),
    });
    for (const digest of backfill.digests) {
      const { signature } = digest;
      setMetadata(builder, digest, {
        signature,
        'backfill-generation-timestamp': '2019-01-01T00:00:00Z',
      });
    }
    return {
      ...VALID,
      ...whole,
      cliDiffers: 'W25: unsigned metadata decides which keys the CLI asks for',
    };
  });
  return cases;
}

/** A gzip member whose trailer states a false size. */
export function lyingGzip(raw: Buffer, claimed: number): Buffer {
  const body = gzipSync(raw);
  body.writeUInt32LE(claimed, body.length - 4);
  return body;
}

/** A gzip member of `size` zeros, made without holding them. */
export function bomb(size: number, claimed: number): Buffer {
  const block = 64 * 1024 * 1024;
  const head = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const piece = deflateRawSync(Buffer.alloc(block), { finishFlush: 3 });
  const pieces = Array<Buffer>(Math.ceil(size / block)).fill(piece);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(claimed, 4);
  return Buffer.concat([head, ...pieces, deflateRawSync(Buffer.alloc(0)), trailer]);
}

/** Every case, made anew at each call, since tests change what they get. */
export function catalogue(): Case[] {
  const simple = Object.entries({ ...CLEAN, ...LIES }).map(([name, maker]): Case => {
    const made = base();
    const { builder, start, end } = made;
    return { name, builder, start, end, ...maker(made) };
  });
  return [...simple, ...special()];
}

export { sha256 };
