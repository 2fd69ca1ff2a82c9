/** Trust between runs, through the real command: nights in a row on a trail that grows. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { State } from '../src/core/state.js';
import { FROM, rewrite } from './support/lies.js';
import { startEndpoint } from './support/loopback.js';
import { accusations, runCommand, runJson } from './support/run-command.js';
import { HOUR, iso, TrailBuilder, type BuiltDigest } from './support/trail-builder.js';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
  path = join(directory, 'state.json');
});
afterEach(() => rm(directory, { recursive: true }));

const readState = async (): Promise<State> => JSON.parse(await readFile(path, 'utf8')) as State;

/** A run at a time of the service's clock. */
async function night(builder: TrailBuilder, at: number, argv: readonly string[]) {
  const endpoint = await startEndpoint(builder.world, { now: new Date(at * 1000) });
  try {
    const ran = await runJson([
      ...['--trail-arn', builder.trail.TrailARN, '--endpoint-url', endpoint.url],
      ...['--state', path, ...argv],
    ]);
    // What is told must be kept: a state that can't be written would be status 2.
    expect([0, 1, 3]).toContain(ran.status);
    return { ...ran, requests: new Map(endpoint.requests) };
  } finally {
    await endpoint.close();
  }
}

const SINCE = ['--since-state'];
const init = (start: number): string[] => ['--init-state', '--start-time', iso(start)];

/** Twelve hours proved on the first night, and `hours` more delivered since. */
async function secondNight(hours = 12, restart = false) {
  const builder = new TrailBuilder();
  const first = builder.chain({ from: FROM, hours: 12 });
  const begun = await night(builder, FROM + 13 * HOUR, init(FROM + HOUR));
  expect(begun.status).toBe(0);
  const after = first.digests.at(-1);
  const second = builder.chain({
    ...{ from: FROM + 12 * HOUR, hours },
    ...(restart || !after ? {} : { after }),
  });
  const at = FROM + (13 + hours) * HOUR;
  return { builder, first: first.digests, second: second.digests, at };
}

const newest = (digests: readonly BuiltDigest[]): BuiltDigest => digests.at(-1)!;

