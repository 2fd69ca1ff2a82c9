/** What is told of an original, and the command that brings it back. */
import { describeRemoval, removalFacts, type Removal } from './removal.js';
import { formatInstant, type Instant } from './timestamp.js';

/** The version that is what an authenticated digest file, or CloudTrail itself, signed. */
export interface Original {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string;
  readonly lastModified: Instant;
  /** Object Lock's hold on it. */
  readonly retention: { readonly mode: string; readonly until: Instant } | undefined;
  /** When it was removed or overwritten: what lies right above it among the versions says. */
  readonly removedAt: Instant | undefined;
}

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

/** Letters past which a command stands only in the details: a report cuts long lines. */
const MAX_COMMAND = 1000;

/** A command as a hint can carry it: whole, or not at all. */
export function restoreHint(command: string): string {
  return command.length <= MAX_COMMAND
    ? command
    : 'with the command in details of the JSON report, which is too long for a line';
}

function factsOf(original: Original, removal: Removal | undefined, actualBucket: string) {
  const { bucket, key, versionId, lastModified, retention, removedAt } = original;
  return {
    bucket,
    key,
    versionId,
    lastModified: formatInstant(lastModified),
    restore: restoreCommand(actualBucket, key, versionId),
    ...(removedAt === undefined ? {} : { removedAt: formatInstant(removedAt) }),
    ...(retention
      ? { retention: { mode: retention.mode, until: formatInstant(retention.until) } }
      : {}),
    ...(removal ? { removedBy: removalFacts(removal) } : {}),
  };
}

/** An original for machines, and in words. */
export interface ToldOriginal {
  readonly facts: ReturnType<typeof factsOf>;
  readonly words: string;
}

/**
 * Tells of an original: its version, when it was removed, who did it, and what holds it. Where a
 * replica was read in place of the signed bucket, the version and so the command are the replica's.
 */
export function describeOriginal(
  original: Original,
  removal: Removal | undefined,
  actualBucket = original.bucket,
): ToldOriginal {
  const facts = factsOf(original, removal, actualBucket);
  const { versionId, lastModified, removedAt, retention } = facts;
  const held = retention
    ? `, held by Object Lock (${retention.mode}) until ${retention.until}`
    : '';
  const by = removal ? describeRemoval(removal) : '';
  const removed = removedAt === undefined ? '' : `, removed or overwritten at ${removedAt}${by}`;
  return {
    facts,
    words: `its original is version ${versionId} of ${lastModified}${held}${removed}`,
  };
}
