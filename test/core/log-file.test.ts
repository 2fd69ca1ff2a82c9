/** Log files are hashed in steps, in whatever pieces they come: it must never matter which. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inflateMember } from '../../src/core/gzip.js';
import { checkLogFile, hashLogFile, type LogCheck } from '../../src/core/log-file.js';
import { largeMember } from '../support/large-member.js';
import { bomb } from '../support/lies.js';

const KB = 1024;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Half noise, half what deflate makes short. */
const contentOf = (size: number): Buffer =>
  Buffer.concat([randomBytes(Math.min(size, 500)), Buffer.alloc(size, 'event ')]).subarray(0, size);

function* cut(body: Buffer, size: number): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

const check = async (body: Buffer, hashValue: string, pieces = 64 * KB): Promise<LogCheck> =>
  checkLogFile({ hashValue }, await hashLogFile(Readable.from(cut(body, pieces))));

/** What hashing comes to, after it was held against inflating at once. */
async function judge(body: Buffer, pieces = [1000, body.length + 1]): Promise<string> {
  const whole = inflateMember(body, 1 << 24);
  const verdict = whole.ok ? sha256(whole.bytes) : whole.problem;
  for (const size of pieces) {
    const content = await hashLogFile(cut(body, size));
    expect(content.ok ? content.sha256 : content.problem, `${size} bytes a piece`).toBe(verdict);
    if (content.ok && whole.ok) expect(content.size).toBe(whole.bytes.length);
  }
  return verdict;
}

const trailer = (content: Buffer): Buffer => gzipSync(content).subarray(-8);
const HEADER = gzipSync('').subarray(0, 10);
/** Members that hold nothing: as gzip writes it, with blocks that hold nothing, with a long header. */
const EMPTY = [
  gzipSync(''),
  gzipSync('', { level: 0 }),
  Buffer.concat([
    HEADER,
    deflateRawSync('', { finishFlush: constants.Z_SYNC_FLUSH }),
    deflateRawSync(''),
    trailer(Buffer.alloc(0)),
  ]),
  Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 255]),
    Buffer.from('name\0'),
    gzipSync('').subarray(10),
  ]),
];

/** Below and above what one step gives. */
const SIZES = [2 * KB, 400 * KB];

