import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  explainGap,
  isLawful,
  offIntervals,
  type ExplainContext,
  type ExplainedPiece,
  type Gap,
} from '../../src/core/explain.js';
import { DAY, HOUR, type Instant } from '../../src/core/timestamp.js';
import { mergeEvents, type EventEffect, type TrailEvent } from '../../src/core/trail-event.js';

const OWNER = '111122223333';
const MEMBER = '444455556666';
const T0 = Date.parse('2026-03-10T00:00:00Z') / 1000;
/** So many hours after the start of the day. */
const h = (hours: number): Instant => T0 + Math.round(hours * HOUR);

let count = 0;
function event(at: Instant, name: string, effect: EventEffect): TrailEvent {
  count += 1;
  return {
    eventId: `e-${String(count).padStart(6, '0')}`,
    time: at,
    source: 'cloudtrail.amazonaws.com',
    name,
    actor: 'eve',
    sourceIp: '198.51.100.7',
    userAgent: 'aws-cli/2.15',
    region: 'us-east-1',
    accountId: OWNER,
    effect,
    proof: { kind: 'api', place: 'event history of us-east-1' },
  };
}
const stop = (at: Instant) => event(at, 'StopLogging', { logging: false });
const start = (at: Instant) => event(at, 'StartLogging', { logging: true });
const update = (at: Instant, effect: EventEffect) => event(at, 'UpdateTrail', effect);
const validation = (at: Instant, on: boolean) => update(at, { validation: on });
const remove = (at: Instant) => event(at, 'DeleteTrail', { exists: false });
const create = (at: Instant, effect: EventEffect = {}) =>
  event(at, 'CreateTrail', { validation: true, ...effect, exists: true, logging: false });
const policy = (at: Instant) => event(at, 'PutBucketPolicy', { hinders: 'bucket' });
const lifecycle = (at: Instant) => event(at, 'PutBucketLifecycle', { removes: 'lifecycle' });
const joined = (at: Instant) => event(at, 'AcceptHandshake', { joinedAccount: MEMBER });
const left = (at: Instant) => event(at, 'LeaveOrganization', { leftAccount: MEMBER });

const EVER = [{ start: T0 - 30 * DAY, end: T0 + 30 * DAY }];

function context(events: readonly TrailEvent[], more: Partial<ExplainContext> = {}) {
  return {
    accountId: OWNER,
    region: 'us-east-1',
    ownerAccountId: OWNER,
    homeRegion: 'us-east-1',
    events: mergeEvents(events),
    complete: EVER,
    ...more,
  };
}

/** A gap right after an authenticated digest file's end. */
const gapAfter = (from: Instant, end: Instant, followed = true): Gap => ({
  start: from,
  end,
  after: from,
  followed,
});
const gapAtStart = (from: Instant, end: Instant, followed = true): Gap => ({
  start: from,
  end,
  followed,
});

type Told = [from: number, to: number, what: string, ...names: string[]];
const hours = (at: Instant): number => Math.round(((at - T0) / HOUR) * 1000) / 1000;
function told(pieces: readonly ExplainedPiece[]): Told[] {
  return pieces.map(({ start: from, end, state, cause, events }) => [
    hours(from),
    hours(end),
    state === 'missing' ? 'missing' : cause,
    ...events.map(({ name }) => name),
  ]);
}
const explain = (gap: Gap, events: readonly TrailEvent[], more?: Partial<ExplainContext>): Told[] =>
  told(explainGap(gap, context(events, more)));

/** An hour and five minutes after the event that switched on. */
const GRACE = 1 + 1 / 12;
const round = (hour: number): number => Math.round(hour * 1000) / 1000;

