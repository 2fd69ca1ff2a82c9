/**
 * Originals among the versions of what was altered or removed: the one whose bytes an authenticated
 * digest file signed, or that CloudTrail signed itself. Nothing here changes a verdict.
 */
import pLimit from 'p-limit';
import { authenticate } from '../core/authenticate.js';
import type { Finding, FindingCode } from '../core/finding.js';
import { checkLogFile } from '../core/log-file.js';
import {
  digestDayPrefix,
  parseDigestKey,
  type ChainKind,
  type Location,
  type TrailName,
} from '../core/object-key.js';
import { readRemoval, removalFacts, whoRemoved, type Removal } from '../core/removal.js';
import { restoreCommand } from '../core/restore.js';
import type { Chain } from '../core/segment.js';
import {
  DAY,
  formatInstant,
  HOUR,
  parseDigestTime,
  startOfDay,
  type Instant,
  type TimeRange,
} from '../core/timestamp.js';
import type { ObjectSource, ObjectVersion, RegionKeys, Retention } from '../sources/ports.js';
import type { createDigestReader } from './read-digest.js';
import type { FoundRecord } from './search-logs.js';

export interface OriginalsOptions {
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
const MAX_DAYS = 40;
const AT_ONCE = 8;
/** Stretches of time that are searched for who removed something. */
const MAX_STRETCHES = 50;

interface Original {
  readonly bucket: string;
  readonly key: string;
  readonly version: ObjectVersion;
  readonly retention: Retention | undefined;
  /** When it was removed or overwritten: what lies right above it among the versions says. */
  readonly removedAt: Instant | undefined;
}

type Search = { readonly originals: readonly Original[] } | { readonly failed: string };

/** Tries older versions, newest first, until one is the original. */
async function firstOriginal(
  versions: readonly ObjectVersion[],
  bucket: string,
  isOriginal: (version: ObjectVersion) => Promise<{ retention: Retention | undefined } | undefined>,
): Promise<Original | undefined> {
  let tried = 0;
  for (const [at, version] of versions.entries()) {
    if (version.isDeleteMarker || version.isLatest) continue;
    if (++tried > MAX_VERSIONS) return undefined;
    const found = await isOriginal(version);
    if (!found) continue;
    const removedAt = versions[at - 1]?.lastModified;
    return { bucket, key: version.key, version, retention: found.retention, removedAt };
  }
  return undefined;
}

function logOriginal(finding: Finding, { objects }: OriginalsOptions) {
  const { bucket = '', key = '', details } = finding;
  const hashValue = String(details?.['signedHash']);
  const entry = { bucket, key, hashValue, hashAlgorithm: 'SHA-256' };
  return async ({ versionId }: ObjectVersion) => {
    const read = await objects.read(
      bucket,
      key,
      async ({ chunks, retention }) => ({ check: await checkLogFile(entry, chunks), retention }),
      versionId,
    );
    return read.ok && read.value.check.state === 'valid'
      ? { retention: read.value.retention }
      : undefined;
  };
}

function digestOriginal(chain: Chain, bucket: string, options: OriginalsOptions) {
  return async ({ key, size, versionId }: ObjectVersion) => {
    const parsed = parseDigestKey(bucket, key, chain, chain.trail);
    if (!parsed) return undefined;
    const read = await options.readDigest(bucket, key, size, versionId);
    if (read?.outcome.kind !== 'digest') return undefined;
    const keys = await options.keysIn(chain.region);
    const lookup = await keys.lookup(read.outcome.digest.fingerprint, parsed.end);
    const place = { chain: { ...chain, kind: parsed.kind }, bucket, key };
    const result = authenticate(place, read.outcome, () => lookup, true);
    return result.state === 'authentic' ? { retention: read.retention } : undefined;
  };
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

function inWords(failure: { kind: string; reason?: string; detail?: string }): string {
  return failure.reason === undefined ? failure.kind : `${failure.reason}: ${failure.detail ?? ''}`;
}

async function searchObject(finding: Finding, options: OriginalsOptions): Promise<Search> {
  const { bucket = '', key = '', accountId = '', region = '', kind = 'standard' } = finding;
  const listing = await options.objects.versions(bucket, key);
  if (!listing.ok) return { failed: inWords(listing.failure) };
  const own = listing.value.filter((one) => one.key === key);
  const isLog = finding.details?.['signedHash'] !== undefined;
  const chain: Chain = { accountId, region, kind, trail: options.trail };
  const isOriginal = isLog ? logOriginal(finding, options) : digestOriginal(chain, bucket, options);
  const original = await firstOriginal(own, bucket, isOriginal);
  return { originals: original ? [original] : [] };
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
        if (listing.failure.kind === 'absent') continue;
        return { failed: inWords(listing.failure) };
      }
      for (const [key, versions] of group(listing.value)) {
        const parsed = parseDigestKey(bucket, key, chain, chain.trail);
        const inside = parsed && parsed.end > start && parsed.end - HOUR < end;
        const gone = versions[0]?.isDeleteMarker === true;
        if (!inside || !gone || parsed.kind !== kind || originals.length >= MAX_ORIGINALS) continue;
        const isOriginal = digestOriginal(chain, bucket, options);
        const original = await firstOriginal(versions, bucket, isOriginal);
        if (original) originals.push(original);
      }
    }
  }
  return { originals };
}

