/** A number as a person reads it. */
export const numeral = (number: number): string => number.toLocaleString('en-US');

/** A number and what it counts, in words. */
export const count = (number: number, word: string): string =>
  `${numeral(number)} ${word}${number === 1 ? '' : 's'}`;
