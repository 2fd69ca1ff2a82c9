/**
 * What could not be read, with the reason. Of a day its record tells; what else is read, to plan and
 * beside the days, is noted, so that a journal knows what is worth trying again.
 */
import type { Finding } from '../core/finding.js';
import { sourceName } from '../core/journal.js';
import type { Read, UnreadableReason } from '../sources/ports.js';
import type { SourcePlan } from './plan.js';
import type { SourceReader } from './read-day.js';

/** An object or a listing that could not be read. */
export interface Unread {
  readonly reason: unknown;
  readonly name: string;
}

const nameOf = (bucket = '', key = ''): string => `s3://${bucket}/${key}`;

/** Reasons that may be gone the next time. */
const PASSING: readonly unknown[] = [
  'credentials',
  'throttled',
  'network',
  'service',
  'changed',
] satisfies (UnreadableReason | 'changed')[];

/** Reasons that another role may not meet. */
const REFUSED: readonly unknown[] = [
  'access-denied',
  'credentials',
  'kms',
] satisfies UnreadableReason[];

export const isPassing = (reason: unknown): boolean => PASSING.includes(reason);
export const isRefused = (reason: unknown): boolean => REFUSED.includes(reason);

/** What findings tell as unreadable; one may have two reasons, its own and its folder's. */
export function* unreadIn(findings: Iterable<Finding>): Generator<Unread, undefined> {
  for (const { code, bucket, key, details = {} } of findings) {
    if (code !== 'OBJECT_UNREADABLE') continue;
    const { reason, listing } = details;
    const name = nameOf(bucket, key);
    yield { reason, name };
    if (listing !== undefined) yield { reason: listing, name };
  }
}

/** In what, beside the days, something could not be read for such a reason: folders and sources. */
export function besideNames(
  planned: Iterable<Finding>,
  sources: Iterable<{ readonly plan: SourcePlan; readonly unreadable: Unreadable }>,
  counts: (reason: unknown) => boolean,
): string[] {
  const folders = [...unreadIn(planned)].filter(({ reason }) => counts(reason));
  const own = [...sources].filter(({ unreadable }) => [...unreadable.keys()].some(counts));
  return [
    ...folders.map(({ name }) => name),
    ...own.map(({ plan }) => sourceName(plan, plan.locations)),
  ];
}

/** How much could not be read for each reason, and the first of it by name. */
export type Unreadable = Map<unknown, { readonly count: number; readonly first: string }>;

export function note(unreadable: Unreadable, { reason, name }: Unread, more = 1): void {
  const { count = 0, first = name } = unreadable.get(reason) ?? {};
  unreadable.set(reason, { count: count + more, first: name < first ? name : first });
}

/** A reader that notes what it can't read. Places and links that it learns are the other's, too. */
export function noting(reader: SourceReader, unreadable: Unreadable): SourceReader {
  const { objects, readDigest } = reader;
  const noted = <T>(bucket: string, key: string, read: Read<T>): Read<T> => {
    if (!read.ok && read.failure.kind === 'unreadable') {
      note(unreadable, { reason: read.failure.reason, name: nameOf(bucket, key) });
    }
    return read;
  };
  return {
    ...reader,
    objects: {
      ...objects,
      list: async (bucket, prefix, options) =>
        noted(bucket, prefix, await objects.list(bucket, prefix, options)),
      hashLog: async (bucket, key) => noted(bucket, key, await objects.hashLog(bucket, key)),
    },
    readDigest: async (bucket, key, size, versionId) => {
      const read = await readDigest(bucket, key, size, versionId);
      if (read?.outcome.kind === 'unreadable') {
        note(unreadable, { reason: read.outcome.reason, name: nameOf(bucket, key) });
      }
      return read;
    },
  };
}
