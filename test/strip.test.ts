/** The text's coverage strips, and its lists where they are long. */
import { describe, expect, it } from 'vitest';
import { isAscii, layoutOf } from '../src/cli/style.js';
import type { Io } from '../src/cli/main.js';
import type { Report, ReportChain, ReportFinding } from '../src/core/report.js';
import { defaultRegions } from '../src/core/regions.js';
import { COLOUR, PLAIN } from '../src/report/style.js';
import { renderQuiet, renderText, type TextOptions } from '../src/report/text.js';
import { DAY, HOUR, iso } from './support/trail-builder.js';

const START = Date.UTC(2026, 0, 1) / 1000;
const END = START + 365 * DAY;
const NONE = { valid: 0, invalid: 0, missing: 0, unreadable: 0 };

type State = ReportChain['intervals'][number]['state'];

/** A chain that is proved over the range but for some stretches. */
function chain(
  region: string,
  holes: readonly (readonly [number, number, State])[] = [],
  place: Partial<ReportChain> = {},
): ReportChain {
  const intervals: ReportChain['intervals'][number][] = [];
  let at = START;
  for (const [start, end, state] of holes) {
    if (start > at) intervals.push({ start: iso(at), end: iso(start), state: 'proved' });
    intervals.push({ start: iso(start), end: iso(end), state });
    at = end;
  }
  if (at < END) intervals.push({ start: iso(at), end: iso(END), state: 'proved' });
  const logFiles = { ...NONE, unlisted: 0, unvalidated: 0 };
  return {
    ...{ accountId: '111122223333', region, kind: 'standard', intervals, logFiles },
    ...{ digestFiles: { ...NONE, valid: 8760 } },
    ...place,
  };
}

