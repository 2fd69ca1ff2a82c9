import type { Source } from '../core/object-key.js';

/** What a run tells while it goes on, for progress. `source` names the account and Region. */
export type RunEvent =
  | { readonly type: 'planned'; readonly sources: number; readonly days: number }
  | { readonly type: 'digests'; readonly digestFiles: number; readonly bytes: number }
  /** The log files of a day that are to be read. */
  | { readonly type: 'listed'; readonly source: string; readonly logFiles: number }
  | { readonly type: 'log'; readonly source: string; readonly bytes: number }
  /** A source is begun that has so many days. */
  | { readonly type: 'days'; readonly source: string; readonly days: number }
  /** One of them was read, or taken from the journal. */
  | { readonly type: 'day'; readonly source: string; readonly recorded: boolean }
  | { readonly type: 'source-done'; readonly source: string };

export type RunListener = (event: RunEvent) => void;

/** A source as events name it. */
export const labelOf = ({ accountId, region }: Source): string => `${accountId} ${region}`;
