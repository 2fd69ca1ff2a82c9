/** From one run to the next: what is held against the remembered state, and what is remembered then. */
import pLimit from 'p-limit';
import { identify } from '../core/close.js';
import { finding, type Details, type Finding } from '../core/finding.js';
import { checkLogFile } from '../core/log-file.js';
import { parseDigestKey, type TrailName } from '../core/object-key.js';
import { contradicts, names, type DigestNode } from '../core/segment.js';
import {
  findingId,
  sameFact,
  type Candidate,
  type OpenFinding,
  type RememberedChain,
  type State,
} from '../core/state.js';
import {
  formatInstant,
  HOUR,
  parseDigestTime,
  parseKeyStamp,
  type Instant,
  type TimeRange,
} from '../core/timestamp.js';
import type { ObjectSource } from '../sources/ports.js';
import type { ClosedSource } from './judge.js';
import type { SourceResult } from './read-source.js';
import type { Remembered } from './remember.js';

/** Carried findings that are looked at again side by side. */
const AT_ONCE = 16;

function brokenFinding(
  result: SourceResult,
  one: Remembered,
  message: string,
  details?: Details,
): Finding {
  const { accountId, region } = result.plan;
  const { bucket, key } = one.chain.newestDigest;
  const place = { accountId, region, kind: one.kind, bucket, key, end: one.end, details };
  return finding('CHAIN_STATE_BROKEN', message, place);
}

/** Whether a digest file after the remembered one was led past it. */
function ledPast(one: Remembered, first: DigestNode | undefined, trail: TrailName): boolean {
  if (!first?.link || first.start < one.end - HOUR) return false;
  const { link } = first;
  if (names(link, one.node)) return contradicts(link, one.node);
  const named = parseDigestKey(link.bucket, link.key, one.chain, trail);
  return named === undefined || named.end <= one.end;
}

/** `CHAIN_STATE_BROKEN`, where what an earlier run proved is not what is there now. */
export function stateFindings(result: SourceResult): Finding[] {
  const { trail } = result.standard.chain;
  return result.remembered.flatMap((one): Finding[] => {
    if (one.now === 'gone') {
      const message = 'an earlier run proved this digest file, and it is not there any more';
      return [brokenFinding(result, one, message, { rememberedHash: one.node.hash })];
    }
    if (one.now === 'changed') {
      const message = 'an earlier run proved this digest file, and another content is there now';
      return [brokenFinding(result, one, message, { rememberedHash: one.node.hash })];
    }
    if (one.kind !== 'standard') return [];
    const { key } = one.node;
    const passed = result.standard.findings.some(
      (found) =>
        (found.code === 'CHAIN_FORKED' && found.digestKey === key) ||
        (found.code === 'CHAIN_LINK_BROKEN' && found.key === key),
    );
    if (!passed && !ledPast(one, result.afterRemembered, trail)) return [];
    const message = 'an earlier run proved this digest file, and the chain leads past it now';
    return [brokenFinding(result, one, message)];
  });
}

/** The time stamp of a digest file's key: its end. */
function stampOf(key: string | undefined): Instant | undefined {
  const stamp = /_(\d{8}T\d{6}Z)(?:_backfill)?\.json\.gz$/.exec(key ?? '');
  return stamp ? parseKeyStamp(stamp[1] ?? '') : undefined;
}

/**
 * The time that a finding tells of. One about an object is as old as the digest file that lists it or
 * that it is, and that digest file was read where its window meets the range.
 */
function timeOf(found: Finding): TimeRange | undefined {
  const start = parseDigestTime(found.start ?? '');
  const end = parseDigestTime(found.end ?? '');
  if (start !== undefined && end !== undefined) return { start, end };
  const listed = stampOf(found.digestKey) ?? end ?? stampOf(found.key);
  return listed === undefined ? undefined : { start: listed - HOUR, end: listed };
}

/** Whether a run looks for log files that nobody lists, without which it says nothing of them. */
const BESIDE: readonly string[] = ['LOG_UNLISTED', 'LOG_UNVALIDATED'];

