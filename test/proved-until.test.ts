/** How far a report says that all is proved. */
import { describe, expect, it } from 'vitest';
import { base } from './support/lies.js';
import { runJson } from './support/run-command.js';
import { serving } from './support/shards.js';
import { iso, type TrailBuilder } from './support/trail-builder.js';

const GARBAGE = { body: Buffer.from('no gzip') };

/** What the report of a changed trail says. */
async function provedUntil(change: (made: ReturnType<typeof base>, builder: TrailBuilder) => void) {
  const made = base();
  change(made, made.builder);
  const { report } = await serving(made.builder, made, {}, (argv) => runJson(argv));
  return { until: report.timeRange.provedUntil, made, report };
}

describe('that all is proved', () => {
  it('ends where the hour begins whose digest file lists an altered or missing log file', async () => {
    for (const change of ['put', 'remove'] as const) {
      const { until, made } = await provedUntil(({ log }, builder) => {
        const { bucket, key } = log(4);
        if (change === 'put') builder.put(bucket, key, GARBAGE);
        else builder.remove({ bucket, key });
      });
      expect(until).toBe(iso(made.digest(3).end));
    }
  });

  it('ends before a digest file that is missing', async () => {
    const { until, made } = await provedUntil(({ digest }, builder) => builder.remove(digest(5)));
    expect(until).toBe(iso(made.digest(4).end));
  });

  it('is undone neither by planted files nor by what is altered before the range', async () => {
    const { until, made, report } = await provedUntil(({ log }, builder) => {
      const { bucket, key } = log(4);
      const folder = key.slice(0, key.lastIndexOf('/') + 1);
      const name = '111122223333_CloudTrail_us-east-1_20260310T0930Z_0123456789abcdef.json.gz';
      builder.put(bucket, `${folder}${name}`, GARBAGE);
      builder.put(log(0).bucket, log(0).key, GARBAGE);
    });
    expect(report.findings.map(({ code }) => code)).toContain('LOG_UNLISTED');
    expect(until).toBe(iso(made.end));
  });
});
