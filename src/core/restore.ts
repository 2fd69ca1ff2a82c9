/** The command that brings an original back. */

/** Quotes a text for a POSIX shell, in printable ASCII and on one line, whatever it holds. */
export function shellQuote(text: string): string {
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(text)) return text;
  if (/^[\x20-\x7e]*$/.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const bytes = [...new TextEncoder().encode(text)].map((byte) => {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x27 && byte !== 0x5c;
    return plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  // bash, zsh and ksh read $'…'; no key that needs it was written by CloudTrail.
  return `$'${bytes.join('')}'`;
}

/**
 * The exact command that makes a version the current one again, metadata and all, and leaves every
 * other version where it is. The AWS CLI encodes the copy source itself.
 */
export function restoreCommand(bucket: string, key: string, versionId: string): string {
  const source = `${bucket}/${key}?versionId=${versionId}`;
  return [
    'aws s3api copy-object',
    ...['--bucket', shellQuote(bucket)],
    ...['--key', shellQuote(key)],
    ...['--copy-source', shellQuote(source)],
  ].join(' ');
}