/** Whether this run looked at what an older finding tells of: then its own findings speak. */
function wasExamined(found: Finding, closed: readonly ClosedSource[], unlisted: boolean): boolean {
  const { accountId, region } = found;
  const isWhole = ({ judged: { result } }: ClosedSource): boolean => !result.cutShort;
  // What is told of a Region or of the run as a whole is found anew, or has passed.
  if (accountId === undefined || region === undefined) return closed.every(isWhole);
  if (BESIDE.includes(found.code) && !unlisted) return false;
  const own = closed.find(({ judged: { result } }) => {
    const { plan } = result;
    return plan.accountId === accountId && plan.region === region;
  });
  if (!own || !isWhole(own)) return false;
  const time = timeOf(found);
  if (!time) return found.key === undefined && found.bucket === undefined;
  const { range } = own.judged.result;
  // A digest file is judged whole where its window meets the range; time only where it lies in it.
  return found.start === undefined
    ? time.end > range.start && time.start < range.end
    : time.start >= range.start && time.start < range.end;
}

/** Whether all that was planted is gone again. */
async function isRemoved(found: Finding, objects: ObjectSource): Promise<boolean> {
  const { count, first } = found.details ?? {};
  if (!Array.isArray(first) || first.length !== count) return false;
  for (const one of first as { bucket?: unknown; key?: unknown }[]) {
    const read = await objects.read(String(one.bucket), String(one.key), () =>
      Promise.resolve(true),
    );
    if (read.ok || read.failure.kind !== 'absent') return false;
  }
  return true;
}

/** Whether an accused file has its signed or remembered content again, or what was planted is gone. */
async function isRestored(found: Finding, objects: ObjectSource): Promise<boolean> {
  const { bucket, key, details } = found;
  if (found.code === 'LOG_UNLISTED') return isRemoved(found, objects);
  const hashValue = details?.['signedHash'] ?? details?.['rememberedHash'];
  if (bucket === undefined || key === undefined || typeof hashValue !== 'string') return false;
  const read = await objects.hashLog(bucket, key);
  return read.ok && checkLogFile({ hashValue }, read.value.content).state === 'valid';
}

/**
 * Findings of earlier runs that are neither resolved nor looked at again: they are told again. One that
 * this run found, too, is told as it found it.
 */
export async function carryFindings(
  state: State,
  closed: readonly ClosedSource[],
  found: readonly Finding[],
  objects: ObjectSource,
  unlisted: boolean,
): Promise<OpenFinding[]> {
  const known = new Set(found.map(findingId));
  const left = state.findings.filter(
    (one) => !known.has(one.id) && !wasExamined(one.finding, closed, unlisted),
  );
  const restored = await pLimit(AT_ONCE).map(left, (one) => isRestored(one.finding, objects));
  return left.filter((_, at) => restored[at] !== true);
}

/** A carried finding as the report tells it. */
export function tellAgain({ finding: found, since }: OpenFinding): Finding {
  return { ...found, details: { ...found.details, since } };
}

/** A finding with what was decided about it; it counts all the same in a run that looks at its time. */
export function markAccepted(found: Finding, state: State | undefined): Finding {
  const decided = state?.accepted.find(({ id }) => id === findingId(found));
  if (!decided) return found;
  const { by, at, finding: then } = decided;
  const accepted = sameFact(then, found)
    ? `by ${by} at ${at}`
    : `not as it is now: it has changed since ${by} accepted it at ${at}`;
  return { ...found, details: { ...found.details, accepted } };
}

function advanceChain(
  { judged: { result, intervals } }: ClosedSource,
  old: RememberedChain | undefined,
  isAccepted: (start: Instant, end: Instant) => boolean,
): RememberedChain | undefined {
  const { accountId, region } = result.plan;
  let at = old && parseDigestTime(old.provedUntil);
  // Time between was not looked at.
  if (at !== undefined && at < result.range.start) return old;
  let best: DigestNode | undefined;
  for (const one of intervals) {
    if (at !== undefined && one.end <= at) continue;
    if (one.state === 'proved') {
      if (one.node) best = one.node;
      if (at !== undefined) at = one.end;
    } else if (at !== undefined && !isAccepted(one.start, one.end)) break;
  }
  if (!best || (at !== undefined && old && best.end <= (parseDigestTime(old.provedUntil) ?? 0))) {
    return old;
  }
  const provedUntil = formatInstant(best.end);
  return { accountId, region, kind: 'standard', provedUntil, newestDigest: identify(best) };
}

function advanceBackfill(
  closed: ClosedSource,
  old: RememberedChain | undefined,
): RememberedChain | undefined {
  const { accountId, region } = closed.judged.result.plan;
  const newest = closed.chains.find(({ kind }) => kind === 'backfill')?.newestDigest;
  if (!newest || (old && newest.endTime <= old.provedUntil)) return old;
  return {
    accountId,
    region,
    kind: 'backfill',
    provedUntil: newest.endTime,
    newestDigest: newest,
  };
}

