/**
 * What lies right beside the range: the first digest file after it vouches for the last one within,
 * and both neighbours may list log files whose rounded names lie in it. Neither is ever judged.
 */
import { vouch } from '../core/authenticate.js';
import type { Link, LogFileEntry } from '../core/digest-file.js';
import { parseDigestKey } from '../core/object-key.js';
import { DAY, HOUR, startOfDay, type Instant } from '../core/timestamp.js';
import {
  decide,
  listDay,
  newLocation,
  readCandidate,
  remember,
  settle,
  type Candidate,
  type DayDigest,
  type Listed,
  type Settling,
  type SourceReader,
} from './read-day.js';

export interface Context {
  readonly digest: DayDigest;
  readonly logFiles: readonly LogFileEntry[];
  /** What the digest files after it list, read one after the other while something is left to find. */
  readonly later: () => AsyncGenerator<readonly LogFileEntry[]>;
}

/** How many objects beyond the range's end are tried for one that vouches for the last within. */
const MAX_CONTEXT = 2000;

/**
 * The first authenticated digest file beyond the range's end. `undefined` where the days after the
 * end have none.
 */
export async function readContext(
  reader: SourceReader,
  days: readonly Instant[],
): Promise<Context | undefined> {
  const { range } = reader;
  const listed: Listed[] = [];
  let isUnlisted = false;
  for (const day of days) {
    for (const location of reader.locations) {
      const { digests, failed } = await listDay(reader, location, day);
      isUnlisted ||= failed !== undefined;
      listed.push(
        ...digests.filter(
          ({ parsed }) => parsed.kind === 'standard' && parsed.end - HOUR >= range.end,
        ),
      );
    }
  }
  listed.sort((a, b) => a.parsed.end - b.parsed.end);
  const read: Candidate[] = [];
  for (const [at, one] of listed.slice(0, MAX_CONTEXT).entries()) {
    const candidate = await readCandidate(reader, one);
    if (candidate) read.push(candidate);
    if (candidate?.authentication.state !== 'authentic') continue;
    learn(reader, read, isUnlisted);
    // The range may lie before a change of bucket or prefix that only this digest tells of.
    const elsewhere = newLocation(reader, [candidate.authentication]);
    if (elsewhere) reader.locations.push(elsewhere);
    const { logFiles } = candidate.authentication.digest;
    return {
      digest: decide(reader, { ...candidate, context: true }, candidate.authentication),
      logFiles,
      later: () => listsOf(reader, listed.slice(at + 1, at + 1 + MAX_LATER)),
    };
  }
  learn(reader, read, isUnlisted);
  return undefined;
}

/** What digest files beyond the days that are read next say of them. */
function learn(
  reader: SourceReader,
  read: readonly Candidate[],
  isUnlisted: boolean,
): Settling['settled'] {
  const { settled, edges } = settle(read, reader, isUnlisted);
  for (const [known, result] of settled) remember(reader.links, known, result);
  reader.edges = edges;
  return settled;
}

/**
 * For days whose newer neighbours are another machine's: learns what reading those would have taught,
 * that is, the older places that they link to and the link to the newest digest file here. The first
 * authenticated digest file from `from` on tells; where it links to a place that wasn't known, the
 * search begins again there, for an older one may lie in it.
 */
export async function readEdge(reader: SourceReader, from: Instant, to: Instant): Promise<void> {
  for (let known = 0; known < reader.locations.length;) {
    known = reader.locations.length;
    for (let day = from; day <= to; day += DAY) {
      const listed: Listed[] = [];
      for (const location of [...reader.locations]) {
        const { digests } = await listDay(reader, location, day);
        listed.push(...digests);
      }
      listed.sort((a, b) => a.parsed.end - b.parsed.end);
      if (await readToSigned(reader, listed.slice(0, MAX_CONTEXT))) break;
    }
  }
}

/** Reads digest files, oldest first, up to one that is signed; whether there was one. */
async function readToSigned(reader: SourceReader, listed: readonly Listed[]): Promise<boolean> {
  const read: Candidate[] = [];
  for (const one of listed) {
    const candidate = await readCandidate(reader, one);
    if (!candidate) continue;
    read.push(candidate);
    if (candidate.kind !== 'standard' || candidate.authentication.state !== 'authentic') continue;
    const settled = learn(reader, read, false);
    const elsewhere = newLocation(reader, settled.values());
    if (elsewhere) reader.locations.push(elsewhere);
    return true;
  }
  return false;
}

/** Digest files after the first beyond the range that may list a log file which came late. */
const MAX_LATER = 6;

async function* listsOf(
  reader: SourceReader,
  listed: readonly Listed[],
): AsyncGenerator<readonly LogFileEntry[]> {
  for (const one of listed) {
    const candidate = await readCandidate(reader, one);
    if (candidate?.authentication.state === 'authentic') {
      yield candidate.authentication.digest.logFiles;
    }
  }
}

/** Objects that are tried for the newest digest file before the range. */
const MAX_BEFORE = 50;

/**
 * The newest authenticated digest file before the range, where a chain begins within it: a gap at the
 * range's start is then known to follow a digest file. Looked for in the two days before.
 */
export async function readOlder(reader: SourceReader): Promise<DayDigest | undefined> {
  const { range } = reader;
  const before = startOfDay(range.start);
  for (const day of [before, before - DAY, before - 2 * DAY]) {
    for (const location of reader.locations) {
      const { digests } = await listDay(reader, location, day);
      const newestFirst = digests
        .filter(({ parsed }) => parsed.kind === 'standard' && parsed.end <= range.start)
        .sort((a, b) => b.parsed.end - a.parsed.end);
      for (const one of newestFirst.slice(0, MAX_BEFORE)) {
        const candidate = await readCandidate(reader, one);
        if (candidate?.authentication.state !== 'authentic') continue;
        return decide(reader, { ...candidate, context: true }, candidate.authentication);
      }
    }
  }
  return undefined;
}

/** The log files that the digest file before the range lists, where its signed successor proves it. */
export async function readBefore(
  reader: SourceReader,
  link: Link,
): Promise<readonly LogFileEntry[] | undefined> {
  const { source, chains } = reader;
  const parsed = parseDigestKey(link.bucket, link.key, source, chains.standard.trail);
  if (!parsed) return undefined;
  const object = { key: link.key, size: 0 };
  const candidate = await readCandidate(reader, { object, parsed }, true);
  if (!candidate) return undefined;
  const { authentication } = candidate;
  const settled =
    authentication.state === 'open'
      ? vouch(authentication, { link, signed: true })
      : authentication;
  return settled.state === 'authentic' ? settled.digest.logFiles : undefined;
}
