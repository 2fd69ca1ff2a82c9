/**
 * Originals among the versions of what was altered or removed: the one whose bytes an authenticated
 * digest file signed, or that CloudTrail signed itself. Nothing here changes a verdict.
 */
import pLimit from 'p-limit';
import { authenticate } from '../core/authenticate.js';
import type { Finding, FindingCode } from '../core/finding.js';
import { checkLogFile, hashLogFile } from '../core/log-file.js';
import {
  digestDayPrefix,
  parseDigestKey,
  type ChainKind,
  type Location,
  type TrailName,
} from '../core/object-key.js';
import { readRemoval, whoRemoved, type Removal } from '../core/removal.js';
import {
  describeOriginal,
  restoreHint,
  type Original,
  type ToldOriginal,
} from '../core/restore.js';
import type { Chain } from '../core/segment.js';
import {
  DAY,
  HOUR,
  parseDigestTime,
  startOfDay,
  type Instant,
  type TimeRange,
} from '../core/timestamp.js';
import type {
  ObjectSource,
  ObjectVersion,
  ReadFailure,
  RegionKeys,
  Retention,
} from '../sources/ports.js';
import type { createDigestReader } from './read-digest.js';
import type { FoundRecord } from './search-logs.js';

export interface OriginalsOptions {
  /** The bucket that is read where a signed name is asked for (`--bucket-alias`). */
  readonly actualBucket?: (bucket: string) => string;
  readonly objects: ObjectSource;
  readonly readDigest: ReturnType<typeof createDigestReader>;
  readonly keysIn: (region: string) => Promise<RegionKeys>;
  readonly trail: TrailName;
  /** Every place in which a source's digest files lie or lay. */
  readonly locationsOf: (accountId: string, region: string) => readonly Location[];
  /** Records of verified log files that were delivered in a stretch of time and hold a needle. */
  readonly searchLogs: (
    range: TimeRange,
    needles: readonly string[],
  ) => Promise<readonly FoundRecord[]>;
}

const LOG_CODES: readonly FindingCode[] = [
  'LOG_MISSING',
  'LOG_MALFORMED',
  'LOG_TRAILING_DATA',
  'LOG_HASH_MISMATCH',
];
const DIGEST_CODES: readonly FindingCode[] = [
  'DIGEST_MISSING',
  'DIGEST_MALFORMED',
  'DIGEST_TRAILING_DATA',
  'DIGEST_MOVED',
  'DIGEST_IDENTITY_MISMATCH',
  'DIGEST_SIGNATURE_MISSING',
  'DIGEST_SIGNATURE_INVALID',
  'DIGEST_KEY_UNKNOWN',
  'CHAIN_LINK_BROKEN',
  'CHAIN_STATE_BROKEN',
  'CHAIN_TAIL_CUT',
];

/** Findings whose objects are looked up, versions read of each, and originals told of one finding. */
const MAX_FINDINGS = 1000;
const MAX_VERSIONS = 20;
const MAX_ORIGINALS = 1000;
/** Names whose versions are read for one stretch of time: planted names must not hold a run up. */
const MAX_NAMES = 2000;
const MAX_DAYS = 40;
const AT_ONCE = 8;
/** Stretches of time that are searched for who removed something. */
const MAX_STRETCHES = 50;
/** Keys past which log files are searched for what all keys share. */
const MAX_NEEDLES = 20;

interface Search {
  readonly originals: readonly Original[];
  /** What could not be searched. */
  readonly failed?: string | undefined;
}

/** What came of trying a version; `undefined` where it is something else than the original. */
type Trial =
  | { readonly kind: 'original'; readonly retention: Retention | undefined }
  | { readonly kind: 'failed'; readonly why: string }
  | undefined;

function inWords(failure: ReadFailure): string {
  switch (failure.kind) {
    case 'absent':
      return failure.what === 'bucket' ? 'the bucket does not exist' : 'it is gone';
    case 'foreign-encryption':
      return 'encrypted with SSE-C';
    case 'unreadable':
      return `${failure.reason}: ${failure.detail}`;
  }
}

