/** Putting text out in pieces of a good size, so that no report is ever held whole. */

/** UTF-16 units that a piece holds at least, the last one aside. */
const CHUNK = 64 * 1024;

/** Joins small texts to pieces. */
export async function* inChunks(
  texts: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<string> {
  let chunk = '';
  for await (const text of texts) {
    chunk += text;
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
