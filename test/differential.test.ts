/**
 * The AWS CLI as oracle: both tools on the same trail behind the same endpoint. Where they differ,
 * the catalogue says why ours is right; an unexplained difference fails.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { catalogue, type Case } from './support/lies.js';
import { startEndpoint } from './support/loopback.js';
import { CREDENTIALS, runJson } from './support/run-command.js';
import { iso } from './support/trail-builder.js';

const run = promisify(execFile);

async function hasAws(): Promise<boolean> {
  return run('aws', ['--version']).then(
    () => true,
    () => false,
  );
}

interface Oracle {
  readonly status: number;
  readonly text: string;
}

async function validateLogs(one: Case, url: string): Promise<Oracle> {
  const { trail } = one.builder;
  const argv = [
    ...['cloudtrail', 'validate-logs', '--trail-arn', trail.TrailARN, '--verbose'],
    ...['--start-time', iso(one.start), '--end-time', iso(one.end), '--region', trail.HomeRegion],
  ];
  const env = { ...process.env, ...CREDENTIALS, AWS_ENDPOINT_URL: url, AWS_MAX_ATTEMPTS: '1' };
  try {
    const { stdout, stderr } = await run('aws', argv, { env });
    return { status: 0, text: stdout + stderr };
  } catch (error) {
    const {
      code = -1,
      stdout = '',
      stderr = '',
    } = error as { code?: number; stdout?: string; stderr?: string };
    return { status: code, text: stdout + stderr };
  }
}

/** Objects that the CLI calls invalid. */
function accused(text: string): string[] {
  return [...text.matchAll(/file\ts3:\/\/[^/]+\/(\S+)\tINVALID/g)]
    .map((match) => match[1] ?? '')
    .sort();
}

const available = await hasAws();
if (!available) console.warn('differential test skipped: the AWS CLI is not on this machine');

describe.skipIf(!available)('against aws cloudtrail validate-logs', () => {
  for (const one of catalogue()) {
    it.concurrent(one.name, async () => {
      const { trail, world } = one.builder;
      const endpoint = await startEndpoint(world);
      try {
        const [cli, ours] = await Promise.all([
          validateLogs(one, endpoint.url),
          runJson([
            ...['--trail-arn', trail.TrailARN, '--endpoint-url', endpoint.url],
            ...['--start-time', iso(one.start), '--end-time', iso(one.end)],
          ]),
        ]);
        const keys = ours.report.findings
          .filter(({ code, class: kind }) => kind === 'violation' && code !== 'DIGEST_MISSING')
          .map((finding) => finding.key)
          .sort();
        // The CLI names one missing digest; ours is an interval without a key.
        const named = accused(cli.text).filter(
          (key) =>
            !(
              ours.report.counts.digestFiles.missing > 0 &&
              cli.text.includes(`${key}\tINVALID: not found`)
            ),
        );
        const agrees = cli.status === ours.status && JSON.stringify(named) === JSON.stringify(keys);
        const told = `CLI ${cli.status} ${JSON.stringify(named)}, ours ${ours.status} ${JSON.stringify(keys)}`;
        if (one.cliDiffers === undefined) expect(agrees, `${told}\n${cli.text}`).toBe(true);
        else expect(agrees, `no difference any more: ${told}`).toBe(false);
        if (process.env['SHOW_DIFFERENCES'] !== undefined) {
          console.log(
            `${one.name}: CLI ${cli.status}, ours ${ours.status} ${one.codes.join(' ')}${agrees ? '' : ` — ${one.cliDiffers ?? ''}`}`,
          );
        }
      } finally {
        await endpoint.close();
      }
    });
  }
});