/**
 * Tries older versions, newest first, until one is the original. Of very many only the newest and the
 * oldest are tried: new versions can be piled up on an original, but none be put beneath it.
 */
async function firstOriginal(
  versions: readonly ObjectVersion[],
  bucket: string,
  trial: (version: ObjectVersion) => Promise<Trial>,
): Promise<{ original?: Original; failed?: string }> {
  const all = [...versions.entries()].filter(([, one]) => !one.isDeleteMarker && !one.isLatest);
  const half = MAX_VERSIONS / 2;
  const isCut = all.length > MAX_VERSIONS;
  const tried = isCut ? [...all.slice(0, half), ...all.slice(-half)] : all;
  let failed = isCut ? `only ${MAX_VERSIONS} of ${all.length} older versions were read` : undefined;
  for (const [at, version] of tried) {
    const result = await trial(version);
    if (result?.kind === 'failed') failed = result.why;
    if (result?.kind !== 'original') continue;
    const { key, versionId, lastModified } = version;
    const { retention } = result;
    const removedAt = versions[at - 1]?.lastModified;
    return { original: { bucket, key, versionId, lastModified, retention, removedAt } };
  }
  return failed === undefined ? {} : { failed };
}

function logOriginal(finding: Finding, { objects }: OriginalsOptions) {
  const { bucket = '', key = '', details } = finding;
  const hashValue = String(details?.['signedHash']);
  const entry = { bucket, key, hashValue, hashAlgorithm: 'SHA-256' };
  return async ({ versionId }: ObjectVersion): Promise<Trial> => {
    const read = await objects.read(
      bucket,
      key,
      async ({ chunks, retention }) => ({
        check: checkLogFile(entry, await hashLogFile(chunks)),
        retention,
      }),
      versionId,
    );
    if (!read.ok) {
      const { failure } = read;
      return failure.kind === 'unreadable' ? { kind: 'failed', why: inWords(failure) } : undefined;
    }
    const { check, retention } = read.value;
    return check.state === 'valid' ? { kind: 'original', retention } : undefined;
  };
}

/** `notHash` is the content that the finding is about: a copy of it is no original. */
function digestOriginal(chain: Chain, bucket: string, options: OriginalsOptions, notHash?: string) {
  return async ({ key, size, versionId }: ObjectVersion): Promise<Trial> => {
    const parsed = parseDigestKey(bucket, key, chain, chain.trail);
    if (!parsed) return undefined;
    const read = await options.readDigest(bucket, key, size, versionId);
    if (read?.outcome.kind === 'unreadable')
      return { kind: 'failed', why: `${read.outcome.reason}: ${read.outcome.detail}` };
    if (read?.outcome.kind !== 'digest') return undefined;
    const keys = await options.keysIn(chain.region);
    const lookup = await keys.lookup(read.outcome.digest.fingerprint, parsed.end);
    const place = { chain: { ...chain, kind: parsed.kind }, bucket, key };
    const result = authenticate(place, read.outcome, () => lookup, true);
    if (result.state === 'open' && result.remark.code === 'KEYS_UNAVAILABLE') {
      return { kind: 'failed', why: result.remark.message };
    }
    return result.state === 'authentic' && result.digest.hash !== notHash
      ? { kind: 'original', retention: read.retention }
      : undefined;
  };
}

/** Where two signed digest files, or what is remembered of one, contradict each other. */
const CONTRADICTIONS: readonly FindingCode[] = ['CHAIN_LINK_BROKEN', 'CHAIN_STATE_BROKEN'];

async function currentHash(
  versions: readonly ObjectVersion[],
  bucket: string,
  options: OriginalsOptions,
): Promise<string | undefined> {
  const current = versions.find(({ isLatest, isDeleteMarker }) => isLatest && !isDeleteMarker);
  if (!current) return undefined;
  const { key, size, versionId } = current;
  const read = await options.readDigest(bucket, key, size, versionId);
  return read?.outcome.kind === 'digest' ? read.outcome.digest.hash : undefined;
}

