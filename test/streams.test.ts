/** Reports that are written piece by piece: the same bytes, whatever their size. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { main, print } from '../src/cli/main.js';
import { openOutput } from '../src/cli/output.js';
import type { FindingCode, MoreFindings, Report, ReportFinding } from '../src/index.js';
import {
  PLAIN,
  renderJson,
  renderNdjson,
  renderText,
  streamJson,
  streamNdjson,
  streamText,
} from '../src/index.js';
import { FROM } from './support/lies.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';
import { validate } from './support/validate.js';

const text = fc.oneof(
  fc.constantFrom('a', '\n', '\u2028', '\ud800', '🙂', '\u001b[31m', '"', '  '),
  fc.string({ unit: 'binary' }),
);
const finding = fc
  .record(
    {
      id: fc.constantFrom('1', '2'),
      code: fc.constantFrom<FindingCode>('LOG_MISSING', 'LOG_UNLISTED', 'REGION_UNCONFIRMED'),
      class: fc.constantFrom('violation', 'unproved', 'notice'),
      message: text,
      hint: text,
      accountId: fc.constant('111122223333'),
      region: fc.constant('us-east-1'),
      key: text,
      start: fc.constant('s'),
      end: fc.constant('e'),
      details: fc.dictionary(text, fc.oneof(text, fc.array(text), fc.constant({}))),
    },
    { requiredKeys: ['id', 'code', 'class', 'message', 'hint'] },
  )
  .map((one) => one as ReportFinding);

async function collect(pieces: AsyncIterable<string>): Promise<string> {
  let all = '';
  for await (const piece of pieces) all += piece;
  return all;
}

async function* later<T>(items: Iterable<T>): AsyncGenerator<T> {
  await Promise.resolve();
  yield* items;
}

/** The report of a run of the real command. */
async function realReport(): Promise<Report> {
  const builder = new TrailBuilder();
  builder.chain({ from: FROM, hours: 3, logsPerHour: 1 });
  const { report } = await validate(builder, { start: FROM, end: FROM + 3 * HOUR });
  return report;
}

const made = (at: number, more: Partial<ReportFinding> = {}): ReportFinding => ({
  id: String(at),
  code: 'LOG_MISSING',
  class: 'violation',
  message: `m${at}`,
  hint: 'h',
  key: `k${at}`,
  ...more,
});

