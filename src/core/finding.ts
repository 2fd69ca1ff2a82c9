import type { ChainKind } from './object-key.js';
import { formatInstant, type Instant } from './timestamp.js';

/**
 * `violation`: altered or removed, or in a state that only tampering or corruption explains.
 * `unproved`: nothing vouches for it, or it could not be read or decided. `notice`: lawful, worth a
 * line.
 */
export type FindingClass = 'violation' | 'unproved' | 'notice';

interface FindingKind {
  readonly class: FindingClass;
  readonly title: string;
  /** What it means and what it proves. */
  readonly explanation: string;
  /** How it comes about without anybody tampering. */
  readonly honest: string;
  /** What to do. */
  readonly hint: string;
}

const kind = (
  findingClass: FindingClass,
  title: string,
  explanation: string,
  honest: string,
  hint: string,
): FindingKind => ({ class: findingClass, title, explanation, honest, hint });

const NONE = 'none known';
const VERSIONS = 'look at the versions of the object and at who may write to the bucket';

/** Every code, its class and its words. The README's table and the reports are made from this. */
export const FINDINGS = {
  DIGEST_MISSING: kind(
    'violation',
    'digest files missing',
    'A signed digest file names a predecessor, or the hours before it, and no digest file is there. Nothing vouches for the log files of that time any more.',
    'a lifecycle rule that expires AWSLogs/ before the range that was asked for',
    'look for deletions in the bucket; if a lifecycle rule expired them, ask for a later --start-time; if the trail had another bucket then, name it with --location',
  ),
  DIGEST_MALFORMED: kind(
    'violation',
    'digest file malformed',
    'The object under a digest file’s name is not a digest file: not one gzip member, not JSON, or not the fields CloudTrail writes.',
    NONE,
    VERSIONS,
  ),
  DIGEST_TRAILING_DATA: kind(
    'violation',
    'data after a digest file',
    'Bytes follow the gzip member of a digest file. Some readers would take them for its content. CloudTrail writes none.',
    NONE,
    VERSIONS,
  ),
  DIGEST_MOVED: kind(
    'violation',
    'digest file moved',
    'The digest file says that it was delivered to another bucket or key than the one it was read from.',
    'a copy of the bucket that is read as if it were the original',
    'read the original bucket, or find out who copied the object here',
  ),
  DIGEST_IDENTITY_MISMATCH: kind(
    'violation',
    'digest file of another account',
    'The account in the digest file is not the account whose folder it lies in.',
    NONE,
    VERSIONS,
  ),
  DIGEST_SIGNATURE_MISSING: kind(
    'violation',
    'digest file without signature',
    'The object carries no signature in its metadata and no later digest file vouches for it.',
    'an object that was copied or restored without its metadata',
    'restore the object with its metadata x-amz-meta-signature',
  ),
  DIGEST_SIGNATURE_INVALID: kind(
    'violation',
    'digest file signature invalid',
    'The signature does not verify with the public key that the digest file names: the digest file or its signature was changed.',
    NONE,
    VERSIONS,
  ),
  DIGEST_KEY_UNKNOWN: kind(
    'violation',
    'digest file signed with an unknown key',
    'CloudTrail knows no public key with the fingerprint that the digest file names, though it knows keys of that time: somebody else signed it.',
    NONE,
    VERSIONS,
  ),
  CHAIN_LINK_BROKEN: kind(
    'violation',
    'digest chain broken',
    'The digest file here is not the one that its signed successor recorded: hash or signature differ.',
    NONE,
    VERSIONS,
  ),
  CHAIN_TAIL_CUT: kind(
    'violation',
    'newest digest files gone',
    'CloudTrail says that it delivered a digest file of this Region later than any that is there. Nothing vouches for the log files of that time any more.',
    'a bucket or prefix that was changed within the last hour',
    'look for deletions in the bucket and at the versions of its newest digest files',
  ),
  CHAIN_STATE_BROKEN: kind(
    'violation',
    'history was rewritten since an earlier run',
    'The digest file that an earlier run proved and remembered is gone, is another one, or the chain leads past it.',
    NONE,
    'compare the bucket with the state file’s history; look at the versions of the digest file',
  ),
  LOG_MISSING: kind(
    'violation',
    'log file missing',
    'A signed digest file lists the log file and it is not in the bucket.',
    'a lifecycle rule that expires log files before digest files',
    'look for the deletion, and for an earlier version of the object',
  ),
  LOG_MALFORMED: kind(
    'violation',
    'log file malformed',
    'The object is not one whole gzip member, so it cannot be what CloudTrail delivered.',
    NONE,
    VERSIONS,
  ),
  LOG_TRAILING_DATA: kind(
    'violation',
    'data after a log file',
    'Bytes follow the gzip member of the log file. Some readers would take them for log records. CloudTrail writes none.',
    NONE,
    VERSIONS,
  ),
  LOG_HASH_MISMATCH: kind(
    'violation',
    'log file altered',
    'The content’s SHA-256 is not the one that the signed digest file lists.',
    NONE,
    VERSIONS,
  ),
  OBJECT_FOREIGN_ENCRYPTION: kind(
    'violation',
    'object encrypted with a customer’s key (SSE-C)',
    'The object is encrypted with a key that only its writer holds. CloudTrail never writes that way, so it was replaced.',
    NONE,
    VERSIONS,
  ),
  COVERAGE_GAP: kind(
    'unproved',
    'gap in coverage',
    'No digest file covers this time, and no signed digest file says that one existed. Nothing vouches for what was logged then.',
    'logging or validation was off, or the trail did not exist yet',
    'look for StopLogging, UpdateTrail and DeleteTrail events at the start of the gap',
  ),
  COVERAGE_NONE: kind(
    'unproved',
    'no coverage at all',
    'Not one digest file of this chain could be authenticated in the time range.',
    'validation was never on, the Region was not enabled, or bucket or prefix is another',
    'check --trail-arn, --s3-bucket, --s3-prefix and the time range; if they are right, the digest files were removed or never written',
  ),
  DIGEST_NOT_DUE: kind(
    'unproved',
    'digest files not due yet',
    'The range reaches into time for which CloudTrail may not have delivered digest files yet.',
    'always, for the last two hours or so',
    'run again later, or leave --end-time out',
  ),
  DIGEST_SIGNATURE_UNAVAILABLE: kind(
    'unproved',
    'digest file signature not at hand',
    'Signatures live in object metadata. This source carries none, or this object’s is lost and the later digest file that may vouch for it could not be read.',
    'the newest digest file of a plain copy of the bucket; a digest file copied without its metadata, whose successor can’t be read',
    'collect the next digest file too, or the object metadata',
  ),
  CHAIN_FORKED: kind(
    'unproved',
    'signed digest files contradict each other',
    'Both digest files are signed by CloudTrail, but the later one follows another predecessor.',
    'a trail that was deleted and created again under its name',
    'read both digest files and look at the trail’s history',
  ),
  LOG_UNLISTED: kind(
    'unproved',
    'log files that no digest file lists',
    'Objects lie in the log folder, in time that digest files cover, and no authenticated digest file of any trail lists them with these bytes. Whatever reads the folder takes them for log files.',
    'another trail that delivers there without validation, or a copy somebody left',
    'find out who wrote them; --accept-unlisted ARN for a known trail without validation',
  ),
  LOG_UNVALIDATED: kind(
    'unproved',
    'log files in time that nothing vouches for',
    'Objects lie in the log folder in time that no authenticated digest file covers, so nothing says whether they are whole, altered or planted.',
    'validation was off while the trail went on delivering',
    'treat their content as unproved; explain the gap first',
  ),
  NOT_READ: kind(
    'unproved',
    'not read in the time given',
    'The run ended by --max-duration before this was read, so nothing is known of it.',
    'a time limit that the range does not fit into',
    'run again with --resume, more --max-duration, or --shard',
  ),
  REGION_UNCONFIRMED: kind(
    'unproved',
    'delivery in a Region can’t be confirmed',
    'GetTrailStatus could not be had there, so a cut tail or a vanished Region would not show. A notice where it was refused and digest files reach the end of the range, or nothing else knows the Region.',
    'no permission for cloudtrail:GetTrailStatus, a Region that is not enabled, an offline run, or a CloudTrail that could not be reached',
    'allow cloudtrail:GetTrailStatus in that Region',
  ),
  LOG_HASH_UNSUPPORTED: kind(
    'unproved',
    'log file hash of an unknown kind',
    'The signed digest file lists a hash that is not SHA-256, so the log file was not checked.',
    'CloudTrail changed its format',
    'look for a newer version of this tool',
  ),
  OBJECT_UNREADABLE: kind(
    'unproved',
    'object unreadable',
    'The object or listing could not be read, so nothing is known about it.',
    'missing permission, an archived object, a KMS key, a throttle, the network',
    'mend the cause that is named and run again',
  ),
  EVIDENCE_ALTERED: kind(
    'unproved',
    'evidence changed since it was collected',
    'A copy in the evidence directory is gone, or is not what its manifest names: it was changed or damaged after it was collected. Of the object itself in the bucket it says nothing.',
    'a failing disk, a copy that was cut short, a tool that unpacks or converts files',
    'take another copy of the evidence, or collect the object again',
  ),
  KEYS_UNAVAILABLE: kind(
    'unproved',
    'public keys not available',
    'CloudTrail’s public keys for this Region and time could not be had, so signatures could not be verified.',
    'no permission for cloudtrail:ListPublicKeys, or a time whose keys are not given any more',
    'allow cloudtrail:ListPublicKeys in that Region, or give --public-keys FILE',
  ),
  KEYS_UNPINNED: kind(
    'unproved',
    'public keys came with the evidence',
    'Whoever could change the evidence could have changed the keys beside it, so they prove nothing by themselves.',
    'always, unless the keys were kept apart',
    'give --public-keys FILE that was kept apart, or --keys-sha256 with the hash that was written down',
  ),
  VERIFIER_DISAGREEMENT: kind(
    'unproved',
    'two verifiers disagree',
    'node:crypto rejects the signature and node-forge accepts it. Nothing is claimed about the digest file.',
    'a defect in one of the two',
    'please report it, with the digest file',
  ),
  CHAIN_START: kind(
    'notice',
    'the chain starts here',
    'A starting digest: validation or logging was switched on. It vouches for the log files it lists, not for its time.',
    'validation or logging was switched on',
    'compare with the trail’s history',
  ),
  DIGEST_SIGNATURE_RECOVERED: kind(
    'notice',
    'digest file proved by its successor',
    'The object’s own signature could not be used; the signed successor records its hash and signature, and they match.',
    'an object that was copied or restored without its metadata',
    'none needed',
  ),
  DIGEST_KEY_OUTSIDE_VALIDITY: kind(
    'notice',
    'key used outside its validity',
    'The signature is right, but the digest file’s time lies outside the validity that CloudTrail states for the key.',
    'seen in AWS’s own samples',
    'none needed',
  ),
  DIGEST_ELSEWHERE: kind(
    'notice',
    'the chain goes on elsewhere',
    'The digest file’s predecessor lies in another bucket, prefix or layout. It was followed there.',
    'the trail’s bucket or prefix was changed',
    'compare with the trail’s history',
  ),
  KEY_FINGERPRINT_MISMATCH: kind(
    'notice',
    'fingerprint is not the MD5 of its key',
    'The label of a public key from CloudTrail is not the MD5 of its bytes. Labels prove nothing; the key was used.',
    'CloudTrail changed how it labels keys',
    'none needed',
  ),
  OBJECT_UNRECOGNISED: kind(
    'notice',
    'objects that no digest file is named like',
    'Objects in the digest folder begin like digest files of this trail but are not named like one. They were not read.',
    'a copy somebody left there',
    'find out who wrote them',
  ),
  SCOPE_FROM_BUCKET: kind(
    'notice',
    'accounts are known from the bucket alone',
    'Which accounts an organization has was read from the bucket’s folders: an account whose every object was removed would not be missed.',
    'always, for an organization trail without state',
    'name the accounts with --account-id, or keep a --state FILE',
  ),
  COVERAGE_OVERLAP: kind(
    'notice',
    'digest files overlap',
    'The digest file starts before its predecessor ended.',
    'logging was stopped and started',
    'none needed',
  ),
} as const satisfies Readonly<Record<string, FindingKind>>;