function group(versions: readonly ObjectVersion[]): Map<string, ObjectVersion[]> {
  const byKey = new Map<string, ObjectVersion[]>();
  for (const version of versions) {
    const list = byKey.get(version.key);
    if (list) list.push(version);
    else byKey.set(version.key, [version]);
  }
  return byKey;
}

async function searchObject(finding: Finding, options: OriginalsOptions): Promise<Search> {
  const { bucket = '', key = '', accountId = '', region = '', kind = 'standard' } = finding;
  const listing = await options.objects.versions(bucket, key);
  if (!listing.ok) return { originals: [], failed: inWords(listing.failure) };
  const own = listing.value.filter((one) => one.key === key);
  const isLog = finding.details?.['signedHash'] !== undefined;
  const chain: Chain = { accountId, region, kind, trail: options.trail };
  const notHash = CONTRADICTIONS.includes(finding.code)
    ? await currentHash(own, bucket, options)
    : undefined;
  const trial = isLog
    ? logOriginal(finding, options)
    : digestOriginal(chain, bucket, options, notHash);
  const { original, failed } = await firstOriginal(own, bucket, trial);
  return { originals: original ? [original] : [], failed };
}

/** Digest files that lay in a stretch of time and have no current version. */
async function searchStretch(
  finding: Finding,
  accountId: string,
  options: OriginalsOptions,
): Promise<Search> {
  const { region = '' } = finding;
  const kind: ChainKind = finding.kind ?? 'standard';
  const start = parseDigestTime(finding.start ?? '') ?? 0;
  const end = parseDigestTime(finding.end ?? '') ?? 0;
  const chain: Chain = { accountId, region, kind, trail: options.trail };
  const originals: Original[] = [];
  let failed: string | undefined;
  let names = 0;
  for (const location of options.locationsOf(accountId, region)) {
    const { bucket } = location;
    const last = startOfDay(end + HOUR);
    for (
      let day = startOfDay(start), days = 0;
      day <= last && days < MAX_DAYS;
      day += DAY, days++
    ) {
      const prefix = digestDayPrefix(location, chain, options.trail, day);
      const listing = await options.objects.versions(bucket, prefix);
      if (!listing.ok) {
        if (listing.failure.kind !== 'absent') failed = inWords(listing.failure);
        continue;
      }
      for (const [key, versions] of group(listing.value)) {
        const parsed = parseDigestKey(bucket, key, chain, chain.trail);
        const inside = parsed && parsed.end > start && parsed.end - HOUR < end;
        const gone = versions[0]?.isDeleteMarker === true;
        if (!inside || !gone || parsed.kind !== kind || originals.length >= MAX_ORIGINALS) continue;
        if (++names > MAX_NAMES) {
          failed = `more than ${MAX_NAMES} names were removed in this time`;
          continue;
        }
        const found = await firstOriginal(versions, bucket, digestOriginal(chain, bucket, options));
        if (found.original) originals.push(found.original);
        failed = found.failed ?? failed;
      }
    }
  }
  return { originals, failed };
}

async function search(finding: Finding, options: OriginalsOptions): Promise<Search> {
  if (finding.key !== undefined) return searchObject(finding, options);
  const accounts = finding.details?.['accounts'];
  const named = Array.isArray(accounts) ? accounts.map(String) : [finding.accountId ?? ''];
  const found: Original[] = [];
  let failed: string | undefined;
  for (const accountId of named) {
    const one = await searchStretch(finding, accountId, options);
    found.push(...one.originals);
    failed = one.failed ?? failed;
  }
  return { originals: found.slice(0, MAX_ORIGINALS), failed };
}

function isSearched(finding: Finding): boolean {
  const signed = finding.details?.['signedHash'] !== undefined;
  if (LOG_CODES.includes(finding.code)) return signed;
  if (finding.code === 'OBJECT_FOREIGN_ENCRYPTION') return finding.key !== undefined;
  return DIGEST_CODES.includes(finding.code) && finding.region !== undefined;
}

