/** Counting what is asked of a source of objects, and how long its listings take. */
import { PAGE, type Requests } from '../core/estimate.js';
import type { ObjectSource } from '../sources/ports.js';

/** Listings whose time is kept: more don't change a median. */
const SAMPLES = 2000;

export interface CountedSource {
  readonly objects: ObjectSource;
  /** What was asked until now; requests that were tried again count once. */
  readonly made: () => Requests;
  /** The median time of a LIST request. */
  readonly latencySeconds: () => number;
}

/** Wraps a source of objects. */
export function countRequests(objects: ObjectSource): CountedSource {
  const made = { list: 0, get: 0 };
  const times: number[] = [];
  return {
    made: () => ({ ...made }),
    latencySeconds: () => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0,
    objects: {
      ...objects,
      list: async (bucket, prefix, options) => {
        const begun = performance.now();
        const listing = await objects.list(bucket, prefix, options);
        const names = listing.ok ? listing.value.objects.length + listing.value.folders.length : 0;
        const pages = Math.max(1, Math.ceil(names / PAGE));
        made.list += pages;
        if (listing.ok && times.length < SAMPLES) {
          times.push((performance.now() - begun) / 1000 / pages);
        }
        return listing;
      },
      read: (...call) => {
        made.get++;
        return objects.read(...call);
      },
      hashLog: (...call) => {
        made.get++;
        return objects.hashLog(...call);
      },
    },
  };
}
