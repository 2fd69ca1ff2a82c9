/**
 * On a real S3 server with versioning (Ceph's radosgw; moto where that is absent): what the report
 * says about originals, and its restore commands run as they are printed.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base, rewrite } from './support/lies.js';
import { startEndpoint, type Endpoint } from './support/loopback.js';
import { startMoto, startRadosgw, upload, type RealS3 } from './support/real-s3.js';
import { accusations, CREDENTIALS, runCommand, runJson } from './support/run-command.js';
import { iso } from './support/trail-builder.js';

const run = promisify(execFile);
const hasAws = await run('aws', ['--version']).then(
  () => true,
  () => false,
);

for (const [name, start] of [
  ['radosgw', startRadosgw],
  ['moto', startMoto],
] as const) {
  describe(`originals on ${name}`, () => {
    let server: RealS3 | undefined;
    let endpoint: Endpoint;
    const made = base({ versioning: 'Enabled' });
    const { builder, digest, log } = made;
    const altered = log(3);
    const deleted = log(5, 1);
    const argv = (url: string, s3: string): string[] => [
      ...['--trail-arn', builder.trail.TrailARN, '--endpoint-url', url, '--s3-endpoint-url', s3],
      ...['--start-time', iso(made.start), '--end-time', iso(made.end)],
    ];

    beforeAll(async () => {
      rewrite(builder, altered, (text) => text.replace('GetObject', 'PutObject'));
      builder.remove(deleted);
      builder.remove(digest(4));
      rewrite(builder, digest(2), (text) =>
        text.replace('"newestEventTime":"2026', '"newestEventTime":"2025'),
      );
      endpoint = await startEndpoint(builder.world);
      server = await start();
      if (server) await upload(server, builder.world);
      else console.warn(`originals on ${name} skipped: it is not on this machine`);
    }, 180_000);
    afterAll(async () => {
      await endpoint.close();
      await server?.stop();
    });

    it('are found, and the printed commands restore them: the next run is valid', async (context) => {
      if (!server || !hasAws) {
        context.skip();
        return;
      }
      const before = await runJson(argv(endpoint.url, server.url));
      expect(accusations(before.report)).toEqual([
        'DIGEST_MISSING',
        'DIGEST_SIGNATURE_INVALID',
        'LOG_HASH_MISMATCH',
        'LOG_MISSING',
        'LOG_UNVALIDATED',
        'LOG_UNVALIDATED',
      ]);
      const text = await runCommand(argv(endpoint.url, server.url));
      const commands = [...text.stdout.matchAll(/restore (?:it|them): (aws s3api .*)$/gm)];
      expect(commands).toHaveLength(4);
      const env = {
        ...process.env,
        ...CREDENTIALS,
        AWS_ENDPOINT_URL: server.url,
        AWS_REGION: 'us-east-1',
      };
      for (const [, command = ''] of commands) await run('sh', ['-c', command], { env });
      const after = await runJson(argv(endpoint.url, server.url));
      expect(accusations(after.report)).toEqual([]);
      expect(after.status).toBe(0);
    }, 120_000);
  });
}
