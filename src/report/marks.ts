/** Where in time findings about log files lie: digest files prove the hour, and a log file in it is altered. */
import type { FindingCode } from '../core/finding.js';
import { logDay, logTime } from '../core/log-objects.js';
import type { ReportFinding } from '../core/report.js';
import { DAY, parseDigestTime, type Instant } from '../core/timestamp.js';
import { isGraver, type DayState } from './states.js';

/** How a log file's finding shows where time is drawn. */
export const MARK_STATES: Readonly<Partial<Record<FindingCode, DayState>>> = {
  LOG_HASH_MISMATCH: 'altered',
  LOG_MALFORMED: 'altered',
  LOG_TRAILING_DATA: 'altered',
  LOG_UNLISTED: 'altered',
  LOG_MISSING: 'missing',
  LOG_HASH_UNSUPPORTED: 'unreadable',
  OBJECT_UNREADABLE: 'unreadable',
  EVIDENCE_ALTERED: 'unreadable',
  NOT_READ: 'unreadable',
};

/** A Region's time that a finding is about: later than `start`, up to `end`. */
export interface Mark {
  readonly region: string;
  readonly start: Instant;
  readonly end: Instant;
  readonly state: DayState;
}

/** CloudTrail names log files by marks of 5 minutes. */
const STEP = 300;

/** The time that a finding is about, where it is about log files. */
function markOf({ code, region, key = '', start, end }: ReportFinding): Mark | undefined {
  const state = MARK_STATES[code];
  if (state === undefined || region === undefined) return undefined;
  const time = logTime(key);
  if (time !== undefined) {
    const until = Math.ceil(time / STEP) * STEP;
    return { region, start: until - STEP, end: until, state };
  }
  const day = logDay(key);
  if (day === undefined && code !== 'NOT_READ') return undefined;
  const from = parseDigestTime(start ?? '') ?? day;
  const until = parseDigestTime(end ?? '') ?? (day ?? 0) + DAY;
  return from === undefined ? undefined : { region, start: from, end: until, state };
}

/** Collects marks: of one Region and time only the gravest, so that they are no more than the range has room for. */
export function createMarks(): {
  take(finding: ReportFinding): void;
  readonly all: Iterable<Mark>;
} {
  const marks = new Map<string, Mark>();
  return {
    take: (finding) => {
      const mark = finding.class === 'notice' ? undefined : markOf(finding);
      if (!mark) return;
      const name = `${mark.region} ${mark.start} ${mark.end}`;
      if (isGraver(mark.state, marks.get(name)?.state)) marks.set(name, mark);
    },
    all: { [Symbol.iterator]: () => marks.values() },
  };
}