describe('reports in pieces', () => {
  it('are the bytes of the whole ones, wherever the findings come from', async () => {
    const report = await realReport();
    const all = fc.array(finding, { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(all, fc.nat(12), fc.boolean(), async (findings, at, verbose) => {
        const whole = { ...report, findings };
        const part = { ...report, findings: findings.slice(0, at) };
        const more: MoreFindings = later(findings.slice(at));
        const again = (): MoreFindings => later(findings.slice(at));
        const style = { style: PLAIN, verbose };
        expect(await collect(streamJson(part, more))).toBe(renderJson(whole));
        expect(await collect(streamNdjson(part, again()))).toBe(renderNdjson(whole));
        expect(await collect(streamText(part, style, again()))).toBe(renderText(whole, style));
        expect(await collect(streamJson(whole))).toBe(renderJson(whole));
      }),
      { numRuns: 100 },
    );
  });

  it('the text tells ten thousand findings, the gravest first, and counts the rest', async () => {
    const report = { ...(await realReport()), findings: [] };
    const notices = Array.from({ length: 12_000 }, (_, at) => made(at, { class: 'notice' }));
    const unproved = Array.from({ length: 9_999 }, (_, at) => made(at, { class: 'unproved' }));
    const last = [made(1), made(2), made(3)];
    const more = later([...notices, ...unproved, ...last]);
    const told = await collect(streamText(report, { style: PLAIN, verbose: true }, more));
    expect(told).toContain('Violations: altered or removed (3)');
    expect(told.match(/what {3}m/g)).toHaveLength(10_000);
    expect(told).toContain('  … and 2 more; --format json shows all');
    expect(told).toContain('  … and 12,000 more; --format json shows all');
    const brief = renderText(
      { ...report, findings: [...unproved, ...last] },
      { style: PLAIN, verbose: false },
    );
    expect(brief).toContain('  … and 9,949 more; --format json shows all');
  });
});

describe('the text', () => {
  it('calls a chain proved beside unlisted log files only where they were accepted', async () => {
    const report = await realReport();
    const chains = report.chains.map((chain) => ({
      ...chain,
      intervals: [{ start: 's', end: 'e', state: 'proved' as const }],
      logFiles: { ...chain.logFiles, unlisted: 1 },
    }));
    const place = { code: 'LOG_UNLISTED', accountId: '111122223333', region: 'us-east-1' } as const;
    for (const [severity, region, state] of [
      ['unproved', 'us-east-1', 'incomplete'],
      ['unproved', 'eu-west-1', 'proved'],
      ['notice', 'us-east-1', 'proved'],
    ] as const) {
      const one = made(1, { ...place, region, class: severity });
      const text = renderText(
        { ...report, chains, findings: [one] },
        { style: PLAIN, verbose: false },
      );
      expect(text).toMatch(new RegExp(`^ {2}${state} +111122223333 us-east-1`, 'm'));
    }
  });
});

describe('writing in pieces', () => {
  const io = (write: (piece: string, done: (error?: Error | null) => void) => void) => {
    const stdout = new Writable({
      highWaterMark: 1,
      write: (piece: Buffer, _encoding, done) => write(piece.toString(), done),
    });
    stdout.on('error', () => undefined);
    const none = () => undefined;
    return { stdout, stderr: process.stderr, env: {}, once: none, removeListener: none };
  };

  it('waits for a slow reader: no piece is made before the one before it is written', async () => {
    let written = 0;
    let made = 0;
    async function* pieces(): AsyncGenerator<string> {
      for (; made < 20; made++) {
        expect(written).toBe(made);
        yield await Promise.resolve('x');
      }
    }
    const slow = io((_, done) => {
      setTimeout(() => {
        written++;
        done();
      }, 2);
    });
    await print(slow, pieces());
    expect(written).toBe(20);
  });

  it('makes nothing more once the reader is gone, and a full disk is an error', async () => {
    let made = 0;
    let ended = false;
    async function* pieces(): AsyncGenerator<string> {
      try {
        for (;;) yield await Promise.resolve(`${made++}`);
      } finally {
        ended = true;
      }
    }
    const failing = (code: string) =>
      io((piece, done) => done(piece === '3' ? Object.assign(new Error(code), { code }) : null));
    await print(failing('EPIPE'), pieces());
    expect([made, ended]).toEqual([4, true]);
    made = 0;
    await expect(print(failing('ENOSPC'), pieces())).rejects.toThrow(
      /could not be written: ENOSPC/,
    );
    expect(await main(['--version'], failing('none'))).toBe(0);
  });

  it('leaves the old file where the report breaks off', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'output-test-'));
    try {
      const path = join(directory, 'report.json');
      const first = await openOutput(path);
      await first.write(later(['on', 'e']));
      expect(await readFile(path, 'utf8')).toBe('one');
      const second = await openOutput(path);
      async function* broken(): AsyncGenerator<string> {
        yield await Promise.resolve('two');
        throw new Error('lost');
      }
      await expect(second.write(broken())).rejects.toThrow(
        `--output ${path} can’t be written: lost`,
      );
      await second.discard();
      expect(await readFile(path, 'utf8')).toBe('one');
      expect(await readdir(directory)).toEqual(['report.json']);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('many findings', () => {
  it('100,000 pass through store and JSON in 64 MB of heap', { timeout: 240_000 }, async () => {
    const script = fileURLToPath(new URL('../bench/many-findings.js', import.meta.url));
    const child = spawn(process.execPath, ['--max-old-space-size=64', script, '100000', 'json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let bytes = 0;
    let ids = 0;
    let tail = '';
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      bytes += piece.length;
      const seen = tail + piece.toString('latin1');
      ids += seen.split('\n      "id": ').length - 1;
      // What may be the beginning of a match stays.
      tail = seen.slice(-'\n      "id": '.length + 1);
    }
    const status = await new Promise((resolve) => {
      if (child.exitCode !== null) resolve(child.exitCode);
      else child.once('close', resolve);
    });
    expect(status).toBe(0);
    expect(ids).toBe(100_000);
    expect(bytes).toBeGreaterThan(80_000_000);
  });
});
