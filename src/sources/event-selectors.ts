/** What management events a trail's event selectors leave out (GetEventSelectors, SPEC 8). */

type Fields = Readonly<Record<string, unknown>>;

/** The selectors that are looked at, and the values of one field; CloudTrail allows far fewer. */
const MAX_ENTRIES = 500;

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const fieldsOf = (value: unknown): Fields => (isObject(value) ? (value as Fields) : {});
const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? (value as unknown[]).slice(0, MAX_ENTRIES) : [];
const textsOf = (value: unknown): string[] =>
  listOf(value).filter((one): one is string => typeof one === 'string');

const excluded = (source: string): string => `management events of ${source}`;
const SOURCE = /^management events of /;

/** What of management events a selector takes: reads, writes, and without whose. */
interface Selection {
  readonly reads: boolean;
  readonly writes: boolean;
  /** Conditions that narrow it, in words of what they leave out. */
  readonly without: readonly string[];
}

/** A basic selector; what it doesn't say is as CloudTrail's API has it: all of them. */
function basicSelection(selector: Fields): Selection[] {
  if (selector['IncludeManagementEvents'] === false) return [];
  const type = selector['ReadWriteType'] ?? 'All';
  return [
    {
      reads: type === 'All' || type === 'ReadOnly',
      writes: type === 'All' || type === 'WriteOnly',
      without: textsOf(selector['ExcludeManagementEventSources']).map(excluded),
    },
  ];
}

const OPERATORS: Readonly<Record<string, string>> = {
  Equals: 'is not',
  NotEquals: 'is',
  StartsWith: 'does not begin with',
  NotStartsWith: 'begins with',
  EndsWith: 'does not end with',
  NotEndsWith: 'ends with',
};

/** What a condition of an advanced selector leaves out. */
function leftOutBy(condition: Fields): string[] {
  const { Field: field } = condition;
  const name = typeof field === 'string' ? field : 'a field';
  return Object.entries(OPERATORS).flatMap(([operator, words]) => {
    const values = textsOf(condition[operator]);
    if (values.length === 0) return [];
    if (name === 'eventSource' && operator === 'NotEquals') {
      return values.map(excluded);
    }
    return [`management events whose ${name} ${words} ${values.join(' or ')}`];
  });
}

/** An advanced selector: its conditions all hold together. */
function advancedSelection(selector: Fields): Selection[] {
  const conditions = listOf(selector['FieldSelectors']).map(fieldsOf);
  const isManagement = conditions.some(
    ({ Field: field, Equals: equals }) =>
      field === 'eventCategory' && textsOf(equals).includes('Management'),
  );
  if (!isManagement) return [];
  const readOnly = conditions
    .filter(({ Field: field }) => field === 'readOnly')
    .map(({ Equals: equals }) => textsOf(equals));
  return [
    {
      reads: readOnly.every((values) => values.includes('true')),
      writes: readOnly.every((values) => values.includes('false')),
      without: conditions
        .filter(({ Field: field }) => field !== 'eventCategory' && field !== 'readOnly')
        .flatMap(leftOutBy),
    },
  ];
}

/**
 * What none of these selectors takes. What one excludes another may take, so only exclusions that all
 * share leave something out; where they narrow in different ways, how much is left isn't reckoned.
 */
function commonToAll(selections: readonly Selection[]): string[] {
  const [first, ...others] = selections;
  const shared = [...new Set(first?.without ?? [])].filter((phrase) =>
    others.every(({ without }) => without.includes(phrase)),
  );
  const narrowed = selections.every(({ without }) => without.length > 0);
  const onlySources = selections.every(({ without }) => without.every((one) => SOURCE.test(one)));
  return shared.length === 0 && narrowed && !onlySources ? ['management events in part'] : shared;
}

/**
 * The management events that no selector takes, in short phrases; none where all are recorded. The
 * answer may be an evidence file's, so nothing of its shape is taken for granted. Throws where it
 * holds no selectors: every trail has some.
 */
export function whatIsLeftOut(answer: unknown): readonly string[] {
  const { AdvancedEventSelectors: advanced, EventSelectors: basic } = fieldsOf(answer);
  const all = [...listOf(advanced), ...listOf(basic)];
  if (all.length === 0) throw new Error('the answer holds no event selectors');
  const selections = [
    ...listOf(advanced).map(fieldsOf).flatMap(advancedSelection),
    ...listOf(basic).filter(isObject).map(fieldsOf).flatMap(basicSelection),
  ];
  const reads = selections.filter((one) => one.reads);
  const writes = selections.filter((one) => one.writes);
  if (reads.length === 0 && writes.length === 0) return ['all management events'];
  if (reads.length === 0) return ['read-only management events', ...commonToAll(writes)];
  if (writes.length === 0) return ['write-only management events', ...commonToAll(reads)];
  const ofReads = commonToAll(reads);
  const ofWrites = commonToAll(writes);
  return [
    ...ofReads.filter((phrase) => ofWrites.includes(phrase)),
    ...ofReads
      .filter((phrase) => !ofWrites.includes(phrase))
      .map((phrase) => `read-only ${phrase}`),
    ...ofWrites
      .filter((phrase) => !ofReads.includes(phrase))
      .map((phrase) => `write-only ${phrase}`),
  ];
}
