/** What makes a finding the same fact from one run to the next. */
import { createHash } from 'node:crypto';
import { FINDINGS, type Details, type Finding } from './finding.js';

/** Longest message or hint that is kept. */
export const MAX_MESSAGE = 4096;

/** Their messages quote what the machine's own network, files and credentials had to say. */
const QUOTING: readonly string[] = [
  'OBJECT_UNREADABLE',
  'EVIDENCE_ALTERED',
  'KEYS_UNAVAILABLE',
  'KEYS_UNPINNED',
  'REGION_UNCONFIRMED',
];

/** Details that say what was found when the versions were searched, not what is wrong. */
const SEARCHED: readonly string[] = ['original', 'originals', 'versions', 'since', 'accepted'];

/**
 * A short name for a finding that stays the same from run to run: 12 hex digits over its code and
 * place. Words, class and details are left out, for they change while the fact stays.
 */
export function findingId(finding: Finding): string {
  const { code, accountId, region, kind, bucket, key, start, end } = finding;
  const place = [accountId, region, kind, bucket, key, start, key === undefined ? end : undefined];
  // Two nights may each find something in one folder and day: what is named makes them two facts.
  const first = finding.details?.['first'];
  const named = code === 'LOG_UNLISTED' && Array.isArray(first) ? first.map(nameOf) : [];
  // JSON.stringify writes `undefined` in a list as null, so an absent place is not an empty one.
  const text = JSON.stringify([code, ...place, ...named]);
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** The place of an object that a finding's details list, whatever the order of their fields. */
function nameOf(value: unknown): string {
  const { bucket, key } = (value ?? {}) as { bucket?: unknown; key?: unknown };
  return `${String(bucket)}/${String(key)}`;
}

const cut = (text: string): string =>
  text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text;

function without(details: Details | undefined, names: readonly string[]): [string, unknown][] {
  return Object.entries(details ?? {}).filter(([name]) => !names.includes(name));
}

/**
 * A finding as it may be kept in a repository: without what the machine said (host names, paths,
 * who ran it), and not longer than a page.
 */
export function portable(finding: Finding): Finding {
  const { code, details } = finding;
  if (!QUOTING.includes(code)) {
    const kept = without(details, ['versions']);
    return {
      ...finding,
      message: cut(finding.message),
      hint: cut(finding.hint),
      ...(details === undefined ? {} : { details: Object.fromEntries(kept) }),
    };
  }
  const { title, hint } = FINDINGS[code];
  const reason = details?.['reason'];
  if (typeof reason === 'string' && /^[a-z-]{1,40}$/.test(reason)) {
    const signedHash = details?.['signedHash'];
    const kept = typeof signedHash === 'string' ? { reason, signedHash } : { reason };
    return { ...finding, message: `${title} (${reason})`, details: kept, hint };
  }
  const rest = Object.entries(finding).filter(([name]) => name !== 'details');
  return { ...(Object.fromEntries(rest) as unknown as Finding), message: title, hint };
}

/** A value with the names in every object in order, so that equal values have equal JSON. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, inOrder(one)]));
}

/**
 * Whether two findings tell the same fact in every respect that matters: what a person accepted
 * covers no more than that. A second planted file in a folder, or other bytes under a name, keep
 * the finding's id and are not the same fact.
 */
export function sameFact(a: Finding, b: Finding): boolean {
  const facts = (finding: Finding): string => {
    const {
      code,
      class: severity,
      accountId,
      region,
      kind,
      bucket,
      key,
      start,
      end,
      details,
    } = portable(finding);
    const place = [code, severity, accountId, region, kind, bucket, key, start, end];
    return JSON.stringify([place, inOrder(Object.fromEntries(without(details, SEARCHED)))]);
  };
  return facts(a) === facts(b);
}