export interface NextStateOptions {
  readonly trail: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly now: Instant;
  readonly rangeStart: Instant;
}

/**
 * The state after a run: each chain as far as it is proved without a break (what a person accepted
 * is stepped over), what is open, and what was accepted. Chains that the run did not cover stay.
 */
export function nextState(
  old: State | undefined,
  closed: readonly ClosedSource[],
  findings: readonly Finding[],
  carried: readonly OpenFinding[],
  options: NextStateOptions,
): State {
  const nowText = formatInstant(options.now);
  const accepted = old?.accepted ?? [];
  // The same fact, not only the same name: more that is planted in an accepted place is new.
  const facts = new Map(accepted.map((one) => [one.id, one.finding]));
  const passes = (one: Finding): boolean => {
    const fact = facts.get(findingId(one));
    return fact !== undefined && sameFact(fact, one);
  };
  const chainName = (one: { accountId: string; region: string; kind: string }): string =>
    `${one.accountId} ${one.region} ${one.kind}`;
  const chains = new Map((old?.chains ?? []).map((one) => [chainName(one), one]));
  // A person who accepts that a remembered digest file is gone lets its chain begin anew.
  for (const one of findings.filter(({ code }) => code === 'CHAIN_STATE_BROKEN').filter(passes)) {
    const { accountId = '', region = '', kind = 'standard' } = one;
    chains.delete(chainName({ accountId, region, kind }));
  }
  const candidates: Candidate[] = [];
  for (const source of closed) {
    const { accountId, region } = source.judged.result.plan;
    const own = findings.filter(
      (one) =>
        one.accountId === accountId &&
        one.region === region &&
        one.kind !== 'backfill' &&
        one.class !== 'notice',
    );
    const isAccepted = (start: Instant, end: Instant): boolean => {
      const about = own.filter((one) => {
        const [from, to] = [parseDigestTime(one.start ?? ''), parseDigestTime(one.end ?? '')];
        return to !== undefined && (from ?? to - 1) < end && to > start;
      });
      return about.length > 0 && about.every(passes);
    };
    const standard = { accountId, region, kind: 'standard' };
    const next = advanceChain(source, chains.get(chainName(standard)), isAccepted);
    if (next) chains.set(chainName(next), next);
    const backfill = advanceBackfill(
      source,
      chains.get(chainName({ ...standard, kind: 'backfill' })),
    );
    if (backfill) chains.set(chainName(backfill), backfill);
    for (const { bucket, key, size, lastModified } of source.open) {
      const written =
        lastModified === undefined ? {} : { lastModified: formatInstant(lastModified) };
      candidates.push({ accountId, region, bucket, key, size, ...written });
    }
  }
  // Where log folders were not looked at, what was open there stays so.
  const covered = (one: Candidate): boolean =>
    closed.some(
      ({ judged: { result } }) =>
        result.ledger !== undefined &&
        result.plan.accountId === one.accountId &&
        result.plan.region === one.region,
    );
  // A Region that only this run's command line names is no chain to wait for.
  const fleeting = (one: Finding): boolean =>
    one.code === 'COVERAGE_NONE' &&
    closed.some(
      ({ judged: { result } }) =>
        result.plan.onlyNamed &&
        result.plan.accountId === one.accountId &&
        result.plan.region === one.region,
    );
  const since = new Map((old?.findings ?? []).map((one) => [one.id, one.since]));
  const told = findings
    .filter((one) => one.class !== 'notice' && !fleeting(one))
    .map((one): OpenFinding => {
      const id = findingId(one);
      return { id, since: since.get(id) ?? nowText, finding: one };
    });
  const open = new Map([...carried, ...told].map((one) => [one.id, one]));
  const standard = [...chains.values()].filter(({ kind }) => kind === 'standard');
  const provedUntil = standard.reduce(
    (min, one) => (one.provedUntil < min ? one.provedUntil : min),
    standard[0]?.provedUntil ?? formatInstant(options.rangeStart),
  );
  return {
    schemaVersion: 1,
    trail: options.trail,
    bucket: options.bucket,
    prefix: options.prefix,
    updatedAt: nowText,
    provedUntil,
    chains: [...chains.values()],
    candidates: [...(old?.candidates ?? []).filter((one) => !covered(one)), ...candidates],
    findings: [...open.values()].filter((one) => !passes(one.finding)),
    accepted,
  };
}
