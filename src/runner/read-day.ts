/**
 * One account's source Region on one UTC day: list the digest files of every known location, read
 * and authenticate them all at once (each is signed by itself), and give back what the chains are
 * joined from and which log files are to be checked. Days are read newest first, so that the links
 * of a day's successors are known.
 */
import {
  authenticate,
  isContradicted,
  vouch,
  type Authentication,
  type DigestPlace,
  type KeyLookup,
  type Remark,
  type SuccessorLink,
} from '../core/authenticate.js';
import type { LogFileEntry } from '../core/digest-file.js';
import { beyond, UNREAD, type Edges } from '../core/edge.js';
import { finding, UNREAD_CODES, type Finding, type FindingPlace } from '../core/finding.js';
import {
  digestDayPrefix,
  parseDigestKey,
  isAmong,
  sameLocation,
  type ChainKind,
  type DigestKey,
  type Location,
  type Source,
} from '../core/object-key.js';
import type { Chain, DigestNode, Loose } from '../core/segment.js';
import { DAY, HOUR, type Instant, type TimeRange } from '../core/timestamp.js';
import type { ListedObject, ObjectSource, RegionKeys } from '../sources/ports.js';
import type { createDigestReader } from './read-digest.js';

/** What stays the same while one source is read. */
export interface SourceReader {
  readonly objects: ObjectSource;
  readonly readDigest: ReturnType<typeof createDigestReader>;
  readonly keys: RegionKeys;
  readonly source: Source;
  readonly chains: Readonly<Record<ChainKind, Chain>>;
  /** Grows when an authenticated digest names a predecessor elsewhere. */
  readonly locations: Location[];
  /** Links whose targets have not been met yet, by bucket and key. */
  readonly links: Map<string, SuccessorLink>;
  /** What is known of the digest files right after those that are read next. */
  edges: Edges;
  readonly range: TimeRange;
  /** Backfill digest files come late: those of hours back to here belong to the run, too. */
  readonly backfillFrom: Instant;
}

/** Whether a window lies in the time that a run covers: later than its start, up to its end. */
function belongs(reader: SourceReader, kind: ChainKind, start: Instant, end: Instant): boolean {
  const { range, backfillFrom } = reader;
  const from = kind === 'backfill' ? Math.min(backfillFrom, range.start) : range.start;
  return end > from && start < range.end;
}

/** A digest file, decided. */
export type DayDigest = { readonly kind: ChainKind; readonly end: Instant } & (
  | {
      readonly node: DigestNode;
      /** The fingerprint of the key that its own signature verifies with; none where a later one vouches. */
      readonly verifiedBy?: string;
      readonly findings: readonly Finding[];
    }
  | { readonly loose: Loose; readonly counted: boolean; readonly findings: readonly Finding[] }
);

export interface ListedLog {
  readonly entry: LogFileEntry;
  readonly kind: ChainKind;
  readonly digestKey: string;
}

export interface Day {
  /** In order of time. */
  readonly digests: readonly DayDigest[];
  /** The day's time, once for each location whose digest files could not be listed. */
  readonly failures: readonly Loose[];
  readonly logs: readonly ListedLog[];
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
  /** Whether a digest file is left open that a newer day's might vouch for. */
  readonly unsettled: boolean;
}

export interface Candidate extends DigestKey {
  readonly place: DigestPlace;
  readonly listed: ListedObject;
  readonly context: boolean;
  readonly size: number;
  readonly authentication: Authentication;
}

const id = (bucket: string, key: string): string => JSON.stringify([bucket, key]);

/** The name under which a reader's links hold the one to an object. */
export const linkName = ({ bucket = '', key = '' }: { bucket?: string; key?: string }): string =>
  id(bucket, key);

export type Listed = { readonly object: ListedObject; readonly parsed: DigestKey };

interface DayListing {
  readonly digests: readonly Listed[];
  readonly findings: readonly Finding[];
  readonly failed: Loose | undefined;
}

