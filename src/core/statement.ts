/**
 * What an attestation says of a report: an in-toto Statement v1
 * (github.com/in-toto/attestation, spec/v1/statement.md) with a predicate of our own (docs/custody.md).
 */
import { MANIFEST } from './evidence.js';
import type { Report, Scope } from './report.js';
import type { Verdict } from './verdict.js';

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** A name, not an address: it never changes its meaning. */
export const PREDICATE_TYPE = 'https://github.com/validate-trail/validate-trail/report/v1';

/** Digest files that a statement names; a report of more chains is named, and they are counted. */
export const MOST_DIGESTS = 10_000;
const MOST_SUBJECTS = 20_000;
const MOST_NAME = 4096;

/** A file and its hash. */
export interface Subject {
  /** A file's base name, or a digest file's `s3://BUCKET/KEY`. */
  readonly name: string;
  /** 64 hex digits; of a digest file's uncompressed bytes, of any other file's bytes as they are. */
  readonly sha256: string;
}

/** What is said of the report, as far as a person is told. */
export interface Claim {
  readonly tool: { readonly name: string; readonly version: string };
  readonly verdict: Verdict;
  readonly gapsAllowed?: true;
  readonly interrupted?: true;
  /** Of the process that signed. */
  readonly exitStatus: number;
  readonly trail: { readonly arn: string; readonly bucket: string };
  readonly timeRange: { readonly start: string; readonly end: string };
  /** What narrowed the scope, in words. */
  readonly narrowed: readonly string[];
  /** Chains that have a newest authenticated digest file. */
  readonly newestDigests: number;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** The predicate as it is written. */
interface Predicate extends Claim {
  readonly trail: Report['trail'];
  readonly timeRange: Report['timeRange'];
  readonly scope: Scope;
  readonly counts: Report['counts'];
}

/** What a statement says, by kind of subject. */
export interface Statement {
  readonly reports: readonly Subject[];
  readonly digests: readonly Subject[];
  /** SHA-256 of the evidence's manifest. */
  readonly manifest: string | undefined;
  readonly claim: Claim;
}

const isDigest = ({ name }: Subject): boolean => name.startsWith('s3://');

/** The newest authenticated digest file of each chain, in the report's order, as many as are named. */
function digestSubjects(report: Report): { count: number; subjects: Subject[] } {
  const newest = report.chains.flatMap(({ newestDigest }) => newestDigest ?? []);
  const subjects = newest
    .slice(0, MOST_DIGESTS)
    .map(({ bucket, key, hash }) => ({ name: `s3://${bucket}/${key}`, sha256: hash }));
  return { count: newest.length, subjects };
}

/** Writes the statement about report files that were written: the bytes that are signed. */
export function writeStatement(
  report: Report,
  {
    files,
    exitStatus,
    narrowed,
  }: {
    /** The report files, and the manifest where there is one. */
    readonly files: readonly Subject[];
    readonly exitStatus: number;
    readonly narrowed: readonly string[];
  },
): Buffer {
  const digests = digestSubjects(report);
  const { tool, verdict, gapsAllowed, interrupted, trail, timeRange, scope, counts } = report;
  const predicate: Predicate = {
    tool,
    verdict,
    ...(gapsAllowed ? { gapsAllowed } : {}),
    ...(interrupted ? { interrupted } : {}),
    exitStatus,
    trail,
    timeRange,
    scope,
    narrowed,
    counts,
    newestDigests: digests.count,
    startedAt: report.startedAt,
    finishedAt: report.finishedAt,
  };
  const subject = [...files, ...digests.subjects].map(({ name, sha256 }) => ({
    name,
    digest: { sha256 },
  }));
  const statement = { _type: STATEMENT_TYPE, subject, predicateType: PREDICATE_TYPE, predicate };
  return Buffer.from(JSON.stringify(statement), 'utf8');
}

/** Why signed bytes are no statement of ours; never leaves this file. */
class Unfit extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function object(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Unfit(`${what} is not an object`);
}

function text(fields: Fields, name: string, what: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new Unfit(`${what} has no ${name}`);
}

function whole(fields: Fields, name: string): number {
  const value = fields[name];
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new Unfit(`the predicate has no ${name}`);
}

function readSubjects(value: unknown): Subject[] {
  if (!Array.isArray(value) || value.length === 0) throw new Unfit('it has no subjects');
  if (value.length > MOST_SUBJECTS) throw new Unfit(`it has more than ${MOST_SUBJECTS} subjects`);
  const subjects = value.map((one: unknown): Subject => {
    const fields = object(one, 'a subject');
    const name = text(fields, 'name', 'a subject');
    const sha256 = object(fields['digest'], 'a subject’s digest')['sha256'];
    if (name.length > MOST_NAME) throw new Unfit('a subject’s name is longer than any file’s');
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
      throw new Unfit('a subject has no SHA-256 in hex');
    }
    return { name, sha256 };
  });
  const names = new Set(subjects.map(({ name }) => name));
  if (names.size < subjects.length) throw new Unfit('two subjects have one name');
  return subjects;
}

