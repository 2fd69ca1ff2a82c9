/** Colour, or none: no meaning is carried by colour alone. */
export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly plain: (text: string) => string;
}

const plain = (text: string): string => text;
const sgr =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[0m`;

export const PLAIN: Style = { good: plain, bad: plain, warn: plain, bold: plain, plain };
export const COLOUR: Style = { good: sgr(32), bad: sgr(31), warn: sgr(33), bold: sgr(1), plain };