describe('a gap between digest files', () => {
  const gap = gapAfter(h(4), h(9));
  it.each<[string, TrailEvent[], Told[]]>([
    ['nothing is known', [], [[4, 9, 'unknown']]],
    [
      'stopped and started',
      [stop(h(4.5)), start(h(8.5))],
      [[4, 9, 'logging-stopped', 'StopLogging', 'StartLogging']],
    ],
    [
      'the stop belongs to the hour before',
      [stop(h(3.1)), start(h(8.5))],
      [[4, 9, 'logging-stopped', 'StopLogging', 'StartLogging']],
    ],
    [
      'validation off and on',
      [validation(h(4.5), false), validation(h(8.5), true)],
      [[4, 9, 'validation-disabled', 'UpdateTrail', 'UpdateTrail']],
    ],
    [
      'deleted, created, and started later',
      [remove(h(4.5)), create(h(6)), start(h(8.5))],
      [
        [4, round(6 + GRACE), 'trail-deleted', 'DeleteTrail', 'CreateTrail'],
        [round(6 + GRACE), 9, 'logging-stopped', 'CreateTrail', 'StartLogging'],
      ],
    ],
    [
      'two causes that meet: what opened earlier wins',
      [validation(h(4.5), false), stop(h(4.6)), start(h(6)), validation(h(8.5), true)],
      [[4, 9, 'validation-disabled', 'UpdateTrail', 'UpdateTrail']],
    ],
    [
      'stopped twice: the first call did it',
      [stop(h(4.5)), stop(h(5)), start(h(8.5))],
      [[4, 9, 'logging-stopped', 'StopLogging', 'StartLogging']],
    ],
    ['off and on long before', [stop(h(-8)), start(h(-5))], [[4, 9, 'unknown']]],
    ['started without having been stopped explains nothing', [start(h(8.5))], [[4, 9, 'unknown']]],
    ['off only afterwards', [stop(h(10.1))], [[4, 9, 'unknown']]],
    [
      'an UpdateTrail that leaves validation on',
      [validation(h(-5), true), update(h(5), { validation: true, bucket: 'new' })],
      [[4, 9, 'unknown']],
    ],
    [
      'off for a while within',
      [stop(h(5.5)), start(h(6))],
      [
        [4, 4.5, 'unknown'],
        [4.5, round(6 + GRACE), 'logging-stopped', 'StopLogging', 'StartLogging'],
        [round(6 + GRACE), 9, 'unknown'],
      ],
    ],
    [
      'selectors changed',
      [event(h(4.5), 'PutEventSelectors', {})],
      [[4, 9, 'unknown', 'PutEventSelectors']],
    ],
    [
      'a lifecycle rule the day before',
      [lifecycle(h(-19.9))],
      [[4, 9, 'unknown', 'PutBucketLifecycle']],
    ],
    ['a lifecycle rule before that', [lifecycle(h(-20.1))], [[4, 9, 'unknown']]],
    ['a bucket policy', [policy(h(4.5))], [[4, 9, 'delivery-failed', 'PutBucketPolicy']]],
    [
      'a bucket policy the day before',
      [policy(h(-19.9))],
      [[4, 9, 'delivery-failed', 'PutBucketPolicy']],
    ],
    ['a bucket policy before that', [policy(h(-20.1))], [[4, 9, 'unknown']]],
    ['a bucket policy later', [policy(h(9.1))], [[4, 9, 'unknown']]],
  ])('%s', (_, events, expected) => {
    expect(explain(gap, events)).toEqual(expected);
  });

  it('within one second off comes before on, whatever the event IDs', () => {
    const on = start(h(5.5));
    expect(explain(gap, [on, stop(h(5.5))])).toEqual([
      [4, 4.5, 'unknown'],
      [4.5, round(5.5 + GRACE), 'logging-stopped', 'StopLogging', 'StartLogging'],
      [round(5.5 + GRACE), 9, 'unknown'],
    ]);
  });

  it('a delivery error speaks of the tail only', () => {
    const deliveryError = 'AccessDenied';
    const tail = gapAfter(h(4), h(9), false);
    expect(explain(tail, [], { deliveryError })).toEqual([[4, 9, 'delivery-failed']]);
    expect(explain(gap, [], { deliveryError })).toEqual([[4, 9, 'unknown']]);
    expect(explain(tail, [stop(h(4.5))], { deliveryError })).toEqual([
      [4, 9, 'logging-stopped', 'StopLogging'],
    ]);
    expect(explain(tail, [stop(h(5.5)), start(h(6))], { deliveryError })).toEqual([
      [4, 4.5, 'unknown'],
      [4.5, round(6 + GRACE), 'logging-stopped', 'StopLogging', 'StartLogging'],
      [round(6 + GRACE), 9, 'delivery-failed'],
    ]);
  });

  it('does not tell of more than twenty related events', () => {
    const many = Array.from({ length: 500 }, (_, at) => policy(h(4) + at));
    expect(explainGap(gap, context(many))[0]?.events).toHaveLength(20);
  });
});

