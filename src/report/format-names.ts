/** The forms of a report, by the names that the command line has for them. */
export const FORMATS = [
  'text',
  'json',
  'ndjson',
  'junit',
  'markdown',
  'html',
  'sarif',
  'csv',
] as const;

export type Format = (typeof FORMATS)[number];
