/**
 * A journal's lines: what `--resume` goes on from and what a shard leaves to `merge`. The first line
 * says of which work it is, each further one holds a finished segment (a source's UTC day), and a
 * shard's last one says that it is whole. Each line begins with a checksum over itself and all lines
 * before it, so that a torn, changed, moved or missing line shows. It shows damage and careless
 * hands, not an attacker: whoever may write a journal may write another.
 */
import { createHash } from 'node:crypto';
import type { SuccessorLink } from './authenticate.js';
import type { Location, Source } from './object-key.js';
import type { PackedSegment } from './source-segment.js';
import type { Instant, TimeRange } from './timestamp.js';

/** A share of the work: the `index`-th of `total`, from 1. */
export interface Shard {
  readonly index: number;
  readonly total: number;
}

/** Where a trail delivered when work began, and what CloudTrail said of it that planning rests on. */
export interface WorkPlace extends Location {
  readonly isOrganization?: boolean;
  readonly isMultiRegion?: boolean;
  /** Whether the organization could not be looked for then, so that it is looked for again. */
  readonly isUndecided?: boolean;
}

/** Who is asked in AWS's place: options or the environment say so. */
export interface Endpoints {
  readonly cloudtrail?: string;
  readonly s3?: string;
}

/** The newest form of a journal. */
export const FORMAT_VERSION = 3;

/** Of which work a journal is. */
export interface Work {
  readonly format: 'validate-trail-journal';
  readonly version: typeof FORMAT_VERSION;
  /** The tool's version: another may read or judge differently. */
  readonly tool: string;
  readonly trail: string;
  /** Everything that was asked for and changes what is read or judged, by option. */
  readonly options: Readonly<Record<string, string | boolean | readonly string[]>>;
  /** Those that were asked, whoever named them; none with evidence. */
  readonly endpoints: Endpoints;
  /** SHA-256 of the files that options name, by option. */
  readonly files: Readonly<Record<string, string>>;
  readonly range: TimeRange;
  /** The service's clock when the work began. */
  readonly begunAt: Instant;
  /** This machine's. */
  readonly startedAt: Instant;
  readonly shard?: Shard;
  /** Work that was begun is gone on with there, wherever the trail delivers by then. */
  readonly place: WorkPlace;
}

/** Work that isn't begun: nothing was asked of the bucket yet. */
export type NewWork = Omit<Work, 'place'>;

/** A source of which something was recorded, and where it was looked for. */
export interface RecordedSource extends Source {
  readonly locations: readonly Location[];
}

/** Names a source and where it is looked for; read in other places, it is another reading. */
export function sourceName({ accountId, region }: Source, locations: readonly Location[]): string {
  return JSON.stringify([
    accountId,
    region,
    ...locations.map(({ bucket, prefix, organizationId = '' }) => [bucket, prefix, organizationId]),
  ]);
}

/** The source that a name is of. */
export function sourceOfName(name: string): RecordedSource {
  const [accountId, region, ...places] = JSON.parse(name) as [string, string, ...string[][]];
  const locations = places.map(([bucket = '', prefix = '', organizationId = '']) => ({
    bucket,
    prefix,
    ...(organizationId === '' ? {} : { organizationId }),
  }));
  return { accountId, region, locations };
}

/** A finished segment, with what reading goes on from. */
export interface RecordedDay {
  readonly source: string;
  readonly day: Instant;
  readonly segment: PackedSegment;
  /** Where the source's older digest files may lie, as known after this day. */
  readonly locations: readonly Location[];
  /** Links to digest files that were not met yet. */
  readonly links: readonly (readonly [string, SuccessorLink])[];
  /**
   * Why it is better read again: `passing`, something could not be read that may be readable the
   * next time; `edge`, a digest file hangs on newer ones, which another shard reads, which could not
   * be read, or which are yet to come.
   */
  readonly again?: 'passing' | 'edge';
}

/** What a line holds. */
export type JournalLine =
  | { readonly work: Work }
  | { readonly day: RecordedDay }
  /** In what, beside the days, a run could not read something that may be readable the next time. */
  | { readonly beside: readonly string[] }
  /** A shard's last line. */
  | { readonly end: true };

/** Bytes of the checksum that begins a line, and the space after it. */
const PREFIX = 17;

export class JournalError extends Error {
  override readonly name = 'JournalError';
}

/** A file that never was a journal: nobody may be told to remove it. */
export class NoJournalError extends JournalError {}

function checksum(before: string, json: string): string {
  return createHash('sha256').update(before).update(json).digest('hex').slice(0, 16);
}