describe('another source', () => {
  const other = { region: 'eu-west-1' };
  const member = { accountId: MEMBER };
  it('ends when the trail is narrowed to its home Region, which goes on', () => {
    const events = [update(h(4.5), { multiRegion: false })];
    const gap = gapAfter(h(4), h(9), false);
    expect(explain(gap, events, other)).toEqual([[4, 9, 'region-dropped', 'UpdateTrail']]);
    expect(explain(gap, events)).toEqual([[4, 9, 'unknown']]);
  });

  it('ends when its account leaves, and no other account', () => {
    const gap = gapAfter(h(4), h(9), false);
    expect(explain(gap, [left(h(4.5))], member)).toEqual([
      [4, 9, 'left-organization', 'LeaveOrganization'],
    ]);
    expect(explain(gap, [left(h(4.5))], { accountId: '777788889999' })).toEqual([
      [4, 9, 'unknown'],
    ]);
    expect(explain(gap, [left(h(4.5))])).toEqual([[4, 9, 'unknown']]);
  });

  it('of a member ends when the trail is no longer the organization’s', () => {
    const events = [update(h(4.5), { organization: false })];
    const gap = gapAfter(h(4), h(9), false);
    expect(explain(gap, events, member)).toEqual([[4, 9, 'left-organization', 'UpdateTrail']]);
    expect(explain(gap, events)).toEqual([[4, 9, 'unknown']]);
  });
});

describe('time before the first digest file', () => {
  const gap = gapAtStart(h(0), h(9));
  const member = { accountId: MEMBER };
  const abroad = { region: 'eu-west-1' };
  it.each<[string, TrailEvent[], Told[], Partial<ExplainContext>?]>([
    ['nobody switched on', [], [[0, 9, 'unknown']]],
    ['started', [start(h(8.5))], [[0, 9, 'not-yet-enabled', 'StartLogging']]],
    [
      'started, its digest file ends at it',
      [start(h(9.001))],
      [[0, 9, 'not-yet-enabled', 'StartLogging']],
    ],
    ['validation on', [validation(h(8.5), true)], [[0, 9, 'not-yet-enabled', 'UpdateTrail']]],
    [
      'created and started days later, validation last',
      [create(h(2), { validation: false }), start(h(5)), validation(h(8.5), true)],
      [
        [0, round(2 + GRACE), 'not-yet-enabled', 'CreateTrail'],
        [round(2 + GRACE), round(5 + GRACE), 'not-yet-enabled', 'CreateTrail', 'StartLogging'],
        [round(5 + GRACE), 9, 'not-yet-enabled', 'CreateTrail', 'UpdateTrail'],
      ],
    ],
    [
      'widened to all Regions',
      [update(h(8.5), { multiRegion: true })],
      [[0, 9, 'not-yet-enabled', 'UpdateTrail']],
      abroad,
    ],
    [
      'the account joined',
      [joined(h(8.5))],
      [[0, 9, 'joined-organization', 'AcceptHandshake']],
      member,
    ],
    [
      'the account joined, its first digest file came later',
      [joined(h(4))],
      [
        [0, round(4 + GRACE), 'joined-organization', 'AcceptHandshake'],
        [round(4 + GRACE), 9, 'unknown'],
      ],
      member,
    ],
    [
      'another account joined',
      [joined(h(8.5))],
      [[0, 9, 'unknown']],
      { accountId: '777788889999' },
    ],
    [
      'created and started, its first digest file came later',
      [create(h(2)), start(h(3))],
      [
        [0, round(2 + GRACE), 'not-yet-enabled', 'CreateTrail'],
        [round(2 + GRACE), round(3 + GRACE), 'not-yet-enabled', 'CreateTrail', 'StartLogging'],
        [round(3 + GRACE), 9, 'unknown'],
      ],
    ],
    [
      'started while validation was off',
      [validation(h(2.5), false), start(h(3)), validation(h(8.5), true)],
      [
        [0, round(3 + GRACE), 'not-yet-enabled', 'StartLogging'],
        [round(3 + GRACE), 9, 'validation-disabled', 'UpdateTrail', 'UpdateTrail'],
      ],
    ],
    [
      'stopped before, and started',
      [stop(h(-1)), start(h(8.5))],
      [[0, 9, 'logging-stopped', 'StopLogging', 'StartLogging']],
    ],
    ['a start that changed nothing, long before its end', [start(h(3))], [[0, 9, 'unknown']]],
    ['a start that changed nothing, long after', [start(h(20))], [[0, 9, 'unknown']]],
    [
      'a start that changed nothing, to lead up to a stop',
      [start(h(3)), stop(h(3.5)), start(h(8.5))],
      [
        [0, 2.5, 'unknown'],
        [2.5, 9, 'logging-stopped', 'StopLogging', 'StartLogging'],
      ],
    ],
  ])('%s', (_, events, expected, more) => {
    expect(explain(gap, events, more)).toEqual(expected);
  });
});

