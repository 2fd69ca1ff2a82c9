/** How far a run is, how fast it goes, and how long it may take: what progress is drawn from. */
import { count, numeral } from '../core/count.js';
import type { RunEvent } from '../runner/events.js';

/** A source that is being read. */
interface Underway {
  /** Days read, and days taken from the journal. */
  read: number;
  taken: number;
  days: number;
  /** Log files of the day that is being read. */
  listed: number;
  logs: number;
}

interface Moment {
  readonly at: number;
  readonly files: number;
  readonly bytes: number;
}

/** The rate is that of the last seconds: what a run began with says little of how it goes. */
const WINDOW = 10;

/** Before so much was seen, nobody can say how long the rest takes. */
const SEEN_SECONDS = 2;
const SEEN_SHARE = 0.005;

/** A time that is left, in words, of which two figures count; never less than it is. */
export function leftInWords(seconds: number): string {
  if (seconds < 90) return `about ${Math.max(1, Math.ceil(seconds))} s left`;
  if (seconds < 5400) return `about ${Math.ceil(seconds / 60)} min left`;
  if (seconds < 172_800) return `about ${Number((seconds / 3600 + 0.05).toFixed(1))} h left`;
  return `about ${numeral(Math.ceil(seconds / 86_400))} days left`;
}

export interface Pace {
  take(event: RunEvent): void;
  /** What there is to tell at a time, in at most so many characters. */
  line(seconds: number, width: number): string;
}

/** Follows a run; `seconds` is any clock that only goes forward. */
export function createPace(clock: () => number): Pace {
  const underway = new Map<string, Underway>();
  const moments: Moment[] = [];
  let [sources, done, digestFiles, listed, logs, bytes] = [0, 0, 0, 0, 0, 0];
  // Sources, as shares of days: those that were read, and those that the journal had.
  let [readShare, takenShare] = [0, 0];
  let begun: number | undefined;

  const of = (source: string): Underway => {
    const one = underway.get(source) ?? { read: 0, taken: 0, days: 0, listed: 0, logs: 0 };
    underway.set(source, one);
    return one;
  };
  const take = (event: RunEvent): void => {
    switch (event.type) {
      case 'planned':
        ({ sources } = event);
        begun = clock();
        break;
      case 'digests':
        digestFiles += event.digestFiles;
        bytes += event.bytes;
        break;
      case 'listed': {
        listed += event.logFiles;
        const one = of(event.source);
        one.listed = event.logFiles;
        one.logs = 0;
        break;
      }
      case 'log':
        logs++;
        bytes += event.bytes;
        of(event.source).logs++;
        break;
      case 'days':
        of(event.source).days = event.days;
        break;
      case 'day': {
        const one = of(event.source);
        one.listed = 0;
        if (event.recorded) one.taken++;
        else one.read++;
        break;
      }
      case 'source-done': {
        const { taken, days } = of(event.source);
        done++;
        // A share of a source may have no day at all: that is no work either.
        const part = days === 0 ? 1 : Math.min(1, taken / days);
        takenShare += part;
        readShare += 1 - part;
        underway.delete(event.source);
        break;
      }
    }
  };
  /** Seconds that are left, by what was read in this run: sources are alike, and so are a source's days. */
  const left = (now: number): number | undefined => {
    if (begun === undefined || sources === 0) return undefined;
    let [read, taken] = [readShare, takenShare];
    for (const one of underway.values()) {
      if (one.days === 0) continue;
      const within = one.listed === 0 ? 0 : Math.min(1, one.logs / one.listed);
      read += Math.min(1, (one.read + within) / one.days);
      taken += one.taken / one.days;
    }
    const seconds = now - begun;
    const isEarly = seconds < SEEN_SECONDS || read / sources < SEEN_SHARE;
    const rest = sources - read - taken;
    return isEarly || rest <= 0 ? undefined : (seconds * rest) / read;
  };
  const rates = (now: number): { files: number; megabytes: number } => {
    const current = { at: now, files: digestFiles + logs, bytes };
    moments.push(current);
    while (moments.length > 2 && now - (moments[0]?.at ?? now) > WINDOW) moments.shift();
    const [first = current] = moments;
    const span = now - first.at;
    if (span <= 0) return { files: 0, megabytes: 0 };
    return {
      files: (current.files - first.files) / span,
      megabytes: (current.bytes - first.bytes) / 1e6 / span,
    };
  };
  const line = (now: number, width: number): string => {
    const { files, megabytes } = rates(now);
    if (begun === undefined) return 'looking for accounts and Regions'.slice(0, width);
    const isRead = sources > 0 && done >= sources;
    const seconds = left(now);
    const rest = isRead ? ', finishing' : seconds === undefined ? '' : `, ${leftInWords(seconds)}`;
    const share = `${numeral(done)}/${count(sources, 'source')}`;
    const digests = count(digestFiles, 'digest file');
    const logFiles = `${numeral(logs)}/${count(listed, 'log file')}`;
    const perSecond = `${numeral(Math.round(files))} files/s`;
    const rate = `${perSecond}, ${megabytes.toFixed(1)} MB/s`;
    const forms = [
      `${share}, ${digests}, ${logFiles}, ${rate}${rest}`,
      `${share}, ${numeral(digestFiles + logs)} files, ${rate}${rest}`,
      `${share}, ${perSecond}${rest}`,
      `${share}${rest}`,
    ];
    return forms.find((form) => form.length <= width) ?? share.slice(0, width);
  };
  return { take, line };
}
