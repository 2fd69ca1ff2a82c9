/**
 * What one run leaves to the next (DESIGN 4, "State"): the newest proved digest file of every chain,
 * and what is still open. The text is JSON that git shows in small diffs; its checksum tells damage
 * and careless hands, not an attacker: whoever can write the file can write the checksum. Keep it
 * where the bucket's writers can't reach it.
 */
import { createHash } from 'node:crypto';
import { isAccountId, isRegionName, parseTrailArn } from './arn.js';
import type { DigestIdentity } from './close.js';
import { findingId, MAX_MESSAGE, portable } from './finding-id.js';
import { compareFindings, FINDINGS, type Details, type Finding } from './finding.js';
import { parseDigestKey, type ChainKind } from './object-key.js';
import { parseDigestTime } from './timestamp.js';

export { findingId, sameFact } from './finding-id.js';

/** A chain as far as it is proved. Times here and below are `YYYY-MM-DDTHH:mm:ssZ`. */
export interface RememberedChain {
  readonly accountId: string;
  readonly region: string;
  readonly kind: ChainKind;
  readonly provedUntil: string;
  readonly newestDigest: DigestIdentity;
}

/** An object in a log folder that no digest file lists yet. */
export interface Candidate {
  readonly accountId: string;
  readonly region: string;
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  readonly lastModified?: string;
}

/** A finding that is told again until it is resolved or accepted. */
export interface OpenFinding {
  readonly id: string;
  /** When it was first told. */
  readonly since: string;
  readonly finding: Finding;
}

/** A finding that a person accepted: who, when and why. */
export interface Acceptance {
  readonly id: string;
  readonly by: string;
  readonly at: string;
  readonly reason: string;
  readonly finding: Finding;
}

export interface State {
  readonly schemaVersion: 1;
  /** The trail's ARN. */
  readonly trail: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly updatedAt: string;
  /** All chains are proved up to here. */
  readonly provedUntil: string;
  readonly chains: readonly RememberedChain[];
  readonly candidates: readonly Candidate[];
  readonly findings: readonly OpenFinding[];
  readonly accepted: readonly Acceptance[];
}

/** Why a text is no state, or a state can't be changed or written so. */
export class StateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StateError';
  }
}

/** A state is never larger, in bytes of UTF-8. */
export const MAX_STATE_BYTES = 64 * 1024 * 1024;

const MAX_DEPTH = 64;
const MAX_ENTRIES = 250_000;
const MAX_NAME = 4096;
const MAX_SIGNATURE = 4096;
const MAX_PERSON = 256;

type Check<T> = (value: unknown, at: string) => T;

function text(what: string, test: (text: string) => boolean): Check<string> {
  return (value, at) => {
    if (typeof value !== 'string' || !test(value)) throw new StateError(`${at} is not ${what}`);
    return value;
  };
}

const upTo = (limit: number): Check<string> =>
  text(`a text of at most ${limit} characters`, ({ length }) => length <= limit);

const written = (limit: number): Check<string> =>
  text(`a text of 1 to ${limit} characters`, (one) => one.length <= limit && one.trim().length > 0);

function oneOf<T extends string>(what: string, values: readonly T[]): Check<T> {
  return (value, at) => {
    const found = values.find((one) => one === value);
    if (found === undefined) throw new StateError(`${at} is not ${what}`);
    return found;
  };
}

function maybe<T>(check: Check<T>): Check<T | undefined> {
  return (value, at) => (value === undefined ? undefined : check(value, at));
}

function list<T>(check: Check<T>): Check<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new StateError(`${at} is not a list`);
    if (value.length > MAX_ENTRIES) throw new StateError(`${at} has over ${MAX_ENTRIES} entries`);
    return value.map((one, index) => check(one, `${at}[${index}]`));
  };
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads an object's own fields, in the shape's order; others are left out. */
function object<T extends object>(shape: {
  readonly [K in keyof T]-?: Check<T[K]>;
}): Check<T> {
  const checks = Object.entries<Check<unknown>>(shape);
  return (value, at) => {
    if (!isFields(value)) throw new StateError(`${at} is not an object`);
    const entries = checks.map(([name, check]): [string, unknown] => {
      const field = Object.hasOwn(value, name) ? value[name] : undefined;
      return [name, check(field, at === '' ? name : `${at}.${name}`)];
    });
    return Object.fromEntries(entries.filter(([, field]) => field !== undefined)) as T;
  };
}

/** A copy in plain JSON values, the names in every object in order; refuses what JSON can't hold. */
function plain(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new StateError('is nested past all reason');
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  if (isFields(value)) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([name, one]) => [name, plain(one, depth + 1)]));
  }
  // Minus zero is written as 0; what would be written as null is no number.
  if (typeof value === 'number' && Number.isFinite(value)) return value === 0 ? 0 : value;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  throw new StateError('holds a value that JSON has no form for');
}

