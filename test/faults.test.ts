import { describe, expect, it } from 'vitest';
import { base, rewrite } from './support/lies.js';
import { accusations } from './support/run-command.js';
import { TrailBuilder, HOUR } from './support/trail-builder.js';
import { FROM } from './support/lies.js';
import { validate } from './support/validate.js';

describe('faults of network and service', () => {
  it.each([1, 2, 3])(
    'a clean trail under 5 percent injected faults is valid (seed %i)',
    async (seed) => {
      const builder = new TrailBuilder();
      builder.chain({ from: FROM, hours: 30, logsPerHour: 10, logBytes: 3000 });
      const { report, requests } = await validate(
        builder,
        { start: FROM + HOUR, end: FROM + 30 * HOUR },
        { endpoint: { faults: { rate: 0.05, seed } } },
      );
      expect(accusations(report)).toEqual([]);
      expect(report.verdict).toBe('valid');
      expect(report.counts.logFiles.valid).toBe(290);
      // The faults were real: more was asked than there is to read.
      expect(requests.get('GetObject')).toBeGreaterThan(319);
    },
  );

  it('one 403 log and one altered log: both told, everything else checked', async () => {
    const { builder, start, end, log } = base();
    builder.put('trail-bucket', log(2).key, {
      ...builder.get(log(2)),
      refuse: { status: 403, code: 'AccessDenied' },
    });
    rewrite(builder, log(6), (text) => text.replace('GetObject', 'PutObject'));
    const { report, status } = await validate(builder, { start, end });
    expect(status).toBe(1);
    expect(accusations(report)).toEqual(['LOG_HASH_MISMATCH', 'OBJECT_UNREADABLE']);
    expect(report.findings.find((one) => one.code === 'LOG_HASH_MISMATCH')?.key).toBe(log(6).key);
    expect(report.findings.find((one) => one.code === 'OBJECT_UNREADABLE')?.key).toBe(log(2).key);
    expect(report.counts.logFiles).toMatchObject({
      valid: 12,
      invalid: 1,
      missing: 0,
      unreadable: 1,
    });
  });

  it('a day that can’t be listed is unreadable, and no digest of it is called missing', async () => {
    const { builder, start, end } = base();
    const bucket = builder.bucket('trail-bucket');
    bucket.refuseListing = { status: 403, code: 'AccessDenied' };
    const { report } = await validate(builder, { start, end });
    expect(report.verdict).toBe('incomplete');
    expect(report.counts.digestFiles.missing).toBe(0);
    expect(accusations(report)).toContain('OBJECT_UNREADABLE');
  });

  it('a digest that can’t be read hides what is older, and nobody is accused for it', async () => {
    const { builder, start, end, digest } = base();
    builder.put('trail-bucket', digest(5).key, {
      ...builder.get(digest(5)),
      refuse: { status: 403, code: 'AccessDenied' },
    });
    builder.remove(digest(4));
    const { report } = await validate(builder, { start, end });
    expect(report.verdict).toBe('incomplete');
    expect(accusations(report)).toEqual([
      'COVERAGE_GAP',
      'LOG_UNVALIDATED',
      'LOG_UNVALIDATED',
      'OBJECT_UNREADABLE',
    ]);
  });

  it('the report is the same for every concurrency, with and without faults', async () => {
    const { builder, start, end, log, digest } = base({}, 12);
    rewrite(builder, log(2), (text) => text.replace('GetObject', 'PutObject'));
    builder.remove(log(5));
    builder.remove(digest(7));
    const reports: string[] = [];
    for (const concurrency of ['1', '3', '64', '256']) {
      for (const rate of [0, 0.05]) {
        const { report } = await validate(
          builder,
          { start, end },
          {
            argv: ['--concurrency', concurrency],
            endpoint: { faults: { rate, seed: Number(concurrency) } },
          },
        );
        reports.push(JSON.stringify({ ...report, startedAt: '', finishedAt: '' }));
      }
    }
    expect(new Set(reports).size).toBe(1);
  });
});
