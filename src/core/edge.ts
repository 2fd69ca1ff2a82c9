/**
 * Reading goes from newer to older digest files, and a digest file that lost its signature is proved
 * by the one after it. An edge tells what is known of that one: where it could not be read, nobody is
 * accused on what it might have said.
 */
import type { BackfillSegment } from './backfill.js';
import type { Link } from './digest-file.js';
import type { ChainKind } from './object-key.js';
import { names, type DigestNode, type Loose, type Segment } from './segment.js';

/** The older end of what has been read of a chain. */
export interface Edge {
  /** What the oldest signed digest file names, while it has not been met. */
  readonly named: Link | undefined;
  /** Whether the digest file after the next older one may be among what could not be read. */
  readonly unread: boolean;
}

export type Edges = Readonly<Record<ChainKind, Edge>>;

/** Before anything was read. */
export const NO_EDGE: Edge = { named: undefined, unread: false };
/** Beyond what could not even be listed. */
export const UNREAD: Edge = { named: undefined, unread: true };

/** A digest file as it was met. */
export interface Met {
  readonly state: 'authentic' | 'altered' | 'unreadable';
  readonly bucket: string;
  readonly key: string;
  readonly link: Link | null;
}

/**
 * The edge beyond one more digest file. An unreadable one counts only where no signed one says
 * otherwise: what somebody planted beside the chain excuses nothing.
 */
export function beyond(edge: Edge, met: Met): Edge {
  switch (met.state) {
    case 'authentic':
      return { named: met.link ?? undefined, unread: false };
    case 'altered':
      return edge;
    case 'unreadable':
      return edge.named === undefined || names(edge.named, met) ? UNREAD : edge;
  }
}

const ofNode = ({ bucket, key, link }: DigestNode): Met => ({
  state: 'authentic',
  ...{ bucket, key, link },
});

const ofLoose = ({ state, bucket = '', key = '' }: Loose): Met => ({
  state,
  ...{ bucket, key, link: null },
});

const isFolder = ({ key }: Loose): boolean => key === undefined;

/** The edges beyond a day whose digest files were read before. */
export function beyondDay(edges: Edges, standard: Segment, backfill: BackfillSegment): Edges {
  const { first, before } = standard;
  const late = [...backfill.nodes, ...backfill.loose].sort((a, b) => b.end - a.end);
  const met = {
    standard: [...(first ? [ofNode(first)] : []), ...[...before].reverse().map(ofLoose)],
    backfill: late.map((one) => ('hash' in one ? ofNode(one) : ofLoose(one))),
  };
  return {
    standard: before.some(isFolder) ? UNREAD : met.standard.reduce(beyond, edges.standard),
    backfill: backfill.loose.some(isFolder) ? UNREAD : met.backfill.reduce(beyond, edges.backfill),
  };
}