const time = text(
  'a time of the form YYYY-MM-DDTHH:mm:ssZ',
  (one) => parseDigestTime(one) !== undefined,
);
const accountId = text('an account ID', isAccountId);
const region = text('the name of a Region', isRegionName);
const kind = oneOf<ChainKind>('standard or backfill', ['standard', 'backfill']);
const name = written(MAX_NAME);
const place = upTo(MAX_NAME);
const id = text('an id of 12 hex digits', (one) => /^[0-9a-f]{12}$/.test(one));
const sha256 = text('a SHA-256 in lower-case hex', (one) => /^[0-9a-f]{64}$/.test(one));
const signature = text(
  'a signature in lower-case hex',
  (one) => one.length <= MAX_SIGNATURE && /^(?:[0-9a-f]{2})+$/.test(one),
);
const size: Check<number> = (value, at) => {
  if (!Number.isSafeInteger(value) || Number(value) < 0) {
    throw new StateError(`${at} is not a whole number`);
  }
  return Number(value);
};
const details: Check<Details> = (value, at) => {
  if (!isFields(value)) throw new StateError(`${at} is not an object`);
  return plain(value) as Details;
};

const codes = Object.keys(FINDINGS) as (keyof typeof FINDINGS)[];
const finding = object<Finding>({
  code: oneOf('the code of a finding that this version knows', codes),
  class: oneOf('violation, unproved or notice', ['violation', 'unproved', 'notice']),
  message: upTo(MAX_MESSAGE),
  accountId: maybe(accountId),
  region: maybe(region),
  kind: maybe(kind),
  bucket: maybe(place),
  key: maybe(place),
  digestKey: maybe(place),
  start: maybe(time),
  end: maybe(time),
  details: maybe(details),
  hint: upTo(MAX_MESSAGE),
});

const identity = object<DigestIdentity>({
  bucket: name,
  key: name,
  hash: sha256,
  signature,
  endTime: time,
});
const chain = object<RememberedChain>({
  accountId,
  region,
  kind,
  provedUntil: time,
  newestDigest: identity,
});
const candidate = object<Candidate>({
  accountId,
  region,
  bucket: name,
  key: name,
  size,
  lastModified: maybe(time),
});
const by = written(MAX_PERSON);
const reason = written(MAX_MESSAGE);

const fields = object<State>({
  schemaVersion: (value) => {
    if (value !== 1) throw new StateError('schemaVersion is not 1');
    return 1;
  },
  trail: text('the ARN of a trail', (one) => parseTrailArn(one) !== undefined),
  bucket: name,
  prefix: place,
  updatedAt: time,
  provedUntil: time,
  chains: list(chain),
  candidates: list(candidate),
  findings: list(object<OpenFinding>({ id, since: time, finding })),
  accepted: list(object<Acceptance>({ id, by, at: time, reason, finding })),
});

/** What no single field shows: each chain once, digest files of that chain, ids of their findings. */
function checkWhole(state: State): State {
  const trail = parseTrailArn(state.trail);
  const seen = new Set<string>();
  state.chains.forEach((one, index) => {
    const at = `chains[${index}]`;
    const which = `${one.accountId} ${one.region} ${one.kind}`;
    if (seen.has(which)) throw new StateError(`${at} is there twice`);
    seen.add(which);
    const { bucket, key } = one.newestDigest;
    if (!trail || parseDigestKey(bucket, key, one, trail)?.kind !== one.kind) {
      throw new StateError(`${at}.newestDigest.key is not of a digest file of this chain`);
    }
  });
  for (const part of ['findings', 'accepted'] as const) {
    state[part].forEach((one, index) => {
      if (one.id !== findingId(one.finding)) {
        throw new StateError(`${part}[${index}].id is not the id of its finding`);
      }
    });
  }
  return state;
}

/** SHA-256 over the JSON without its checksum, names in order, no white space. */
function checksumOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

const order = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** A list in order of some fields; what they leave open, the whole entry decides. */
function sorted<T>(entries: readonly T[], compare: (a: T, b: T) => number): T[] {
  return [...entries].sort((a, b) => compare(a, b) || order(JSON.stringify(a), JSON.stringify(b)));
}

/** Compares by fields, the first that differs deciding. */
function byFields<T extends Source>(...more: (keyof T & string)[]): (a: T, b: T) => number {
  return (a, b) => {
    for (const field of ['accountId', 'region', ...more] as const) {
      const found = order(String(a[field as keyof T]), String(b[field as keyof T]));
      if (found !== 0) return found;
    }
    return 0;
  };
}

interface Source {
  readonly accountId: string;
  readonly region: string;
}

