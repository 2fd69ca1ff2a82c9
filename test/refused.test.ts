/** What a shard was refused: a wrong role must not look like a share that was read. */
import { describe, expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import { runCommand, runJson } from './support/run-command.js';
import { inTemp, partials, serving, timeless } from './support/shards.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';

const range = { start: FROM + HOUR, end: FROM + 60 * HOUR };

function trail() {
  const builder = new TrailBuilder();
  const { digests } = builder.chain({ from: FROM, hours: 60 });
  return { builder, digests };
}

describe('a shard that is refused', () => {
  const REFUSED = { denied: ['ListObjectsV2', 'GetObject'] };

  // Right: 3 and a word on stderr; nothing was read, and a hundred green tasks would hide it.
  it('everything is not finished, tells what was refused, and ends at the second try', async () => {
    const { builder } = trail();
    await serving(builder, range, REFUSED, (argv) =>
      inTemp(async (directory) => {
        const [file = ''] = partials(directory, 1);
        const own = [...argv, '--shard', '1/1', '--partial', file, '--quiet'];
        const first = await runCommand(own);
        expect(first.status).toBe(3);
        expect(first.stderr).toMatch(
          /\d+ objects or listings could not be read: access-denied, first s3:\/\/trail-bucket\/AWSLogs\//,
        );
        expect(first.stdout).toContain('unfinished: the same command goes on');
        const second = await runCommand(own);
        expect(second.status).toBe(0);
        expect(second.stderr).toContain('could not be read: access-denied');
        expect(second.stderr).toContain('the run before could not either');
      }),
    );
  }, 60_000);

  // Right: what a role was refused another may read, in the second run of the shard as in the merge.
  it.each(['again', 'in the merge'])(
    'is read whole with the right role: %s',
    { timeout: 60_000 },
    async (when) => {
      const { builder } = trail();
      await serving(builder, range, REFUSED, (argv, endpoint) =>
        inTemp(async (directory) => {
          const [file = ''] = partials(directory, 1);
          const own = [...argv, '--shard', '1/1', '--partial', file];
          expect((await runCommand(own)).status).toBe(3);
          if (when === 'again') endpoint.set({});
          expect((await runCommand(own)).status).toBe(0);
          endpoint.set({});
          const merged = await runJson(['merge', file]);
          expect(merged.status).toBe(0);
          expect(timeless(merged.report)).toEqual(timeless((await runJson(argv)).report));
        }),
      );
    },
  );

  // Right: the same, of a log file alone. Whoever wrote its name must not write to the terminal.
  it.each([
    ['access-denied', { status: 403, code: 'AccessDenied' }],
    ['kms', { status: 400, code: 'KMS.DisabledException' }],
  ])(
    'one log file tells it with its name escaped: %s',
    { timeout: 60_000 },
    async (why, refuse) => {
      const { builder, digests } = trail();
      const digest = digests[59];
      const [log] = digest?.logs ?? [];
      if (!digest || !log) throw new Error('no log file');
      const key = log.key.replace('.json.gz', '\u001b[31m.json.gz');
      const [entry] = digest.fields['logFiles'] as object[];
      builder.resign(digest, { logFiles: [{ ...entry, s3Object: key }] });
      builder.put(log.bucket, key, { ...builder.get(log), refuse });
      builder.remove(log);
      await serving(builder, range, {}, (argv) =>
        inTemp(async (directory) => {
          const [file = ''] = partials(directory, 1);
          const own = [...argv, '--shard', '1/1', '--partial', file];
          const first = await runCommand(own);
          expect(first.status).toBe(3);
          expect(first.stderr).toContain(
            `1 object or listing could not be read: ${why}, first s3://`,
          );
          expect(first.stderr).toContain('\\u{1b}[31m');
          expect(first.stderr).not.toContain('\u001b[31m');
          expect((await runCommand(own)).status).toBe(0);
        }),
      );
    },
  );
});