/** Writes one line after another; `sum` is the checksum that the last one had. */
export function encodeLine(before: string, line: JournalLine): { text: string; sum: string } {
  const json = JSON.stringify(line);
  const sum = checksum(before, json);
  return { text: `${sum} ${json}\n`, sum };
}

/** The checksum of a line without its newline; `undefined` where it doesn't follow `before`. */
export function checkLine(before: string, line: string): string | undefined {
  const sum = line.slice(0, PREFIX - 1);
  return checksum(before, line.slice(PREFIX)) === sum ? sum : undefined;
}

/** What a checked line holds. Throws `JournalError` for one that no run wrote. */
export function decodeLine(line: string): JournalLine {
  try {
    const value = JSON.parse(line.slice(PREFIX)) as Partial<Record<string, unknown>> | null;
    if (value && ('work' in value || 'day' in value || 'beside' in value || 'end' in value)) {
      return value as unknown as JournalLine;
    }
  } catch {
    // Told below.
  }
  throw new JournalError('holds a line that no run wrote');
}

function told(name: string, value: string | boolean | readonly string[] | undefined): string {
  if (value === undefined || value === false) return `without --${name}`;
  if (value === true) return `with --${name}`;
  return `with --${name} ${typeof value === 'string' ? value : value.join(' ')}`;
}

/** What sets the endpoints of work apart from those at hand, in words; `undefined` where nothing does. */
export function otherEndpoint(theirs: Endpoints, own: Endpoints): string | undefined {
  for (const [service, variable] of [
    ['cloudtrail', 'AWS_ENDPOINT_URL_CLOUDTRAIL'],
    ['s3', 'AWS_ENDPOINT_URL_S3'],
  ] as const) {
    const inWords = (one: Endpoints): string => one[service] ?? 'AWS’s own';
    if (inWords(theirs) !== inWords(own)) {
      const names = `--endpoint-url, AWS_ENDPOINT_URL, ${variable}`;
      return `it was begun with the ${service} endpoint ${inWords(theirs)}, and this is ${inWords(own)} (${names})`;
    }
  }
  return undefined;
}

/** What sets work apart by tool, options and endpoints, in words; `undefined` where nothing does. */
export function otherOptions(
  theirs: Pick<Work, 'tool' | 'options' | 'endpoints'>,
  own: Pick<Work, 'tool' | 'options' | 'endpoints'>,
): string | undefined {
  if (theirs.tool !== own.tool) {
    return `validate-trail ${theirs.tool} wrote it, and this is ${own.tool}`;
  }
  const names = new Set([...Object.keys(theirs.options), ...Object.keys(own.options)]);
  for (const name of names) {
    const [before, now] = [theirs.options[name], own.options[name]];
    if (JSON.stringify(before) !== JSON.stringify(now)) {
      return `it was begun ${told(name, before)}, and this is ${told(name, now)}`;
    }
  }
  return otherEndpoint(theirs.endpoints, own.endpoints);
}

/**
 * What sets a journal's work apart from the work at hand, in words; `undefined` where nothing does.
 * The range is compared where both were fixed, so it is left to the options that fixed it.
 */
export function otherWork(journal: NewWork, own: NewWork): string | undefined {
  if ((journal.version as number) !== own.version) {
    return `its form is ${journal.version}, and this is ${own.version}`;
  }
  if (journal.trail !== own.trail) return `it is of the trail ${journal.trail}`;
  const options = otherOptions(journal, own);
  if (options !== undefined) return options;
  for (const name of new Set([...Object.keys(journal.files), ...Object.keys(own.files)])) {
    if (journal.files[name] !== own.files[name]) return `the file of --${name} is another now`;
  }
  const shard = ({ shard: one }: NewWork): string =>
    told('shard', one && `${one.index}/${one.total}`);
  if (shard(journal) !== shard(own)) {
    return `it was begun ${shard(journal)}, and this is ${shard(own)}`;
  }
  return undefined;
}

/** What sets the place that shards were begun with apart, in words; `undefined` where nothing does. */
export function otherPlace({ place: theirs }: Work, { place: own }: Work): string | undefined {
  const inWords = ({ bucket, prefix, ...rest }: WorkPlace): string => {
    const { organizationId = 'none', isOrganization, isMultiRegion } = rest;
    const facts = `organization trail: ${String(isOrganization)}, multi-Region: ${String(isMultiRegion)}`;
    return `s3://${bucket}/${prefix} (organization ${organizationId}; ${facts})`;
  };
  if (inWords(theirs) === inWords(own)) return undefined;
  return `the trail was changed between them: it delivered to ${inWords(theirs)}, and to ${inWords(own)}`;
}
