/** `validate-trail keys`: public keys of all Regions, kept so that old trails stay provable. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultRegions, REGIONS } from '../src/core/regions.js';
import { base } from './support/lies.js';
import type { EndpointOptions } from './support/loopback.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { inTemp, serving } from './support/shards.js';
import { signingKey, TrailBuilder } from './support/trail-builder.js';

/** Serves a trail; `save` gives the command that saves its keys. */
async function saving(
  task: (
    save: (...more: string[]) => ReturnType<typeof runCommand>,
    file: string,
    argv: string[],
  ) => Promise<void>,
  options: EndpointOptions = {},
  made = base(),
): Promise<void> {
  await inTemp((directory) =>
    serving(made.builder, made, options, async (argv) => {
      const file = join(directory, 'keys.json');
      const at = argv.indexOf('--endpoint-url');
      const own = ['keys', '--output', file, '--start-time', '2026-03-10'];
      const save = (...more: string[]) =>
        runCommand([...own, ...argv.slice(at, at + 2), '--end-time', '2026-03-11', ...more]);
      await task(save, file, argv);
    }),
  );
}

interface File {
  readonly asked: readonly { readonly region: string; readonly PublicKeyList: readonly object[] }[];
}

describe('keys', () => {
  it('of all Regions are saved, and prove the trail when CloudTrail tells none', () =>
    saving(async (save, file, argv) => {
      const { status, stdout } = await save();
      expect(status).toBe(0);
      expect(stdout).toMatch(/^1 public key of 34 Regions, 2026-02-03T00:00:00Z to /);
      expect(stdout).toMatch(/keys\.json {2}SHA-256 [0-9a-f]{64}\n$/);
      const { asked } = JSON.parse(await readFile(file, 'utf8')) as File;
      expect(asked.map(({ region }) => region)).toEqual(
        REGIONS.filter((one) => !/^(cn|us-gov)-/.test(one)).sort(),
      );
      const without = ['--public-keys', file];
      expect((await runJson([...argv, ...without])).status).toBe(0);
    }));

  it('are added to those of another time, in the same bytes whatever came first', () =>
    saving(async (save, file) => {
      await save('--region', 'us-east-1');
      const once = await readFile(file, 'utf8');
      await save('--region', 'us-east-1');
      expect(await readFile(file, 'utf8')).toBe(once);
      await save('--region', 'eu-west-1');
      const { asked } = JSON.parse(await readFile(file, 'utf8')) as File;
      expect(asked.map(({ region }) => region)).toEqual(['eu-west-1', 'us-east-1']);
    }));

  it('that a Region refuses are told; an opt-in one may refuse', async () => {
    const closed = { closedRegions: ['me-south-1', 'il-central-1'] };
    await saving(async (save, file) => {
      const { status, stderr } = await save();
      expect(status).toBe(0);
      expect(stderr).toMatch(/notice, an opt-in Region: ListPublicKeys in me-south-1: /);
      expect((JSON.parse(await readFile(file, 'utf8')) as File).asked).toHaveLength(32);
      const own = await save('--region', 'me-south-1');
      expect([own.status, own.stderr]).toEqual([3, expect.stringContaining('error: ')]);
    }, closed);
    await saving(
      async (save) => {
        const { status, stdout } = await save();
        expect(status).toBe(3);
        expect(stdout).toMatch(/of 33 Regions/);
      },
      { closedRegions: [defaultRegions('aws')[0] ?? ''] },
    );
  });

  it('of other makers are told from those of CloudTrail', () =>
    saving(async (save, file) => {
      await save();
      const builder = new TrailBuilder();
      const made = base();
      builder.chain({ from: made.start - 3600, hours: 8, key: signingKey(2) });
      await serving(builder, made, {}, async (argv) => {
        const { report, status } = await runJson([...argv, '--public-keys', file]);
        expect(status).not.toBe(0);
        expect(report.counts.digestFiles.valid).toBe(0);
        expect(accusations(report).join()).toMatch(/KEYS_UNAVAILABLE|DIGEST_KEY_UNKNOWN/);
      });
    }));

  it('refuses what it can’t read or write, and what makes no sense', () =>
    saving(async (save, file) => {
      await writeFile(file, '{"PublicKeyList":[]}');
      const other = await save();
      expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('of which Region')]);
      await writeFile(file, 'no JSON');
      expect((await save()).status).toBe(2);
      expect(await readFile(file, 'utf8')).toBe('no JSON');
      for (const [own, told] of [
        [['keys', '--start-time', '1d'], 'keys needs --output FILE'],
        [['keys', '--output', 'x'], '--start-time is missing'],
        [['keys', '--output', 'x', '--start-time', 'soon'], 'is not a time'],
        [['keys', '--output', 'x', '--start-time', '1d', '--end-time', '2d'], 'is not before'],
        [['keys', '--output', 'x', '--start-time', '1d', '--partition', 'aws-x'], 'aws-us-gov'],
      ] as const) {
        const ran = await runCommand(own);
        expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining(told)]);
      }
    }));
});