export async function listDay(
  reader: SourceReader,
  location: Location,
  day: Instant,
): Promise<DayListing> {
  const { source, chains, objects } = reader;
  const { trail } = chains.standard;
  const { bucket } = location;
  const prefix = digestDayPrefix(location, source, trail, day);
  const place = { accountId: source.accountId, region: source.region, bucket, key: prefix };
  const listing = await objects.list(bucket, prefix);
  if (!listing.ok) {
    const { failure } = listing;
    if (failure.kind === 'absent') return { digests: [], findings: [], failed: undefined };
    const [cause, detail] =
      failure.kind === 'unreadable' ? [failure.reason, failure.detail] : ['service', failure.kind];
    const message = `the digest files of this day could not be listed (${cause}): ${detail}`;
    return {
      digests: [],
      findings: [finding('OBJECT_UNREADABLE', message, { ...place, details: { reason: cause } })],
      // A digest that ends at midnight lies in the folder of the day that begins.
      failed: { start: day - 1, end: day + DAY - 1, state: 'unreadable', cause },
    };
  }
  const digests: Listed[] = [];
  const strange: string[] = [];
  for (const object of listing.value.objects) {
    const parsed = parseDigestKey(bucket, object.key, source, trail);
    if (parsed && sameLocation(parsed.location, location)) digests.push({ object, parsed });
    else strange.push(object.key);
  }
  const findings = strange.length
    ? [
        finding(
          'OBJECT_UNRECOGNISED',
          `${strange.length} objects are not named like a digest file`,
          {
            ...place,
            details: { count: strange.length, first: strange.slice(0, 3) },
          },
        ),
      ]
    : [];
  return { digests, findings, failed: undefined };
}

export async function readCandidate(
  reader: SourceReader,
  listed: Listed,
  keepsList = false,
): Promise<Candidate | undefined> {
  const { object, parsed } = listed;
  const { bucket } = parsed.location;
  const place = { chain: reader.chains[parsed.kind], bucket, key: object.key };
  const read = await reader.readDigest(bucket, object.key, object.size);
  if (!read) return undefined;
  let key: KeyLookup = { state: 'unavailable' };
  if (read.outcome.kind === 'digest') {
    key = await reader.keys.lookup(read.outcome.digest.fingerprint, parsed.end);
  }
  const { carriesMetadata } = reader.objects;
  let authentication = authenticate(place, read.outcome, () => key, carriesMetadata);
  // Whoever plants digest files chooses their length: a list is kept only once it is proved.
  if (authentication.state === 'open' && !keepsList) {
    authentication = { ...authentication, digest: { ...authentication.digest, logFiles: [] } };
  }
  const { size } = read;
  return { ...parsed, place, listed: object, context: false, size, authentication };
}

type Settled = Exclude<Authentication, { state: 'open' }>;

/** Remembers what a digest file records of its predecessor; an authenticated one has the last word. */
export function remember(
  links: Map<string, SuccessorLink>,
  candidate: Candidate,
  settled: Settled,
): void {
  const { authentication } = candidate;
  const digest =
    settled.state === 'authentic'
      ? settled.digest
      : authentication.state === 'open'
        ? authentication.digest
        : undefined;
  if (!digest?.link) return;
  const name = id(digest.link.bucket, digest.link.key);
  const signed = settled.state === 'authentic';
  if (signed || !links.has(name)) links.set(name, { link: digest.link, signed });
}

export interface Settling {
  readonly settled: ReadonlyMap<Candidate, Settled>;
  readonly edges: Edges;
}

/**
 * Settles what is open, newest first, with what later digest files record. `isUnlisted`: others may
 * stand anywhere between them, for a folder could not be listed.
 */
export function settle(
  candidates: readonly Candidate[],
  outside: Pick<SourceReader, 'links' | 'edges'>,
  isUnlisted: boolean,
): Settling {
  const links = new Map(outside.links);
  const edges = { ...outside.edges };
  const settled = new Map<Candidate, Settled>();
  for (const candidate of [...candidates].sort((a, b) => b.end - a.end)) {
    const { authentication, place, kind } = candidate;
    const link = links.get(id(place.bucket, place.key));
    const { unread } = edges[kind];
    const result =
      authentication.state === 'open'
        ? vouch(authentication, link, unread || isUnlisted)
        : authentication;
    settled.set(candidate, result);
    remember(links, candidate, result);
    const { bucket, key } = place;
    const own = result.state === 'authentic' ? result.digest.link : null;
    edges[kind] = beyond(edges[kind], { state: result.state, bucket, key, link: own });
  }
  return { settled, edges: isUnlisted ? { standard: UNREAD, backfill: UNREAD } : edges };
}

