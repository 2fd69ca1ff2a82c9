/** Putting the sources of a run together: S3 and CloudTrail, or an evidence directory. */
import type { Collector } from '../core/evidence.js';
import type { ReportEvidence } from '../core/report.js';
import type { Instant } from '../core/timestamp.js';
import type { TrailPlace } from '../runner/plan.js';
import { createAliasedSource } from '../sources/alias.js';
import { createCollectedObjects } from '../sources/collected-objects.js';
import { createCollectedTrail } from '../sources/collected-trail.js';
import { createDirectorySource } from '../sources/directory.js';
import { Evidence } from '../sources/evidence.js';
import { createEvidenceKeySource, createKeyFileSource } from '../sources/keys.js';
import type { KeySource, ObjectSource, TrailSource } from '../sources/ports.js';
import { createEvidenceTrailSource } from '../sources/trail.js';
import type { Arguments } from './args.js';
import { awsSources, homeOf, threadsOf, type Environment } from './aws-sources.js';
import { findTrail } from './find-trail.js';

export interface Connection {
  readonly objects: ObjectSource;
  readonly keys: KeySource;
  readonly trail: TrailPlace;
  readonly trails: TrailSource;
  readonly now: Instant;
  /** What the evidence is, where it was collected. */
  readonly evidence?: ReportEvidence;
  readonly close: () => Promise<void> | void;
}

/** The sources of a run before its trail is looked for. */
interface Sources {
  readonly objects: ObjectSource;
  readonly keys: KeySource | ((homeRegion: string) => KeySource);
  readonly trails: TrailSource;
  /** Throws where nothing can be asked. */
  readonly ready?: () => Promise<void>;
  readonly close: () => Promise<void> | void;
}

/** Finds the trail and what its run begins with; frees the sources where that fails. */
export async function connected(options: Arguments, sources: Sources): Promise<Connection> {
  const { trails, keys, close } = sources;
  try {
    await sources.ready?.();
    const trail = await findTrail(options, trails);
    const now = await trails.now(trail.homeRegion);
    const objects = createAliasedSource(sources.objects, new Map(options.bucketAliases));
    return {
      ...{ objects, trail, trails, now, close },
      keys: typeof keys === 'function' ? keys(trail.homeRegion) : keys,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An evidence directory: as it was collected, or a plain copy. */
async function evidenceSources(
  directory: string,
  options: Arguments,
): Promise<Sources & Pick<Connection, 'evidence'>> {
  const pins = { manifest: options.manifestSha256, keys: options.keysSha256 };
  const evidence = await Evidence.open(directory, pins);
  if (!evidence) {
    const objects = await createDirectorySource(directory, threadsOf(options));
    const trails = createEvidenceTrailSource(directory, homeOf(options));
    const keys = (home: string): KeySource =>
      createEvidenceKeySource(directory, home, options.keysSha256);
    return { objects, trails, keys, close: () => objects.close() };
  }
  try {
    const { head, sha256 } = evidence.manifest;
    const objects = createCollectedObjects(evidence, { threads: threadsOf(options) });
    return {
      objects,
      trails: createCollectedTrail(evidence),
      keys: await evidence.keySource(pins),
      evidence: {
        manifestSha256: sha256,
        pinned: pins.manifest.length > 0,
        collectedAt: head.startedAt,
        ...collectorOf(head.collectedBy),
      },
      close: () => {
        objects.close();
        return evidence.close();
      },
    };
  } catch (error) {
    await evidence.close();
    throw error;
  }
}

const collectorOf = (by: Collector): { collectedBy?: string } =>
  'arn' in by ? { collectedBy: by.arn } : {};

/** Connects to what the options name. Throws `RunError` where that can't be done. */
export async function connect(
  options: Arguments,
  environment: Environment,
  signal: AbortSignal,
): Promise<Connection> {
  const { publicKeys, evidence: directory } = options;
  const fileKeys = publicKeys === undefined ? undefined : await createKeyFileSource(publicKeys);
  if (directory !== undefined) {
    const sources = await evidenceSources(directory, options);
    const own = fileKeys ? { ...sources, keys: fileKeys } : sources;
    const { evidence } = sources;
    return { ...(await connected(options, own)), ...(evidence ? { evidence } : {}) };
  }
  const { s3, cloudtrail, close } = awsSources(options, environment, signal);
  return connected(options, {
    objects: s3,
    keys: fileKeys ?? cloudtrail,
    trails: cloudtrail,
    ready: () => cloudtrail.ready(homeOf(options)),
    close,
  });
}