/** Who removed each original: S3 data events of verified log files around the removals. */
async function removalsOf(
  originals: readonly Original[],
  options: OriginalsOptions,
): Promise<Map<string, Removal[]>> {
  const stretches: { start: Instant; end: Instant; keys: Set<string> }[] = [];
  const timed = originals
    .flatMap(({ removedAt, key }) => (removedAt === undefined ? [] : [{ removedAt, key }]))
    .sort((a, b) => a.removedAt - b.removedAt);
  for (const { removedAt, key } of timed) {
    const start = removedAt - 600;
    const end = removedAt + 2 * HOUR;
    const last = stretches.at(-1);
    if (last && start <= last.end) {
      last.end = end;
      last.keys.add(key);
    } else stretches.push({ start, end, keys: new Set([key]) });
  }
  const removals = new Map<string, Removal[]>();
  const buckets = new Set(originals.map(({ bucket }) => bucket));
  for (const { start, end, keys } of stretches.slice(0, MAX_STRETCHES)) {
    // Every file that CloudTrail writes lies in such a folder.
    const named = keys.size > MAX_NEEDLES ? ['AWSLogs/'] : [...keys];
    const needles = [...named, 'DeleteObjects'].map((text) => JSON.stringify(text).slice(1, -1));
    for (const { record, logFile } of await options.searchLogs({ start, end }, needles)) {
      for (const bucket of buckets) {
        const removal = readRemoval(record, bucket, logFile);
        if (!removal) continue;
        const known = removals.get(bucket);
        if (known) known.push(removal);
        else removals.set(bucket, [removal]);
      }
    }
  }
  return removals;
}

function tell(finding: Finding, found: readonly ToldOriginal[]): Finding {
  const [first] = found;
  if (!first) return finding;
  const { details, message } = finding;
  const command = restoreHint(first.facts.restore);
  if (finding.key !== undefined) {
    return {
      ...finding,
      message: `${message}; ${first.words}`,
      details: { ...details, original: first.facts },
      hint: `restore it: ${command}`,
    };
  }
  const more = found.length - 1;
  const count = more === 0 ? '1 original is' : `${found.length} originals are`;
  return {
    ...finding,
    message: `${message}; ${count} among the versions`,
    details: { ...details, originals: found.map(({ facts }) => facts) },
    hint: `restore them: ${command}${more > 0 ? ` and ${more} more (details.originals in the JSON report)` : ''}`,
  };
}

/**
 * Findings with what the versions say: the same findings in the same order; where an original was
 * found, `details.original` (or `originals`) has its version, and the hint the command that restores
 * it. A search that is refused is told in `details.versions`.
 */
export async function findOriginals(
  findings: readonly Finding[],
  options: OriginalsOptions,
): Promise<Finding[]> {
  const limit = pLimit(AT_ONCE);
  const wanted = findings.filter(isSearched).slice(0, MAX_FINDINGS);
  const searches = new Map<Finding, Search>();
  await limit.map(wanted, async (one) => {
    searches.set(one, await search(one, options));
  });
  const all = wanted.flatMap((one) => searches.get(one)?.originals ?? []);
  const removals = all.length > 0 ? await removalsOf(all, options) : new Map<string, Removal[]>();
  return findings.map((one) => {
    const found = searches.get(one);
    if (!found) return one;
    const originals = found.originals.map((original) => {
      const { bucket, key, removedAt } = original;
      const by =
        removedAt === undefined
          ? undefined
          : whoRemoved(removals.get(bucket) ?? [], key, removedAt);
      return describeOriginal(original, by, options.actualBucket?.(bucket));
    });
    const result = tell(one, originals);
    if (found.failed === undefined || (one.key !== undefined && originals.length > 0))
      return result;
    const versions = `could not be searched: ${found.failed}`;
    return { ...result, details: { ...result.details, versions } };
  });
}
