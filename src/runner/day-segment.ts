/** From the digest files of one day to the segments of its chains. */
import type { BackfillSegment } from '../core/backfill.js';
import {
  digestSegment,
  emptySegment,
  join,
  looseSegment,
  type Chain,
  type Loose,
  type Segment,
} from '../core/segment.js';
import { addKeyUse, type KeyUse } from '../core/source-segment.js';
import type { DayDigest } from './read-day.js';

/**
 * Folds a day's digest files. A folder that could not be listed may have held a digest file anywhere
 * in its day, so it stands between all of them: wherever two don't meet, it speaks.
 */
export function segmentOf(
  chain: Chain,
  digests: readonly DayDigest[],
  failures: readonly Loose[] = [],
): Segment {
  const unseen = failures.map((loose) => looseSegment(chain, loose, false, []));
  const segments = digests
    .filter((digest) => digest.kind === 'standard')
    .flatMap((digest) => [
      ...unseen,
      'node' in digest
        ? digestSegment(chain, digest.node, digest.findings)
        : looseSegment(chain, digest.loose, digest.counted, digest.findings),
    ])
    .concat(unseen);
  return fold(segments) ?? emptySegment(chain);
}

/** Joins neighbours pairwise: one after the other, ten thousand planted names would cost their square. */
function fold(segments: readonly Segment[]): Segment | undefined {
  if (segments.length <= 1) return segments[0];
  const middle = segments.length >> 1;
  const older = fold(segments.slice(0, middle));
  const newer = fold(segments.slice(middle));
  return older && newer ? join(older, newer) : (older ?? newer);
}

/** The backfill digest files of a day. */
export function backfillOf(
  chain: Chain,
  digests: readonly DayDigest[],
  failures: readonly Loose[] = [],
): BackfillSegment {
  const own = digests.filter((digest) => digest.kind === 'backfill');
  const nodes = own.flatMap((digest) => ('node' in digest ? [digest.node] : []));
  const loose = own.flatMap((digest) => ('loose' in digest ? [digest] : []));
  const counted = loose.filter((digest) => digest.counted);
  const judged = nodes.filter((node) => node.counted);
  return {
    chain,
    nodes,
    // A folder that could not be listed may have held backfill digest files too.
    loose: [...loose.map((digest) => digest.loose), ...failures],
    digests: {
      valid: judged.filter((node) => node.sound).length,
      invalid:
        judged.filter((node) => !node.sound).length +
        counted.filter(({ loose: one }) => one.state === 'altered').length,
      unreadable: counted.filter(({ loose: one }) => one.state === 'unreadable').length,
    },
    findings: own.flatMap((digest) =>
      ('node' in digest ? digest.node.counted : digest.counted) ? digest.findings : [],
    ),
  };
}

/** By which keys the digest files of a day that count were verified. */
export function keyUse(digests: readonly DayDigest[]): KeyUse {
  return addKeyUse(
    digests.flatMap((one) =>
      'node' in one && one.node.counted && one.verifiedBy !== undefined
        ? [[one.verifiedBy, 1] as const]
        : [],
    ),
  );
}
