/** Asking CloudTrail once for what many sources need: a Region's status and keys. */
import { finding, type Finding } from '../core/finding.js';
import type { ReportKey } from '../core/report.js';
import { addKeyUse } from '../core/source-segment.js';
import { formatInstant } from '../core/timestamp.js';
import type { Answer, RegionKeys, TrailStatus } from '../sources/ports.js';
import type { RunOptions } from './options.js';
import type { SourceResult } from './read-source.js';

export type StatusIn = (region: string) => Promise<Answer<TrailStatus>>;

/** Asks for each Region's status once, and only where it speaks of the place that is judged. */
export function rememberStatus({ trails, trail }: RunOptions): StatusIn {
  const regions = new Map<string, Promise<Answer<TrailStatus>>>();
  return (region) => {
    const known = regions.get(region);
    if (known) return known;
    const ask = (): Promise<Answer<TrailStatus>> => {
      if (!trails) return Promise.resolve({ ok: false, why: 'there is no CloudTrail to ask' });
      if (trail.unanswered !== undefined) {
        return Promise.resolve({ ok: false, why: trail.unanswered, unanswered: true });
      }
      if (trail.isCurrent !== true) {
        const why = 'CloudTrail does not say that the trail delivers to this place now';
        return Promise.resolve({ ok: false, why });
      }
      return trails.status(trail.arn, region);
    };
    const status = ask();
    regions.set(region, status);
    return status;
  };
}

export type KeysIn = (region: string) => Promise<RegionKeys>;

/** Asks for each Region's keys once. */
export function rememberKeys(options: RunOptions): KeysIn {
  const regions = new Map<string, Promise<RegionKeys>>();
  return (region) => {
    const known = regions.get(region);
    if (known) return known;
    const keys = options.keys.keysFor(region, options.range, options.now);
    regions.set(region, keys);
    return keys;
  };
}

/** The keys of the range, by Region, so far as they were had, and those of other times that were used. */
export async function keysOf(
  results: readonly SourceResult[],
  keysIn: KeysIn,
): Promise<ReportKey[]> {
  const met = results.filter((one) => one.met);
  const keys: ReportKey[] = [];
  for (const region of [...new Set(met.map((one) => one.plan.region))].sort()) {
    const own = met.filter((one) => one.plan.region === region);
    const used = new Map(addKeyUse(...own.map((one) => one.verifiedBy)));
    for (const { fingerprint, validityStart, validityEnd } of (await keysIn(region)).valid) {
      keys.push({
        ...{ region, fingerprint, digestFiles: used.get(fingerprint) ?? 0 },
        ...(validityStart === undefined ? {} : { validityStart: formatInstant(validityStart) }),
        ...(validityEnd === undefined ? {} : { validityEnd: formatInstant(validityEnd) }),
      });
      used.delete(fingerprint);
    }
    for (const [fingerprint, digestFiles] of used) keys.push({ region, fingerprint, digestFiles });
  }
  return keys;
}

/** A finding for each Region whose keys nobody vouches for, and each key that is labelled wrongly. */
export async function keyFindings(
  results: readonly SourceResult[],
  keysIn: KeysIn,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const regions = new Set(results.filter((one) => one.met).map((one) => one.plan.region));
  for (const region of regions) {
    const keys = await keysIn(region);
    if (keys.unpinned !== '') findings.push(finding('KEYS_UNPINNED', keys.unpinned, { region }));
    for (const key of keys.mislabelled) {
      const message = `public key ${key.fingerprint} is not labelled with its MD5`;
      findings.push(finding('KEY_FINGERPRINT_MISMATCH', message, { region }));
    }
  }
  return findings;
}