export type FindingCode = keyof typeof FINDINGS;

/** Every code that there is, in the order of the registry. */
export const CODES = Object.keys(FINDINGS) as FindingCode[];

/** What else is known of a finding: plain JSON values. */
export type Details = Readonly<Record<string, unknown>>;

/** One fact about the trail. Places are as the bucket has them: escape before printing. */
export interface Finding {
  readonly code: FindingCode;
  readonly class: FindingClass;
  readonly message: string;
  readonly accountId?: string;
  readonly region?: string;
  readonly kind?: ChainKind;
  readonly bucket?: string;
  readonly key?: string;
  /** The digest file that says so. */
  readonly digestKey?: string;
  /** ISO 8601, UTC. */
  readonly start?: string;
  readonly end?: string;
  readonly details?: Details;
  readonly hint: string;
}

export interface FindingPlace {
  readonly accountId?: string | undefined;
  readonly region?: string | undefined;
  readonly kind?: ChainKind | undefined;
  readonly bucket?: string | undefined;
  readonly key?: string | undefined;
  readonly digestKey?: string | undefined;
  readonly start?: Instant | undefined;
  readonly end?: Instant | undefined;
  readonly details?: Details | undefined;
  /** Instead of the registry's hint. */
  readonly hint?: string | undefined;
  /** A milder class than the registry's, where circumstances make the fact lawful. */
  readonly class?: 'unproved' | 'notice' | undefined;
}

