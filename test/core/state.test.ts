import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finding, type Finding } from '../../src/core/finding.js';
import {
  accept,
  findingId,
  MAX_STATE_BYTES,
  parseState,
  sameFact,
  serializeState,
  StateError,
  type Acceptance,
  type Candidate,
  type OpenFinding,
  type RememberedChain,
  type State,
} from '../../src/core/state.js';

const ARN = 'arn:aws:cloudtrail:us-east-1:111122223333:trail/foo';
const DAY = '2026-03-10T12:17:28Z';

const digestKey = (accountId: string, region: string, suffix = ''): string =>
  `AWSLogs/${accountId}/CloudTrail-Digest/${region}/2026/03/10/${accountId}_CloudTrail-Digest_${region}_foo_us-east-1_20260310T121728Z${suffix}.json.gz`;

function chain(accountId: string, region: string, kind: 'standard' | 'backfill'): RememberedChain {
  const key = digestKey(accountId, region, kind === 'backfill' ? '_backfill' : '');
  const hash = createHash('sha256').update(key).digest('hex');
  const newestDigest = { bucket: 'logs', key, hash, signature: 'ab'.repeat(256), endTime: DAY };
  return { accountId, region, kind, provedUntil: DAY, newestDigest };
}

const open = (one: Finding): OpenFinding => ({ id: findingId(one), since: DAY, finding: one });

const acceptance = (one: Finding): Acceptance => ({
  id: findingId(one),
  by: 'Ada',
  at: DAY,
  reason: 'known migration',
  finding: one,
});

const lost = finding('LOG_MISSING', 'is not there', {
  accountId: '111122223333',
  region: 'us-west-2',
  kind: 'standard',
  bucket: 'logs',
  key: 'AWSLogs/a.json.gz',
});
const gap = finding('COVERAGE_GAP', 'nothing vouches for this time', {
  accountId: '111122223333',
  region: 'us-west-2',
  kind: 'standard',
  start: 1_773_100_000,
  end: 1_773_110_000,
  details: { expectedDigests: 3, cause: 'unknown' },
});
const candidate: Candidate = {
  accountId: '111122223333',
  region: 'us-west-2',
  bucket: 'logs',
  key: 'AWSLogs/open.json.gz',
  size: 0,
  lastModified: DAY,
};
const empty: State = {
  schemaVersion: 1,
  trail: ARN,
  bucket: 'logs',
  prefix: '',
  updatedAt: DAY,
  provedUntil: DAY,
  chains: [],
  candidates: [],
  findings: [],
  accepted: [],
};
const full: State = {
  ...empty,
  chains: [
    chain('111122223333', 'us-west-2', 'backfill'),
    chain('111122223333', 'us-west-2', 'standard'),
  ],
  candidates: [candidate],
  findings: [open(gap)],
  accepted: [acceptance(lost)],
};

/** A text with another content and the checksum that fits it, as a writer of the file could make. */
function forged(change: (value: Record<string, unknown>) => void, state: State = full): string {
  const value = JSON.parse(serializeState(state)) as Record<string, unknown>;
  delete value['checksum'];
  change(value);
  const ordered = (one: unknown): unknown =>
    Array.isArray(one)
      ? one.map(ordered)
      : typeof one === 'object' && one !== null
        ? Object.fromEntries(
            Object.entries(one)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([name, field]) => [name, ordered(field)]),
          )
        : one;
  const checksum = createHash('sha256')
    .update(JSON.stringify(ordered(value)))
    .digest('hex');
  return JSON.stringify({ ...value, checksum });
}

function refusal(text: string, arn = ARN): string {
  try {
    parseState(text, arn);
  } catch (error) {
    expect(error).toBeInstanceOf(StateError);
    return (error as Error).message;
  }
  return 'taken';
}

