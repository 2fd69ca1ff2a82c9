/** Collecting: AWS, with all that is asked and answered kept in an evidence directory. */
import { EVIDENCE_FORMAT, EVIDENCE_VERSION, type EvidenceHead } from '../core/evidence.js';
import { otherOptions, type Endpoints } from '../core/journal.js';
import { formatInstant } from '../core/timestamp.js';
import { createCollectedObjects } from '../sources/collected-objects.js';
import { createCollectedTrail } from '../sources/collected-trail.js';
import { Evidence } from '../sources/evidence.js';
import { createKeySource } from '../sources/key-source.js';
import { RunError } from '../sources/ports.js';
import type { Arguments } from './args.js';
import { awsSources, homeOf, type Environment } from './aws-sources.js';
import { connected, type Connection } from './connect.js';
import { findTrail } from './find-trail.js';
import { askedRange } from './range.js';

/** An evidence directory that is being collected, and AWS behind it; closed ones need none. */
export interface Collecting {
  readonly evidence: Evidence;
  readonly connection: Connection | undefined;
}

/**
 * Connects to AWS and keeps all that is asked and answered in an evidence directory, or goes on with
 * that. Throws `RunError` where it can't, or where other work was begun there.
 */
export async function connectCollecting(
  options: Arguments,
  directory: string,
  tool: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<Collecting> {
  const { s3, cloudtrail, who, endpoints, close } = awsSources(options, environment, signal);
  let evidence: Evidence | undefined;
  try {
    const asked = askedOf(options, endpoints);
    const ready = (): Promise<void> => cloudtrail.ready(homeOf(options));
    const head = async (): Promise<EvidenceHead> => {
      await ready();
      const trail = await findTrail(options, cloudtrail);
      const now = await cloudtrail.now(trail.homeRegion);
      return {
        format: EVIDENCE_FORMAT,
        version: EVIDENCE_VERSION,
        ...{ tool, trail: trail.arn, now },
        ...asked,
        range: askedRange(options, now),
        startedAt: formatInstant(Math.floor(Date.now() / 1000)),
        collectedBy: await who(),
      };
    };
    evidence = await Evidence.collect(directory, head, signal);
    const begun = evidence;
    refuseOther(begun.manifest.head, { tool, ...asked }, directory);
    if (begun.manifest.end) {
      close();
      return { evidence: begun, connection: undefined };
    }
    const connection = await connected(options, {
      objects: createCollectedObjects(begun, { live: s3 }),
      trails: createCollectedTrail(begun, cloudtrail),
      keys: createKeySource(begun.listKeys(cloudtrail.listKeys)),
      ...{ ready, close },
    });
    return { evidence: begun, connection };
  } catch (error) {
    close();
    await evidence?.close().catch(() => undefined);
    throw error;
  }
}

/** What was asked for, by option, and who was asked; the endpoints stand apart from the options. */
function askedOf(
  { work }: Arguments,
  endpoints: Endpoints,
): Pick<EvidenceHead, 'options' | 'endpoints'> {
  const own = Object.entries(work).filter(([name]) => !/endpoint-url$|path-style$/.test(name));
  return { options: Object.fromEntries(own), endpoints };
}

/** Refuses to go on with a collection of other work. */
function refuseOther(
  head: EvidenceHead,
  own: Pick<EvidenceHead, 'tool' | 'options' | 'endpoints'>,
  directory: string,
): void {
  const other = otherOptions(head, own);
  if (other === undefined) return;
  throw new RunError(
    `${directory} holds what another command collects: ${other}`,
    'give the same command as before, or an empty directory',
  );
}