async function search(finding: Finding, options: OriginalsOptions): Promise<Search> {
  if (finding.key !== undefined) return searchObject(finding, options);
  const accounts = finding.details?.['accounts'];
  const named = Array.isArray(accounts) ? accounts.map(String) : [finding.accountId ?? ''];
  const found: Original[] = [];
  for (const accountId of named) {
    const one = await searchStretch(finding, accountId, options);
    if ('failed' in one) return one;
    found.push(...one.originals);
  }
  return { originals: found.slice(0, MAX_ORIGINALS) };
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
    const needles = [...keys, 'DeleteObjects'].map((text) => JSON.stringify(text).slice(1, -1));
    for (const { record, logFile } of await options.searchLogs({ start, end }, needles)) {
      for (const bucket of buckets) {
        const removal = readRemoval(record, bucket, logFile);
        if (removal) removals.set(bucket, [...(removals.get(bucket) ?? []), removal]);
      }
    }
  }
  return removals;
}

function factsOf(original: Original, removal: Removal | undefined) {
  const { bucket, key, version, retention, removedAt } = original;
  return {
    bucket,
    key,
    versionId: version.versionId,
    lastModified: formatInstant(version.lastModified),
    restore: restoreCommand(bucket, key, version.versionId),
    ...(removedAt === undefined ? {} : { removedAt: formatInstant(removedAt) }),
    ...(retention
      ? { retention: { mode: retention.mode, until: formatInstant(retention.until) } }
      : {}),
    ...(removal ? { removedBy: removalFacts(removal) } : {}),
  };
}

type Facts = ReturnType<typeof factsOf>;

function sentence(facts: Facts): string {
  const { versionId, lastModified, removedAt, removedBy, retention } = facts;
  const by =
    removedBy === undefined
      ? ''
      : ` by ${String(removedBy['actor'])} from ${String(removedBy['sourceIp'])} (${String(removedBy['event'])}, event ${String(removedBy['eventId'])}, in verified log file ${String(removedBy['logFile'])})`;
  const removed = removedAt === undefined ? '' : `, removed or overwritten at ${removedAt}${by}`;
  const held = retention
    ? `, held by Object Lock (${retention.mode}) until ${retention.until}`
    : '';
  return `its original is version ${versionId} of ${lastModified}${removed}${held}`;
}

function tell(finding: Finding, found: readonly Facts[]): Finding {
  const [first] = found;
  if (!first) return finding;
  const { details, message } = finding;
  if (finding.key !== undefined) {
    return {
      ...finding,
      message: `${message}; ${sentence(first)}`,
      details: { ...details, original: first },
      hint: `restore it: ${first.restore}`,
    };
  }
  const more = found.length - 1;
  return {
    ...finding,
    message: `${message}; ${found.length} originals are among the versions`,
    details: { ...details, originals: found },
    hint: `restore them: ${first.restore}${more > 0 ? ` and ${more} more (details.originals in the JSON report)` : ''}`,
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
  const all = [...searches.values()].flatMap((one) => ('originals' in one ? one.originals : []));
  const removals = all.length > 0 ? await removalsOf(all, options) : new Map<string, Removal[]>();
  return findings.map((one) => {
    const found = searches.get(one);
    if (!found) return one;
    if ('failed' in found) {
      const versions = `could not be searched: ${found.failed}`;
      return { ...one, details: { ...one.details, versions } };
    }
    const facts = found.originals.map((original) => {
      const { bucket, key, removedAt } = original;
      const by =
        removedAt === undefined
          ? undefined
          : whoRemoved(removals.get(bucket) ?? [], key, removedAt);
      return factsOf(original, by);
    });
    return tell(one, facts);
  });
}
