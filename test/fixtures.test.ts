/**
 * The vectors under fixtures/: one signed trail per way of lying, with the codes that must come of
 * it. `npm run vectors` writes them anew from the catalogue; here each is read back, laid out as an
 * evidence directory and judged by the real command.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue, type Case } from './support/lies.js';
import { writeDemo } from './support/demo.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { iso } from './support/trail-builder.js';
import { writeEvidence } from './support/write-evidence.js';
import type { PublicKeyEntry, StoredObject, TrailEntry, World } from './support/world.js';

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));

interface Vector {
  readonly comment: string;
  readonly startTime: string;
  readonly endTime: string;
  readonly expect: Pick<Case, 'verdict' | 'codes' | 'at' | 'missing'>;
  readonly trail: TrailEntry;
  readonly publicKeys: Readonly<Record<string, PublicKeyEntry[]>>;
  /** Region → GetTrailStatus. */
  readonly status: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  readonly buckets: readonly string[];
  readonly objects: readonly {
    readonly bucket: string;
    readonly key: string;
    readonly metadata?: Readonly<Record<string, string>>;
    readonly body: string;
  }[];
}

/** A 403 can't be put into a file; those trails are tested through S3 alone. */
function isPortable(one: Case): boolean {
  // Only CloudTrail itself can say that it doesn't know a key; a file can't.
  if (one.name === 'digest-signed-with-foreign-key') return false;
  return ![...one.builder.world.buckets.values()].some(
    ({ objects, refuseListing }) =>
      refuseListing ?? [...objects.values()].some((object) => object.refuse),
  );
}

function toVector(one: Case): Vector {
  const { world, trail } = one.builder;
  const { verdict, codes, at, missing } = one;
  return {
    comment: one.cliDiffers === undefined ? one.name : `${one.name} (AWS CLI: ${one.cliDiffers})`,
    startTime: iso(one.start),
    endTime: iso(one.end),
    expect: {
      verdict,
      codes,
      ...(at ? { at } : {}),
      ...(missing === undefined ? {} : { missing }),
    },
    trail,
    publicKeys: Object.fromEntries(world.keys),
    status: Object.fromEntries(world.status),
    buckets: [...world.buckets.keys()],
    objects: [...world.buckets].flatMap(([bucket, { objects }]) =>
      [...objects].map(([key, { body, metadata }]) => ({
        bucket,
        key,
        ...(metadata ? { metadata } : {}),
        body: body.toString('base64'),
      })),
    ),
  };
}

function fromVector(vector: Vector): World {
  const buckets: World['buckets'] = new Map(
    vector.buckets.map((name) => [
      name,
      { region: 'us-east-1', objects: new Map<string, StoredObject>() },
    ]),
  );
  for (const { bucket, key, body, metadata } of vector.objects) {
    buckets.get(bucket)?.objects.set(key, {
      body: Buffer.from(body, 'base64'),
      ...(metadata ? { metadata } : {}),
    });
  }
  return {
    buckets,
    trails: [vector.trail],
    keys: new Map(Object.entries(vector.publicKeys)),
    status: new Map(Object.entries(vector.status)),
  };
}

const cases = catalogue().filter(isPortable);

if (process.env['WRITE_FIXTURES'] !== undefined) {
  const directory = join(fixtures, 'vectors');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const one of cases) {
    await writeFile(
      join(directory, `${one.name}.json`),
      `${JSON.stringify(toVector(one), null, 1)}\n`,
    );
  }
  await writeDemo(join(fixtures, 'demo'));
}

const names = (await readdir(join(fixtures, 'vectors'))).map((name) => name.replace(/\.json$/, ''));

describe('vectors', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('are those of the catalogue', () => {
    expect(names.sort()).toEqual(cases.map((one) => one.name).sort());
  });

  it('were signed by node-forge as the builder signs', async () => {
    const signatures = ({ objects }: Vector) =>
      objects.map(({ key, metadata }) => [key, metadata?.['signature']]);
    let signed = 0;
    for (const one of cases) {
      const text = await readFile(join(fixtures, 'vectors', `${one.name}.json`), 'utf8');
      const kept = signatures(JSON.parse(text) as Vector);
      expect(signatures(toVector(one)), one.name).toEqual(kept);
      signed += kept.filter(([, signature]) => signature !== undefined).length;
    }
    expect(signed).toBeGreaterThan(400);
  });

  it.each(names)('%s', async (name) => {
    const vector = JSON.parse(
      await readFile(join(fixtures, 'vectors', `${name}.json`), 'utf8'),
    ) as Vector;
    const place = join(directory, name);
    await mkdir(place);
    await writeEvidence(fromVector(vector), place, vector.trail.HomeRegion);
    const pin = createHash('sha256')
      .update(await readFile(join(place, 'ListPublicKeys.json')))
      .digest('hex');
    const { report, status } = await runJson([
      ...['--trail-arn', vector.trail.TrailARN, '--evidence', place, '--keys-sha256', pin],
      ...['--start-time', vector.startTime, '--end-time', vector.endTime],
    ]);
    const { verdict, codes, at = [], missing = 0 } = vector.expect;
    expect(accusations(report)).toEqual([...codes].sort());
    expect(report.verdict).toBe(verdict);
    expect(status).toBe({ valid: 0, invalid: 1, incomplete: 3 }[verdict]);
    const found = report.findings.map((one) => one.key);
    for (const key of at) expect(found).toContain(key);
    expect(report.counts.digestFiles.missing).toBe(missing);
  });
});

describe('the demo’s trails', () => {
  const ARN = 'arn:aws:cloudtrail:us-east-1:111122223333:trail/demo';
  it.each([
    ['intact', 0],
    ['tampered', 1],
    ['gap', 3],
  ])('%s ends with %i and prints the report that is kept', async (name, expected) => {
    const { status, stdout } = await runCommand([
      ...['--trail-arn', ARN, '--evidence', join(fixtures, 'demo', name)],
      ...['--public-keys', join(fixtures, 'demo', 'public-keys.json')],
      ...['--start-time', '2026-03-10T09:00:00Z', '--end-time', '2026-03-10T20:00:00Z'],
    ]);
    expect(status).toBe(expected);
    await expect(stdout).toMatchFileSnapshot(join(fixtures, 'demo', `${name}.expected.txt`));
  });
});
