/** What a code means, from its registry, for a person who has never met it. */
import { CODES, FINDINGS, type FindingClass } from '../core/finding.js';
import { SETTING_CODES, SETTINGS } from '../core/setting.js';

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

const SETTING = 'setting: how trail or bucket are set up now; no part of the verdict';

/** All codes that a report may have, those of settings last. */
export const EXPLAINED: readonly string[] = [...CODES, ...SETTING_CODES];

const explained = [
  ...Object.entries(FINDINGS).map(([code, one]) => [code, CLASSES[one.class], one] as const),
  ...Object.entries(SETTINGS).map(([code, one]) => [code, SETTING, one] as const),
];

/** What a code says: its class, what it means and proves, how it happens honestly, what to do. */
export function renderExplanation(wanted: string): string | undefined {
  const found = explained.find(([code]) => code === wanted);
  if (!found) return undefined;
  const [code, what, { title, explanation, honest, hint }] = found;
  const sections = [
    ['What it is', what],
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
  const width = Math.max(...EXPLAINED.map((code) => code.length));
  return explained.map(([code, , { title }]) => `${code.padEnd(width)}  ${title}`).join('\n');
}
