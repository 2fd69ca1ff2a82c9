/** How a stretch of time stands, and which of two states is told. */

/** From the gravest: a day, or a character of a strip, is told by the gravest state of its hours. */
const GRAVITY = ['missing', 'altered', 'unreadable', 'gap', 'not-due', 'proved'] as const;

export type DayState = (typeof GRAVITY)[number];

/** Whether a state is graver than another; any is graver than none. */
export const isGraver = (one: DayState, other: DayState | undefined): boolean =>
  other === undefined || GRAVITY.indexOf(one) < GRAVITY.indexOf(other);
