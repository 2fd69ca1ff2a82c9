/** The three trails of `npm run demo`. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { trailEvent } from './events.js';
import { rewrite } from './lies.js';
import { HOUR, TrailBuilder, type BuiltDigest } from './trail-builder.js';
import { writeEvidence } from './write-evidence.js';

const FROM = Date.UTC(2026, 2, 10, 7, 41, 12) / 1000;
const REGIONS = ['us-east-1', 'eu-central-1'];

function builder(): TrailBuilder {
  return new TrailBuilder({ name: 'demo', bucket: 'demo-trail-logs', isMultiRegion: true });
}

function intact(): { made: TrailBuilder; chains: BuiltDigest[][] } {
  const made = builder();
  const chains = REGIONS.map(
    (region) => made.chain({ from: FROM, hours: 14, region, logsPerHour: 1 }).digests,
  );
  return { made, chains };
}

function tampered(): TrailBuilder {
  const { made, chains } = intact();
  const [east = [], central = []] = chains;
  const log = (digest: BuiltDigest | undefined) => digest?.logs[0] ?? { bucket: '', key: '' };
  // An event rewritten, a log file deleted, three hours of digest files deleted, one forged.
  rewrite(made, log(east[4]), (text) => text.replace('GetObject', 'ListBuckets'));
  made.remove(log(east[6]));
  for (const digest of central.slice(5, 8)) made.remove(digest);
  const forged = east[9];
  if (forged) rewrite(made, forged, (text) => text.replace(/"logFiles":\[.*\]/, '"logFiles":[]'));
  return made;
}

function gap(): TrailBuilder {
  const made = builder();
  // Logging stopped in the morning and started again in the afternoon, at another minute; both calls
  // stand in log files that are proved.
  const off = FROM + 4 * HOUR - 900;
  const on = FROM + 8 * HOUR + 1027;
  const event = (name: string, at: number) => {
    const record = trailEvent(made, { name, at, actor: 'arn:aws:iam::111122223333:user/kim' });
    return { at, record };
  };
  for (const region of REGIONS) {
    const isHome = region === made.trail.HomeRegion;
    made.chain({
      ...{ from: FROM, hours: 4, region, logsPerHour: 1 },
      ...(isHome ? { events: [event('StopLogging', off)] } : {}),
    });
    made.chain({
      ...{ from: FROM + 7 * HOUR + 1027, hours: 7, region, logsPerHour: 1 },
      ...(isHome ? { events: [event('StartLogging', on)] } : {}),
    });
  }
  return made;
}

/** Writes the demo's evidence directories, and the public keys apart from them. */
export async function writeDemo(directory: string): Promise<void> {
  const trails = { intact: intact().made, tampered: tampered(), gap: gap() };
  for (const [name, { world }] of Object.entries(trails)) {
    const place = join(directory, name);
    await rm(place, { recursive: true, force: true });
    await writeEvidence(world, place, 'us-east-1');
  }
  const keys = { PublicKeyList: [...trails.intact.world.keys.values()].flat().slice(0, 1) };
  await writeFile(join(directory, 'public-keys.json'), `${JSON.stringify(keys, null, 1)}\n`);
}