describe('it was on', () => {
  const laundered = gapAfter(h(0), h(9));
  const pair = [stop(h(8)), start(h(8.5))];
  it('digest files before a stop were removed', () => {
    expect(explain(laundered, pair)).toEqual([
      [0, 2, 'unknown'],
      [2, 6, 'missing', 'StopLogging', 'StartLogging'],
      [6, 7, 'unknown'],
      [7, 9, 'logging-stopped', 'StopLogging', 'StartLogging'],
    ]);
  });

  it.each<[string, Gap, TrailEvent[], Partial<ExplainContext>?]>([
    ['no event follows', gapAfter(h(0), h(9), false), []],
    ['the next event comes after the gap', laundered, [stop(h(9.5)), start(h(10))]],
    ['the search was not complete', laundered, pair, { complete: [] }],
    ['the search began too late', laundered, pair, { complete: [{ start: h(0.1), end: h(20) }] }],
    [
      'the search missed the digest file’s own hour',
      laundered,
      pair,
      { complete: [{ start: h(-0.4), end: h(20) }] },
    ],
    [
      'the search had a hole',
      laundered,
      pair,
      {
        complete: [
          { start: h(-9), end: h(4) },
          { start: h(4.1), end: h(20) },
        ],
      },
    ],
    ['no digest file is known before', gapAtStart(h(0), h(9)), pair],
    ['it was stopped right after the digest file', laundered, [stop(h(0.5)), ...pair]],
    ['it was stopped in the digest file’s own hour', laundered, [stop(h(-0.5)), stop(h(8))]],
    ['off by an older event', laundered, [validation(h(-5), false), ...pair]],
    [
      'a member account that came back by itself',
      laundered,
      [stop(h(6)), start(h(6.5)), joined(h(8.9))],
      { accountId: MEMBER },
    ],
    ['created in between', laundered, [create(h(7)), ...pair]],
    ['joined in between', laundered, [joined(h(4)), ...pair], { accountId: MEMBER }],
    ['stopped in between, for a moment', laundered, [stop(h(-0.5)), start(h(0.5)), ...pair]],
    [
      'a member account that may have left before the trail was started again',
      gapAfter(h(0), h(9), false),
      pair,
      { accountId: MEMBER },
    ],
    [
      'a member account that may have left, and nothing follows',
      gapAfter(h(0), h(9), false),
      [stop(h(8))],
      { accountId: MEMBER },
    ],
    [
      'a member account that came back later than the trail',
      gapAfter(h(0), h(20)),
      pair,
      { accountId: MEMBER },
    ],
    [
      'a Region that must be opted into, and nothing follows',
      gapAfter(h(0), h(9), false),
      [stop(h(8))],
      { region: 'eu-south-1' },
    ],
    ['deliveries were hindered from the start', laundered, [policy(h(0.1)), ...pair]],
  ])('is not claimed where %s', (_, gap, events, more) => {
    const states = explainGap(gap, context(events, more)).map(({ state }) => state);
    expect(states).not.toContain('missing');
  });

  it.each<[string, Gap, TrailEvent[], Partial<ExplainContext>?]>([
    ['another Region', laundered, pair, { region: 'eu-west-1' }],
    ['a member that is there at once', laundered, pair, { accountId: MEMBER }],
    ['a Region opted into that is there at once', laundered, pair, { region: 'eu-south-1' }],
    ['a member until it left', laundered, [left(h(8))], { accountId: MEMBER }],
    ['a trail that was not started again', gapAfter(h(0), h(9), false), [stop(h(8))]],
    ['a start before that changed nothing', laundered, [start(h(4)), ...pair]],
    ['a stop that was over before', laundered, [stop(h(-1.5)), start(h(-0.5)), ...pair]],
    ['a trail created before', laundered, [create(h(-5)), start(h(-4)), ...pair]],
    ['a bucket policy that hindered nothing', laundered, [policy(h(-3)), ...pair]],
  ])('is claimed of %s', (_, gap, events, more) => {
    const missing = explain(gap, events, more).filter(([, , what]) => what === 'missing');
    expect(missing.map(([from, to]) => [from, to])).toEqual([[2, 6]]);
  });

  it('ends where deliveries were hindered', () => {
    expect(explain(laundered, [policy(h(5)), ...pair])).toEqual([
      [0, 2, 'unknown'],
      [2, 3, 'missing', 'StopLogging', 'StartLogging'],
      [3, 7, 'delivery-failed', 'PutBucketPolicy'],
      [7, 9, 'logging-stopped', 'StopLogging', 'StartLogging'],
    ]);
  });
});

