import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { nearest } from '../core/nearest.js';
import { REGIONS } from '../core/regions.js';
import { escapeText } from '../report/escape.js';
import { RunError } from '../sources/ports.js';
import { parseArguments } from './command-line.js';
import { commandOf } from './commands.js';
import { COULD_NOT_RUN } from './exit-code.js';
import { inItsSigns } from './style.js';
import { UsageError } from './usage-error.js';

/** What of a process the command uses. */
export interface Io {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Record<string, string | undefined>;
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  removeListener(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function complain(io: Io, message: string, hint?: string): void {
  io.stderr.write(`validate-trail: error: ${escapeText(message)}\n`);
  if (hint !== undefined) io.stderr.write(`validate-trail: hint: ${escapeText(hint)}\n`);
}

/** Where the help of the command stands that was typed. */
function helpOf([name]: readonly string[]): string {
  return commandOf(name)
    ? `validate-trail ${name ?? ''} --help tells more`
    : 'validate-trail --help lists the options';
}

/** Regions that are not known by name may be new ones. */
function warnOfUnknown(regions: readonly string[] = [], io: Io): void {
  for (const region of regions.filter((one) => !REGIONS.includes(one))) {
    const meant = nearest(region, REGIONS);
    const words = meant === undefined ? 'is it spelt right?' : `did you mean ${meant}?`;
    io.stderr.write(`validate-trail: no known Region is named ${region}: ${words}\n`);
  }
}

async function* whole(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}

/**
 * Writes to stdout, whole or piece by piece, and waits until each is written. A reader that goes away
 * (`| head`) is no error of ours, the exit status still tells, and nothing more is made for it; a full
 * disk is an error.
 */
export async function print(io: Io, text: string | AsyncIterable<string>): Promise<void> {
  for await (const piece of typeof text === 'string' ? whole(text) : text) {
    const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
      io.stdout.write(piece, resolve);
    });
    if (error?.code === 'EPIPE') return;
    if (error) throw new RunError(`the report could not be written: ${error.message}`);
  }
}

/**
 * The command. Gives the exit status and never ends the process itself, so that piped output is
 * written whole.
 */
export async function main(argv: readonly string[], given: Io): Promise<number> {
  // What fails to be written is told to whoever wrote it; without a listener it would end the process.
  given.stdout.on('error', () => undefined);
  given.stderr.on('error', () => undefined);
  const io = inItsSigns(given);
  const stop = new AbortController();
  // Every request that waits to be tried again listens to it.
  setMaxListeners(0, stop.signal);
  const interrupt = (): void => {
    stop.abort();
  };
  try {
    const parsed = await parseArguments(argv);
    if (parsed.command === 'help') {
      await print(io, `${parsed.text}\n`);
      return 0;
    }
    if (parsed.command === 'version') {
      await print(io, `${version()}\n`);
      return 0;
    }
    if (parsed.command === 'verify-report') {
      return await (await import('./verify-report.js')).runVerify(parsed.arguments, io);
    }
    io.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
    // Only now: help and usage errors need no AWS client.
    io.once('SIGINT', interrupt);
    io.once('SIGTERM', interrupt);
    const tool = { name: 'validate-trail', version: version() };
    const { command, arguments: options } = parsed;
    if (command === 'merge') {
      const { runMerge } = await import('./merge.js');
      return await runMerge(options, io, tool, stop.signal);
    }
    if (command === 'collect') {
      warnOfUnknown(options.options.regions, io);
      const { runCollect } = await import('./collect.js');
      return await runCollect(options, io, tool, stop.signal);
    }
    if (command === 'keys') {
      warnOfUnknown(options.regions, io);
      const { runKeys } = await import('./keys.js');
      return await runKeys(options, io, stop.signal);
    }
    warnOfUnknown(options.regions, io);
    const run = options.estimate
      ? (await import('./estimate.js')).runEstimate
      : (await import('./validate.js')).runValidate;
    return await run(options, io, tool, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) {
      complain(io, 'interrupted before anything could be reported');
      return 130;
    }
    if (error instanceof UsageError) complain(io, error.message, error.hint ?? helpOf(argv));
    else if (error instanceof RunError) complain(io, error.message, error.hint);
    else complain(io, error instanceof Error ? error.message : String(error));
    return COULD_NOT_RUN;
  } finally {
    io.removeListener('SIGINT', interrupt);
    io.removeListener('SIGTERM', interrupt);
  }
}