/** A location that an authenticated digest points to and that is not read yet. */
export function newLocation(
  reader: SourceReader,
  settled: Iterable<Settled>,
): Location | undefined {
  const { source, chains, locations } = reader;
  for (const one of settled) {
    const link = one.state === 'authentic' ? one.digest.link : null;
    if (!link) continue;
    const { trail } = chains.standard;
    const named = parseDigestKey(link.bucket, link.key, source, trail)?.location;
    if (named && !isAmong(locations, named)) return named;
  }
  return undefined;
}

const tell = ({ code, message, details }: Remark, at: FindingPlace): Finding =>
  finding(code, message, { ...at, details });

export function decide(reader: SourceReader, candidate: Candidate, settled: Settled): DayDigest {
  const { place, kind, end, location, context, authentication } = candidate;
  const { bucket, key, chain } = place;
  const { accountId, region } = chain;
  const at = { accountId, region, kind, bucket, key, end };
  if (settled.state !== 'authentic') {
    const { remark, state } = settled;
    const counted = !context && belongs(reader, kind, end - HOUR, end);
    const cause = settled.state === 'unreadable' ? { cause: settled.cause } : {};
    const loose: Loose = { start: end - HOUR, end, state, ...cause, bucket, key };
    const isUnread =
      settled.state === 'unreadable' && remark !== undefined && UNREAD_CODES.includes(remark.code);
    const why = isUnread ? { details: { ...remark.details, reason: settled.cause } } : {};
    const findings = remark ? [tell({ ...remark, ...why }, at)] : [];
    return { kind, end, loose, counted, findings };
  }
  const { digest, signature, remarks } = settled;
  const sound = !remarks.some((remark) => remark.code === 'DIGEST_SIGNATURE_INVALID');
  const node: DigestNode = {
    start: digest.start,
    end: digest.end,
    bucket,
    key,
    hash: digest.hash,
    signature,
    link: digest.link,
    counted: !context && belongs(reader, kind, digest.start, digest.end),
    sound,
  };
  const notes = remarks.map((remark) => tell(remark, at));
  if (!digest.link && kind === 'standard') {
    notes.push(
      finding('CHAIN_START', 'a starting digest: validation or logging was switched on', at),
    );
  }
  const { link } = digest;
  const linked = link && parseDigestKey(link.bucket, link.key, place.chain, place.chain.trail);
  if (link && linked && !sameLocation(linked.location, location)) {
    const message = `follows s3://${link.bucket}/${link.key}`;
    notes.push(finding('DIGEST_ELSEWHERE', message, at));
  }
  const by = authentication.state === 'authentic' ? { verifiedBy: digest.fingerprint } : {};
  return { kind, end, node, ...by, findings: notes };
}

/** Of entries with the same key. */
const isSameLog = (a: LogFileEntry, b: LogFileEntry): boolean =>
  a.bucket === b.bucket && a.hashValue.toLowerCase() === b.hashValue.toLowerCase();