function reportOf(chains: readonly ReportChain[], findings: readonly ReportFinding[] = []): Report {
  return {
    schemaVersion: 1,
    tool: { name: 'validate-trail', version: '0' },
    verdict: 'incomplete',
    trail: {
      ...{ arn: 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main', name: 'main' },
      ...{ homeRegion: 'us-east-1', accountId: '111122223333', bucket: 'logs' },
    },
    timeRange: { start: iso(START), end: iso(END) },
    scope: {},
    ...{ startedAt: iso(END), finishedAt: iso(END) },
    counts: {
      digestFiles: NONE,
      logFiles: { ...NONE, unlisted: 0, unvalidated: 0 },
      bytesRead: 0,
    },
    ...{ chains, settings: [], findings },
  };
}

const text = (report: Report, options: Partial<TextOptions> = {}): string =>
  renderText(report, { style: PLAIN, verbose: false, ...options });

/** The lines of the section that begins so. */
function section(report: Report, begin: string, options: Partial<TextOptions> = {}): string[] {
  const lines = text(report, options).split('\n');
  const first = lines.findIndex((line) => line.startsWith(begin));
  return first < 0 ? [] : lines.slice(first, lines.indexOf('', first));
}

const strips = (report: Report, options: Partial<TextOptions> = {}): string[] =>
  section(report, 'Coverage', options);

/** What a line draws of a Region. */
const drawn = (lines: readonly string[], region: string): string =>
  lines.find((line) => line.startsWith(`  ${region} `))?.slice(18) ?? '';

const logKey = (region: string, time: number): string => {
  const stamp = iso(time).replaceAll(/[-:]/g, '').slice(0, 13);
  return `AWSLogs/111122223333/CloudTrail/${region}/${iso(time).slice(0, 10).replaceAll('-', '/')}/111122223333_CloudTrail_${region}_${stamp}Z_x.json.gz`;
};

function found(code: ReportFinding['code'], place: Partial<ReportFinding>): ReportFinding {
  const given = { accountId: '111122223333', region: 'us-east-1', bucket: 'logs' };
  return { id: 'x', code, class: 'violation', message: 'm', hint: 'h', ...given, ...place };
}

const REGIONS = defaultRegions('aws');
const hole = START + 200 * DAY;

describe('coverage strips', () => {
  it('are one line where all is proved', () => {
    const whole = REGIONS.map((region) => chain(region));
    expect(strips(reportOf(whole))).toEqual(['Coverage of 17 Regions: proved throughout']);
    const late = chain('us-east-1', [[END - HOUR, END, 'not-due']]);
    expect(strips(reportOf([late]))).toEqual([
      'Coverage of 1 Region: proved throughout, as far as digest files are due',
    ]);
    expect(strips(reportOf([chain('us-east-1', [], { intervals: [] })]))).toEqual([]);
  });

  it('show an hour of a year, the gravest state of all accounts, and only the states that occur', () => {
    const chains = REGIONS.flatMap((region) =>
      ['111122223333', '444455556666'].map((accountId, at) =>
        chain(
          region,
          region === 'eu-west-1' ? [[hole, hole + HOUR, at === 0 ? 'gap' : 'missing']] : [],
          { accountId },
        ),
      ),
    );
    const lines = strips(reportOf(chains));
    expect(lines).toHaveLength(2 + 17 + 1);
    expect(lines[0]).toBe('Coverage (17 Regions; a character is 5.9 days)');
    expect(lines[1]).toBe(`${' '.repeat(18)}2026-01-01${' '.repeat(42)}2027-01-01`);
    expect(lines.at(-1)).toBe('  █ proved   ! missing');
    for (const line of lines.slice(1, -1)) expect(line).toHaveLength(80);
    expect(drawn(lines, 'eu-west-1')).toMatch(/^█{33}!█{28}$/);
    expect(drawn(lines, 'us-east-1')).toBe('█'.repeat(62));
  });

  it('have a sign for each state, in colour or ASCII', () => {
    const states: State[] = ['altered', 'missing', 'gap', 'unreadable', 'not-due'];
    const holes = states.map((state, at) => {
      const start = START + (60 * at + 10) * DAY;
      return [start, start + 30 * DAY, state] as const;
    });
    const report = reportOf([chain('us-east-1', holes)]);
    const lines = strips(report);
    expect(drawn([`  ${'us-east-1'.padEnd(14)}  ${lines[2]?.slice(13)}`], 'us-east-1')).toMatch(
      /^█+x+█+!+█+-+█+\?+█+\.+█+$/,
    );
    expect(lines.at(-1)).toBe(
      '  █ proved   x altered   ! missing   ? unreadable   - gap   . not-due',
    );

    expect(strips(report, { ascii: true }).join('')).toMatch(/^[\u0020-\u007e]+$/);
    const coloured = strips(report, { style: COLOUR }).join('\n');
    expect(coloured).toContain('\u001b[31mxxxx');

    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(lines.join('\n'));
  });

  it('mark hours that are proved and hold an accused log file, beyond the findings that are told', () => {
    const time = hole + 300;
    const key = logKey('us-east-1', time);
    const at = (findings: ReportFinding[]): string => {
      const line = strips(reportOf([chain('us-east-1'), chain('eu-west-1')], findings))[3] ?? '';
      return line.slice(13);
    };
    expect(at([found('LOG_HASH_MISMATCH', { key })])).toMatch(/^█{36}x█{30}$/);
    expect(at([found('LOG_MISSING', { key }), found('LOG_HASH_MISMATCH', { key })])).toMatch(
      /^█+!█+$/,
    );
    expect(at([found('OBJECT_UNREADABLE', { key, class: 'unproved' })])).toMatch(/^█+\?█+$/);
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    const day = { start: iso(hole), end: iso(hole + DAY) };
    expect(at([found('LOG_UNLISTED', { key: `${folder}x`, ...day })])).toMatch(/^█+x█+$/);
    expect(at([found('LOG_UNLISTED', { key, class: 'notice' })])).toBe('');
    const left = { start: iso(START), end: iso(END), class: 'unproved' } as const;
    expect(at([found('NOT_READ', left)])).toMatch(/^\?+$/);
    const many = Array.from({ length: 10_500 }, () => found('LOG_MISSING', { key }));
    const last = found('LOG_MALFORMED', { key: logKey('us-east-1', hole + 100 * DAY) });
    expect(at([...many, last])).toMatch(/^█+!█+x█+$/);
  });

  it('leave out what a backfill chain proves, and show what of it is not', () => {
    const back = { kind: 'backfill' } as const;
    const gap = chain('us-east-1', [[START, hole, 'gap']]);
    const proved = chain('us-east-1', [], back);
    expect(strips(reportOf([gap, proved]))[2]).toMatch(/ -+█+$/);
    const altered = chain('us-east-1', [[hole, hole + HOUR, 'altered']], back);
    expect(strips(reportOf([chain('us-east-1'), altered]))[2]).toMatch(/ █+x█+$/);
  });

  it('fit the width, and are left out where they can’t', () => {
    const report = reportOf(REGIONS.map((region) => chain(region, [[hole, hole + HOUR, 'gap']])));
    for (const [width, expected] of [
      [60, 60],
      [100, 100],
      [200, 120],
      [43, 43],
    ] as const) {
      const lines = strips(report, { width });
      // So narrow, the heading itself is broken.
      if (width === 43) lines.splice(0, 2, lines.slice(0, 2).join(' '));
      expect(lines).toHaveLength(20);
      for (const line of lines.slice(1, -1)) expect(line).toHaveLength(expected);
    }
    expect(strips(report, { width: 40 })).toEqual([]);
  });

  it('have the ends of their time above them, as short as the width asks for', () => {
    const ends = (hours: number, width: number): string => {
      const report = reportOf([chain('us-east-1', [[START, END, 'gap']])]);
      const timeRange = { start: iso(START), end: iso(START + hours * HOUR) };
      const one = { ...timeRange, state: 'gap' as const };
      const chains = report.chains.map((given) => ({ ...given, intervals: [one] }));
      const lines = strips({ ...report, timeRange, chains }, { width });
      return lines.find((line) => line.startsWith(' '.repeat(13)))?.slice(13) ?? '';
    };
    expect(ends(12, 80)).toBe(`2026-01-01T00:00Z${' '.repeat(33)}2026-01-01T12:00Z`);
    expect(ends(12, 40)).toBe('2026-01-01T00:00Z    12:00Z');
    expect(ends(30, 40)).toBe('01-01 00:00     01-02 06:00');
    expect(ends(8000, 40)).toBe('2026-01-01       2026-11-30');
  });

  it('are forty at most, those that are not proved first, unless all are asked for', () => {
    const name = (at: number): string => `xx-test-${String(at).padStart(2, '0')}`;
    const chains = Array.from({ length: 60 }, (_, at) =>
      chain(name(at), at === 55 ? [[hole, hole + HOUR, 'gap']] : []),
    );
    const lines = strips(reportOf(chains));
    expect(lines).toHaveLength(2 + 40 + 2);
    expect(lines[2]).toMatch(/^ {2}xx-test-55 .*-/);
    expect(lines.at(-2)).toBe('  … and 20 more, all proved throughout; --verbose shows all');
    expect(strips(reportOf(chains), { verbose: true })).toHaveLength(2 + 60 + 1);
  });

  it('print no name as it was planted', () => {
    const planted = `us\u001b[31m-${'x'.repeat(100)}\n`;
    const lines = strips(reportOf([chain(planted, [[hole, hole + HOUR, 'gap']])]));
    expect(lines).toHaveLength(4);
    expect(lines[2]).toMatch(/^ {2}us\\u\{1b\}\[31m-x+…  █+-█+$/);
    expect(lines[2]).toHaveLength(80);
  });
});

describe('at a terminal', () => {
  const command = `aws s3api copy-object --bucket logs --key ${'k'.repeat(50)} --copy-source x`;
  const key = `${'name/'.repeat(20)}é ’x`;
  const details = { original: { restore: command } };
  const one = found('LOG_MISSING', { key, hint: `restore it: ${command}`, details });
  const lines = (options: Partial<TextOptions>): string[] =>
    section(reportOf([chain('us-east-1')], [one]), 'Violations', options);

  it('a command to copy stands whole on a line of its own; a name is broken at its blanks alone', () => {
    const told = lines({ width: 60, style: COLOUR });
    expect(told.slice(-2)).toEqual(['    hint   restore it:', command]);
    const [first, second] = key.split(' ');
    expect(told).toContain(`    at     s3://logs/${first}`);
    expect(told).toContain(`${' '.repeat(11)}${second}`);
    expect(lines({ width: 200 }).at(-1)).toBe(`    hint   restore it: ${command}`);
    expect(lines({}).at(-1)).toBe(`    hint   restore it: ${command}`);
    const all = { ...one, key: undefined as never, details: { originals: [details.original] } };
    const hint = `restore them: ${command} and 2 more`;
    const report = reportOf([chain('us-east-1')], [{ ...all, hint }]);
    expect(section(report, 'Violations', { width: 60 }).slice(-2)).toEqual([
      command,
      '           and 2 more',
    ]);
  });

  it('a name is told exactly in ASCII, and our own signs as ASCII writes them', () => {
    const named = key.replace('é', '\\u{e9}').replace('’', '\\u{2019}');
    expect(lines({ ascii: true })).toContain(`    at     s3://logs/${named}`);
    const long = chain(`us-${'x'.repeat(40)}`, [[hole, hole + HOUR, 'gap']]);
    const strip = strips(reportOf([long]), { ascii: true });
    expect(strip[2]).toMatch(/^ {2}us-x{12}\.\.\. {2}#+-#+$/);
    expect(strip[2]).toHaveLength(80);
  });
});

describe('a terminal', () => {
  const io = (isTTY: boolean, env: Record<string, string> = {}): Io =>
    ({ stdout: { isTTY, columns: 132 }, env }) as unknown as Io;

  it('gives its width and signs; files and pipes are the same everywhere', () => {
    expect(layoutOf(io(true, { LANG: 'C.UTF-8' }), undefined)).toEqual({
      width: 132,
      ascii: false,
    });
    expect(layoutOf(io(true, { LANG: 'C' }), undefined)).toEqual({ width: 132, ascii: true });
    expect(layoutOf(io(false, { LANG: 'C' }), undefined)).toEqual({});
    expect(layoutOf(io(true), 'file')).toEqual({});
  });

  it('shows more than ASCII where its locale is UTF-8', () => {
    expect(isAscii({ LANG: 'en_GB.utf8' }, 'linux')).toBe(false);
    expect(isAscii({ LANG: 'en_GB.UTF-8', LC_ALL: 'C' }, 'linux')).toBe(true);
    expect(isAscii({ LC_CTYPE: 'C.UTF-8', LANG: 'C' }, 'linux')).toBe(false);
    expect(isAscii({}, 'linux')).toBe(true);
    expect(isAscii({}, 'win32')).toBe(false);
  });
});

describe('long lists', () => {
  const chains = (open: number): ReportChain[] =>
    Array.from({ length: 1234 }, (_, at) =>
      chain('us-east-1', at % 10 === 7 && at < 10 * open ? [[hole, hole + HOUR, 'gap']] : [], {
        accountId: String(100_000_000_000 + at),
      }),
    );

  it('of chains begin with those that are not proved, and end with a count', () => {
    const few = section(reportOf(chains(3)), 'Chains');
    expect(few).toHaveLength(1 + 50 + 1);
    expect(few.slice(1, 5).map((line) => line.slice(2, 25))).toEqual([
      ...['incomplete 100000000007', 'incomplete 100000000017', 'incomplete 100000000027'],
      'proved     100000000000',
    ]);
    expect(few.at(-1)).toBe('  … and 1,184 more, all proved; --verbose shows all');
    const many = section(reportOf(chains(100)), 'Chains');
    expect(many.at(-1)).toBe(
      '  … and 1,184 more (50 incomplete, 1,134 proved); --verbose shows all',
    );
    const all = section(reportOf(chains(100)), 'Chains', { verbose: true });
    expect(all.filter((line) => line.includes('digest files'))).toHaveLength(1234);
  });

  it('of settings, of what was accepted, of places and of events are cut, and --verbose shows all', () => {
    const names = Array.from({ length: 900 }, (_, at) => String(100_000_000_000 + at));
    const base = reportOf([chain('us-east-1')]);
    const time = { start: iso(hole), end: iso(hole + HOUR), bucket: undefined as never };
    const events = names.slice(0, 30).map((eventId) => ({ event: 'e', eventId, proof: 'p' }));
    const report: Report = {
      ...base,
      scope: { accountIds: names },
      settings: names.map(() => ({ code: 'VERSIONING_OFF', message: 'm', hint: 'h' })),
      accepted: names.map((id) => ({
        ...{ id, code: 'LOG_MISSING', message: 'm', by: 'b', at: 'a', reason: 'r' },
      })),
      findings: names.map((accountId) =>
        found('COVERAGE_GAP', { accountId, class: 'unproved', details: { events }, ...time }),
      ),
    };
    const cut = text(report);
    expect(cut).toContain('  … and 850 more; --verbose shows all\n');
    expect(cut).toContain('  … and 850 more, accepted before these; --verbose shows all\n');
    expect(cut).toContain(`${names.slice(0, 12).join(', ')} and 888 more\n`);
    expect(cut).toContain(`900 chains: ${names.slice(0, 12).join(', ')} and 888 more in us-east-1`);
    expect(cut).toContain('    event  … and 22 more; --verbose shows all\n');
    expect(cut.split('\n').length).toBeLessThan(320);
    const whole = text(report, { verbose: true });
    expect(whole).not.toContain('shows all');
    expect(whole).not.toContain('888 more');
    expect(whole.split(names.join(', ')).length).toBe(4);
    expect(whole.match(/ {4}event {2}/g)).toHaveLength(30);
    expect(renderQuiet(report, PLAIN).length).toBeLessThan(500);
  });
});