describe('hashing a log file', () => {
  it.each([0, 1, 256 * KB - 1, 256 * KB, 256 * KB + 1, 1024 * KB, 3 * 1024 * KB + 1])(
    'takes a member of %i bytes',
    async (size) => {
      const content = contentOf(size);
      for (const level of [0, 1, 6, 9]) {
        expect(await judge(gzipSync(content, { level }))).toBe(sha256(content));
      }
    },
  );

  it('takes a byte at a time', async () => {
    const content = contentOf(300 * KB);
    expect(await judge(gzipSync(content), [1, 2, 3])).toBe(sha256(content));
  });

  it('gives each its own hash where many are under way', async () => {
    const contents = Array.from({ length: 30 }, (_, number) => contentOf(900 * KB + number));
    const judged = await Promise.all(contents.map((content) => judge(gzipSync(content), [100])));
    expect(judged).toEqual(contents.map(sha256));
  });

  it('is not led astray by one that was damaged before', async () => {
    const content = contentOf(300 * KB);
    const body = gzipSync(content);
    for (let at = 10; at < 20; at++) {
      const damaged = Buffer.from(body);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      expect(await judge(damaged)).toBe('malformed');
      expect(await judge(body)).toBe(sha256(content));
    }
  });

  it.each(SIZES)('refuses what is cut wherever it is (%i bytes)', async (size) => {
    const body = gzipSync(contentOf(size));
    const step = size === SIZES[0] ? 1 : 37;
    for (let length = 0; length < body.length; length += length < body.length - 20 ? step : 1) {
      expect(await judge(body.subarray(0, length)), `${length} bytes`).toBe('malformed');
    }
  });

  it.each(SIZES)('refuses more than one member (%i bytes)', async (size) => {
    const member = gzipSync(contentOf(size));
    const more = [member, ...EMPTY, Buffer.alloc(1), Buffer.alloc(8), Buffer.from('x')];
    for (const rest of more) {
      expect(await judge(Buffer.concat([member, rest]))).toBe('trailing-data');
    }
    for (const empty of EMPTY) {
      const padded = Buffer.concat([empty, Buffer.alloc(8)]);
      expect(await judge(padded)).toBe('trailing-data');
      for (const first of [[empty], [empty, gzipSync('')], [empty, empty, empty]]) {
        const body = Buffer.concat([...first, member]);
        expect(await judge(body)).toBe('trailing-data');
      }
    }
    for (const last of [member, ...EMPTY]) {
      const body = Buffer.concat([gzipSync('x'), last]);
      expect(await judge(body)).toBe('trailing-data');
    }
  });

  it.each(SIZES)('refuses a wrong checksum or size (%i bytes)', async (size) => {
    const member = gzipSync(contentOf(size));
    for (let back = 1; back <= 8; back++) {
      for (const mask of [1, 0x80]) {
        const body = Buffer.from(member);
        body[body.length - back] = (body[body.length - back] ?? 0) ^ mask;
        expect(await judge(body)).toBe('malformed');
      }
    }
  });

  it('takes content that looks like the end of an empty member', async () => {
    const content = Buffer.concat([Buffer.alloc(8), gzipSync('x')]);
    const body = gzipSync(content, { level: 0 });
    expect(await judge(body)).toBe(sha256(content));
  });

  it('reads no header longer than 64 KiB, in whatever pieces it comes', async () => {
    const named = (length: number): Buffer =>
      Buffer.concat([
        Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 255]),
        Buffer.alloc(length - 11, 'n'),
        Buffer.alloc(1),
        gzipSync('x').subarray(10),
      ]);
    expect(await judge(named(64 * KB))).toBe(sha256(Buffer.from('x')));
    expect(await judge(named(64 * KB + 1))).toBe('malformed');
  });

  it('reads a bomb in little memory, whatever size it claims', async () => {
    for (const claimed of [100, 0xffffffff]) {
      const before = process.memoryUsage().rss;
      const bodies = Array.from({ length: 4 }, () => bomb(KB ** 3 / 8, claimed));
      const all = await Promise.all(bodies.map((body) => check(body, '0'.repeat(64))));
      expect(new Set(all.map(({ state }) => state))).toEqual(new Set(['malformed']));
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * KB ** 2);
    }
  });

  it('agrees with inflating at once whatever the bytes are (property)', async () => {
    const member = fc
      .record({
        size: fc.oneof(fc.nat(300), fc.integer({ min: 250 * KB, max: 264 * KB })),
        level: fc.constantFrom(0, 6),
      })
      .map(({ size, level }) => gzipSync(contentOf(size), { level }));
    const piece = fc.oneof(
      { weight: 4, arbitrary: member },
      { weight: 2, arbitrary: fc.constantFrom(...EMPTY) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
      { weight: 1, arbitrary: fc.nat(20).map((length) => Buffer.alloc(length)) },
    );
    const change = fc.option(
      fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), mask: fc.nat(255) }),
      { freq: 1 },
    );
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { minLength: 1, maxLength: 3 }),
        change,
        async (pieces, changed) => {
          const body = Buffer.concat(pieces);
          if (changed && body.length > 0) {
            const at = Math.min(body.length - 1, Math.floor(changed.at * body.length));
            body[at] = (body[at] ?? 0) ^ changed.mask;
          }
          if (/^[0-9a-f]{64}$/.test(await judge(body))) taken++;
        },
      ),
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(10);
  });
});

describe('large log files', () => {
  const small = contentOf(200 * KB);
  const smallBody = gzipSync(small);

  /** How many small files are checked, one after another, while the large ones are under way. */
  async function smallOnesDuring(large: Promise<LogCheck>[]): Promise<number> {
    const under = { way: true };
    const all = Promise.all(large).finally(() => (under.way = false));
    let checked = 0;
    while (under.way) {
      expect(await check(smallBody, sha256(small))).toEqual({ state: 'valid' });
      checked++;
    }
    for (const one of await all) expect(one).toEqual({ state: 'valid' });
    return checked;
  }

  it('one of 300 MB holds no small ones up', async () => {
    const { body, hash } = largeMember(75);
    expect(await smallOnesDuring([check(body, hash)])).toBeGreaterThan(50);
  });

  it('40 at once let small ones through', async () => {
    const { body, hash } = largeMember(2);
    const large = Array.from({ length: 40 }, () => check(body, hash));
    expect(await smallOnesDuring(large)).toBeGreaterThan(20);
  });

  it('a body that stalls holds no other up', async () => {
    const { body, hash } = largeMember(2);
    let release: (() => void) | undefined;
    const stalled = new Promise<void>((resolve) => (release = resolve));
    const stalling = Array.from({ length: 10 }, async () =>
      checkLogFile(
        { hashValue: hash },
        await hashLogFile(
          (async function* () {
            yield body.subarray(0, body.length / 2);
            await stalled;
            yield body.subarray(body.length / 2);
          })(),
        ),
      ),
    );
    expect(await check(body, hash)).toEqual({ state: 'valid' });
    release?.();
    for (const one of await Promise.all(stalling)) expect(one).toEqual({ state: 'valid' });
  });
});
