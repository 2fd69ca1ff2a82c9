/** Checking what `--attest` signed. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isSignedBy, MOST_ENVELOPE, parseEnvelope } from '../core/dsse.js';
import { parseStatement, PAYLOAD_TYPE, type Statement, type Subject } from '../core/statement.js';
import { isWhole, renderUnsigned, renderVerified, type FileCheck } from '../report/verified.js';
import { systemReason } from '../sources/file-error.js';
import { RunError } from '../sources/ports.js';
import { checkEvidence } from './check-evidence.js';
import { readCheckKey } from './key-file.js';
import { print, type Io } from './main.js';
import { hashFile, readWhole } from './read-whole.js';
import { styleOf } from './style.js';
import type { VerifyArguments } from './verify-args.js';

const NOT_VERIFIED = 1;

/** A report that lies beside the attestation under the name that was signed. */
async function checkBeside(folder: string, { name, sha256: signed }: Subject): Promise<FileCheck> {
  // A name is signed, but its signer may have met a hostile one: it leads nowhere else.
  if (name !== basename(name) || /^\.{0,2}$|\0/.test(name)) {
    return { result: 'unchecked', path: name, signed };
  }
  const path = join(folder, name);
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new RunError(`the report ${path} can’t be read: ${systemReason(error)}`);
    },
  );
  if (isFile === undefined) return { result: 'missing', path, signed };
  if (!isFile) throw new RunError(`the report ${path} is not a file`);
  const found = await hashFile(path, 'the report');
  return found === signed
    ? { result: 'matches', path }
    : { result: 'altered', path, signed, found };
}

/** A report that the user names, which may have another name now. */
async function checkNamed(path: string, reports: readonly Subject[]): Promise<FileCheck> {
  const found = await hashFile(path, '--report');
  const same = reports.find(({ sha256 }) => sha256 === found);
  if (same) {
    return { result: 'matches', path, ...(same.name === basename(path) ? {} : { as: same.name }) };
  }
  const meant = reports.find(({ name }) => name === basename(path));
  if (!meant) return { result: 'stranger', path, found };
  return { result: 'altered', path, signed: meant.sha256, found };
}

async function checkReports(
  { attestation, reports: named }: VerifyArguments,
  { reports }: Statement,
): Promise<FileCheck[]> {
  const checks: FileCheck[] = [];
  if (named.length === 0) {
    for (const one of reports) checks.push(await checkBeside(dirname(attestation), one));
  }
  for (const path of named) checks.push(await checkNamed(path, reports));
  return checks;
}

/**
 * Checks an attestation and the files that it is about; gives 0 where all of it is as it was signed,
 * else 1. Throws `RunError` where that can't be said.
 */
export async function runVerify(options: VerifyArguments, io: Io): Promise<number> {
  const { attestation, evidence } = options;
  const key = await readCheckKey(options.key);
  const what = `the attestation ${attestation}`;
  const parsed = parseEnvelope(await readWhole(attestation, MOST_ENVELOPE, 'the attestation'));
  if (!parsed.ok) throw new RunError(`${what} ${parsed.why}`, 'name the file that --attest left');
  const { envelope } = parsed;
  const style = styleOf(io, undefined);
  if (!isSignedBy(envelope, key)) {
    const { signatures } = envelope;
    const labels = signatures.flatMap(({ keyid }) => keyid ?? []);
    await print(io, `${renderUnsigned({ attestation, key, labels }, style)}\n`);
    return NOT_VERIFIED;
  }
  if (envelope.payloadType !== PAYLOAD_TYPE) {
    throw new RunError(`${what} is signed, but what it holds is no in-toto statement`);
  }
  const read = parseStatement(envelope.payload);
  if (!read.ok) throw new RunError(`${what} is signed, but says nothing of a report: ${read.why}`);
  const { statement } = read;
  const files = await checkReports(options, statement);
  if (evidence !== undefined) files.push(...(await checkEvidence(evidence, statement.manifest)));
  const verified = {
    attestation,
    key,
    statement,
    files,
    isAllAsked: options.reports.length === 0,
    hasEvidence: evidence !== undefined,
  };
  await print(io, `${renderVerified(verified, style)}\n`);
  return isWhole(files) ? 0 : NOT_VERIFIED;
}
