/**
 * The objects in a source's log folders that nobody lists, once the digest files beside the range,
 * those that came late and those of other trails have spoken.
 */
import type { LogFileEntry } from '../core/digest-file.js';
import {
  logDay,
  LOG_SLACK,
  logTime,
  prepend,
  strike,
  within,
  type LogLedger,
} from '../core/log-objects.js';
import type { DigestNode } from '../core/segment.js';
import { oldestDay } from './days.js';
import { readLate } from './late-backfill.js';
import { readBefore, type Context } from './read-context.js';
import type { SourceReader } from './read-day.js';
import type { DaysRead } from './read-days.js';
import { strikeByOthers, strikeProved } from './read-logs.js';
import type { SourceJob } from './read-source.js';
import type { Remembered } from './remember.js';

/** What the digest files right beside the range list. */
export interface Beside {
  readonly context: Context | undefined;
  /** Of the one before it; `undefined` where that could not be read. */
  readonly before: readonly LogFileEntry[] | undefined;
}

/**
 * Settles what nobody lists of the days that were read. Own backfill digest files that are come upon
 * meanwhile are read, too.
 */
export async function settleLedger(
  job: SourceJob,
  reader: SourceReader,
  read: DaysRead,
  { context, before }: Beside,
): Promise<DaysRead> {
  const { range, carried, stopped } = job;
  const { standard } = read.total;
  // Beyond the newest digest file of the range, later ones speak.
  const end = Math.max(range.end, standard.newest?.end ?? 0);
  let ledger = within(read.total.ledger, { start: range.start, end }, carried);
  // Younger ones lie in folders that were listed again.
  const older = job.candidates.filter(({ key }) => (logDay(key) ?? 0) < oldestDay(range));
  ledger = prepend(older, ledger);
  ledger = strike(ledger, ledger.elsewhere);
  for (const list of [before ?? [], context?.logFiles ?? []]) {
    ledger = await strikeProved(reader, ledger, list);
  }
  for await (const list of context?.later() ?? []) {
    if (ledger.candidates.size === 0 || stopped()) break;
    ledger = await strikeProved(reader, ledger, list);
  }
  const settled = { ...read, total: { ...read.total, ledger } };
  if (ledger.candidates.size === 0 || stopped()) return settled;
  const { nodes, loose } = read.total.backfill;
  const others = await strikeByOthers(reader, ledger, [...nodes, ...loose]);
  const known = { ...settled, total: { ...settled.total, ledger: others.ledger } };
  return others.late.length === 0 || stopped() ? known : readLate(job, reader, known, others.late);
}

/** What the digest file right before the range lists; asked only where something hangs on it. */
export async function listedBefore(
  job: SourceJob,
  reader: SourceReader,
  first: DigestNode | undefined,
  remembered: readonly Remembered[],
  ledger: LogLedger,
): Promise<readonly LogFileEntry[] | undefined> {
  const { start } = job.range;
  const known = remembered.find((one) => one.kind === 'standard' && one.now === 'same');
  if (known && known.end <= start) return known.logFiles;
  // A starting digest has none before it; and one that lies in the range was read.
  if (!first?.link || first.start > start) return [];
  const early = [...ledger.candidates.values()].some(
    ({ key }) => (logTime(key) ?? 0) <= start + LOG_SLACK,
  );
  return early ? readBefore(reader, first.link) : [];
}
