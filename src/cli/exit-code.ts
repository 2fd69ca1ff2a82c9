import type { Report } from '../core/report.js';

/** Exit status of a run that could not be made: usage, credentials, no such trail or bucket. */
export const COULD_NOT_RUN = 2;

/** Exit status of a run that was stopped by hand. */
export const INTERRUPTED = 130;

/** Exit status where nothing was found altered, but not everything was read or proved. */
export const INCOMPLETE = 3;

/**
 * The exit status that a report stands for. 0 if and only if everything asked for was
 * proved, or the user allowed the lawful gaps that are all that is open.
 */
export function exitCode(report: Report): number {
  if (report.interrupted) return INTERRUPTED;
  switch (report.verdict) {
    case 'valid':
      return 0;
    case 'invalid':
      return 1;
    case 'incomplete':
      return report.gapsAllowed === true ? 0 : INCOMPLETE;
  }
}
