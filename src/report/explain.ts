/** What a finding means, from the registry, for a person who has never met it. */
import { CODES, FINDINGS, type FindingClass, type FindingCode } from '../core/finding.js';

const WIDTH = 78;

/** What each class comes to. */
const CLASSES: Readonly<Record<FindingClass, string>> = {
  violation: 'violation: the verdict is invalid, exit status 1',
  unproved: 'unproved: the verdict is incomplete, exit status 3, unless something else is invalid',
  notice: 'notice: no part of the verdict',
};

/** Breaks text into lines at blanks. */
function wrap(text: string, indent: string): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line !== indent) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join('\n');
}

/** What a code says: its class, what it means and proves, how it happens honestly, what to do. */
export function renderExplanation(code: FindingCode): string {
  const { class: findingClass, title, explanation, honest, hint } = FINDINGS[code];
  const sections = [
    ['What it is', CLASSES[findingClass]],
    ['What it means', explanation],
    ['How it happens honestly', honest],
    ['What to do', hint],
  ] as const;
  return [
    `${code}: ${title}`,
    ...sections.map(([heading, text]) => `\n${heading}\n${wrap(text, '  ')}`),
  ].join('\n');
}

/** All codes with their titles, a line each. */
export function renderCodes(): string {
  const width = Math.max(...CODES.map((code) => code.length));
  return CODES.map((code) => `${code.padEnd(width)}  ${FINDINGS[code].title}`).join('\n');
}
