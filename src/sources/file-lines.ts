/** A file's lines, a piece of the file at a time. */
import type { FileHandle } from 'node:fs/promises';

/** Longest line that is written or read. */
export const MAX_LINE = 64 * 1024 * 1024;
const PIECE = 1024 * 1024;

/** A line without its newline, and where it begins; a last one that has none isn't whole. */
export interface FileLine {
  readonly bytes: Buffer;
  readonly offset: number;
  readonly whole: boolean;
}

/** The lines of a file; throws what `tooLong` makes for one past `MAX_LINE`. */
export async function* linesOf(handle: FileHandle, tooLong: () => Error): AsyncGenerator<FileLine> {
  // A line's pieces so far; most lines are one.
  let pieces: Buffer[] = [];
  let held = 0;
  let offset = 0;
  const take = (end: Buffer) => {
    const bytes = pieces.length === 0 ? end : Buffer.concat([...pieces, end]);
    pieces = [];
    held = 0;
    return { bytes, offset };
  };
  for (;;) {
    const piece = Buffer.alloc(PIECE);
    const { bytesRead } = await handle.read(piece, 0, PIECE, offset + held);
    if (bytesRead === 0) break;
    const data = piece.subarray(0, bytesRead);
    let from = 0;
    for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, from)) {
      const line = take(data.subarray(from, at));
      yield { ...line, whole: true };
      offset += line.bytes.length + 1;
      from = at + 1;
    }
    if (from < data.length) pieces.push(data.subarray(from));
    held += data.length - from;
    if (held > MAX_LINE) throw tooLong();
  }
  if (held > 0) yield { ...take(Buffer.alloc(0)), whole: false };
}

/** The line that begins at an offset. */
export async function lineAt(handle: FileHandle, offset: number): Promise<string> {
  for (let size = 2048; ; size *= 16) {
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await handle.read(bytes, 0, size, offset);
    const end = bytes.subarray(0, bytesRead).indexOf(10);
    if (end >= 0) return bytes.toString('utf8', 0, end);
    if (bytesRead < size || size > MAX_LINE) throw new Error('the line was cut while it was read');
  }
}
