import type { Report } from '../core/report.js';

/** Exit status of a run that could not be made: usage, credentials, no such trail or bucket. */
export const COULD_NOT_RUN = 2;

/**
 * The exit status that a report stands for. 0 if and only if everything asked for was
 * proved, or the user allowed the lawful gaps that are all that is open.
 */
export function exitCode(report: Report): number {
  if (report.interrupted) return 130;
  switch (report.verdict) {
    case 'valid':
      return 0;
    case 'invalid':
      return 1;
    case 'incomplete':
      return report.gapsAllowed === true ? 0 : 3;
  }
}
