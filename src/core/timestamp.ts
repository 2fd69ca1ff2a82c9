/** A moment in whole seconds since 1970-01-01T00:00:00Z; CloudTrail's digests know no finer time. */
export type Instant = number;

/** A half-open stretch of time: later than `start`, up to and including `end`. */
export interface TimeRange {
  readonly start: Instant;
  readonly end: Instant;
}

export const HOUR = 3600;
export const DAY = 86_400;

const EXTENDED = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/;
const BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

function fromFields(match: RegExpExecArray | null): Instant | undefined {
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map(Number);
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date.UTC rolls the 31st of June over to July; a time that doesn't come back as written isn't one.
  const same =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return same && year >= 1970 ? date.getTime() / 1000 : undefined;
}

/** Parses the one form that digest files use, `YYYY-MM-DDTHH:mm:ssZ`; `undefined` for anything else. */
export function parseDigestTime(text: string): Instant | undefined {
  return fromFields(EXTENDED.exec(text));
}

/** Parses the time stamp of a digest file's key, `YYYYMMDDTHHmmssZ`; `undefined` for anything else. */
export function parseKeyStamp(text: string): Instant | undefined {
  return fromFields(BASIC.exec(text));
}

/** `YYYY-MM-DDTHH:mm:ssZ`. */
export function formatInstant(instant: Instant): string {
  return new Date(instant * 1000).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** The UTC day of an instant as the folder of a key, `YYYY/MM/DD`. */
export function dayFolder(instant: Instant): string {
  return formatInstant(instant).slice(0, 10).replaceAll('-', '/');
}

/** The first second of the instant's UTC day. */
export function startOfDay(instant: Instant): Instant {
  return Math.floor(instant / DAY) * DAY;
}

const UNITS = { m: 60, h: HOUR, d: DAY, w: 7 * DAY } as const;
const USER_TIME =
  /^(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:\.\d+)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?)?$/i;

/**
 * Parses a time as a person writes it: ISO 8601 with or without seconds and offset (UTC when there
 * is none), a date, `now`, `today`, `yesterday`, or so long ago (`90m`, `12h`, `3d`, `2w`).
 * `undefined` when it is none of these; nothing is guessed.
 */
export function parseUserTime(text: string, now: Instant): Instant | undefined {
  const word = text.trim().toLowerCase();
  if (word === 'now') return now;
  if (word === 'today') return startOfDay(now);
  if (word === 'yesterday') return startOfDay(now) - DAY;
  const ago = /^(\d{1,6})([mhdw])$/.exec(word);
  if (ago) return now - Number(ago[1]) * UNITS[ago[2] as keyof typeof UNITS];
  const match = USER_TIME.exec(text.trim());
  if (!match) return undefined;
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00'] = match;
  const local = parseKeyStamp(`${year}${month}${day}T${hour}${minute}${second}Z`);
  if (local === undefined) return undefined;
  const offset = /^([+-])(\d\d):?(\d\d)$/.exec(match[7] ?? '');
  if (!offset) return local;
  if (Number(offset[2]) > 14 || Number(offset[3]) > 59) return undefined;
  const seconds = Number(offset[2]) * HOUR + Number(offset[3]) * 60;
  return offset[1] === '+' ? local - seconds : local + seconds;
}
