/** Searching CloudTrail's event history (LookupEvents, SPEC 8), page by page. */
import type { EventSearch } from './ports.js';
import { inWords, serviceError } from './retry.js';

/** Pages of 50 events for one name. */
const MAX_PAGES = 400;
const MAX_RECORDS = 20_000;
/** Longest text of one record; CloudTrail's own are at most 256 KiB. */
const MAX_RECORD_BYTES = 1024 * 1024;

/** A page of LookupEvents, so far as it is used. */
export interface HistoryPage {
  readonly Events?: readonly { readonly CloudTrailEvent?: unknown }[] | undefined;
  readonly NextToken?: string | undefined;
}

/** A record from its text; `undefined` where that is too long or no JSON object. */
function parseRecord(text: unknown): object | undefined {
  if (typeof text !== 'string' || Buffer.byteLength(text) > MAX_RECORD_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Records as they are found, and what is missing of them. */
export class HistoryRecords {
  readonly #records: object[] = [];
  readonly #why = new Set<string>();

  /** Takes a list of events; false once there is no room for more. */
  add(events: readonly unknown[]): boolean {
    for (const event of events) {
      const { CloudTrailEvent: text } = (event ?? {}) as { CloudTrailEvent?: unknown };
      const record = parseRecord(text);
      if (!record) this.lack('an event of the history can’t be read');
      else if (this.#records.length < MAX_RECORDS) this.#records.push(record);
      else {
        this.lack(`the history has more than ${MAX_RECORDS} events that were asked for`);
        return false;
      }
    }
    return true;
  }

  lack(why: string): void {
    this.#why.add(why);
  }

  result(): Omit<EventSearch, 'records'> & { readonly records: readonly object[] } {
    const why = [...this.#why].join('; ');
    return { records: this.#records, complete: why === '', why };
  }
}

/**
 * Looks for events one name after the other, all pages, through `ask`. Never throws. A refusal ends
 * the search, since it would meet the other names too; what was found until then is given.
 */
export async function searchHistory(
  eventNames: readonly string[],
  ask: (eventName: string, token: string | undefined) => Promise<HistoryPage>,
): Promise<EventSearch> {
  const found = new HistoryRecords();
  try {
    for (const name of new Set(eventNames)) {
      const seen = new Set<string>();
      for (let token: string | undefined, page = 1; ; page++) {
        const answer = await ask(name, token);
        if (!found.add(answer.Events ?? [])) return found.result();
        token = answer.NextToken;
        if (token === undefined || token === '') break;
        if (seen.has(token) || page >= MAX_PAGES) {
          found.lack(`the history of ${name} has more than ${MAX_PAGES} pages, or does not end`);
          break;
        }
        seen.add(token);
      }
    }
  } catch (error) {
    found.lack(inWords(serviceError(error)));
  }
  return found.result();
}
