import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { selectorsOf, type World } from './world.js';

/** Lays a world out as an evidence directory, the form that `--evidence` reads. */
export async function writeEvidence(
  world: World,
  directory: string,
  homeRegion: string,
): Promise<void> {
  const metadata: Record<string, Readonly<Record<string, string>>> = {};
  const write = async (name: string, content: Buffer | string): Promise<void> => {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };
  const json = (name: string, value: unknown): Promise<void> =>
    write(name, `${JSON.stringify(value, null, 1)}\n`);
  for (const [bucket, { objects }] of world.buckets) {
    await mkdir(join(directory, bucket), { recursive: true });
    for (const [key, object] of objects) {
      if (key.endsWith('/')) continue;
      await write(`${bucket}/${key}`, object.body);
      if (object.metadata && Object.keys(object.metadata).length > 0) {
        metadata[`${bucket}/${key}`] = object.metadata;
      }
    }
  }
  await json('object-metadata.json', metadata);
  await json('DescribeTrails.json', { trailList: world.trails });
  for (const [region, list] of world.keys) {
    const name = region === homeRegion ? 'ListPublicKeys.json' : `ListPublicKeys.${region}.json`;
    await json(name, { PublicKeyList: list });
  }
  for (const [region, status] of world.status) {
    // The directory is the first trail's; another's status has its ARN beside the Region.
    if (region.includes(' ')) continue;
    const name = region === homeRegion ? 'GetTrailStatus.json' : `GetTrailStatus.${region}.json`;
    await json(name, status);
  }
  for (const [region, records] of world.history ?? []) {
    const name = region === homeRegion ? 'LookupEvents.json' : `LookupEvents.${region}.json`;
    const events = records.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    await json(name, { Events: events.map((CloudTrailEvent) => ({ CloudTrailEvent })) });
  }
  const [trail] = world.trails;
  if (trail && world.selectors?.has(trail.TrailARN) === true) {
    await json('GetEventSelectors.json', selectorsOf(world, trail.TrailARN));
  }
}
