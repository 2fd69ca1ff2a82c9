import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST } from '../core/statement.js';
import type { FileCheck } from '../report/verified.js';
import { systemReason } from '../sources/file-error.js';
import { RunError } from '../sources/ports.js';
import { manifestSubject } from './attest.js';

/**
 * Holds an evidence directory against what was signed: its manifest. Throws `RunError` where the
 * directory can't be read.
 */
export async function checkEvidence(
  directory: string,
  signed: string | undefined,
): Promise<FileCheck[]> {
  const isDirectory = await stat(directory).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw new RunError(`--evidence ${directory} can’t be read: ${systemReason(error)}`);
    },
  );
  if (!isDirectory) throw new RunError(`--evidence ${directory} is not a directory`);
  const path = join(directory, MANIFEST);
  if (signed === undefined) return [{ result: 'stranger', path }];
  const found = (await manifestSubject(directory))?.sha256;
  if (found === undefined) return [{ result: 'missing', path, signed }];
  return [
    found === signed ? { result: 'matches', path } : { result: 'altered', path, signed, found },
  ];
}
