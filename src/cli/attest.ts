/** Signing what a run reports. */
import { basename } from 'node:path';
import { signEnvelope } from '../core/dsse.js';
import { MANIFEST } from '../core/evidence.js';
import type { Report } from '../core/report.js';
import { PAYLOAD_TYPE, writeStatement, type Subject } from '../core/statement.js';
import { scopeWords } from '../report/words.js';
import type { Arguments } from './args.js';
import { readSigningKey } from './key-file.js';
import type { Output } from './output.js';

/** A report that was written, and the SHA-256 of its bytes. */
export type Written = readonly [output: Output, sha256: string];

export interface Attestation {
  /** The envelope about a report and the files that hold it; devices and pipes hold none. */
  sign(report: Report, written: readonly Written[], exitStatus: number): string;
}

/**
 * Reads the key before anything is asked for; nothing where nothing is to be signed. The manifest that is
 * signed is the one that the report is made from. Throws `RunError`.
 */
export async function openAttestation(
  { attest }: Arguments,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Attestation | undefined> {
  if (attest === undefined) return undefined;
  const key = await readSigningKey(attest, environment);
  return {
    sign: (report, written, exitStatus) => {
      const files = [
        ...written
          .filter(([{ isFile }]) => isFile)
          .map(([{ path }, sha256]): Subject => ({ name: basename(path), sha256 })),
        ...(report.evidence ? [{ name: MANIFEST, sha256: report.evidence.manifestSha256 }] : []),
      ];
      const statement = writeStatement(report, { files, exitStatus, narrowed: scopeWords(report) });
      return signEnvelope(PAYLOAD_TYPE, statement, key);
    },
  };
}
