import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeOriginal,
  restoreCommand,
  restoreHint,
  shellQuote,
} from '../../src/core/restore.js';

const asShellReads = (quoted: string): string =>
  execFileSync('bash', ['-c', `printf %s ${quoted}`], { encoding: 'utf8' });

describe('shellQuote', () => {
  it.each([
    ['a/b_c-1.json.gz', 'a/b_c-1.json.gz'],
    ['', "''"],
    ['a b', "'a b'"],
    ["it's", "'it'\\''s'"],
    ['$(id)`id`;|&<>*?~!"', `'$(id)\`id\`;|&<>*?~!"'`],
    ['a\nb', "$'a\\x0ab'"],
    ["é'\\\u001b", "$'\\xc3\\xa9\\x27\\x5c\\x1b'"],
  ])('%j', (text, quoted) => {
    expect(shellQuote(text)).toBe(quoted);
    expect(asShellReads(quoted)).toBe(text);
  });

  it.each(' !"#$&\'()*;<>?[\\]^`{|}~'.split(''))('%s alone', (char) => {
    expect(shellQuote(`a${char}b`)).not.toBe(`a${char}b`);
    expect(asShellReads(shellQuote(`a${char}b`))).toBe(`a${char}b`);
  });

  it('gives one word, on one line of printable ASCII, that a shell reads back', () => {
    const text = fc
      .string({ unit: 'binary', maxLength: 60 })
      .map((one) => one.replaceAll('\u0000', 'x'));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 8 }), (texts) => {
        const quoted = texts.map(shellQuote);
        for (const one of quoted) expect(one).toMatch(/^[\x20-\x7e]+$/);
        const read = execFileSync('bash', ['-c', `printf '%s\\0' ${quoted.join(' ')}`]);
        expect(read.toString('utf8').split('\u0000').slice(0, -1)).toEqual(texts);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the command that restores a version', () => {
  it('names bucket, key and version', () => {
    expect(restoreCommand('logs', 'AWSLogs/1/a.json.gz', 'v.1_x')).toBe(
      "aws s3api copy-object --bucket logs --key AWSLogs/1/a.json.gz --copy-source 'logs/AWSLogs/1/a.json.gz?versionId=v.1_x'",
    );
  });

  it('runs nothing else, whatever key and version say', () => {
    const key = 'a\'; touch /tmp/x; "$(id)\n#';
    const command = restoreCommand('logs', key, '1; id');
    const words = execFileSync('bash', ['-c', `aws() { printf '%s\\0' "$@"; }; ${command}`]);
    expect(words.toString('utf8').split('\u0000').slice(0, -1)).toEqual([
      ...['s3api', 'copy-object', '--bucket', 'logs', '--key', key],
      ...['--copy-source', `logs/${key}?versionId=1; id`],
    ]);
  });

  it('stands in a hint whole or not at all', () => {
    expect(restoreHint('x'.repeat(1000))).toBe('x'.repeat(1000));
    expect(restoreHint('x'.repeat(1001))).not.toContain('x'.repeat(10));
  });
});

describe('an original in words', () => {
  const original = {
    bucket: 'b',
    key: 'k',
    versionId: 'v',
    lastModified: 0,
    retention: undefined,
    removedAt: undefined,
  };

  it('says only what is known', () => {
    expect(describeOriginal(original, undefined)).toEqual({
      facts: {
        bucket: 'b',
        key: 'k',
        versionId: 'v',
        lastModified: '1970-01-01T00:00:00Z',
        restore: "aws s3api copy-object --bucket b --key k --copy-source 'b/k?versionId=v'",
      },
      words: 'its original is version v of 1970-01-01T00:00:00Z',
    });
  });

  it('says when it was removed and what holds it', () => {
    const retention = { mode: 'GOVERNANCE', until: 86_400 };
    expect(describeOriginal({ ...original, removedAt: 60, retention }, undefined).words).toBe(
      'its original is version v of 1970-01-01T00:00:00Z, held by Object Lock (GOVERNANCE) until 1970-01-02T00:00:00Z, removed or overwritten at 1970-01-01T00:01:00Z',
    );
  });
});
