/** Whoever writes to the bucket is the attacker: no crash, bounded memory, bounded time, a code. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { base, bomb, FROM } from './support/lies.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { largeMember } from './support/large-member.js';
import { startEndpoint } from './support/loopback.js';
import { HOUR, iso, sha256, stamp, TrailBuilder } from './support/trail-builder.js';
import { writeEvidence } from './support/write-evidence.js';
import { validate } from './support/validate.js';

const MB = 1e6;

async function peakWhile<T>(
  run: () => Promise<T>,
): Promise<{ value: T; mb: number; seconds: number }> {
  const before = process.memoryUsage().rss;
  const begun = performance.now();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const value = await run();
  clearInterval(timer);
  return { value, mb: (peak - before) / MB, seconds: (performance.now() - begun) / 1000 };
}

describe('hostile input', () => {
  it('a log key with terminal escapes, markup and line breaks is escaped wherever it is printed', async () => {
    const { builder, start, end, digest } = base();
    const evil =
      'AWSLogs/\u001b[2J\u009b31m<script>alert(1)</script>\nverdict: valid\u202e\r\u0007.json.gz';
    builder.put('trail-bucket', evil, { body: gzipSync('x') });
    const logFiles = [
      {
        s3Bucket: 'trail-bucket',
        s3Object: evil,
        hashValue: sha256('y'),
        hashAlgorithm: 'SHA-256',
      },
      {
        s3Bucket: 'trail-bucket',
        s3Object: `${evil}gone`,
        hashValue: sha256('y'),
        hashAlgorithm: 'SHA-256',
      },
    ];
    builder.resign(digest(7), { logFiles });
    const endpoint = await startEndpoint(builder.world);
    try {
      for (const format of ['text', 'json', 'ndjson']) {
        const { stdout, status } = await runCommand([
          ...['--trail-arn', builder.trail.TrailARN, '--endpoint-url', endpoint.url],
          ...['--start-time', iso(start), '--end-time', iso(end), '--format', format],
        ]);
        expect(status).toBe(1);
        expect(stdout).toContain('LOG_HASH_MISMATCH');

        expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
        expect(stdout).not.toMatch(/^verdict: valid/m);
      }
    } finally {
      await endpoint.close();
    }
  });

  it('a planted name that XML can’t hold ends no listing', async () => {
    const { builder, start, end, digest } = base();
    const planted = digest(3).key.replace(
      /\d{6}Z\.json\.gz$/,
      '\u0001\u001b[31m a+b%2F\ufffe.json.gz',
    );
    builder.put('trail-bucket', planted, { body: gzipSync('x') });
    const { report } = await validate(builder, { start, end }, { endpoint: { pageSize: 2 } });
    expect(report.verdict).toBe('valid');
    const [notice] = report.findings.filter((one) => one.code === 'OBJECT_UNRECOGNISED');
    expect(notice?.details?.['first']).toEqual([planted]);
  });

  it('thousands of planted digests with long lists of log files stay in bounded memory', async () => {
    const { builder, start, end, digest } = base();
    const entry = {
      s3Bucket: 'trail-bucket',
      s3Object: 'x'.repeat(300),
      hashValue: sha256('y'),
      hashAlgorithm: 'SHA-256',
    };
    // Written once, and packed fast: to build the trail must not take longer than to judge it.
    const logFiles = JSON.stringify(Array(8000).fill(entry));
    for (let number = 0; number < 400; number++) {
      const at = FROM + HOUR + 61 + number * 30;
      const { key } = digest(1);
      const planted = key.replace(/\d{8}T\d{6}Z/, stamp(at));
      const fields = JSON.stringify({ ...digest(3).fields, digestS3Object: planted, logFiles: [] });
      builder.put('trail-bucket', planted, {
        body: gzipSync(fields.replace('"logFiles":[]', `"logFiles":${logFiles}`), { level: 1 }),
        metadata: { signature: 'ab'.repeat(256) },
      });
    }
    const { value, mb } = await peakWhile(() => validate(builder, { start, end }));
    expect(accusations(value.report)).toEqual(Array(400).fill('DIGEST_SIGNATURE_INVALID'));
    console.log(`400 planted digests of 8,000 entries: ${mb.toFixed(0)} MB more`);
    expect(mb).toBeLessThan(600);
  }, 120_000);

  it('a log that inflates to 10 GB with a false size: malformed, in bounded memory', async () => {
    const { builder, start, end, log } = base();
    builder.put('trail-bucket', log(3).key, { body: bomb(10 * 1024 ** 3, 4711) });
    const { value, mb, seconds } = await peakWhile(() => validate(builder, { start, end }));
    expect(accusations(value.report)).toEqual(['LOG_MALFORMED']);
    console.log(`10 GB log bomb: ${mb.toFixed(0)} MB more, ${seconds.toFixed(1)} s`);
    expect(mb).toBeLessThan(400);
  });

  it('40 log files of 40 MB among small ones are proved in bounded memory', async () => {
    const { builder, start, end, digest } = base();
    const { body, hash } = largeMember(10);
    const template = digest(7).logs[0]?.key ?? '';
    const logFiles = Array.from({ length: 40 }, (_, number) => {
      const s3Object = template.replace('.json.gz', `${number}.json.gz`);
      builder.put('trail-bucket', s3Object, { body });
      return { s3Bucket: 'trail-bucket', s3Object, hashValue: hash, hashAlgorithm: 'SHA-256' };
    });
    const before = digest(7).fields['logFiles'] as object[];
    builder.resign(digest(7), { logFiles: [...before, ...logFiles] });
    const { value, mb, seconds } = await peakWhile(() => validate(builder, { start, end }));
    expect(value.report.verdict).toBe('valid');
    expect(value.report.counts.logFiles.valid).toBe(54);
    console.log(`40 x 40 MB: ${mb.toFixed(0)} MB more, ${seconds.toFixed(1)} s`);
    expect(mb).toBeLessThan(300);
  });

  it('a digest that inflates to 1 GB with a false size: malformed, in bounded memory', async () => {
    const { builder, start, end, digest } = base();
    const body = bomb(1024 ** 3, 4711);
    for (const number of [2, 3, 4, 5]) builder.put('trail-bucket', digest(number).key, { body });
    const { value, mb, seconds } = await peakWhile(() => validate(builder, { start, end }));
    expect(accusations(value.report)).toEqual([
      ...Array<string>(4).fill('DIGEST_MALFORMED'),
      'LOG_UNVALIDATED',
    ]);
    console.log(`1 GB digest bombs: ${mb.toFixed(0)} MB more, ${seconds.toFixed(1)} s`);
    expect(mb).toBeLessThan(600);
  });

  it('512 kinds of random bytes as digest: DIGEST_MALFORMED each', async () => {
    const { builder, start, end } = base();
    const kinds = 512;
    for (let kind = 0; kind < kinds; kind++) {
      const noise = randomBytes(kind % 97);
      const body =
        kind % 3 === 0
          ? noise
          : kind % 3 === 1
            ? gzipSync(noise)
            : gzipSync(`{"a":${JSON.stringify(noise.toString('latin1'))}}`);
      const at = FROM + HOUR + 61 + kind * 30;
      const { folder } = {
        folder: builder.folder('111122223333', 'CloudTrail-Digest', 'us-east-1', at),
      };
      builder.put(
        'trail-bucket',
        `${folder}111122223333_CloudTrail-Digest_us-east-1_main_us-east-1_${stamp(at)}.json.gz`,
        { body },
      );
    }
    const { report } = await validate(builder, { start, end });
    expect(accusations(report)).toEqual(Array(kinds).fill('DIGEST_MALFORMED'));
    expect(report.counts.digestFiles).toMatchObject({ valid: 7, invalid: kinds });
  });

  it('dense JSON, deep JSON and a wrong kind of every field: malformed', async () => {
    const { builder, start, end, digest } = base();
    const { fields } = digest(3);
    const bodies = [
      `[${'[],'.repeat(1_000_000)}[]]`,
      '{"a":'.repeat(100_000),
      JSON.stringify(fields).replace('{', `{"x":[${'[],'.repeat(100_000)}[]],`),
      JSON.stringify(fields).replace('{', `{"x":${'['.repeat(100)}${']'.repeat(100)},`),
      ...Object.keys(fields)
        .filter((name) => !/EventTime|SignatureAlgorithm/.test(name))
        .map((name) => JSON.stringify({ ...fields, [name]: { a: 1 } })),
    ];
    for (const text of bodies) {
      builder.put('trail-bucket', digest(3).key, { body: gzipSync(text) });
      const { report } = await validate(builder, { start, end });
      expect(accusations(report), text.slice(0, 40)).toEqual([
        'DIGEST_MALFORMED',
        'LOG_UNVALIDATED',
      ]);
    }
  });

  it('an evidence directory is not left: keys with .. and links lead nowhere', async () => {
    const builder = new TrailBuilder();
    const chain = builder.chain({ from: FROM, hours: 3 });
    const last = chain.digests[2];
    if (!last) throw new Error('no digest');
    const logFiles = ['../../../../etc/hostname', '/etc/hostname', 'a//b', '.'].map((s3Object) => ({
      ...{ s3Bucket: 'trail-bucket', s3Object, hashValue: sha256(''), hashAlgorithm: 'SHA-256' },
    }));
    builder.resign(last, { logFiles });
    const directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
    try {
      await writeEvidence(builder.world, directory, 'us-east-1');
      const { report } = await runJson([
        ...['--trail-arn', builder.trail.TrailARN, '--evidence', directory],
        ...['--start-time', iso(FROM + HOUR), '--end-time', iso(FROM + 3 * HOUR)],
      ]);
      expect(accusations(report)).toEqual([
        'KEYS_UNPINNED',
        ...Array<string>(4).fill('LOG_MISSING'),
        // The two that the digest file listed before.
        'LOG_UNLISTED',
      ]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
