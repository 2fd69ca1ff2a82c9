/** What a run tells while it goes on, for progress. */
export type RunEvent =
  | { readonly type: 'planned'; readonly sources: number; readonly days: number }
  | { readonly type: 'digests'; readonly digestFiles: number; readonly bytes: number }
  | { readonly type: 'listed'; readonly logFiles: number }
  | { readonly type: 'log'; readonly bytes: number }
  /** A day was taken from the journal. */
  | { readonly type: 'recorded' }
  | { readonly type: 'source-done' };

export type RunListener = (event: RunEvent) => void;