describe('--state', () => {
  it('remembers the newest proved digest file of each chain', async () => {
    const { first } = await secondNight();
    const state = await readState();
    // Two hours before "now", the digest file that straddles it was read whole.
    const digest = first[10]!;
    expect(state.chains).toMatchObject([
      {
        accountId: '111122223333',
        region: 'us-east-1',
        kind: 'standard',
        newestDigest: { key: digest.key, hash: digest.hash, signature: digest.signature },
        provedUntil: iso(digest.end),
      },
    ]);
    expect(state.findings).toEqual([]);
  });

  it('lets the next night go on from there, reading each log file once', async () => {
    const { builder, first, second, at } = await secondNight();
    const { report, status, requests } = await night(builder, at, SINCE);
    expect(status).toBe(0);
    expect(report.timeRange.start).toBe(iso(first[10]!.end));
    expect(report.counts.digestFiles.valid).toBe(12);
    expect(report.counts.logFiles.valid).toBe(24);
    // 12 digest files, the remembered one, the one beyond the end, and 24 log files.
    expect(requests.get('GetObject')).toBeLessThanOrEqual(24 + 12 + 4);
    expect((await readState()).provedUntil).toBe(iso(second[10]!.end));
    const again = await night(builder, at, SINCE);
    expect(again.status).toBe(0);
  });

  it('is needed, begun by hand, and never overwritten or ignored', async () => {
    const { builder, at } = await secondNight();
    const argv = ['--trail-arn', builder.trail.TrailARN, '--state', path];
    const other = await runCommand([...argv, '--start-time', '1d', '--init-state']);
    expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('there already')]);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"provedUntil": "2026', '"provedUntil": "2025'));
    const damaged = await runCommand([...argv, '--since-state']);
    expect([damaged.status, damaged.stderr]).toEqual([2, expect.stringContaining('changed')]);
    await rm(path);
    const none = await runCommand([...argv, '--since-state']);
    expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('--init-state')]);
    await writeFile(path, text);
    const foreign = await runCommand([
      ...['--trail-arn', builder.trail.TrailARN.replace('main', 'other'), '--state', path],
      ...SINCE,
    ]);
    expect(foreign.status).toBe(2);
    expect((await night(builder, at, SINCE)).status).toBe(0);
  });

  it.each(['gone', 'changed'] as const)(
    'shows a remembered digest file that is %s',
    async (what) => {
      const { builder, first, at } = await secondNight();
      const remembered = first[10]!;
      if (what === 'gone') builder.remove(remembered);
      else
        rewrite(builder, remembered, (text) =>
          text.replace('"newestEventTime":"2026', '"newestEventTime":"2025'),
        );
      const { report, status } = await night(builder, at, SINCE);
      expect(status).toBe(1);
      expect(accusations(report)).toContain('CHAIN_STATE_BROKEN');
      expect(report.findings.find(({ code }) => code === 'CHAIN_STATE_BROKEN')?.key).toBe(
        remembered.key,
      );
    },
  );

  it('shows a chain that was led past the remembered digest file', async () => {
    const { builder, first, second, at } = await secondNight();
    const older = first[8]!;
    builder.remove(newest(first));
    builder.resign(second[0]!, {
      previousDigestS3Object: older.key,
      previousDigestHashValue: older.hash,
      previousDigestSignature: older.signature,
    });
    const { report, status } = await night(builder, at, SINCE);
    expect(status).toBe(1);
    expect(accusations(report)).toContain('CHAIN_STATE_BROKEN');
  });

  it('knows a member account that vanished', async () => {
    const builder = new TrailBuilder({ organizationId: 'o-exampleorgid', isMultiRegion: true });
    builder.chain({ from: FROM, hours: 12 });
    const member = builder.chain({ from: FROM, hours: 12, accountId: '444455556666' });
    expect((await night(builder, FROM + 13 * HOUR, init(FROM + HOUR))).status).toBe(0);
    for (const digest of member.digests) {
      builder.remove(digest);
      for (const log of digest.logs) builder.remove(log);
    }
    const { report, status } = await night(builder, FROM + 14 * HOUR, SINCE);
    expect(status).toBe(1);
    expect(report.findings.find(({ code }) => code === 'CHAIN_STATE_BROKEN')).toMatchObject({
      accountId: '444455556666',
    });
  });

  it('a starting digest file after the remembered one is a gap; the chain waits there until it is accepted', async () => {
    const { builder, first, second, at } = await secondNight(12, true);
    const ran = await night(builder, at, SINCE);
    expect(accusations(ran.report)).toEqual(['COVERAGE_GAP']);
    const stuck = await readState();
    expect(stuck.provedUntil).toBe(iso(newest(first).end));
    const gap = ran.report.findings.find(({ code }) => code === 'COVERAGE_GAP')!;
    expect(stuck.findings).toMatchObject([{ id: gap.id }]);
    const why = [
      '--accept',
      gap.id,
      '--reason',
      'maintenance, ticket 4711',
      '--accepted-by',
      'kim',
    ];
    const accepted = await night(builder, at, [...SINCE, ...why]);
    expect(accepted.status).toBe(3);
    const state = await readState();
    expect(state.accepted).toMatchObject([{ id: gap.id, by: 'kim', reason: why[3] }]);
    expect(state.findings).toEqual([]);
    expect(state.provedUntil).toBe(iso(second[10]!.end));
    const next = await night(builder, at, SINCE);
    expect(next.status).toBe(0);
    expect(next.report.accepted).toMatchObject([{ id: gap.id, by: 'kim' }]);
  });

  it('tells an altered log file every night until it is restored', async () => {
    const { builder, second, at } = await secondNight();
    const log = second[3]!.logs[0]!;
    const original = builder.get(log);
    rewrite(builder, log, (text) => text.replace('GetObject', 'PutObject'));
    expect(accusations((await night(builder, at, SINCE)).report)).toEqual(['LOG_HASH_MISMATCH']);
    const told = await night(builder, at + HOUR, SINCE);
    expect(accusations(told.report)).toEqual(['LOG_HASH_MISMATCH']);
    expect(told.report.findings.find(({ key }) => key === log.key)?.details).toHaveProperty(
      'since',
    );
    builder.put(log.bucket, log.key, original);
    expect((await night(builder, at + HOUR, SINCE)).status).toBe(0);
  });

  it('carries an object that is too young to be judged, and judges it the next night', async () => {
    const builder = new TrailBuilder();
    const first = builder.chain({ from: FROM, hours: 11 });
    const planted = builder.log('111122223333', 'us-east-1', newest(first.digests).end - 60, 100);
    builder.put('trail-bucket', planted.key, { body: gzipSync('{"Records":[]}') });
    const at = newest(first.digests).end + 1900;
    const begun = await night(builder, at, [
      ...init(FROM + HOUR),
      '--end-time',
      iso(newest(first.digests).end),
    ]);
    expect(begun.status).toBe(0);
    expect((await readState()).candidates).toMatchObject([{ key: planted.key }]);
    builder.chain({ from: FROM + 11 * HOUR, hours: 6, after: newest(first.digests) });
    const { report } = await night(builder, FROM + 18 * HOUR, SINCE);
    expect(accusations(report)).toEqual(['LOG_UNLISTED']);
    expect(report.findings.find(({ code }) => code === 'LOG_UNLISTED')?.key).toBe(planted.key);
  });

  it('finds backfill digest files that came late for hours before the state', async () => {
    const { builder, at } = await secondNight();
    const late = builder.chain({
      from: FROM + 2 * HOUR,
      hours: 2,
      kind: 'backfill',
      logsPerHour: 1,
    });
    rewrite(builder, late.digests[0]!.logs[0]!, (text) => text.replace('GetObject', 'PutObject'));
    const { report } = await night(builder, at, SINCE);
    expect(accusations(report)).toContain('LOG_HASH_MISMATCH');
    expect(report.chains.find(({ kind }) => kind === 'backfill')?.digestFiles.valid).toBe(2);
  });

  it('a remembered digest file that was put back, or a planted file that was removed, is resolved', async () => {
    const { builder, first, at } = await secondNight();
    const remembered = first[10]!;
    const kept = builder.get(remembered);
    builder.remove(remembered);
    const planted = builder.log('111122223333', 'us-east-1', FROM + 14.5 * HOUR, 100);
    builder.put('trail-bucket', planted.key, { body: gzipSync('{"Records":[]}') });
    const told = await night(builder, at, SINCE);
    expect(accusations(told.report)).toEqual(['CHAIN_STATE_BROKEN', 'LOG_UNLISTED']);
    const again = await night(builder, at + HOUR, SINCE);
    expect(accusations(again.report)).toEqual(['CHAIN_STATE_BROKEN', 'LOG_UNLISTED']);
    builder.put(remembered.bucket, remembered.key, kept);
    builder.remove({ bucket: 'trail-bucket', key: planted.key });
    expect((await night(builder, at + HOUR, SINCE)).status).toBe(0);
  });

  it('an object that can be read again is resolved', async () => {
    const { builder, second, at } = await secondNight();
    const log = second[3]!.logs[0]!;
    const kept = builder.get(log);
    const refuse = { status: 403, code: 'AccessDenied' };
    builder.put(log.bucket, log.key, { ...kept, refuse });
    expect(accusations((await night(builder, at, SINCE)).report)).toEqual(['OBJECT_UNREADABLE']);
    builder.put(log.bucket, log.key, kept);
    expect((await night(builder, at + HOUR, SINCE)).status).toBe(0);
  });

  it('is not spoilt by a Region that only a command line names', async () => {
    const { builder, at } = await secondNight();
    const narrowed = await night(builder, at, [...SINCE, '--region', 'eu-west-1']);
    expect(narrowed.status).toBe(3);
    expect((await night(builder, at, SINCE)).status).toBe(0);
  });

  it('keeps what was open where log folders were not looked at', async () => {
    const builder = new TrailBuilder();
    const first = builder.chain({ from: FROM, hours: 11 });
    const planted = builder.log('111122223333', 'us-east-1', newest(first.digests).end - 60, 100);
    builder.put('trail-bucket', planted.key, { body: gzipSync('{"Records":[]}') });
    const end = newest(first.digests).end;
    await night(builder, end + 1900, [...init(FROM + HOUR), '--end-time', iso(end)]);
    builder.chain({ from: FROM + 11 * HOUR, hours: 6, after: newest(first.digests) });
    await night(builder, FROM + 18 * HOUR, [...SINCE, '--no-unlisted']);
    expect((await readState()).candidates).toHaveLength(1);
    const { report } = await night(builder, FROM + 18 * HOUR, SINCE);
    expect(accusations(report)).toEqual(['LOG_UNLISTED']);
  });

  it('tells of planted files again where a run does not look for any', async () => {
    const { builder, at } = await secondNight();
    const planted = builder.log('111122223333', 'us-east-1', FROM + 14.5 * HOUR, 100);
    builder.put('trail-bucket', planted.key, { body: gzipSync('{"Records":[]}') });
    expect(accusations((await night(builder, at, SINCE)).report)).toEqual(['LOG_UNLISTED']);
    expect((await readState()).findings).toHaveLength(1);
    const start = iso(FROM - 24 * HOUR);
    const { report } = await night(builder, at, ['--start-time', start, '--no-unlisted']);
    expect(accusations(report)).toContain('LOG_UNLISTED');
  });

  it('says so where nothing new is due, and refuses an end before it', async () => {
    const { builder, at } = await secondNight();
    await night(builder, at, SINCE);
    const endpoint = await startEndpoint(builder.world, { now: new Date(at * 1000) });
    const argv = ['--trail-arn', builder.trail.TrailARN, '--endpoint-url', endpoint.url];
    const quiet = await runCommand([...argv, '--state', path, ...SINCE]);
    expect([quiet.status, quiet.stdout]).toEqual([
      0,
      expect.stringContaining('Nothing new is due'),
    ]);
    const early = await runCommand([
      ...[...argv, '--state', path, ...SINCE],
      ...['--end-time', iso(FROM + HOUR)],
    ]);
    await endpoint.close();
    expect([early.status, early.stderr]).toEqual([
      2,
      expect.stringContaining('where the state ends'),
    ]);
  });

  it('two nights overlap in proof: digest files removed between them show', async () => {
    const { builder, second, at } = await secondNight();
    for (const digest of second.slice(0, 3)) builder.remove(digest);
    const { report, status } = await night(builder, at, SINCE);
    expect(status).toBe(1);
    expect(report.counts.digestFiles.missing).toBe(3);
  });
});
