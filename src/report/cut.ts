/** Long lists, cut for a person: so many, and how many more there are. */
import { numeral } from '../core/count.js';

/** Names that are told one by one. */
const NAMED = 12;

/** A list in one line; `all` leaves out nothing. */
export function listed(names: readonly string[], all = true): string {
  if (all || names.length <= NAMED) return names.join(', ');
  const rest = names.length - NAMED;
  return `${names.slice(0, NAMED).join(', ')} and ${numeral(rest)} more`;
}

/** The line that ends a list which was cut. */
export const andMore = (rest: number, what = ''): string =>
  `  … and ${numeral(rest)} more${what}; --verbose shows all`;
