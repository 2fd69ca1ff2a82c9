/** What of the findings the text is made of: as many as it may show, and what the rest come to. */
import type { FindingClass } from '../core/finding.js';
import type { MoreFindings, ReportFinding } from '../core/report.js';
import { createMarks, type Mark } from './marks.js';

/** Findings that are told one by one or in groups; a text with more is for nobody to read. */
const TOLD = 10_000;

/** From the gravest. */
export const CLASSES: readonly FindingClass[] = ['violation', 'unproved', 'notice'];

export interface Told {
  /** The first findings of each class, in order. */
  readonly shown: Readonly<Record<FindingClass, readonly ReportFinding[]>>;
  readonly counts: Readonly<Record<FindingClass, number>>;
  /** Whether a source has an unlisted log file that counts. */
  hasPlanted(accountId: string, region: string): boolean;
  /** Whether CloudTrail's status of a Region could not be had. */
  readonly unconfirmed: boolean;
  /** Whether nobody could say if the trail delivers in Regions that nothing shows. */
  readonly unknownRegions: boolean;
  /** Where findings about log files lie in time, all of them. */
  readonly marks: Iterable<Mark>;
}

const nameOf = (accountId = '', region = ''): string => `${accountId} ${region}`;

/**
 * Takes findings one by one and keeps a bounded number: a graver one comes before a milder, so that
 * nobody hides an altered file behind ten thousand notices.
 */
function createTeller(): { take(finding: ReportFinding): void; readonly told: Told } {
  const shown: Record<FindingClass, ReportFinding[]> = { violation: [], unproved: [], notice: [] };
  const counts: Record<FindingClass, number> = { violation: 0, unproved: 0, notice: 0 };
  const planted = new Set<string>();
  const marks = createMarks();
  let unconfirmed = false;
  let unknownRegions = false;
  let held = 0;
  const makeRoom = (graver: FindingClass): boolean => {
    const milder = CLASSES.slice(CLASSES.indexOf(graver) + 1).reverse();
    const place = milder.find((name) => shown[name].length > 0);
    if (place === undefined) return false;
    shown[place].pop();
    held--;
    return true;
  };
  return {
    take: (one) => {
      counts[one.class]++;
      if (one.code === 'LOG_UNLISTED' && one.class !== 'notice') {
        planted.add(nameOf(one.accountId, one.region));
      }
      if (one.code === 'REGION_UNCONFIRMED') {
        if (one.region === undefined) unknownRegions = true;
        else unconfirmed = true;
      }
      marks.take(one);
      if (held >= TOLD && !makeRoom(one.class)) return;
      shown[one.class].push(one);
      held++;
    },
    get told() {
      return {
        shown,
        counts,
        unconfirmed,
        unknownRegions,
        marks: marks.all,
        hasPlanted: (accountId: string, region: string) => planted.has(nameOf(accountId, region)),
      };
    },
  };
}

/** All findings, the gravest class first: what is not held is read once for each class that occurs. */
export async function* gravestFirst(
  findings: readonly ReportFinding[],
  more: MoreFindings | undefined,
): AsyncGenerator<ReportFinding> {
  const met = new Set<FindingClass>();
  for (const name of CLASSES) {
    if (name !== CLASSES[0] && !met.has(name)) continue;
    for (const one of findings) {
      met.add(one.class);
      if (one.class === name) yield one;
    }
    for await (const one of more ?? []) {
      met.add(one.class);
      if (one.class === name) yield one;
    }
  }
}

/** What the text tells of findings. */
export function tell(findings: readonly ReportFinding[]): Told {
  const teller = createTeller();
  for (const one of findings) teller.take(one);
  return teller.told;
}

/** What the text tells of findings and of more of them. */
export async function tellAll(
  findings: readonly ReportFinding[],
  more: MoreFindings | undefined,
): Promise<Told> {
  const teller = createTeller();
  for (const one of findings) teller.take(one);
  for await (const one of more ?? []) teller.take(one);
  return teller.told;
}
