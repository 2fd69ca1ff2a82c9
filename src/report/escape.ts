/**
 * Making text from a bucket safe to print. Whoever writes keys chooses them: escape sequences would
 * drive the terminal, line breaks and direction marks would forge lines of the report.
 */

/**
 * Controls of C0 and C1, line and paragraph separators, direction and other format characters, and what
 * looks like a blank and isn't one.
 */
const UNSAFE = /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Z}\u115f\u1160\u2800\u3164\uffa0]/gu;

const LIMIT = 1200;

/** For a terminal or a plain text file, on one line: what isn't printable becomes `\u{…}`. */
export function escapeText(text: string, limit: number = LIMIT): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(UNSAFE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Signs of ours that ASCII lacks. */
const SIGNS: Readonly<Record<string, string>> = { '’': "'", '…': '...' };

/** For a terminal that shows ASCII alone: our signs in its own, all others as their numbers. */
export function asciiText(text: string, signs: typeof SIGNS = SIGNS): string {
  return text.replace(
    /\P{ASCII}/gu,
    (char) => signs[char] ?? `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** JSON on one line or indented, with everything unprintable escaped as JSON escapes it. */
export function escapeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, (char) =>
    char === '\n'
      ? char
      : [...Array(char.length).keys()]
          .map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`)
          .join(''),
  );
}
