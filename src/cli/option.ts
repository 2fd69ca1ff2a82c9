/** Options as yargs takes them, by what they hold. */

/** One value. */
export const text = (group: string, desc: string) =>
  ({ type: 'string', requiresArg: true, group, desc }) as const;

/** Given or not. */
export const flag = (group: string, desc: string) => ({ type: 'boolean', group, desc }) as const;

/** A value each time that it is given. */
export const many = (group: string, desc: string) =>
  ({ type: 'string', array: true, nargs: 1, group, desc }) as const;