/** Whatever a bucket's writer puts into a name: escapes, lines, direction marks, lone surrogates. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '\u001b[2J\u009b1m',
    'a\r\nb\u2028c\u2029',
    '\u202eevil\u200b\ufeff',
    '\ud800',
    '\udc00\ud800',
    '\u{e0001}\u{10ffff}',
    '"\\/\u0000\u007f',
    '__proto__',
  ),
);
const json = fc.dictionary(hostile, fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }), {
  maxKeys: 4,
});
const account = fc.constantFrom('111122223333', '444455556666', '000000000001');
const region = fc.constantFrom('us-west-2', 'us-gov-east-1', 'eu-central-1');
const kind = fc.constantFrom('standard' as const, 'backfill' as const);
const instant = fc.integer({ min: 0, max: 4_000_000_000 });
const someFinding = fc
  .record({
    code: fc.constantFrom('LOG_UNLISTED', 'DIGEST_MISSING', 'LOG_MISSING', 'CHAIN_START'),
    message: hostile,
    place: fc.record(
      {
        accountId: account,
        region,
        kind,
        bucket: hostile,
        key: hostile,
        digestKey: hostile,
        start: instant,
        end: instant,
        details: json,
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ code, message, place }) =>
    finding(code as 'LOG_MISSING', message, {
      ...place,
      ...(place.details ? { details: { ...place.details, versions: undefined } } : {}),
    }),
  );
const someCandidate = fc
  .record({
    accountId: account,
    region,
    bucket: fc.constantFrom('logs', 'logs.b'),
    key: hostile.map((text) => `AWSLogs/${text}`),
    size: fc.maxSafeNat(),
  })
  .chain((one) => fc.constantFrom<Candidate>(one, { ...one, lastModified: DAY }));
const someState = fc
  .record({
    prefix: hostile,
    chains: fc.uniqueArray(fc.tuple(account, region, kind), {
      selector: (one) => one.join(' '),
      maxLength: 5,
    }),
    candidates: fc.array(someCandidate, { maxLength: 4 }),
    findings: fc.array(someFinding, { maxLength: 4 }),
    accepted: fc.array(someFinding, { maxLength: 3 }),
  })
  .map(({ prefix, chains, candidates, findings, accepted }): State => ({
    ...empty,
    prefix,
    chains: chains.map((one) => chain(...one)),
    candidates,
    findings: findings.map(open),
    accepted: accepted.map(acceptance),
  }));

describe('the text of a state', () => {
  it('comes back as it was, and again gives the same bytes', () => {
    expect(parseState(serializeState(full), ARN)).toEqual(full);
    expect(parseState(serializeState(empty), ARN)).toEqual(empty);
    fc.assert(
      fc.property(someState, (state) => {
        const text = serializeState(state);
        const back = parseState(text, ARN);
        expect(serializeState(back)).toBe(text);
        const bag = (one: State): string[] =>
          [...one.chains, ...one.candidates, ...one.findings, ...one.accepted]
            .map((entry) => JSON.stringify(ordered(entry)))
            .sort();
        expect(bag(back)).toEqual(bag(state));
        expect(back.prefix).toBe(state.prefix);
      }),
    );
  });

  it('does not depend on the order of lists or fields', () => {
    fc.assert(
      fc.property(someState, (state) => {
        const turned: State = {
          ...(Object.fromEntries(Object.entries(state).reverse()) as unknown as State),
          chains: [...state.chains].reverse(),
          candidates: [...state.candidates].reverse(),
          findings: [...state.findings].reverse(),
          accepted: [...state.accepted].reverse(),
        };
        expect(serializeState(turned)).toBe(serializeState(state));
      }),
    );
  });

  it('orders what looks alike, too', () => {
    const findings = [1, 2].map((count) => open({ ...gap, details: { count } }));
    const turned = { ...full, findings: [...findings].reverse() };
    expect(serializeState(turned)).toBe(serializeState({ ...full, findings }));
    const candidates = ['a!', 'a'].map((key) => ({ ...candidate, key }));
    const back = parseState(serializeState({ ...full, candidates }), ARN);
    expect(back.candidates.map(({ key }) => key)).toEqual(['a', 'a!']);
  });

  it('is lines that git shows, the checksum last, with nothing unprintable', () => {
    const text = serializeState(full);
    expect(text).toMatch(/^\{\n "schemaVersion": 1,\n "trail": /);
    expect(text).toMatch(/\n "checksum": "[0-9a-f]{64}"\n\}\n$/);
    fc.assert(
      fc.property(someState, (state) => {
        expect(serializeState(state)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        expect(serializeState(state)).not.toMatch(/[\p{Cf}\p{Cs}\p{Co}\p{Cn}\u2028\u2029]/u);
      }),
    );
  });

  it('has a checksum that anybody can compute: names in order, no white space', () => {
    expect(forged(() => undefined)).toContain(
      (JSON.parse(serializeState(full)) as { checksum: string }).checksum,
    );
  });

  it('survives other white space and other order of names', () => {
    const value = JSON.parse(serializeState(full)) as object;
    const turned = Object.fromEntries(Object.entries(value).reverse());
    expect(parseState(JSON.stringify(turned, null, 4).replaceAll('\n', '\r\n'), ARN)).toEqual(full);
  });

  it('holds thousands of chains and findings', () => {
    const chains = Array.from({ length: 1000 }, (_, at) =>
      chain(String(at).padStart(12, '0'), 'us-west-2', 'standard'),
    );
    const findings = Array.from({ length: 10_000 }, (_, at) =>
      open({ ...lost, key: `AWSLogs/${at}` }),
    );
    const state = { ...empty, chains, findings };
    const back = parseState(serializeState(state), ARN);
    expect(back.chains).toEqual(chains);
    expect(back.findings).toHaveLength(10_000);
  });
});

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, ordered(one)]));
}

describe('a damaged or foreign state', () => {
  const text = serializeState(full);

  it('is refused for any one character, or is the same state', () => {
    const edited = (at: number, remove: number, insert: string): void => {
      const other = text.slice(0, at) + insert + text.slice(at + remove);
      let back: State | undefined;
      try {
        back = parseState(other, ARN);
      } catch (error) {
        expect(error).toBeInstanceOf(StateError);
      }
      if (back) expect(back, `${at} ${JSON.stringify(insert)}`).toEqual(full);
    };
    for (let at = 0; at < text.length; at++) edited(at, 1, '');
    const position = fc.integer({ min: 0, max: text.length });
    const char = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom(...Array.from('0123456789abcdefE+-.,:"{}[] \n\\u')),
    );
    fc.assert(
      fc.property(position, fc.constantFrom(0, 1), char, (at, remove, insert) => {
        edited(at, remove, insert);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads minus zero as nought', () => {
    expect(parseState(text.replace('"size": 0', '"size": -0'), ARN)).toEqual(full);
  });

  it('is told by its reason', () => {
    expect(refusal('')).toMatch(/^is empty/);
    expect(refusal('\n')).toMatch(/^is empty/);
    expect(refusal('nonsense')).toMatch(/^is not JSON/);
    expect(refusal(`\ufeff${text}`)).toMatch(/^is not JSON/);
    expect(refusal('[]')).toBe('is not a JSON object');
    expect(refusal('{}')).toMatch(/no schemaVersion/);
    expect(refusal('{"schemaVersion":"1"}')).toMatch(/no schemaVersion/);
    expect(refusal('{"schemaVersion":2}')).toMatch(/newer version/);
    expect(refusal(text.replace('"size": 0', '"size": 1'))).toMatch(/changed or damaged/);
    expect(refusal(text.replace(/"checksum": "\w+"/, '"checksum": 1'))).toMatch(/changed or/);
    expect(refusal(text.replace(/,\n "checksum": "\w+"/, ''))).toMatch(/changed or damaged/);
    expect(refusal(text.slice(0, text.length / 2))).toMatch(/^is not JSON/);
    const merge = text.replace(/( "updatedAt".*\n)/, '<<<<<<< HEAD\n$1=======\n$1>>>>>>> b\n');
    expect(refusal(merge)).toMatch(/git merge conflict/);
    expect(refusal(merge.replaceAll('\n', '\r\n'))).toMatch(/git merge conflict/);
    expect(refusal(text, `${ARN}x`)).toBe(`is of another trail, ${ARN}`);
    expect(refusal(text + ' '.repeat(MAX_STATE_BYTES))).toMatch(/64 MiB/);
    // Few characters, many bytes.
    expect(refusal(text + 'é'.repeat(MAX_STATE_BYTES / 2))).toMatch(/64 MiB/);
  });

  const first = (value: Record<string, unknown>, list: string): Record<string, unknown> =>
    (value[list] as Record<string, unknown>[])[0]!;
  const nested = (value: Record<string, unknown>, list: string, name: string) =>
    first(value, list)[name] as Record<string, unknown>;
  const deep = (depth: number): unknown => {
    let value: unknown = 1;
    for (let at = 0; at < depth; at++) value = [value];
    return value;
  };

  it.each<[string, RegExp, (value: Record<string, unknown>) => void]>([
    ['trail', /^trail is not/, (v) => (v['trail'] = 'arn:aws:s3:::x')],
    ['bucket', /^bucket is not/, (v) => (v['bucket'] = '')],
    ['prefix', /^prefix is not/, (v) => (v['prefix'] = null)],
    ['updatedAt', /^updatedAt is not a time/, (v) => (v['updatedAt'] = '2026-02-30T00:00:00Z')],
    ['time of day only', /^provedUntil/, (v) => (v['provedUntil'] = '2026-02-03')],
    ['no list', /^chains is not a list/, (v) => (v['chains'] = {})],
    ['no entry', /^chains\[0\] is not an obj/, (v) => (v['chains'] = [null])],
    ['lacking list', /^accepted is not a list/, (v) => delete v['accepted']],
    [
      'long list',
      /^candidates has over/,
      (v) => (v['candidates'] = Array.from({ length: 250_001 }, () => 0)),
    ],
    ['unknown field', /fields that this version/, (v) => (v['more'] = 1)],
    ['unknown inner field', /fields that this/, (v) => (first(v, 'chains')['more'] = 1)],
    ['__proto__', /fields that this/, (v) => Object.defineProperty(v, '__proto__', own({}))],
    ['account', /chains\[0\]\.accountId/, (v) => (first(v, 'chains')['accountId'] = '1')],
    ['Region', /chains\[0\]\.region/, (v) => (first(v, 'chains')['region'] = 'US-WEST-2')],
    ['kind', /chains\[0\]\.kind/, (v) => (first(v, 'chains')['kind'] = 'other')],
    ['chain time', /\[0\]\.provedUntil/, (v) => (first(v, 'chains')['provedUntil'] = 5)],
    ['hash', /Digest\.hash/, (v) => (nested(v, 'chains', 'newestDigest')['hash'] = 'AB')],
    ['odd', /\.signature/, (v) => (nested(v, 'chains', 'newestDigest')['signature'] = 'abc')],
    ['empty', /\.signature/, (v) => (nested(v, 'chains', 'newestDigest')['signature'] = '')],
    [
      'long',
      /\.signature/,
      (v) => (nested(v, 'chains', 'newestDigest')['signature'] = 'ab'.repeat(2049)),
    ],
    ['end', /\.endTime/, (v) => (nested(v, 'chains', 'newestDigest')['endTime'] = '')],
    [
      'digest of another chain',
      /not of a digest file of this chain/,
      (v) => (nested(v, 'chains', 'newestDigest')['key'] = digestKey('111122223333', 'us-west-1')),
    ],
    [
      'digest of another kind',
      /not of a digest file of this chain/,
      (v) => (first(v, 'chains')['kind'] = 'standard'),
    ],
    [
      'twice',
      /chains\[1\] is there twice/,
      (v) => (v['chains'] = [0, 0].map(() => first(v, 'chains'))),
    ],
    ['key', /candidates\[0\]\.key/, (v) => (first(v, 'candidates')['key'] = 'a'.repeat(4097))],
    ['size', /candidates\[0\]\.size/, (v) => (first(v, 'candidates')['size'] = 1.5)],
    ['negative', /candidates\[0\]\.size/, (v) => (first(v, 'candidates')['size'] = -1)],
    ['size as text', /\.size/, (v) => (first(v, 'candidates')['size'] = '1')],
    ['modified', /\.lastModified/, (v) => (first(v, 'candidates')['lastModified'] = null)],
    ['id', /findings\[0\]\.id/, (v) => (first(v, 'findings')['id'] = 'A'.repeat(12))],
    ['other id', /not the id of its/, (v) => (first(v, 'findings')['id'] = 'a'.repeat(12))],
    ['other id', /not the id of its/, (v) => (first(v, 'accepted')['id'] = 'a'.repeat(12))],
    ['since', /findings\[0\]\.since/, (v) => (first(v, 'findings')['since'] = undefined)],
    ['code', /finding\.code/, (v) => (nested(v, 'findings', 'finding')['code'] = 'toString')],
    ['class', /finding\.class/, (v) => (nested(v, 'findings', 'finding')['class'] = 'fine')],
    ['message', /\.message/, (v) => (nested(v, 'findings', 'finding')['message'] = 1)],
    ['page', /\.message/, (v) => (nested(v, 'findings', 'finding')['message'] = 'a'.repeat(4097))],
    ['hint', /\.hint/, (v) => (nested(v, 'findings', 'finding')['hint'] = null)],
    ['place', /finding\.key/, (v) => (nested(v, 'findings', 'finding')['key'] = 1)],
    ['start', /finding\.start/, (v) => (nested(v, 'findings', 'finding')['start'] = 'x')],
    ['details', /\.details/, (v) => (nested(v, 'findings', 'finding')['details'] = [])],
    ['deep', /nested/, (v) => (nested(v, 'findings', 'finding')['details'] = { x: deep(80) })],
    ['by', /accepted\[0\]\.by/, (v) => (first(v, 'accepted')['by'] = ' ')],
    ['at', /accepted\[0\]\.at/, (v) => (first(v, 'accepted')['at'] = '')],
    ['reason', /accepted\[0\]\.reason/, (v) => (first(v, 'accepted')['reason'] = '')],
  ])('is refused with a right checksum and a wrong field: %s', (_name, why, change) => {
    expect(refusal(forged(change))).toMatch(why);
  });

  it('survives any JSON, however deep', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 6 }), (value) => void refusal(value)));
    const depths = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(refusal(`{"schemaVersion":1,"chains":${depths}}`)).toMatch(/nested/);
    expect(refusal('{"schemaVersion":1,"chains":1e999}')).toMatch(/no form/);
  });
});

const own = (value: unknown): PropertyDescriptor => ({ value, enumerable: true });

describe('what is written', () => {
  it('is never what the next run would refuse', () => {
    const bad: State[] = [
      { ...full, updatedAt: '2026-03-10T12:17:28.123Z' },
      { ...full, chains: [full.chains[0]!, full.chains[0]!] },
      { ...full, candidates: [{ ...candidate, size: NaN }] },
      { ...full, findings: [{ ...open(gap), id: '0'.repeat(12) }] },
      { ...full, findings: [open({ ...gap, details: { x: Infinity } })] },
      { ...full, findings: [open({ ...gap, details: { x: [undefined] } })] },
      { ...full, findings: Array.from({ length: 70 }, () => open({ ...gap, details: big() })) },
    ];
    for (const state of bad) expect(() => serializeState(state)).toThrow(StateError);
  });

  it('leaves out fields that do not belong, and cuts a message that fills pages', () => {
    const long = { ...gap, message: 'm'.repeat(5000), more: 1 };
    const extra = { ...full, more: 1, findings: [open(long)] };
    const text = serializeState(extra);
    const back = parseState(text, ARN);
    expect(back.findings[0]!.finding.message).toHaveLength(4096);
    expect(serializeState(back)).toBe(text);
    expect(text).not.toContain('"more"');
  });

  it('has nothing of the machine in it', () => {
    const place = { accountId: '111122223333', region: 'us-west-2', bucket: 'logs', key: 'k' };
    const told = [
      finding('OBJECT_UNREADABLE', 'could not be read (network): connect 10.0.0.7 build-host-3', {
        ...place,
        details: { reason: 'network', path: '/home/ada/x' },
      }),
      finding('OBJECT_UNREADABLE', 'EACCES /home/ada/evidence', {
        ...place,
        key: 'l',
        details: { reason: '/home/ada/x' },
      }),
      finding('KEYS_UNAVAILABLE', 'User arn:aws:sts::111122223333:assumed-role/ci/build-host-3', {
        region: 'us-west-2',
        hint: 'ask build-host-3',
      }),
      finding('REGION_UNCONFIRMED', 'getaddrinfo ENOTFOUND build-host-3', { region: 'us-west-2' }),
      { ...lost, details: { versions: 'could not be searched: build-host-3' } },
    ];
    const state = { ...empty, findings: told.map(open), accepted: told.map(acceptance) };
    const text = serializeState(state);
    expect(text).not.toMatch(/build-host|10\.0\.0\.7|\/home\//);
    const back = parseState(text, ARN);
    expect(back.findings.map(({ id }) => id).sort()).toEqual(told.map(findingId).sort());
    expect(text).toContain('"object unreadable (network)"');
    expect(serializeState(back)).toBe(text);
  });
});

const big = (): Record<string, unknown> => ({ x: 'x'.repeat(1024 * 1024) });

describe('the id of a finding', () => {
  it('is of code and place alone', () => {
    expect(findingId(gap)).toMatch(/^[0-9a-f]{12}$/);
    const reworded: Finding = {
      ...gap,
      message: 'other',
      hint: 'other',
      class: 'notice',
      digestKey: 'd',
      details: { other: 1 },
    };
    expect(findingId(reworded)).toBe(findingId(gap));
    const others: Finding[] = [
      { ...gap, code: 'DIGEST_MISSING' },
      { ...gap, accountId: '444455556666' },
      { ...gap, region: 'us-west-1' },
      { ...gap, kind: 'backfill' },
      { ...gap, bucket: 'logs' },
      { ...gap, key: '' },
      { ...gap, key: 'k' },
      { ...gap, start: DAY },
      { ...gap, end: DAY },
    ];
    expect(new Set([gap, ...others].map(findingId)).size).toBe(others.length + 1);
    // A name says which it is; its end may move.
    expect(findingId({ ...lost, end: DAY })).toBe(findingId(lost));
  });

  it('does not run places together', () => {
    const a: Finding = { ...lost, bucket: 'a', key: 'b,c' };
    expect(findingId(a)).not.toBe(findingId({ ...a, bucket: 'a,b', key: 'c' }));
    expect(findingId({ ...gap, bucket: '' })).not.toBe(findingId(gap));
  });

  it('stays the same for the same fact only', () => {
    const planted = { ...lost, code: 'LOG_UNLISTED', details: { count: 2, bytes: 9 } } as const;
    const more = { ...planted, details: { count: 3, bytes: 12 } };
    expect(findingId(more)).toBe(findingId(planted));
    expect(sameFact(planted, more)).toBe(false);
    expect(sameFact(planted, { ...planted, message: 'other', hint: 'other' })).toBe(true);
    expect(sameFact(planted, { ...planted, details: { bytes: 9, count: 2 } })).toBe(true);
    expect(sameFact(planted, { ...planted, class: 'notice' })).toBe(false);
    expect(sameFact(gap, { ...gap, end: DAY })).toBe(false);
    expect(sameFact(lost, { ...lost, details: { original: { versionId: 'v' } } })).toBe(true);
    const told = finding('OBJECT_UNREADABLE', 'a', { details: { reason: 'network', x: 'y' } });
    const kept = parseState(serializeState({ ...empty, findings: [open(told)] }), ARN);
    expect(sameFact(told, kept.findings[0]!.finding)).toBe(true);
  });
});

describe('accepting', () => {
  it('moves open findings, with who, when and why', () => {
    const state = { ...full, findings: [open(gap), open({ ...gap, start: DAY })] };
    const after = accept(state, [findingId(gap)], 'Ada', DAY, 'maintenance');
    expect(after.findings).toEqual([state.findings[1]]);
    expect(after.accepted).toEqual([
      ...full.accepted,
      { id: findingId(gap), by: 'Ada', at: DAY, reason: 'maintenance', finding: gap },
    ]);
    expect(parseState(serializeState(after), ARN).accepted).toHaveLength(2);
    expect(state.findings).toHaveLength(2);
  });

  it('leaves what was accepted before as it is', () => {
    expect(accept(full, [findingId(lost)], 'Eve', DAY, 'other')).toEqual(full);
    expect(accept(full, [], 'Eve', DAY, 'other')).toEqual(full);
  });

  it('accepts anew what is open again because it changed', () => {
    const changed = { ...lost, details: { count: 3 } };
    const after = accept({ ...full, findings: [open(changed)] }, [findingId(lost)], 'Bo', DAY, 'x');
    expect(after.findings).toEqual([]);
    expect(after.accepted).toEqual([{ ...acceptance(changed), by: 'Bo', reason: 'x' }]);
  });

  it('names an unknown id, and refuses an empty word', () => {
    const wrong = (ids: string[], by = 'Ada', at = DAY, reason = 'x') => {
      return () => accept(full, ids, by, at, reason);
    };
    expect(wrong([findingId(gap), 'feedfacecafe'])).toThrow(/id feedfacecafe$/);
    expect(wrong(['feedfacecafe'])).toThrow(StateError);
    for (const bad of [
      wrong([findingId(gap)], ' '),
      wrong([findingId(gap)], 'a'.repeat(257)),
      wrong([findingId(gap)], 'Ada', 'today'),
      wrong([findingId(gap)], 'Ada', DAY, ''),
    ]) {
      expect(bad).toThrow(StateError);
    }
  });
});
