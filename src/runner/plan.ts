/** Which accounts and source Regions a run covers: those that the bucket, CloudTrail, the state and the user know. */
import pLimit from 'p-limit';
import { isAccountId, isOrganizationId, isRegionName, parseTrailArn } from '../core/arn.js';
import { finding, type Finding } from '../core/finding.js';
import {
  accountsFolder,
  digestRegionsFolder,
  uniqueLocations,
  type Location,
  type Source,
  type TrailName,
} from '../core/object-key.js';
import { logRegionsFolder } from '../core/log-objects.js';
import { defaultRegions } from '../core/regions.js';
import type { WorkPlace } from '../core/journal.js';
import type { TimeRange } from '../core/timestamp.js';
import { findOrganization } from './organization.js';
import {
  RunError,
  type Answer,
  type ObjectSource,
  type ReadFailure,
  type TrailStatus,
} from '../sources/ports.js';

/** Accounts whose folders are listed side by side. */
const ACCOUNTS_AT_ONCE = 8;
/** More Regions than AWS has: past this, somebody plants folders. */
const MAX_REGIONS = 100;

export interface TrailPlace extends TrailName {
  readonly arn: string;
  readonly accountId: string;
  readonly bucket: string;
  readonly prefix: string;
  /** As DescribeTrails says; `undefined` where it was not asked. */
  readonly isOrganization?: boolean;
  readonly isMultiRegion?: boolean;
  readonly validationEnabled?: boolean;
  readonly kmsKeyId?: string;
  /** Whether CloudTrail says that the trail delivers to this very place now: only then its status speaks. */
  readonly isCurrent?: boolean;
  /** Why CloudTrail could not be asked what it knows of the trail. */
  readonly unanswered?: string;
}

export interface PlanOptions {
  readonly trail: TrailPlace;
  readonly range: TimeRange;
  readonly organizationId?: string | undefined;
  readonly regions?: readonly string[] | undefined;
  readonly accountIds?: readonly string[] | undefined;
  /**
   * Older places of the trail: of one without an organization ID, both layouts are looked through; one
   * that a link led to names its own organization, which may be another than the trail's now.
   */
  readonly locations?: readonly Location[] | undefined;
  /** Where the trail delivered when work that is gone on with began. */
  readonly place?: WorkPlace | undefined;
  /** What was planned before links told of more places: whose organization it is stays. */
  readonly after?: Plan | undefined;
  /** Regions in which digest files of the trail were found. */
  readonly proved?: readonly string[] | undefined;
  /** Chains that an earlier run knew. */
  readonly known?: readonly Source[] | undefined;
  /** Sources that a journal has records of and nothing else knows any more: planned, not believed in. */
  readonly recorded?: readonly Source[] | undefined;
  /** Whether CloudTrail signed any of the trail’s newest digest files in a location. */
  readonly isSigned: (location: Location) => Promise<boolean>;
  /** GetTrailStatus in a Region. */
  readonly statusIn: (region: string) => Promise<Answer<TrailStatus>>;
}

export interface SourcePlan extends Source {
  readonly locations: readonly Location[];
  /** A chain without any digest file is told as such, not taken for another trail's folder. */
  readonly expected: boolean;
  /** Whether the user, the state or the bucket knows it, not only the list of all Regions. */
  readonly known: boolean;
  /** Whether nobody but the user's `--region` knows it. */
  readonly onlyNamed: boolean;
  /** Whether its folders are gone since a journal recorded something of it. */
  readonly isGone: boolean;
}

/** A Region that nobody but the list of Regions knows, and whose status can't be had. */
export interface Unconfirmed {
  readonly region: string;
  readonly why: string;
  readonly unanswered: boolean;
}

export interface Plan {
  readonly sources: readonly SourcePlan[];
  readonly organizationId?: string;
  /** Where accounts and Regions were looked for. */
  readonly places: readonly Location[];
  /** All accounts that the bucket has, asked for or not. */
  readonly accounts: readonly string[];
  readonly unconfirmed: readonly Unconfirmed[];
  readonly findings: readonly Finding[];
  /** The trail's own bucket does not exist. */
  readonly bucketGone: boolean;
}