/** Makes a finding; its class and hint come from the registry. */
export function finding(code: FindingCode, message: string, place: FindingPlace = {}): Finding {
  const { start, end, hint = FINDINGS[code].hint, class: milder, ...rest } = place;
  const fields = {
    ...rest,
    start: start === undefined ? undefined : formatInstant(start),
    end: end === undefined ? undefined : formatInstant(end),
  };
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  const findingClass = milder ?? FINDINGS[code].class;
  return { code, class: findingClass, message, ...Object.fromEntries(known), hint };
}

/** Codes of what could not be read. */
export const UNREAD_CODES: readonly FindingCode[] = ['OBJECT_UNREADABLE', 'EVIDENCE_ALTERED'];

/** How it is told that something could not be read: of evidence that was changed that says little. */
export function unread(
  reason: string,
  detail: string,
): { readonly code: FindingCode; readonly message: string } {
  if (reason === 'altered-copy') return { code: 'EVIDENCE_ALTERED', message: detail };
  return { code: 'OBJECT_UNREADABLE', message: `could not be read (${reason}): ${detail}` };
}

const ORDER = ['accountId', 'region', 'kind', 'end', 'bucket', 'key', 'code', 'message'] as const;

/**
 * The one order in which findings stand: account, Region, kind, time, place, code. Where all these
 * are equal the rest decides, so that no two orders of arrival make two reports.
 */
export function compareFindings(a: Finding, b: Finding): number {
  for (const field of ORDER) {
    const left = a[field] ?? '';
    const right = b[field] ?? '';
    if (left !== right) return left < right ? -1 : 1;
  }
  const left = JSON.stringify(a);
  const right = JSON.stringify(b);
  return left === right ? 0 : left < right ? -1 : 1;
}

/** The longest JSON of a finding that is kept whole; no finding about honest files comes near it. */
export const MAX_FINDING = 1024 * 1024;
const MAX_TEXT = 4096;

/** A finding that is longer than that, cut to a page; its details say so. */
export function cutFinding(finding: Finding): Finding {
  const { length } = JSON.stringify(finding);
  const cut = Object.entries(finding).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value,
  ]);
  return { ...(Object.fromEntries(cut) as Finding), details: { cutFrom: length } };
}