/** What of a day's candidates stays: digests, the links that are still open, the logs to check. */
async function conclude(
  reader: SourceReader,
  day: Instant,
  candidates: readonly Candidate[],
  settled: ReadonlyMap<Candidate, Settled>,
): Promise<{ digests: DayDigest[]; logs: ListedLog[] }> {
  const digests: DayDigest[] = [];
  // By key: a name made of bucket, key and hash for each would be as large as all else of it.
  const logs = new Map<string, ListedLog[]>();
  const order = [...candidates].sort(
    (a, b) =>
      a.end - b.end ||
      (a.kind === b.kind ? 0 : a.kind === 'standard' ? -1 : 1) ||
      (a.listed.key < b.listed.key ? -1 : 1),
  );
  for (const candidate of order) {
    const result = settled.get(candidate);
    if (!result) continue;
    const decided = decide(reader, candidate, result);
    digests.push(decided);
    remember(reader.links, candidate, result);
    if (result.state !== 'authentic') continue;
    if (!('node' in decided) || !decided.node.counted) continue;
    let { logFiles } = result.digest;
    if (candidate.authentication.state === 'open') {
      const again = await reader.readDigest(decided.node.bucket, decided.node.key, candidate.size);
      const { outcome } = again ?? {};
      if (outcome?.kind === 'digest' && outcome.digest.hash === decided.node.hash) {
        ({ logFiles } = outcome.digest);
      } else {
        // Proved, but its list is gone: log files that nobody checked must not pass.
        const { bucket, key } = decided.node;
        const { accountId, region } = reader.source;
        // Another content than a moment ago is settled by whoever reads it next.
        const reason = outcome?.kind === 'unreadable' ? outcome.reason : 'changed';
        const at = { accountId, region, kind: candidate.kind, bucket, key, end: candidate.end };
        const place = { ...at, details: { reason } };
        const message = 'its list of log files could not be read a second time';
        const found = finding('OBJECT_UNREADABLE', message, place);
        digests[digests.length - 1] = { ...decided, findings: [...decided.findings, found] };
      }
    }
    const { kind } = candidate;
    for (const entry of logFiles) {
      const log: ListedLog = { entry, kind, digestKey: candidate.place.key };
      const namesakes = logs.get(entry.key);
      if (!namesakes) {
        logs.set(entry.key, [log]);
        continue;
      }
      const at = namesakes.findIndex((one) => isSameLog(one.entry, entry));
      // A log file that both chains list is one log file, and the standard chain's.
      if (at < 0) namesakes.push(log);
      else if (namesakes[at]?.kind === 'backfill' && kind === 'standard') namesakes[at] = log;
    }
  }
  // What was named and is not there is not met on any older day either.
  for (const [name, { link }] of reader.links) {
    const named = parseDigestKey(
      link.bucket,
      link.key,
      reader.source,
      reader.chains.standard.trail,
    );
    if (!named || named.end >= day) reader.links.delete(name);
  }
  return { digests, logs: [...logs.values()].flat() };
}

/**
 * Reads a day, or what of it is wanted. What the reader knows of places, links and edges is carried on
 * to the next older day.
 */
export async function readDay(
  reader: SourceReader,
  day: Instant,
  isWanted: (one: Listed) => boolean = () => true,
): Promise<Day> {
  const { locations } = reader;
  const candidates: Candidate[] = [];
  const findings: Finding[] = [];
  const failures: Loose[] = [];
  let { settled, edges }: Settling = { settled: new Map(), edges: reader.edges };
  for (let at = 0; at < locations.length; at++) {
    const location = locations[at];
    if (!location) break;
    const listing = await listDay(reader, location, day);
    findings.push(...listing.findings);
    if (listing.failed) failures.push(listing.failed);
    const wanted = listing.digests.filter(
      (one) =>
        belongs(reader, one.parsed.kind, one.parsed.end - HOUR, one.parsed.end) && isWanted(one),
    );
    const read = await Promise.all(wanted.map((one) => readCandidate(reader, one)));
    for (const one of read) if (one) candidates.push(one);
    if (at < locations.length - 1) continue;
    ({ settled, edges } = settle(candidates, reader, failures.length > 0));
    const found = newLocation(reader, settled.values());
    if (found) locations.push(found);
  }
  reader.edges = edges;
  const { digests, logs } = await conclude(reader, day, candidates, settled);
  return {
    digests,
    failures,
    logs,
    findings,
    bytesRead: candidates.reduce((sum, one) => sum + one.size, 0),
    unsettled: candidates.some((one) => {
      const result = settled.get(one);
      if (one.authentication.state !== 'open') return false;
      return !result || (result.state !== 'authentic' && !isContradicted(result));
    }),
  };
}