function readClaim(value: unknown): Claim {
  const fields = object(value, 'the predicate');
  const of = (name: string): Fields => object(fields[name], `the predicate’s ${name}`);
  const verdict = (['valid', 'invalid', 'incomplete'] as const).find(
    (one) => one === fields['verdict'],
  );
  const narrowed = fields['narrowed'];
  if (!verdict) throw new Unfit('the predicate has no verdict');
  if (!Array.isArray(narrowed) || narrowed.some((one) => typeof one !== 'string')) {
    throw new Unfit('the predicate has no narrowed');
  }
  const [tool, trail, range] = [of('tool'), of('trail'), of('timeRange')];
  return {
    tool: { name: text(tool, 'name', 'the tool'), version: text(tool, 'version', 'the tool') },
    verdict,
    ...(fields['gapsAllowed'] === true ? { gapsAllowed: true } : {}),
    ...(fields['interrupted'] === true ? { interrupted: true } : {}),
    exitStatus: whole(fields, 'exitStatus'),
    trail: { arn: text(trail, 'arn', 'the trail'), bucket: text(trail, 'bucket', 'the trail') },
    timeRange: { start: text(range, 'start', 'the range'), end: text(range, 'end', 'the range') },
    narrowed: narrowed as string[],
    newestDigests: whole(fields, 'newestDigests'),
    startedAt: text(fields, 'startedAt', 'the predicate'),
    finishedAt: text(fields, 'finishedAt', 'the predicate'),
  };
}

/**
 * Parses a payload whose signature was verified. What isn't a statement about a report of ours comes
 * back with the reason. Fields that it doesn't know are ignored (spec/v1/README.md, "Parsing rules").
 */
export function parseStatement(
  bytes: Uint8Array,
): { readonly ok: true; readonly statement: Statement } | { readonly ok: false; why: string } {
  try {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch {
      throw new Unfit('it is not JSON in UTF-8');
    }
    const fields = object(value, 'it');
    if (fields['_type'] !== STATEMENT_TYPE) throw new Unfit('it is not an in-toto statement, v1');
    if (fields['predicateType'] !== PREDICATE_TYPE) {
      throw new Unfit(`its predicate is of another type than ${PREDICATE_TYPE}`);
    }
    const subjects = readSubjects(fields['subject']);
    const digests = subjects.filter(isDigest);
    const reports = subjects.filter((one) => !isDigest(one) && one.name !== MANIFEST);
    if (reports.length === 0) throw new Unfit('it names no report');
    const manifest = subjects.find(({ name }) => name === MANIFEST)?.sha256;
    const claim = readClaim(fields['predicate']);
    return { ok: true, statement: { reports, digests, manifest, claim } };
  } catch (error) {
    if (error instanceof Unfit) return { ok: false, why: error.message };
    throw error;
  }
}
