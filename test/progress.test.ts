/** Progress on a terminal's stderr. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPace, leftInWords } from '../src/cli/pace.js';
import { inTemp, serving } from './support/shards.js';
import { runCommand } from './support/run-command.js';
import { start as startProcess } from './support/spawned.js';
import { atTerminal, hasTerminal, shownOf } from './support/terminal.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';

const FROM = Date.UTC(2026, 2, 10, 0, 17, 31) / 1000;

/** A trail that takes some seconds at a latency. */
function slow() {
  const builder = new TrailBuilder({ isMultiRegion: true });
  const hours = 30;
  for (const region of ['us-east-1', 'eu-west-1']) {
    builder.chain({ region, from: FROM, hours, logsPerHour: 2, logBytes: 400 });
  }
  const range = { start: FROM + HOUR, end: FROM + hours * HOUR };
  const options = { latencyMs: 50, now: new Date((FROM + (hours + 1) * HOUR) * 1000) };
  return { builder, range, options };
}

/** Lines that progress drew, each once. */
const drawnIn = (sent: string): string[] => [
  ...new Set(
    [...sent.matchAll(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏|/\\-] (\d[^\r\n\u001b]*|looking[^\r\n\u001b]*)/gu)].map(
      ([, line = '']) => line,
    ),
  ),
];

describe('how far a run is', () => {
  const take = (
    pace: ReturnType<typeof createPace>,
    ...events: Parameters<typeof pace.take>[0][]
  ) => {
    for (const event of events) pace.take(event);
  };
  const source = 'a us-east-1';

  it('says how long by sources that are alike, and what the journal had counts for no time', () => {
    let now = 100;
    const pace = createPace(() => now);
    take(pace, { type: 'planned', sources: 10, days: 2 });
    for (const name of ['a', 'b', 'c']) {
      take(pace, { type: 'days', source: name, days: 2 });
      const recorded = name !== 'c';
      take(pace, { type: 'day', source: name, recorded }, { type: 'day', source: name, recorded });
      take(pace, { type: 'source-done', source: name });
    }
    now = 110;
    // One source took ten seconds; seven are left.
    expect(pace.line(now, 80)).toBe('3/10 sources, 0 files, 0 files/s, 0.0 MB/s, about 70 s left');
  });

  it('says how long by the days of one source, and by the log files of the day under way', () => {
    let now = 0;
    const pace = createPace(() => now);
    take(pace, { type: 'planned', sources: 1, days: 4 }, { type: 'days', source, days: 4 });
    expect(pace.line(now, 200)).not.toContain('left');
    take(pace, { type: 'day', source, recorded: false });
    now = 10;
    expect(pace.line(now, 200)).toContain('about 30 s left');
    take(pace, { type: 'listed', source, logFiles: 2 }, { type: 'log', source, bytes: 5_000_000 });
    // A day and a half in ten seconds; two and a half are left.
    expect(pace.line(now, 200)).toContain('about 17 s left');
    expect(pace.line(now, 200)).toContain('1/2 log files');
    take(pace, { type: 'source-done', source });
    expect(pace.line(now, 200)).toMatch(/, finishing$/);
  });

  it('tells the rate of the last seconds, not that of the whole run', () => {
    let now = 0;
    const pace = createPace(() => now);
    take(pace, { type: 'planned', sources: 1, days: 1 });
    take(pace, { type: 'digests', digestFiles: 1000, bytes: 50_000_000 });
    for (; now < 30; now++) {
      pace.line(now, 80);
      if (now >= 15) take(pace, { type: 'log', source, bytes: 1_000_000 });
    }
    expect(pace.line(now, 120)).toContain('1 files/s, 1.0 MB/s');
  });

  it('fits any width, the least needed left out first', () => {
    let now = 0;
    const pace = createPace(() => now);
    take(pace, { type: 'planned', sources: 51, days: 365 });
    take(pace, { type: 'digests', digestFiles: 123_456, bytes: 1e9 });
    take(pace, { type: 'days', source, days: 2 }, { type: 'day', source, recorded: false });
    now = 4000;
    const forms = [140, 120, 80, 60, 40, 20, 9, 1].map((width) => {
      const line = pace.line(now, width);
      expect(line.length).toBeLessThanOrEqual(width);
      return line;
    });
    const left = 'about 5 days left';
    expect(forms).toEqual([
      ...Array<string>(2).fill(
        `0/51 sources, 123,456 digest files, 0/0 log files, 0 files/s, 0.0 MB/s, ${left}`,
      ),
      `0/51 sources, 123,456 files, 0 files/s, 0.0 MB/s, ${left}`,
      `0/51 sources, 0 files/s, ${left}`,
      `0/51 sources, ${left}`,
      ...['0/51 sources', '0/51 sour', '0'],
    ]);
  });

  it('never says less than it is', () => {
    expect([0.2, 89, 91, 5399, 5401, 200_000].map(leftInWords)).toEqual([
      ...['about 1 s left', 'about 89 s left', 'about 2 min left', 'about 90 min left'],
      ...['about 1.6 h left', 'about 3 days left'],
    ]);
  });
});

describe.skipIf(!hasTerminal)('at a terminal', () => {
  it('is drawn within the width, and gone in the end; what is written meanwhile stays whole', async () => {
    const { builder, range, options } = slow();
    await serving(builder, range, options, (argv) =>
      inTemp(async (directory) => {
        const partial = join(directory, 'run.partial');
        const share = [...argv, '--shard', '1/1', '--partial', partial];
        await runCommand(share);
        // Its first day is finished: going on from there is told while progress is drawn.
        const lines = (await readFile(partial, 'utf8')).split('\n');
        await writeFile(partial, `${lines.slice(0, 2).join('\n')}\n`);
        const { sent, status } = await atTerminal([...share, '--concurrency', '4'], {
          columns: 70,
        });
        expect(status).toBe(0);
        const drawn = drawnIn(sent);
        expect(drawn.length).toBeGreaterThan(3);
        for (const line of drawn) expect(line.length).toBeLessThanOrEqual(67);
        expect(drawn.some((line) => /^\d\/2 sources, .*files\/s.* left$/.test(line))).toBe(true);
        const shown = shownOf(sent).filter((line) => line !== '');
        expect(shown).toHaveLength(2);
        expect(shown[0]).toMatch(/^validate-trail: goes on from .*: 1 segment is finished/);
        expect(shown[1]).toMatch(/^shard 1\/1: /);
      }),
    );
  });

  it('is silent with --quiet, on a terminal that can’t be drawn on, and where there is none', async () => {
    const { builder, range, options } = slow();
    await serving(builder, range, options, async (argv) => {
      const quiet = await atTerminal([...argv, '--quiet']);
      expect(shownOf(quiet.sent).filter((line) => line !== '')).toHaveLength(1);
      expect(drawnIn(quiet.sent)).toEqual([]);
      const dumb = await atTerminal(argv, { env: { TERM: 'dumb' } });
      expect(dumb.sent).not.toContain('\u001b[');
      expect(drawnIn(dumb.sent)).toEqual([]);
      const piped = await startProcess(argv).ended;
      expect(piped.stderr).toBe('');
    });
  });

  it('lets an interrupted run report', async () => {
    const { builder, range, options } = slow();
    const slower = { ...options, latencyMs: 300 };
    await serving(builder, range, slower, async (argv) => {
      const { sent, status } = await atTerminal(argv, { interruptAt: /[1-9]\d* digest files/ });
      const shown = shownOf(sent);
      expect(shown.some((line) => /INCOMPLETE.*interrupted/.test(line))).toBe(true);
      expect(status).toBe(130);
    });
  });
});