describe('off-intervals', () => {
  it('say which event opened them, if any', () => {
    const found = offIntervals(context([start(h(1)), stop(h(4)), start(h(6)), remove(h(8))]));
    expect(found.map((off) => [off.start, off.end, off.cause, off.opened])).toEqual([
      [-Infinity, h(1), 'logging-stopped', false],
      [h(4), h(6), 'logging-stopped', true],
      [h(8), Infinity, 'trail-deleted', true],
    ]);
  });
});

it('all causes but two are lawful', () => {
  expect(isLawful('logging-stopped')).toBe(true);
  expect(isLawful('unknown')).toBe(false);
  expect(isLawful('delivery-failed')).toBe(false);
});

describe('whatever the events', () => {
  const time = fc.integer({ min: h(-30), max: h(60) });
  const effect: fc.Arbitrary<EventEffect> = fc.oneof(
    fc.record({ logging: fc.boolean() }),
    fc.record({ validation: fc.boolean() }),
    fc.record({ exists: fc.constant(false) }),
    fc.record({ exists: fc.constant(true), logging: fc.constant(false), validation: fc.boolean() }),
    fc.record({ multiRegion: fc.boolean(), validation: fc.boolean() }),
    fc.constantFrom<EventEffect[]>(
      {},
      { leftAccount: MEMBER },
      { joinedAccount: MEMBER },
      { hinders: 'bucket' },
      { removes: 'lifecycle' },
    ),
  );
  const events = fc
    .array(fc.tuple(time, effect), { maxLength: 12 })
    .map((all) => all.map(([at, one]) => event(at, 'UpdateTrail', one)));
  const gaps = fc
    .record({
      from: fc.integer({ min: h(0), max: h(20) }),
      length: fc.integer({ min: 1, max: 30 * HOUR }),
      followed: fc.boolean(),
      known: fc.boolean(),
      cut: fc.integer({ min: 0, max: 5 * HOUR }),
    })
    .map(({ from, length, followed, known, cut }): Gap => {
      const base = { start: from, end: from + length, followed };
      return known ? { ...base, after: from - cut } : base;
    });
  const places = fc.record({
    accountId: fc.constantFrom(OWNER, MEMBER),
    region: fc.constantFrom('us-east-1', 'eu-west-1', 'eu-south-1'),
  });
  const ranges = fc.constantFrom(EVER, [], [{ start: h(-5), end: h(10) }]);

  it('pieces cover the gap exactly, in order, and neighbours differ', () => {
    fc.assert(
      fc.property(gaps, events, places, ranges, (gap, all, place, complete) => {
        const pieces = explainGap(gap, context(all, { ...place, complete }));
        expect(pieces[0]?.start).toBe(gap.start);
        expect(pieces.at(-1)?.end).toBe(gap.end);
        for (const [at, piece] of pieces.entries()) {
          expect(piece.end).toBeGreaterThan(piece.start);
          const next = pieces[at + 1];
          if (!next) continue;
          expect(next.start).toBe(piece.end);
          const kind = ({ state, cause, events: named }: ExplainedPiece) =>
            JSON.stringify([state, cause, named.map(({ eventId }) => eventId)]);
          expect(kind(next)).not.toBe(kind(piece));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a lawful cause always has its event', () => {
    fc.assert(
      fc.property(gaps, events, places, (gap, all, place) => {
        for (const { cause, state, events: named } of explainGap(gap, context(all, place))) {
          if (isLawful(cause) || state === 'missing') expect(named).not.toHaveLength(0);
        }
      }),
    );
  });

  it('nothing is missing without any event, nor without a complete search', () => {
    const missing = (pieces: readonly ExplainedPiece[]) =>
      pieces.filter(({ state }) => state === 'missing');
    fc.assert(
      fc.property(gaps, events, places, (gap, all, place) => {
        expect(missing(explainGap(gap, context([], place)))).toEqual([]);
        expect(missing(explainGap(gap, context(all, { ...place, complete: [] })))).toEqual([]);
      }),
    );
  });

  const offset = fc.integer({ min: -HOUR, max: HOUR });
  const switches = fc.constantFrom<[off: typeof stop, on: typeof stop][]>(
    [stop, start],
    [(at) => validation(at, false), (at) => validation(at, true)],
    [remove, create],
  );

  it('a lawful stop and start is never missing and always explained, in odd minutes too', () => {
    fc.assert(
      fc.property(
        switches,
        offset,
        fc.integer({ min: 0, max: HOUR }),
        fc.integer({ min: 60, max: 40 * HOUR }),
        places,
        ([off, on], before, behind, length, place) => {
          const at = h(6);
          // The last digest file ends within an hour of the stop, the starting one after the start.
          const gap = gapAfter(at + before, at + length + behind);
          if (gap.start >= gap.end) return;
          const all = [off(at), on(at + length)];
          const pieces = explainGap(gap, context([...all, start(at + length)], place));
          expect(pieces.every(({ state, cause }) => state === 'gap' && isLawful(cause))).toBe(true);
        },
      ),
    );
  });

  it('digest files removed before a stop are missing at their place, if the search was complete', () => {
    fc.assert(
      fc.property(
        switches,
        fc.integer({ min: 5, max: 200 }),
        fc.integer({ min: 0, max: HOUR - 1 }),
        fc.integer({ min: 60, max: 5 * HOUR }),
        fc.integer({ min: 0, max: HOUR }),
        places,
        ([off, on], n, minutes, length, behind, place) => {
          const stopped = h(0) + n * HOUR + minutes;
          const started = stopped + length;
          const all = [off(stopped), on(started), start(started)];
          const gap = gapAfter(h(0), started + behind);
          const pieces = explainGap(gap, context(all, place));
          const missing = pieces.filter(({ state }) => state === 'missing');
          expect(missing.map((one) => [one.start, one.end])).toEqual([[h(2), stopped - 2 * HOUR]]);
          expect(missing[0]?.events[0]?.time).toBe(stopped);
          const late = [{ start: h(1), end: h(300) }];
          const blind = explainGap(gap, context(all, { ...place, complete: late }));
          expect(blind.filter(({ state }) => state === 'missing')).toEqual([]);
        },
      ),
    );
  });
});
