/** What an earlier run remembered of a chain, held against what is there now. */
import type { LogFileEntry } from '../core/digest-file.js';
import { parseDigestKey, type ChainKind } from '../core/object-key.js';
import type { DigestNode } from '../core/segment.js';
import type { RememberedChain } from '../core/state.js';
import { HOUR, parseDigestTime, type Instant } from '../core/timestamp.js';
import { readCandidate, type SourceReader } from './read-day.js';

export interface Remembered {
  readonly kind: ChainKind;
  readonly chain: RememberedChain;
  readonly end: Instant;
  /** Of context: the digest file as the state has it. */
  readonly node: DigestNode;
  readonly now: 'same' | 'gone' | 'changed' | 'unreadable';
  /** What it lists, where it is the same. */
  readonly logFiles: readonly LogFileEntry[];
}

/** Reads the remembered digest file again and compares it, byte for byte by its hash. */
export async function readRemembered(
  reader: SourceReader,
  chain: RememberedChain,
): Promise<Remembered> {
  const { newestDigest, kind } = chain;
  const { bucket, key, hash, signature } = newestDigest;
  const end = parseDigestTime(newestDigest.endTime) ?? 0;
  const node: DigestNode = {
    start: end - HOUR,
    end,
    bucket,
    key,
    hash,
    signature,
    // It was proved with its predecessor; here it only has to be followed.
    link: { bucket, key, hash: undefined, signature: undefined },
    counted: false,
    sound: true,
  };
  const base = { kind, chain, end, node, logFiles: [] };
  const parsed = parseDigestKey(bucket, key, reader.source, reader.chains[kind].trail);
  if (!parsed) return { ...base, now: 'gone' };
  const candidate = await readCandidate(reader, { object: { key, size: 0 }, parsed }, true);
  if (!candidate) return { ...base, now: 'gone' };
  const { authentication } = candidate;
  if (authentication.state === 'unreadable') return { ...base, now: 'unreadable' };
  // Its hash was proved when it was remembered: the same bytes need no signature again.
  const digest = 'digest' in authentication ? authentication.digest : undefined;
  if (digest?.hash !== hash) return { ...base, now: 'changed' };
  const full = await reader.readDigest(bucket, key, 0);
  const logFiles = full?.outcome.kind === 'digest' ? full.outcome.digest.logFiles : [];
  return { ...base, now: 'same', logFiles };
}
