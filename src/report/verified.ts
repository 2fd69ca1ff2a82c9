/** What `verify-report` tells a person. Everything that a file says is escaped. */
import { count, numeral } from '../core/count.js';
import type { CheckKey } from '../core/signing-key.js';
import { MANIFEST } from '../core/evidence.js';
import type { Claim, Statement } from '../core/statement.js';
import { escapeText } from './escape.js';
import type { Style } from './style.js';

/** How a file stands to what was signed; hashes in hex. */
export type FileCheck =
  /** `as` is the name that it was signed under, where that is another. */
  | { readonly result: 'matches'; readonly path: string; readonly as?: string }
  | {
      readonly result: 'altered';
      readonly path: string;
      readonly signed: string;
      readonly found: string;
    }
  /** It is not where it was looked for. */
  | { readonly result: 'missing'; readonly path: string; readonly signed: string }
  /** Its name is no file's, so it was not looked for. */
  | { readonly result: 'unchecked'; readonly path: string; readonly signed: string }
  /** It lies in the evidence, and nobody collected it. */
  | { readonly result: 'uncollected'; readonly path: string }
  /** No report was signed under that name or with its hash; without `found`, no manifest was. */
  | { readonly result: 'stranger'; readonly path: string; readonly found?: string };

/** Whether all files that were to be checked are the ones that were signed. */
export const isWhole = (files: readonly FileCheck[]): boolean =>
  files.length > 0 && files.every(({ result }) => result === 'matches');

interface Checked {
  readonly attestation: string;
  readonly key: Pick<CheckKey, 'id' | 'kind'>;
}

export interface Verified extends Checked {
  readonly statement: Statement;
  readonly files: readonly FileCheck[];
  /** Whether the reports were looked for by the names that were signed. */
  readonly isAllAsked: boolean;
  /** Whether an evidence directory was checked. */
  readonly hasEvidence: boolean;
}

const LABEL = 13;
const line = (label: string, text: string): string => `${label.padEnd(LABEL)}${escapeText(text)}`;

/** Labels of signatures that are told; an envelope may have many. */
const TOLD_LABELS = 5;

/** What is told of an envelope that the key did not sign: nothing of what it says. */
export function renderUnsigned(
  { attestation, key, labels }: Checked & { readonly labels: readonly string[] },
  style: Style,
): string {
  const more = labels.length - TOLD_LABELS;
  return [
    line('Attestation', attestation),
    line('Key', key.id),
    ...labels.slice(0, TOLD_LABELS).map((label) => line('Signed by', label)),
    ...(more > 0 ? [line('', `and ${numeral(more)} more`)] : []),
    '',
    style.bad('NOT VERIFIED: it has no signature by this key'),
    labels.includes(key.id)
      ? 'The signature that names this key is not of these bytes: something was altered.'
      : 'Another key signed it, or nobody did; what it says is not told.',
  ].join('\n');
}

const WORDS = {
  matches: 'matches',
  altered: 'ALTERED',
  missing: 'MISSING',
  unchecked: 'unchecked',
  uncollected: 'UNKNOWN',
  stranger: 'UNKNOWN',
} as const;

function fileLines(check: FileCheck, style: Style): string[] {
  const paint = check.result === 'matches' ? style.good : style.bad;
  const word = paint(WORDS[check.result].padEnd(LABEL - 4));
  const own = `  ${word}  ${escapeText(check.path)}`;
  const detail = (label: string, text: string): string =>
    `    ${label.padEnd(9)}${escapeText(text)}`;
  switch (check.result) {
    case 'matches':
      return [own, ...(check.as === undefined ? [] : [detail('named', check.as)])];
    case 'altered':
      return [own, detail('signed', check.signed), detail('is', check.found)];
    case 'missing':
      return [own, detail('signed', check.signed)];
    case 'unchecked':
      return [own, detail('signed', check.signed), detail('why', 'no file has such a name')];
    case 'uncollected':
      return [own, detail('why', 'it was not collected: the manifest does not name it')];
    case 'stranger':
      return [
        own,
        ...(check.found === undefined ? [] : [detail('is', check.found)]),
        detail(
          'why',
          check.found === undefined ? 'no manifest was signed' : 'no such report was signed',
        ),
      ];
  }
}

/** The verdict that was signed, with what goes with it. */
function verdictWords({ verdict, gapsAllowed, interrupted, exitStatus, tool }: Claim): string {
  const beside = [
    ...(gapsAllowed ? ['gaps allowed'] : []),
    ...(interrupted ? ['interrupted'] : []),
    `exit status ${exitStatus}`,
  ];
  return `${verdict.toUpperCase()} (${beside.join(', ')}), ${tool.name} ${tool.version}`;
}

/** What was signed and not looked at. */
function* uncheckedLines({
  statement,
  files,
  isAllAsked,
  hasEvidence,
}: Verified): Generator<string> {
  const { reports, digests, manifest, claim } = statement;
  if (!isAllAsked) {
    const seen = new Set(
      files.flatMap((one) => ('as' in one ? [one.as] : [one.path.replace(/^.*\//s, '')])),
    );
    for (const { name } of reports) if (!seen.has(name)) yield `  ${escapeText(name)}`;
  }
  if (manifest !== undefined && !hasEvidence)
    yield `  ${MANIFEST} of the evidence (--evidence DIR)`;
  const { newestDigests } = claim;
  if (newestDigests > 0) {
    const named =
      digests.length < newestDigests ? `, ${numeral(digests.length)} of them named` : '';
    yield `  the newest digest files of ${count(newestDigests, 'chain')}${named}`;
  }
}

/** What was verified, of what, and what the key's owner says in it. */
export function renderVerified(verified: Verified, style: Style): string {
  const { attestation, key, statement, files } = verified;
  const { trail, timeRange, narrowed, startedAt, finishedAt } = statement.claim;
  const bad = files.filter(({ result }) => result !== 'matches').length;
  const unchecked = [...uncheckedLines(verified)];
  return [
    line('Attestation', attestation),
    line('Key', key.id),
    line('', `${key.kind}; the signature is this key’s`),
    line('Verdict', verdictWords(statement.claim)),
    line('Trail', trail.arn),
    line('Bucket', `s3://${trail.bucket}`),
    line('Range', `${timeRange.start} to ${timeRange.end} (delivery time)`),
    ...narrowed.map((words) => line('Scope', words)),
    line('Run', `${startedAt} to ${finishedAt}`),
    '',
    `Files (${numeral(files.length)})`,
    ...files.flatMap((one) => fileLines(one, style)),
    ...(unchecked.length > 0 ? ['', 'Signed as well, not read here', ...unchecked] : []),
    '',
    ...(isWhole(files)
      ? [
          style.good(`VERIFIED: the signature and ${count(files.length, 'file')}`),
          'These are the bytes that the key’s owner signed. What they prove of the trail is',
          'what the verdict above says.',
        ]
      : [
          style.bad(`NOT VERIFIED: ${numeral(bad)} of ${count(files.length, 'file')}`),
          'The signature is good; what is marked above is not what was signed, or could not',
          'be held against it (--report names files that lie elsewhere).',
        ]),
  ].join('\n');
}
