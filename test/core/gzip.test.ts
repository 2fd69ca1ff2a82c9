import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashMember, inflateMember } from '../../src/core/gzip.js';

const LIMIT = 1 << 24;
const content = Buffer.from(
  JSON.stringify({ Records: Array(500).fill({ eventName: 'GetObject' }) }),
);
const member = gzipSync(content);

function* cut(body: Buffer, size: number): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

/** Both readers on the same bytes, the stream in pieces of several sizes: they must agree. */
async function judge(body: Buffer, limit = LIMIT): Promise<string> {
  const whole = inflateMember(body, limit);
  const verdict = whole.ok ? createHash('sha256').update(whole.bytes).digest('hex') : whole.problem;
  for (const size of [1, 7, 100, body.length + 1]) {
    const streamed = await hashMember(Readable.from(cut(body, size)), limit);
    expect(streamed.ok ? streamed.sha256 : streamed.problem, `in pieces of ${size}`).toBe(verdict);
  }
  return verdict;
}

const header = (flags: number, ...fields: Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255]),
    ...fields,
    member.subarray(10),
  ]);

describe('exactly one gzip member', () => {
  it('is read, with every optional header field', async () => {
    const hash = createHash('sha256').update(content).digest('hex');
    expect(await judge(member)).toBe(hash);
    expect(await judge(header(8, Buffer.from('name\0')))).toBe(hash);
    expect(
      await judge(header(4 + 16, Buffer.from([3, 0, 1, 2, 3]), Buffer.from('comment\0'))),
    ).toBe(hash);
    expect(await judge(gzipSync(''))).toBe(createHash('sha256').digest('hex'));
  });

  it.each([
    ['a second member', Buffer.concat([member, gzipSync('x')]), 'trailing-data'],
    ['an empty second member', Buffer.concat([member, gzipSync('')]), 'trailing-data'],
    ['zero padding', Buffer.concat([member, Buffer.alloc(8)]), 'trailing-data'],
    ['one byte more', Buffer.concat([member, Buffer.from([0])]), 'trailing-data'],
    ['the trailer cut', member.subarray(0, -1), 'malformed'],
    ['no trailer', member.subarray(0, -8), 'malformed'],
    ['half of it', member.subarray(0, member.length / 2), 'malformed'],
    ['only a header', member.subarray(0, 10), 'malformed'],
    ['nothing', Buffer.alloc(0), 'malformed'],
    ['no gzip', content, 'malformed'],
    ['reserved flags', header(0x20), 'malformed'],
    ['a wrong header checksum', header(2, Buffer.from([1, 2])), 'malformed'],
  ])('refuses %s', async (_name, body, expected) => {
    expect(await judge(body)).toBe(expected);
  });

  it('finds a wrong checksum and a wrong size', async () => {
    for (const back of [1, 5]) {
      const body = Buffer.from(member);
      body[body.length - back] = (body[body.length - back] ?? 0) ^ 1;
      expect(await judge(body)).toBe('malformed');
    }
  });

  it('stops at the bound, whatever the trailer claims', async () => {
    const lying = Buffer.from(member);
    lying.writeUInt32LE(1, lying.length - 4);
    expect(await judge(lying, 100)).toBe('too-large');
    expect(await judge(member, content.length)).not.toBe('too-large');
    expect(await judge(member, content.length - 1)).toBe('too-large');
  });

  it('never accepts what gunzip reads otherwise (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(member.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, mask) => {
          const body = Buffer.from(member);
          body[at] = (body[at] ?? 0) ^ mask;
          const verdict = await judge(body);
          if (verdict === 'malformed' || verdict === 'trailing-data' || verdict === 'too-large')
            return;
          expect(createHash('sha256').update(gunzipSync(body)).digest('hex')).toBe(verdict);
        },
      ),
      { numRuns: 200 },
    );
  });
});
