/** A journal proves what it was read for, then and there: not tonight, not for ever, not elsewhere. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import { MAX_DURATION, outOfTime } from './support/out-of-time.js';
import { runCommand, runJson } from './support/run-command.js';
import { inTemp, runShards, serving } from './support/shards.js';
import {
  HOUR,
  iso,
  TrailBuilder,
  type BuiltDigest,
  type BuiltLog,
} from './support/trail-builder.js';
import { writeEvidence } from './support/write-evidence.js';

const range = { start: FROM + HOUR, end: FROM + 100 * HOUR };
const at = (hours: number) => ({ now: new Date((FROM + hours * HOUR) * 1000) });

/** A chain of so many hours, and one of its digest files. */
function trail(hours = 100) {
  const builder = new TrailBuilder();
  const { digests } = builder.chain({ from: FROM, hours });
  const digest = (number: number): BuiltDigest => {
    const found = digests[number];
    if (!found) throw new Error('no digest file');
    return found;
  };
  const log = (number: number): BuiltLog => {
    const [found] = digest(number).logs;
    if (!found) throw new Error('no log file');
    return found;
  };
  return { builder, digest, log };
}

const isListing = (url: string): boolean => url.includes('list-type');

describe('an old journal', () => {
  // Right: never 0, as with a journal that has days: what was asked for ends later and was not looked at.
  it('in which no day is finished does not answer for tonight with last night’s range', async () => {
    const { builder, log } = trail();
    await serving(builder, range, at(60), (argv, endpoint) =>
      inTemp(async (directory) => {
        const asked = [...argv.slice(0, 4), '--start-time', '1d'];
        const own = [...asked, '--resume', join(directory, 'journal')];
        const run = () => runJson([...own, ...MAX_DURATION]);
        expect((await outOfTime(endpoint, isListing, run, at(60))).status).toBe(3);
        endpoint.set(at(84));
        const { bucket, key } = log(75);
        builder.put(bucket, key, { body: Buffer.from('no') });
        expect((await runJson(asked)).status).toBe(1);
        expect((await runJson(own)).status).not.toBe(0);
      }),
    );
  }, 60_000);

  // Right: refused, or never 0, as partials that are older than --max-age are: what was altered since
  // would not show. Only a line on stderr says how old it is, and with --quiet none.
  it('of a range that stands does not prove what was altered a month later', async () => {
    const { builder, log } = trail();
    await serving(builder, range, at(104), (argv, endpoint) =>
      inTemp(async (directory) => {
        const own = [...argv, '--resume', join(directory, 'journal'), '--quiet'];
        const isOldest = (url: string): boolean => /CloudTrail-Digest.*2026\/03\/10/.test(url);
        const run = () => runCommand([...own, ...MAX_DURATION]);
        expect((await outOfTime(endpoint, isOldest, run, at(104))).status).toBe(3);
        endpoint.set(at(104 + 30 * 24));
        const { bucket, key } = log(75);
        builder.put(bucket, key, { body: Buffer.from('no') });
        expect((await runCommand(argv)).status).toBe(1);
        expect((await runCommand(own)).status).not.toBe(0);
      }),
    );
  }, 60_000);

  // Right: 2, other work: `evidence` is another directory here.
  it('of another directory of evidence that has the same relative name is refused', async () => {
    const { builder, log } = trail(30);
    await inTemp(async (directory) => {
      const [one = '', two = ''] = ['one', 'two'].map((name) => join(directory, name));
      const keys = join(one, 'evidence', 'ListPublicKeys.json');
      await writeEvidence(builder.world, join(one, 'evidence'), 'us-east-1');
      builder.put(log(25).bucket, log(25).key, { body: Buffer.from('no') });
      await writeEvidence(builder.world, join(two, 'evidence'), 'us-east-1');
      const argv = [
        ...['--trail-arn', builder.trail.TrailARN, '--evidence', 'evidence', '--public-keys', keys],
        ...['--start-time', iso(range.start), '--end-time', iso(FROM + 30 * HOUR)],
      ];
      const part = join(directory, 'part');
      const before = process.cwd();
      try {
        process.chdir(one);
        await runShards(argv, [part]);
        expect((await runCommand(['merge', part])).status).toBe(0);
        process.chdir(two);
        expect((await runCommand(argv)).status).toBe(1);
        const again = await runCommand([...argv, '--shard', '1/1', '--partial', part]);
        expect(again.status).toBe(2);
        // The shard's own evidence, wherever merge is called.
        expect((await runCommand(['merge', part])).status).toBe(0);
      } finally {
        process.chdir(before);
      }
    });
  }, 60_000);
});