const byFinding = (a: { finding: Finding }, b: { finding: Finding }): number =>
  compareFindings(a.finding, b.finding);

function arranged(state: State): State {
  return {
    ...state,
    chains: sorted(state.chains, byFields<RememberedChain>('kind')),
    candidates: sorted(state.candidates, byFields<Candidate>('bucket', 'key')),
    findings: sorted(state.findings, byFinding),
    accepted: sorted(state.accepted, byFinding),
  };
}

/** As in src/report/escape.ts: nothing in the file can drive a terminal or forge a line of a diff. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\u2028\u2029]/gu;

function escaped(json: string): string {
  return json.replace(UNPRINTABLE, (char) =>
    char === '\n'
      ? char
      : [...Array(char.length).keys()]
          .map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`)
          .join(''),
  );
}

/** Findings as they may be kept; none of it changes their ids. */
function withoutMachine(state: State): State {
  const kept = <T extends { readonly finding: Finding }>(one: T): T => ({
    ...one,
    finding: portable(one.finding),
  });
  return { ...state, findings: state.findings.map(kept), accepted: state.accepted.map(kept) };
}

/**
 * A state as its file has it. The same state gives the same bytes, whatever the order of its lists,
 * and what `parseState` would refuse is never written: `StateError`. What findings quote of the
 * machine (host names, paths) is left out.
 */
export function serializeState(state: State): string {
  const checked = arranged(checkWhole(fields(withoutMachine(state), '')));
  const json = JSON.stringify({ ...checked, checksum: checksumOf(plain(checked)) }, null, 1);
  const file = `${escaped(json)}\n`;
  if (Buffer.byteLength(file) > MAX_STATE_BYTES) throw new StateError('is over 64 MiB');
  return file;
}

const CONFLICT = /^(?:<{7}|\|{7}|={7}|>{7})(?:[ \r]|$)/m;

function parseJson(file: string): Fields {
  if (Buffer.byteLength(file) > MAX_STATE_BYTES) throw new StateError('is over 64 MiB');
  if (file.trim() === '') throw new StateError('is empty');
  if (CONFLICT.test(file)) {
    throw new StateError('holds the marks of a git merge conflict; take one side of it whole');
  }
  let value: unknown;
  try {
    value = JSON.parse(file);
  } catch {
    throw new StateError('is not JSON: it was changed or damaged, or never was a state file');
  }
  if (!isFields(value)) throw new StateError('is not a JSON object');
  const version = Object.hasOwn(value, 'schemaVersion') ? value['schemaVersion'] : undefined;
  if (typeof version === 'number' && Number.isInteger(version) && version > 1) {
    throw new StateError(
      `was written by a newer version of this tool (schema ${version}, this one knows 1)`,
    );
  }
  if (version !== 1) throw new StateError('has no schemaVersion that this tool knows');
  return value;
}

/**
 * Reads a state file's text. Whatever is not exactly a state of the trail with this ARN is a
 * `StateError` with the reason, worded to follow the file's name: a state is never taken in part.
 */
export function parseState(file: string, trailArn: string): State {
  const { checksum, ...rest } = parseJson(file);
  const value = plain(rest);
  const found = checksumOf(value);
  if (checksum !== found) {
    throw new StateError('was changed or damaged since it was written: its checksum is not right');
  }
  const state = checkWhole(fields(value, ''));
  if (checksumOf(plain(state)) !== found) {
    throw new StateError('holds fields that this version does not know');
  }
  if (state.trail !== trailArn) throw new StateError(`is of another trail, ${state.trail}`);
  return state;
}

/**
 * Records that a person accepts open findings. An id that is not open must have been accepted
 * before, and stays as it was; one that is open again, because its fact changed (`sameFact`), is
 * accepted anew.
 */
export function accept(
  state: State,
  ids: readonly string[],
  person: string,
  at: string,
  why: string,
): State {
  const wanted = new Set(ids);
  const open = state.findings.filter((one) => wanted.has(one.id));
  const known = new Set([...open, ...state.accepted].map((one) => one.id));
  const unknown = [...wanted].filter((one) => !known.has(one));
  if (unknown.length > 0) {
    throw new StateError(`has no open finding with the id ${unknown.join(', ')}`);
  }
  const word = {
    by: by(person, 'the name of who accepts'),
    at: time(at, 'the time of acceptance'),
    reason: reason(why, 'the reason'),
  };
  const moved = new Set(open.map((one) => one.id));
  return {
    ...state,
    findings: state.findings.filter((one) => !moved.has(one.id)),
    accepted: [
      ...state.accepted.filter((one) => !moved.has(one.id)),
      ...open.map((one): Acceptance => ({ id: one.id, ...word, finding: one.finding })),
    ],
  };
}