function names(folders: readonly string[], parent: string): string[] {
  return folders.map((folder) => folder.slice(parent.length, -1));
}

/**
 * Plans a run: the accounts whose folders the location has (for a trail that isn't
 * organization-wide, only the trail's own), and for each the source Regions that have folders of
 * digest or log files, that the state remembers, or where CloudTrail says that the trail logs.
 */
export async function planSources(objects: ObjectSource, options: PlanOptions): Promise<Plan> {
  const { trail } = options;
  if (trail.isOrganization === false && options.organizationId !== undefined) {
    throw new RunError('the trail is not organization-wide', 'leave --organization-id out');
  }
  const findings: Finding[] = [];
  const { bucket, prefix } = trail;
  const plain: Location = { bucket, prefix };
  let bucketGone = false;
  // Until S3 has answered once, what fails is the run, not a folder.
  let reached = options.after !== undefined;

  const foldersIn = async (folder: string, inBucket = bucket): Promise<string[]> => {
    const listing = await objects.list(inBucket, folder, { folders: true });
    reached ||= listing.ok;
    if (listing.ok) return names(listing.value.folders, folder);
    const failure: ReadFailure = listing.failure;
    if (failure.kind === 'absent') {
      if (failure.what === 'bucket' && inBucket === bucket) bucketGone = true;
      return [];
    }
    if (failure.kind === 'unreadable' && !reached) {
      const { reason, detail } = failure;
      if (reason === 'credentials') {
        throw new RunError(`S3 refuses the credentials: ${detail}`, 'check the credentials');
      }
      if (reason === 'network') {
        throw new RunError(`S3 can’t be reached: ${detail}`, 'check network, proxy and endpoint');
      }
    }
    const [reason, detail] =
      failure.kind === 'unreadable'
        ? [failure.reason, `(${failure.reason}): ${failure.detail}`]
        : ['service', failure.kind];
    const message = `the folder could not be listed, so accounts or Regions may be left out ${detail}`;
    const place = { bucket: inBucket, key: folder, details: { reason } };
    findings.push(finding('OBJECT_UNREADABLE', message, place));
    return [];
  };

  const organizationId = await organizationOf(objects, options, () =>
    foldersIn(accountsFolder(plain)),
  );
  const places = placesOf(options, organizationId);
  // Accounts that left may lie in older places alone, and in those of another organization.
  const wide = places.filter((one) => one.organizationId !== undefined);
  const inPlaces = await Promise.all(wide.map((one) => foldersIn(accountsFolder(one), one.bucket)));
  const members = inPlaces.flat().filter(isAccountId);
  const { known = [], recorded = [] } = options;
  const remembered = known.map(({ accountId }) => accountId);
  const ofRecords = recorded.map(({ accountId }) => accountId);
  const found = [...new Set([trail.accountId, ...members, ...remembered, ...ofRecords])].sort();
  const accounts = options.accountIds ?? found;

  const expected = await expectedRegions(options);
  const likelyFirst = byLikelihood(options);
  const planAccount = async (accountId: string): Promise<SourcePlan[]> => {
    // The trail's own account may lie in both layouts: before and after it became organization-wide.
    const own = accountId === trail.accountId;
    const locations = own || wide.length === 0 ? places : wide;
    const seen = new Set<string>();
    const folders = locations.flatMap((location) => [
      foldersIn(digestRegionsFolder(location, accountId), location.bucket),
      foldersIn(logRegionsFolder(location, accountId), location.bucket),
    ]);
    const named = (await Promise.all(folders)).flat().filter(isRegionName);
    const most = [...new Set(named)].sort(likelyFirst);
    for (const region of most.slice(0, MAX_REGIONS)) seen.add(region);
    if (most.length > MAX_REGIONS) {
      const message = `the account has folders of ${most.length} Regions, more than there are: only ${MAX_REGIONS} of them were looked at`;
      findings.push(finding('OBJECT_UNREADABLE', message, { accountId, bucket }));
    }
    for (const one of known) if (one.accountId === accountId) seen.add(one.region);
    const inHome = own || options.accountIds !== undefined;
    if (inHome) seen.add(trail.homeRegion);
    const found = new Set(seen);
    for (const region of options.regions ?? []) seen.add(region);
    const gone = recorded.flatMap((one) =>
      one.accountId === accountId && !found.has(one.region) ? [one.region] : [],
    );
    const all = new Set([...seen, ...expected.regions, ...gone]);
    return [...all]
      .filter((region) => options.regions?.includes(region) ?? true)
      .sort()
      .map((region) => ({
        accountId,
        region,
        locations,
        expected:
          trail.isMultiRegion === true ||
          options.regions !== undefined ||
          remembered.includes(accountId) ||
          (inHome && region === trail.homeRegion),
        known: seen.has(region),
        onlyNamed: ![...found, ...expected.regions, ...gone].includes(region),
        isGone: gone.includes(region),
      }));
  };
  const limit = pLimit(ACCOUNTS_AT_ONCE);
  const planned = await limit.map(accounts, planAccount);
  const sources = planned.flat();
  const unconfirmed = expected.unconfirmed.filter(
    ({ region }) =>
      !sources.some((one) => one.region === region) && (options.regions?.includes(region) ?? true),
  );
  const plan = { sources, places, accounts: found, unconfirmed, findings, bucketGone };
  return organizationId === undefined ? plan : { ...plan, organizationId };
}

