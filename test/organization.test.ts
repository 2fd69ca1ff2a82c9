/**
 * A whole organization, once untouched, once with what its administrators did, once after an
 * intruder: every planted fact is found at its place, and nothing else is accused.
 */
import { describe, expect, it } from 'vitest';
import type { Report } from '../src/core/report.js';
import { ACCOUNTS, organization, REGIONS, type Organization } from './support/organization.js';
import { accusations } from './support/run-command.js';
import { HOUR, iso } from './support/trail-builder.js';
import { validate } from './support/validate.js';

const run = (made: Organization, argv: readonly string[] = []) =>
  validate(made.builder, made, { endpoint: { now: made.now }, argv });

const at = (report: Report, code: string) =>
  report.findings.filter((one) => one.code === code && one.class !== 'notice');

describe('an organization trail of 3 accounts, 17 Regions and 4 days', () => {
  it('untouched: valid, nothing above notice', async () => {
    const { report, status } = await run(organization());
    expect(accusations(report)).toEqual([]);
    expect(status).toBe(0);
    expect(report.chains.filter(({ kind }) => kind === 'standard')).toHaveLength(51);
    expect(report.counts.digestFiles.valid).toBe(51 * 95 + 6);
  }, 120_000);

  it('switched off three times: each gap in every chain, explained, and nothing else', async () => {
    const made = organization({ switches: true });
    const { report, status } = await run(made, ['--allow-gaps']);
    expect([status, report.verdict, report.gapsAllowed]).toEqual([0, 'incomplete', true]);
    for (const { start, end, cause } of made.gaps) {
      const found = at(report, 'COVERAGE_GAP').filter((one) => one.start === iso(start));
      expect(found).toHaveLength(51);
      for (const one of found) {
        expect(one.end).toBe(iso(end));
        expect(one.details).toMatchObject({ cause });
        expect(one.message).toContain('by arn:aws:iam::111122223333:user/ops from 203.0.113.7');
      }
    }
    // One log file in each of the two stretches without validation, in each chain.
    expect(at(report, 'LOG_UNVALIDATED')).toHaveLength(2 * 51);
    expect(report.counts.logFiles.unvalidated).toBe(2 * 51);
    expect(accusations(report)).toHaveLength(3 * 51 + 2 * 51);
  }, 240_000);

  it('after an intruder: each planted fact at its place, nothing else', async () => {
    const made = organization({ switches: true, tamper: true });
    const { report, status } = await run(made);
    expect(status).toBe(1);
    const { facts } = made;
    if (!facts) throw new Error('no facts');
    const keys = (code: string) => at(report, code).map(({ key }) => key);
    expect(keys('LOG_HASH_MISMATCH').sort()).toEqual(facts.altered.map(({ key }) => key).sort());
    expect(keys('LOG_MISSING').sort()).toEqual(facts.deleted.map(({ key }) => key).sort());
    expect(keys('LOG_UNLISTED').sort()).toEqual(facts.injected.map(({ key }) => key).sort());
    for (const one of [...at(report, 'LOG_HASH_MISMATCH'), ...at(report, 'LOG_MISSING')]) {
      expect(one.hint).toMatch(/^restore it: aws s3api copy-object /);
      expect(one.details?.['original']).toMatchObject({ key: one.key });
    }
    for (const one of at(report, 'LOG_MISSING')) {
      expect(one.message).toContain('user/mallory from 198.51.100.66 (DeleteObject');
    }
    const cuts = at(report, 'CHAIN_TAIL_CUT');
    expect(cuts.map(({ region }) => region)).toEqual([facts.cutRegion, facts.removedRegion]);
    expect(cuts[0]).toMatchObject({
      start: iso(made.end - facts.cutHours * HOUR),
      end: iso(made.end),
      details: { accounts: ACCOUNTS, expectedDigests: facts.cutHours * ACCOUNTS.length },
    });
    expect((cuts[0]?.details?.['originals'] as unknown[]).length).toBe(15);
    expect(cuts[1]).toMatchObject({ start: iso(made.start), end: iso(made.end) });
    const whole = ACCOUNTS.length * (REGIONS.length - 1);
    expect(at(report, 'COVERAGE_GAP')).toHaveLength(3 * whole);
    // The two stretches without validation, and what lost its digest files with the tail.
    expect(at(report, 'LOG_UNVALIDATED')).toHaveLength(2 * whole + ACCOUNTS.length);
    expect(accusations(report)).toHaveLength(3 + 2 + 5 + 2 + 3 * whole + 2 * whole + 3);
  }, 240_000);
});
