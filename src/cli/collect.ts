import { count, numeral } from '../core/count.js';
import { KEYS_FILE, MANIFEST, type Collector } from '../core/evidence.js';
import { formatInstant } from '../core/timestamp.js';
import { escapeText } from '../report/escape.js';
import { PLAIN } from '../report/style.js';
import { renderQuiet } from '../report/text.js';
import { collectRest } from '../runner/collect-rest.js';
import { estimateTrail } from '../runner/estimate.js';
import type { RunOptions, RunResult } from '../runner/options.js';
import { validateTrail } from '../runner/run.js';
import { isPassing } from '../runner/unread.js';
import type { Evidence, Unread } from '../sources/evidence.js';
import type { CollectArguments } from './collect-args.js';
import { connectCollecting } from './collecting.js';
import { connect } from './connect.js';
import { askedFor, clock, runOptions } from './connected.js';
import { INCOMPLETE, INTERRUPTED } from './exit-code.js';
import { print, type Io } from './main.js';
import { createProgress } from './progress.js';
import { askedRange } from './range.js';

const bytesOf = (bytes: number): string =>
  bytes < 1e6 ? `${numeral(Math.ceil(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** Bytes of the manifest that an object takes, about. */
const LINE = 900;

const byWhom = (by: Collector): string =>
  'arn' in by ? by.arn : `an unknown caller (GetCallerIdentity: ${by.unknown})`;

/** What a finished collection is, and what to write down of it. */
function summary({ directory, manifest }: Evidence, proves: string | undefined): string {
  const { head, end, sha256 } = manifest;
  if (!end) throw new Error('the evidence is not closed');
  const { range } = head;
  const files = `${count(end.objects, 'object')}, ${bytesOf(end.bytes)}`;
  const lines = [
    `Trail      ${head.trail}`,
    `Range      ${formatInstant(range.start)} to ${formatInstant(range.end)} (delivery time)`,
    `Collected  ${files}, by ${byWhom(head.collectedBy)}`,
    ...(proves === undefined ? [] : [`Proves     ${proves}`]),
    '',
    'Write these down apart from the evidence: they vouch for it.',
    `  ${MANIFEST.padEnd(KEYS_FILE.length)}  SHA-256 ${sha256}`,
    `  ${KEYS_FILE}  SHA-256 ${end.keysSha256}`,
    '',
    'To prove it, without AWS:',
    `  validate-trail --evidence ${shellWord(directory)} \\`,
    `    --manifest-sha256 ${sha256}`,
  ];
  return `${lines.map((line) => escapeText(line)).join('\n')}\n`;
}

const shellWord = (text: string): string =>
  /^[\w./=@%+,:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** What could not be read for a reason, in words. */
function unreadWords(reason: string, { count: number, first }: Unread): string {
  const what =
    reason === 'keys'
      ? `public keys of ${count(number, 'Region')}`
      : `${numeral(number)} ${reason}`;
  return `could not be read: ${what}${number > 1 ? ', the first' : ''}: ${first}`;
}

/** Says what would be copied, from listings alone. */
async function dryRun(
  { options, directory }: CollectArguments,
  io: Io,
  tool: RunOptions['tool'],
  signal: AbortSignal,
): Promise<number> {
  const connection = await connect(options, io.env, signal);
  try {
    const range = askedRange(options, connection.now);
    const own = { tool, startedAt: clock(), signal };
    const estimate = await estimateTrail({ ...connection, range, ...askedFor(options), ...own });
    const { bytes, failures, failureCount } = estimate;
    const [digests, logs] = [estimate.digestFiles.files, estimate.logFiles.files];
    const files = `${count(digests, 'digest file')}, ${count(logs, 'log file')}`;
    const all = count(digests + logs, 'object');
    await print(
      io,
      `${escapeText(directory)} would take ${all}, ${bytesOf(bytes)} (${files}), and the manifest, about ${bytesOf((digests + logs) * LINE)}\n`,
    );
    for (const { place, why } of failures) {
      io.stderr.write(`validate-trail: ${escapeText(`${place}: ${why}`)}\n`);
    }
    if (estimate.interrupted) return INTERRUPTED;
    return failureCount > 0 ? INCOMPLETE : 0;
  } finally {
    await connection.close();
  }
}

/** Copies what was listed and not read, and closes the evidence unless something may yet be read. */
async function complete(
  evidence: Evidence,
  run: RunOptions,
  { directory, finish }: CollectArguments,
  io: Io,
  signal: AbortSignal,
): Promise<boolean> {
  await collectRest(
    evidence.uncopied(run.digestsOnly === true),
    run.objects,
    run.concurrency,
    signal,
  );
  if (signal.aborted) return false;
  const unread = await evidence.unread();
  const passing = [...unread.keys()].some((reason) => reason === 'keys' || isPassing(reason));
  for await (const why of evidence.unanswered()) {
    io.stderr.write(`validate-trail: notice: not answered: ${escapeText(why)}\n`);
  }
  for (const [reason, one] of unread) {
    io.stderr.write(`validate-trail: ${escapeText(unreadWords(reason, one))}\n`);
  }
  if (passing && !finish) {
    io.stderr.write(
      `validate-trail: hint: the same command tries again; --finish closes ${escapeText(directory)} as it is\n`,
    );
    return false;
  }
  await evidence.finish([...unread.values()].reduce((sum, one) => sum + one.count, 0));
  return true;
}

/** Collects evidence and gives the exit status. */
export async function runCollect(
  given: CollectArguments,
  io: Io,
  tool: RunOptions['tool'],
  signal: AbortSignal,
): Promise<number> {
  const { directory, options } = given;
  // Before anything is asked of AWS: a range that makes no sense is the user's mistake.
  askedRange({ ...options, retentionDays: undefined }, clock());
  if (given.dryRun) return dryRun(given, io, tool, signal);
  const { connection, evidence } = await connectCollecting(
    options,
    directory,
    tool.version,
    io.env,
    signal,
  );
  const progress = createProgress(io, !options.quiet);
  let result: RunResult | undefined;
  try {
    if (!connection) {
      await print(io, `${escapeText(directory)} is collected and closed already.\n`);
      await print(io, summary(evidence, undefined));
      return (evidence.manifest.end?.failed ?? 0) > 0 ? INCOMPLETE : 0;
    }
    const { range } = evidence.manifest.head;
    const own = { range, tool, startedAt: clock(), signal, listener: progress.listener };
    const run = runOptions(options, { connection, state: undefined }, own);
    result = await validateTrail(run);
    const isClosed = !signal.aborted && (await complete(evidence, run, given, io, signal));
    progress.stop();
    if (signal.aborted) {
      io.stderr.write('validate-trail: interrupted; the same command goes on\n');
      return INTERRUPTED;
    }
    if (!isClosed) return INCOMPLETE;
    await print(io, summary(evidence, renderQuiet(result.report, PLAIN)));
    return (await evidence.unread()).size > 0 ? INCOMPLETE : 0;
  } finally {
    progress.stop();
    await result?.close();
    await connection?.close();
    await evidence.close();
  }
}
