/** One cause, many chains: stopping a trail leaves the same gap in every account and Region. */
import { numeral } from '../core/count.js';
import type { ReportFinding } from '../core/report.js';
import { listed } from './cut.js';

/** Findings that tell the same of several chains. */
export interface FindingGroup {
  readonly first: ReportFinding;
  readonly all: readonly ReportFinding[];
}

function sameness(one: ReportFinding): string | undefined {
  const { code, start, end, kind, message } = one;
  if (start === undefined || end === undefined) return undefined;
  if (code === 'LOG_UNVALIDATED') return JSON.stringify([code, one.class, start, end]);
  return one.key === undefined
    ? JSON.stringify([code, one.class, start, end, kind, message])
    : undefined;
}

/** Groups what is told of several chains in the same words and for the same time, in order. */
export function groupFindings(findings: readonly ReportFinding[]): FindingGroup[] {
  const groups = new Map<string, ReportFinding[]>();
  findings.forEach((one, at) => {
    const name = sameness(one) ?? String(at);
    const members = groups.get(name) ?? [];
    members.push(one);
    groups.set(name, members);
  });
  return [...groups.values()].flatMap((all) => {
    const [first] = all;
    return first ? [{ first, all }] : [];
  });
}

/** The chains that a group is about, in few words; `every` leaves out none. */
export function placesOf({ all }: FindingGroup, every = true): string {
  const accounts = [...new Set(all.map(({ accountId }) => accountId ?? ''))];
  const regions = [...new Set(all.map(({ region }) => region ?? ''))];
  const [one] = all;
  if (all.length === 1) {
    return [one?.accountId, one?.region].filter((part) => part !== undefined).join(' ');
  }
  if (accounts.length * regions.length === all.length) {
    return `${numeral(all.length)} chains: ${listed(accounts, every)} in ${listed(regions, every)}`;
  }
  const each = all.map(({ accountId = '', region = '' }) => `${accountId} ${region}`);
  return `${numeral(all.length)} chains: ${listed(each, every)}`;
}
