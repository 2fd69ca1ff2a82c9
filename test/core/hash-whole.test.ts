/** Small and large files take different ways to one hash: the ways must never disagree. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashMember, inflateMember } from '../../src/core/gzip.js';
import { hashWhole } from '../../src/core/hash-whole.js';
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

/** What the fast way says, after it was held against both strict readers and the whole check. */
async function judge(body: Buffer): Promise<{ fast: boolean; verdict: string }> {
  const strict = await hashMember([body], 1 << 24);
  const verdict = strict.ok ? strict.sha256 : strict.problem;
  const whole = inflateMember(body, 1 << 24);
  expect(whole.ok ? sha256(whole.bytes) : whole.problem).toBe(verdict);
  const fast = await hashWhole(body);
  if (fast) expect(fast).toEqual(strict);
  const { state } = await check(body, strict.ok ? strict.sha256 : '0'.repeat(64), 1000);
  expect(state).toBe(strict.ok ? 'valid' : strict.problem);
  return { fast: fast !== undefined, verdict };
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

/** Below and above where other threads take over; the largest takes more than one call. */
const SIZES = [2 * KB, 200 * KB];

describe('hashing a whole body', () => {
  it.each([0, 1, 63, 64, 128 * KB - 1, 128 * KB, 128 * KB + 1, 1024 * KB - 1, 1024 * KB])(
    'takes the fast way for a member of %i bytes',
    async (size) => {
      const content = contentOf(size);
      for (const level of [0, 1, 6, 9]) {
        const body = gzipSync(content, { level });
        expect(await judge(body)).toEqual({ fast: true, verdict: sha256(content) });
      }
    },
  );

  it('gives each its own hash where many are under way', async () => {
    const contents = Array.from({ length: 30 }, (_, number) => contentOf(200 * KB + number));
    const hashed = await Promise.all(contents.map(async (content) => hashWhole(gzipSync(content))));
    expect(hashed.map((one) => one?.sha256)).toEqual(contents.map(sha256));
  });

  it('hashes what is larger than a stream’s step as well, however many at once', async () => {
    const content = contentOf(3 * 1024 * KB);
    const body = gzipSync(content);
    const all = await Promise.all(Array.from({ length: 40 }, () => judge(body)));
    expect(new Set(all.map((one) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify({ fast: true, verdict: sha256(content) })]),
    );
  });

  it('streams what is larger', async () => {
    const content = contentOf(4 * 1024 * KB + 1);
    expect(await judge(gzipSync(content))).toEqual({ fast: false, verdict: sha256(content) });
  });

  it.each(SIZES)('refuses what is cut after any byte (%i bytes)', async (size) => {
    const body = gzipSync(contentOf(size));
    for (let length = 0; length < body.length; length++) {
      expect(await hashWhole(body.subarray(0, length)), `${length} bytes`).toBe(undefined);
    }
    for (const length of [0, 3, 9, 10, 17, 18, body.length - 9, body.length - 8, body.length - 1]) {
      expect((await judge(body.subarray(0, length))).verdict).toBe('malformed');
    }
  });

  it.each(SIZES)('refuses more than one member (%i bytes)', async (size) => {
    const member = gzipSync(contentOf(size));
    const more = [member, ...EMPTY, Buffer.alloc(1), Buffer.alloc(8), Buffer.from('x')];
    for (const rest of more) {
      const { fast, verdict } = await judge(Buffer.concat([member, rest]));
      expect({ fast, verdict }).toEqual({ fast: false, verdict: 'trailing-data' });
    }
    for (const empty of EMPTY) {
      const padded = Buffer.concat([empty, Buffer.alloc(8)]);
      expect(await judge(padded)).toEqual({ fast: false, verdict: 'trailing-data' });
      for (const first of [[empty], [empty, gzipSync('')], [empty, empty, empty]]) {
        const body = Buffer.concat([...first, member]);
        expect(await judge(body)).toEqual({ fast: false, verdict: 'trailing-data' });
      }
    }
    for (const last of [member, ...EMPTY]) {
      const body = Buffer.concat([gzipSync('x'), last]);
      expect(await judge(body)).toEqual({ fast: false, verdict: 'trailing-data' });
    }
  });

  it.each(SIZES)('refuses a wrong checksum or size (%i bytes)', async (size) => {
    const member = gzipSync(contentOf(size));
    for (let back = 1; back <= 8; back++) {
      for (const mask of [1, 0x80]) {
        const body = Buffer.from(member);
        body[body.length - back] = (body[body.length - back] ?? 0) ^ mask;
        expect(await judge(body)).toEqual({ fast: false, verdict: 'malformed' });
      }
    }
  });

  it('takes content that looks like the end of an empty member the strict way', async () => {
    const content = Buffer.concat([Buffer.alloc(8), gzipSync('x')]);
    const body = gzipSync(content, { level: 0 });
    expect(await judge(body)).toEqual({ fast: false, verdict: sha256(content) });
  });

  it('reads no header longer than 64 KiB, in whatever pieces it comes', async () => {
    const named = (length: number): Buffer =>
      Buffer.concat([
        Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 255]),
        Buffer.alloc(length - 11, 'n'),
        Buffer.alloc(1),
        gzipSync('x').subarray(10),
      ]);
    expect(await judge(named(64 * KB))).toEqual({ fast: true, verdict: sha256(Buffer.from('x')) });
    expect(await judge(named(64 * KB + 1))).toEqual({ fast: false, verdict: 'malformed' });
  });

  it('holds a bomb to the size that it claims', async () => {
    for (const claimed of [0, 100, 200 * KB, 0xffffffff]) {
      const body = bomb(KB ** 3, claimed);
      const before = performance.now();
      expect(await hashWhole(body)).toBe(undefined);
      expect(performance.now() - before).toBeLessThan(1000);
      expect(await check(bomb(4 * KB ** 2, claimed), '0'.repeat(64))).toMatchObject({
        state: 'malformed',
      });
    }
  });

  it('agrees with the strict readers whatever the bytes are (property)', async () => {
    const member = fc
      .record({
        size: fc.oneof(fc.nat(300), fc.integer({ min: 120 * KB, max: 136 * KB })),
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
    let fast = 0;
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
          if ((await judge(body)).fast) fast++;
        },
      ),
      { numRuns: 300 },
    );
    expect(fast).toBeGreaterThan(10);
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

  it('40 at once leave a thread to small ones', async () => {
    const { body, hash } = largeMember(2);
    const large = Array.from({ length: 40 }, () => check(body, hash));
    expect(await smallOnesDuring(large)).toBeGreaterThan(50);
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
