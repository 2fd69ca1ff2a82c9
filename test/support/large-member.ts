import { createHash, randomBytes } from 'node:crypto';
import { constants, crc32, deflateRawSync, gzipSync } from 'node:zlib';

const BLOCK = 4 * 1024 ** 2;

/** A gzip member that holds the same 4 MiB of text so many times over, made quickly. */
export function largeMember(times: number): { body: Buffer; hash: string } {
  const line = JSON.stringify({ Records: Array(200).fill({ eventName: 'GetObject' }) });
  const block = Buffer.alloc(BLOCK, line + randomBytes(500).toString('hex'));
  const piece = deflateRawSync(block, { level: 1, finishFlush: constants.Z_SYNC_FLUSH });
  const hash = createHash('sha256');
  let crc = 0;
  for (let time = 0; time < times; time++) {
    hash.update(block);
    crc = crc32(block, crc);
  }
  const header = gzipSync('').subarray(0, 10);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(times * BLOCK, 4);
  const pieces = Array<Buffer>(times).fill(piece);
  return {
    body: Buffer.concat([header, ...pieces, deflateRawSync(''), trailer]),
    hash: hash.digest('hex'),
  };
}
