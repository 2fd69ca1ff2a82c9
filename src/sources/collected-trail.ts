/** What CloudTrail said when evidence was collected, or says while it is being collected. */
import type { TimeRange } from '../core/timestamp.js';
import type { Evidence } from './evidence.js';
import { RunError, UnansweredError, type Answer, type EventSearch } from './ports.js';
import type { TrailDescription, TrailSource } from './ports.js';

/** DescribeTrails as it is kept: the trail, that there is none, or why nobody could say. */
interface Described {
  readonly ok: boolean;
  readonly trail?: TrailDescription;
  readonly message?: string;
  readonly hint?: string;
  readonly unanswered?: boolean;
}

async function describeBy(ask: () => Promise<TrailDescription | undefined>): Promise<Described> {
  try {
    const trail = await ask();
    return { ok: true, ...(trail ? { trail } : {}) };
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    const { message, hint } = error;
    const unanswered = error instanceof UnansweredError;
    return { ok: false, message, unanswered, ...(hint === undefined ? {} : { hint }) };
  }
}

function told({
  ok,
  trail,
  message = '',
  hint,
  unanswered,
}: Described): TrailDescription | undefined {
  if (ok) return trail;
  throw unanswered === true ? new UnansweredError(message, hint) : new RunError(message, hint);
}

const NO_SEARCH: EventSearch = { records: [], complete: false, why: '' };

/** Records of one search that are within another. */
function within(
  records: readonly unknown[],
  names: readonly string[],
  range: TimeRange,
): unknown[] {
  return records.filter((record) => {
    const { eventName, eventTime } = (record ?? {}) as Record<string, unknown>;
    const at = typeof eventTime === 'string' ? Date.parse(eventTime) / 1000 : NaN;
    return names.includes(String(eventName)) && at >= range.start && at <= range.end;
  });
}

/**
 * CloudTrail's word on the trail as it was collected. With `live`, what isn't there is asked and kept.
 * The clock is that of the day when it was collected: what was due then is due.
 */
export function createCollectedTrail(evidence: Evidence, live?: TrailSource): TrailSource {
  const reasoned = <T>(
    of: string,
    asked: readonly unknown[],
    ask: (source: TrailSource) => Promise<Answer<T>>,
  ): Promise<Answer<T>> =>
    evidence.answer<Answer<T>>(of, asked, live && (() => ask(live)), {
      ok: false,
      why: `${of} was not asked for when the evidence was collected`,
    });

  /** Searches that were made for a wider range or more names hold the answer to a narrower one. */
  const kept = async (
    region: string,
    names: readonly string[],
    range: TimeRange,
  ): Promise<EventSearch> => {
    const open = new Set(names);
    const records = new Map<string, unknown>();
    let why = 'the event history was not searched for that when the evidence was collected';
    for await (const { asked, value } of evidence.answers('LookupEvents')) {
      const [where, searched, start, end] = asked as [string, string[], number, number];
      if (where !== region || start > range.start || end < range.end) continue;
      const search = value as EventSearch;
      for (const record of within(search.records, names, range)) {
        records.set(JSON.stringify(record), record);
      }
      if (search.complete) for (const name of searched) open.delete(name);
      else ({ why } = search);
    }
    const complete = open.size === 0;
    return { records: [...records.values()], complete, why: complete ? '' : why };
  };

  return {
    now: () => Promise.resolve(evidence.manifest.head.now),
    describe: async (nameOrArn, homeRegion) => {
      const ask = live && (() => describeBy(() => live.describe(nameOrArn, homeRegion)));
      const lacking = { ok: true };
      return told(await evidence.answer('DescribeTrail', [nameOrArn, homeRegion], ask, lacking));
    },
    status: (arn, region) =>
      reasoned('GetTrailStatus', [arn, region], (source) => source.status(arn, region)),
    leftOut: (arn, homeRegion) =>
      reasoned('GetEventSelectors', [arn, homeRegion], (source) => source.leftOut(arn, homeRegion)),
    trails: (region) => reasoned('DescribeTrails', [region], (source) => source.trails(region)),
    lookup: async (region, names, range) => {
      const asked = [region, names, range.start, range.end];
      const ask = live && (() => live.lookup(region, names, range));
      const lacking = live ? NO_SEARCH : await kept(region, names, range);
      return evidence.answer('LookupEvents', asked, ask, lacking);
    },
  };
}
