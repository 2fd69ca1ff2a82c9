/** Real keys, signatures and digest files: samples that are not in the repository, where they are beside it. */
import { createHash, publicDecrypt, constants } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDigestFile, signedString } from '../../src/core/digest-file.js';
import { parseDigestKey } from '../../src/core/object-key.js';
import { parseKeyList, parsePublicKey, type PublicKey } from '../../src/core/public-key.js';

const data = new URL('../../../shared/data/', import.meta.url);
const present = existsSync(data);
if (!present)
  console.warn(
    'real vectors skipped: samples of real keys and digest files, which are not in the repository, are not beside the checkout',
  );
const read = (name: string): string => readFileSync(new URL(name, data), 'utf8');

/** EMSA-PKCS1-v1_5 with the SHA-256 DigestInfo; gives the hash, or throws. */
function open(key: PublicKey, signature: string): string {
  const options = { key: key.nodeKey, padding: constants.RSA_PKCS1_PADDING };
  const info = publicDecrypt(options, Buffer.from(signature, 'hex')).toString('hex');
  expect(info.startsWith('3031300d060960864801650304020105000420')).toBe(true);
  return info.slice(38);
}

describe.skipIf(!present)('real data', () => {
  const keys = present
    ? ['keys/list-public-keys-2015.json', 'keys/list-public-keys-us-east-1-2026.json'].flatMap(
        (name) => parseKeyList(JSON.parse(read(name))),
      )
    : [];
  const key = (fingerprint: string): PublicKey => {
    const record = keys.find((one) => one.fingerprint === fingerprint);
    const parsed = record && parsePublicKey(record);
    if (!parsed?.ok) throw new Error(`no key ${fingerprint}`);
    return parsed.key;
  };

  it('all five real public keys load and match their fingerprint', () => {
    expect(keys).toHaveLength(5);
    for (const record of keys) {
      const parsed = parsePublicKey(record);
      expect(parsed.ok && parsed.key.fingerprintMatches && parsed.key.size).toBe(256);
    }
  });

  it('the guide’s two real signatures open under key 31e8b543…', () => {
    for (const name of ['aws-docs-20150817T150131Z.json', 'aws-docs-20150820T180131Z-empty.json']) {
      const parsed = parseDigestFile(Buffer.from(read(`digests/${name}`)));
      if (!parsed.ok) throw new Error(parsed.detail);
      expect(open(key(parsed.digest.fingerprint), parsed.digest.link?.signature ?? '')).toMatch(
        /^[0-9a-f]{64}$/,
      );
    }
  });

  it('the real signature of September 2026 opens under key 28f6b7a2… to the known hash', () => {
    const file = JSON.parse(read('digests/starting-digest-2026.json')) as {
      recoveredSha256OfSignedString: string;
      document: { digestPublicKeyFingerprint: string };
      metadata: { signature: string };
    };
    expect(open(key(file.document.digestPublicKeyFingerprint), file.metadata.signature)).toBe(
      file.recoveredSha256OfSignedString,
    );
    const parsed = parseDigestFile(Buffer.from(JSON.stringify(file.document)));
    expect(parsed.ok && parsed.digest.link).toBeNull();
    expect(parsed.ok && signedString(parsed.digest).endsWith('\nnull')).toBe(true);
  });

  it('the real digest of 2023 parses, key grammar included, slashes unescaped', () => {
    const bytes = readFileSync(new URL('digests/llm-guard-20231015T230404Z.json', data));
    const parsed = parseDigestFile(bytes);
    if (!parsed.ok) throw new Error(parsed.detail);
    const { digest } = parsed;
    expect(digest.hash).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(digest.key).not.toContain('\\');
    const source = { accountId: '327878933619', region: 'ap-northeast-1' };
    const trail = { name: 'llm-guard-trail', homeRegion: 'us-west-2' };
    expect(parseDigestKey(digest.bucket, digest.key, source, trail)?.end).toBe(digest.end);
    expect(
      parseDigestKey(digest.link?.bucket ?? '', digest.link?.key ?? '', source, trail)?.end,
    ).toBe(digest.start);
    expect(digest.logFiles.length).toBeGreaterThan(0);
  });
});

describe('the signed string', () => {
  it('is that of the AWS CLI’s own test vector', () => {
    const hash = createHash('sha256').update('abc').digest('hex');
    const digest = { digestEndTime: 'a', bucket: 'b', key: 'c', hash, previousSignature: null };
    expect(signedString(digest as never)).toBe(
      'a\nb/c\nba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nnull',
    );
  });
});
