/** Signing what a run reports. */
import { lstat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { signEnvelope } from '../core/dsse.js';
import type { Report } from '../core/report.js';
import { MANIFEST, PAYLOAD_TYPE, writeStatement, type Subject } from '../core/statement.js';
import { scopeWords } from '../report/words.js';
import { systemReason } from '../sources/file-error.js';
import { RunError } from '../sources/ports.js';
import type { Arguments } from './args.js';
import { readSigningKey } from './key-file.js';
import type { Output } from './output.js';
import { hashFile } from './read-whole.js';

/** A report that was written, and the SHA-256 of its bytes. */
export type Written = readonly [output: Output, sha256: string];

export interface Attestation {
  /** The envelope about a report and the files that hold it; devices and pipes hold none. */
  sign(report: Report, written: readonly Written[], exitStatus: number): string;
}

/**
 * The manifest of an evidence directory as a subject; none where the directory has no manifest. A link
 * in its place is refused: what it leads to is not in the directory. Throws `RunError`.
 */
export async function manifestSubject(directory: string): Promise<Subject | undefined> {
  const path = join(directory, MANIFEST);
  let isFile: boolean;
  try {
    isFile = (await lstat(path)).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RunError(`the manifest ${path} can’t be read: ${systemReason(error)}`);
  }
  if (!isFile) throw new RunError(`the manifest ${path} is not a file`);
  return { name: MANIFEST, sha256: await hashFile(path, 'the manifest') };
}

/**
 * Reads the key, and hashes the manifest as the run meets it, before anything is asked for; nothing where
 * nothing is to be signed. Throws `RunError`.
 */
export async function openAttestation(
  { attest, evidence }: Arguments,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Attestation | undefined> {
  if (attest === undefined) return undefined;
  const key = await readSigningKey(attest, environment);
  const manifest = evidence === undefined ? undefined : await manifestSubject(evidence);
  return {
    sign: (report, written, exitStatus) => {
      const files = [
        ...written
          .filter(([{ isFile }]) => isFile)
          .map(([{ path }, sha256]): Subject => ({ name: basename(path), sha256 })),
        ...(manifest ? [manifest] : []),
      ];
      const statement = writeStatement(report, { files, exitStatus, narrowed: scopeWords(report) });
      return signEnvelope(PAYLOAD_TYPE, statement, key);
    },
  };
}
