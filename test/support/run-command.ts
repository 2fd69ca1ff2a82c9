import { Writable } from 'node:stream';
import { main } from '../../src/cli/main.js';
import type { Report } from '../../src/core/report.js';
import { schemaErrors } from './report-schema.js';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'TESTACCESSKEY0000000',
  AWS_SECRET_ACCESS_KEY: 'test-secret-key-for-loopback-only',
  AWS_EC2_METADATA_DISABLED: 'true',
} as const;

/** Runs the command in this process, as bin/validate-trail.js does, and catches what it prints. */
export async function runCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  secret: string = CREDENTIALS.AWS_SECRET_ACCESS_KEY,
): Promise<Ran> {
  const stdout = new Sink();
  const stderr = new Sink();
  Object.assign(process.env, CREDENTIALS, {
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  });
  const io = {
    stdout,
    stderr,
    env: { ...process.env, ...env },
    once: () => undefined,
    removeListener: () => undefined,
  };
  const status = await main(argv, io);
  return { status, stdout: stdout.text, stderr: stderr.text };
}

/** Runs with `--format json` and reads the report, which must hold to its schema. */
export async function runJson(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran & { report: Report }> {
  const ran = await runCommand([...argv, '--format', 'json'], env);
  if (ran.stdout === '') throw new Error(`no report (${ran.status}): ${ran.stderr}`);
  const report = JSON.parse(ran.stdout) as Report;
  const wrong = schemaErrors(report);
  if (wrong.length > 0) throw new Error(`no report by its schema: ${JSON.stringify(wrong)}`);
  return { ...ran, report };
}

/** The findings that change a verdict, as codes in order. */
export function accusations(report: Report): string[] {
  return report.findings
    .filter((finding) => finding.class !== 'notice')
    .map((finding) => finding.code)
    .sort();
}
