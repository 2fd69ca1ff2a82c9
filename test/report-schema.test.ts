/** The JSON Schema that is shipped. That reports hold to it, every `runJson` sees to. */
import { describe, expect, it } from 'vitest';
import { REPORT_SCHEMA } from '../src/report/schema.js';
import { base } from './support/lies.js';
import { schemaErrors } from './support/report-schema.js';
import { runCommand, runJson } from './support/run-command.js';
import { serving } from './support/shards.js';

describe('the JSON Schema of the report', () => {
  it('is printed', async () => {
    const { status, stdout } = await runCommand(['--report-schema']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(REPORT_SCHEMA);
  });

  it('refuses what is no report', async () => {
    const { builder, start, end } = base();
    await serving(builder, { start, end }, {}, async (argv) => {
      const { report } = await runJson(argv);
      expect(schemaErrors(report)).toEqual([]);
      for (const wrong of [
        { ...report, verdict: 'fine' },
        { ...report, schemaVersion: 2 },
        { ...report, more: 1 },
        { ...report, findings: [{ ...report.findings[0], code: 'NONE' }] },
        { ...report, startedAt: 'yesterday' },
        { ...report, counts: undefined },
      ]) {
        expect(schemaErrors(wrong)).not.toEqual([]);
      }
    });
  });
});
