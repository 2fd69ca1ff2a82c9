/** Which accounts and source Regions a run covers, found from the bucket. */
import { isAccountId, isOrganizationId, isRegionName } from '../core/arn.js';
import { finding, type Finding } from '../core/finding.js';
import {
  accountsFolder,
  digestDayPrefix,
  digestRegionsFolder,
  type Location,
  type Source,
  type TrailName,
} from '../core/object-key.js';
import { DAY, startOfDay, type TimeRange } from '../core/timestamp.js';
import { RunError, type ObjectSource, type ReadFailure } from '../sources/ports.js';

export interface TrailPlace extends TrailName {
  readonly arn: string;
  readonly accountId: string;
  readonly bucket: string;
  readonly prefix: string;
  /** As DescribeTrails says; `undefined` where it was not asked. */
  readonly isOrganization?: boolean;
  readonly isMultiRegion?: boolean;
  readonly validationEnabled?: boolean;
}

export interface PlanOptions {
  readonly trail: TrailPlace;
  readonly range: TimeRange;
  readonly organizationId?: string | undefined;
  readonly regions?: readonly string[] | undefined;
  readonly accountIds?: readonly string[] | undefined;
}

export interface SourcePlan extends Source {
  readonly locations: readonly Location[];
  /** A chain without any digest file is told as such, not taken for another trail's folder. */
  readonly expected: boolean;
}

export interface Plan {
  readonly sources: readonly SourcePlan[];
  readonly organizationId?: string;
  readonly findings: readonly Finding[];
  /** The trail's own bucket does not exist. */
  readonly bucketGone: boolean;
}

function names(folders: readonly string[], parent: string): string[] {
  return folders.map((folder) => folder.slice(parent.length, -1));
}

/** Whether a location holds digest files of the trail on any of the range's newest days. */
async function holdsTrail(
  objects: ObjectSource,
  location: Location,
  options: PlanOptions,
): Promise<boolean> {
  const { trail, range } = options;
  const { accountId, homeRegion: region } = trail;
  for (
    let day = startOfDay(range.end), tried = 0;
    tried < 31 && day > range.start - DAY;
    day -= DAY, tried++
  ) {
    const prefix = digestDayPrefix(location, { accountId, region }, trail, day);
    const listing = await objects.list(location.bucket, prefix);
    if (listing.ok && listing.value.objects.length > 0) return true;
  }
  return false;
}

async function findOrganization(
  objects: ObjectSource,
  options: PlanOptions,
  ids: readonly string[],
): Promise<string | undefined> {
  const { trail, organizationId } = options;
  if (organizationId !== undefined) return organizationId;
  const { bucket, prefix } = trail;
  const holding: string[] = [];
  for (const id of ids) {
    if (await holdsTrail(objects, { bucket, prefix, organizationId: id }, options))
      holding.push(id);
  }
  const candidates = trail.isOrganization === true && holding.length === 0 ? ids : holding;
  if (candidates.length > 1) {
    throw new RunError(
      `the bucket holds several organizations: ${candidates.join(', ')}`,
      'name one with --organization-id',
    );
  }
  return candidates[0];
}

/**
 * Plans a run: the accounts whose folders the location has (for a trail that isn't
 * organization-wide, only the trail's own), and for each the source Regions whose folders it has.
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
  let reached = false;

  const foldersIn = async (folder: string): Promise<string[]> => {
    const listing = await objects.list(bucket, folder, { folders: true });
    reached ||= listing.ok;
    if (listing.ok) return names(listing.value.folders, folder);
    const failure: ReadFailure = listing.failure;
    if (failure.kind === 'absent') {
      if (failure.what === 'bucket') bucketGone = true;
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
    const detail =
      failure.kind === 'unreadable' ? `(${failure.reason}): ${failure.detail}` : failure.kind;
    const message = `the folder could not be listed, so accounts or Regions may be left out ${detail}`;
    findings.push(finding('OBJECT_UNREADABLE', message, { bucket, key: folder }));
    return [];
  };

  const top =
    trail.isOrganization === false
      ? []
      : (await foldersIn(accountsFolder(plain))).filter(isOrganizationId);
  const organizationId = await findOrganization(objects, options, top);
  const wide: Location | undefined =
    organizationId === undefined ? undefined : { bucket, prefix, organizationId };

  const members = wide ? (await foldersIn(accountsFolder(wide))).filter(isAccountId) : [];
  const found = [...new Set([trail.accountId, ...members])].sort();
  const accounts = options.accountIds ?? found;
  const sources: SourcePlan[] = [];
  for (const accountId of accounts) {
    // The trail's own account may lie in both layouts: before and after it became organization-wide.
    const own = accountId === trail.accountId;
    const locations = wide ? (own ? [wide, plain] : [wide]) : [plain];
    const seen = new Set<string>();
    for (const location of locations) {
      for (const region of await foldersIn(digestRegionsFolder(location, accountId))) {
        if (isRegionName(region)) seen.add(region);
      }
    }
    const inHome = own || options.accountIds !== undefined;
    if (inHome) seen.add(trail.homeRegion);
    for (const region of options.regions ?? []) seen.add(region);
    const wanted = [...seen].filter((region) => options.regions?.includes(region) ?? true);
    for (const region of wanted.sort()) {
      const expected =
        trail.isMultiRegion === true ||
        options.regions !== undefined ||
        (inHome && region === trail.homeRegion);
      sources.push({ accountId, region, locations, expected });
    }
  }
  const plan = { sources, findings, bucketGone };
  return organizationId === undefined ? plan : { ...plan, organizationId };
}
