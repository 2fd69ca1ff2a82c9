import { basename } from 'node:path';
import { MANIFEST } from '../core/evidence.js';
import type { Arguments } from './args.js';
import { single, type Raw } from './raw-options.js';
import { UsageError } from './usage-error.js';

/** Reads what signs the report, and where the signature goes: beside the one report, unless it is said. */
export function readAttest(
  raw: Raw,
  output: string | undefined,
  reports: Arguments['reports'],
): Pick<Arguments, 'attest' | 'attestation'> {
  const attest = single(raw, 'attest');
  const attestation = single(raw, 'attestation');
  if (attest === undefined) {
    if (attestation !== undefined) throw new UsageError('--attestation goes with --attest KEY.pem');
    return { attest, attestation };
  }
  if (raw['estimate'] === true) {
    throw new UsageError('--attest signs a report, and --estimate makes none');
  }
  const paths = [...(output === undefined ? [] : [output]), ...reports.map(({ path }) => path)];
  const [first, ...more] = paths;
  if (first === undefined) {
    throw new UsageError(
      '--attest signs a report’s file: give --output FILE or --report FORMAT=FILE',
    );
  }
  const names = paths.map((path) => basename(path));
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) {
    throw new UsageError(`--attest: two reports are named ${twice}, and it knows them by name`);
  }
  if (names.includes(MANIFEST)) {
    throw new UsageError(
      `--attest: ${MANIFEST} is the name of the evidence’s: name the report otherwise`,
    );
  }
  if (attestation !== undefined) return { attest, attestation };
  if (output === undefined && more.length > 0) {
    throw new UsageError('--attest with several reports needs --attestation FILE');
  }
  return { attest, attestation: `${first}.intoto.json` };
}