/** Whose organization's folder holds the trail; also of one that is no organization's now, but was. */
async function organizationOf(
  objects: ObjectSource,
  options: PlanOptions,
  topFolders: () => Promise<string[]>,
): Promise<string | undefined> {
  const { after, place } = options;
  const settled = after ?? (place?.isUndecided === true ? undefined : place);
  if (settled) return settled.organizationId;
  return findOrganization(objects, options, (await topFolders()).filter(isOrganizationId));
}

/** All places in which a trail's files may lie, the current ones first. */
function placesOf(
  { trail: { bucket, prefix }, locations = [] }: PlanOptions,
  organizationId: string | undefined,
): Location[] {
  const places = [{ bucket, prefix }, ...locations].flatMap((one: Location): Location[] =>
    organizationId === undefined || one.organizationId !== undefined
      ? [one]
      : [{ ...one, organizationId }, one],
  );
  return uniqueLocations(places);
}

const partitionRegions = ({ arn }: TrailPlace): readonly string[] =>
  defaultRegions(parseTrailArn(arn)?.partition ?? '');

/** Orders Regions so that names which somebody planted crowd out none in which the trail delivers. */
function byLikelihood(options: PlanOptions): (a: string, b: string) => number {
  const { trail, regions = [], known = [], proved = [] } = options;
  const remembered = known.map(({ region }) => region);
  const likely = new Set([
    ...[trail.homeRegion, ...partitionRegions(trail)],
    ...[...regions, ...remembered, ...proved],
  ]);
  return (a, b) => Number(likely.has(b)) - Number(likely.has(a)) || (a < b ? -1 : 1);
}

/**
 * The Regions in which a multi-Region trail should have chains though its bucket may not show them:
 * the partition's default-enabled ones (DESIGN 4), where GetTrailStatus answers.
 */
async function expectedRegions(options: PlanOptions): Promise<{
  regions: string[];
  unconfirmed: Unconfirmed[];
}> {
  const { trail, statusIn } = options;
  if (trail.isMultiRegion !== true) return { regions: [], unconfirmed: [] };
  const candidates = partitionRegions(trail);
  const answers = await Promise.all(
    candidates.map(async (region) => ({ region, status: await statusIn(region) })),
  );
  return {
    regions: answers.filter(({ status }) => status.ok).map(({ region }) => region),
    unconfirmed: answers.flatMap(({ region, status }) =>
      status.ok ? [] : [{ region, why: status.why, unanswered: status.unanswered === true }],
    ),
  };
}
