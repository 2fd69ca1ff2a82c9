/** What is known of each chain and UTC day: how its hours stand, and the findings that are about it. */
import type { ReportInterval } from '../core/close.js';
import type { MoreFindings, Report, ReportChain, ReportFinding } from '../core/report.js';
import { DAY, parseDigestTime, startOfDay, type Instant } from '../core/timestamp.js';
import { isGraver, type DayState } from './states.js';

/** A chain on one UTC day. */
export interface ChainDay {
  readonly chain: ReportChain;
  /** The day's first second. */
  readonly day: Instant;
  readonly state: DayState;
  /** The parts of the day that aren't proved. */
  readonly open: readonly ReportInterval[];
  /** The first findings about the day, and how many there are of each class but notices. */
  readonly findings: readonly ReportFinding[];
  readonly violations: number;
  readonly unproved: number;
}

/** Findings that are kept of a day, and of everything (violations: twice as many); all are counted. */
const KEPT_A_DAY = 20;
const KEPT = 20_000;

interface Tally {
  readonly findings: ReportFinding[];
  violations: number;
  unproved: number;
}

const noTally = (): Tally => ({ findings: [], violations: 0, unproved: 0 });

const FOLDER = /\/CloudTrail(?:-Digest)?\/[^/]+\/(\d{4})\/(\d\d)\/(\d\d)\//;

/** The UTC day in whose folder of digest or log files an object lies, however deep. */
function dayOfKey(key = ''): Instant | undefined {
  const [, year = '', month = '', day = ''] = FOLDER.exec(key) ?? [];
  return parseDigestTime(`${year}-${month}-${day}T00:00:00Z`);
}

/** The days that a time touches: later than its start, up to its end. */
function daysOf(start: Instant, end: Instant): Instant[] {
  const days: Instant[] = [];
  for (let day = startOfDay(start); day < Math.max(end, start + 1); day += DAY) days.push(day);
  return days;
}

/** The days that a finding is about; none where it is about no day in particular. */
function daysAbout({ start, end, key, digestKey }: ReportFinding): Instant[] {
  const until = end === undefined ? undefined : parseDigestTime(end);
  if (until !== undefined) {
    const from = start === undefined ? undefined : parseDigestTime(start);
    return daysOf(from ?? until - 1, until);
  }
  const day = dayOfKey(key) ?? dayOfKey(digestKey);
  return day === undefined ? [] : [day];
}

const nameOf = ({ accountId = '', region = '', kind }: Partial<ReportChain>): string =>
  JSON.stringify([accountId, region, kind ?? 'standard']);

/** A chain's first and last day, and those of its days that findings are about. */
interface FindingDays {
  readonly first: Instant;
  readonly last: Instant;
  readonly tallies: Map<Instant, Tally>;
}

const isOf = ({ first, last }: FindingDays, day: Instant): boolean => day >= first && day <= last;

function tallyOf({ tallies }: FindingDays, day: Instant): Tally {
  const tally = tallies.get(day) ?? noTally();
  tallies.set(day, tally);
  return tally;
}

/** Findings by chain and day, and those that belong to none. */
export interface FindingsByDay {
  readonly of: (chain: ReportChain, day: Instant) => Tally;
  /** About the trail, a Region or a time as a whole. */
  readonly others: Tally;
}

/** Sorts findings into chains and days. Notices are left out: they are nobody's failure. */
export async function sortByDay(report: Report, more?: MoreFindings): Promise<FindingsByDay> {
  const chains = new Map<string, FindingDays>();
  for (const chain of report.chains) {
    const days = daysIn(chain);
    const [first = Infinity] = days;
    chains.set(nameOf(chain), { first, last: days.at(-1) ?? -Infinity, tallies: new Map() });
  }
  const others = noTally();
  let kept = 0;
  const count = (tally: Tally, one: ReportFinding): void => {
    const isGrave = one.class === 'violation';
    if (isGrave) tally.violations++;
    else tally.unproved++;
    const { findings } = tally;
    if (findings.length < KEPT_A_DAY && kept < (isGrave ? 2 * KEPT : KEPT)) {
      kept++;
      findings.push(one);
      return;
    }
    // Nobody hides what is altered behind what isn't proved.
    const milder = isGrave ? findings.findLastIndex((other) => other.class !== 'violation') : -1;
    if (milder >= 0) findings[milder] = one;
  };
  const take = (one: ReportFinding): void => {
    if (one.class === 'notice') return;
    const chain = chains.get(nameOf(one));
    const own = chain ? daysAbout(one).filter((day) => isOf(chain, day)) : [];
    if (!chain || own.length === 0) count(others, one);
    else for (const day of own) count(tallyOf(chain, day), one);
  };
  for (const one of report.findings) take(one);
  for await (const one of more ?? []) take(one);
  return { of: (chain, day) => chains.get(nameOf(chain))?.tallies.get(day) ?? noTally(), others };
}

/** The UTC days that a chain's intervals touch. */
function daysIn({ intervals }: ReportChain): Instant[] {
  const first = parseDigestTime(intervals[0]?.start ?? '');
  const last = parseDigestTime(intervals.at(-1)?.end ?? '');
  return first === undefined || last === undefined ? [] : daysOf(first, last);
}

/** A chain's days in order of time. */
export function* chainDays(chain: ReportChain, findings: FindingsByDay): Generator<ChainDay> {
  const parts = chain.intervals.map((interval) => ({
    interval,
    start: parseDigestTime(interval.start) ?? 0,
    end: parseDigestTime(interval.end) ?? 0,
  }));
  let at = 0;
  for (const day of daysIn(chain)) {
    while ((parts[at]?.end ?? Infinity) <= day) at++;
    let state: DayState = 'proved';
    const open: ReportInterval[] = [];
    for (let next = at; (parts[next]?.start ?? Infinity) < day + DAY; next++) {
      const { interval } = parts[next] ?? {};
      if (!interval || interval.state === 'proved') continue;
      open.push(interval);
      if (isGraver(interval.state, state)) ({ state } = interval);
    }
    yield { chain, day, state, open, ...findings.of(chain, day) };
  }
}
