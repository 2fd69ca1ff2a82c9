/** Listing objects past most of the AWS SDK (plain.ts). */
import type { HttpAnswer } from './http-send.js';
import { createListingRoute, type ListingQuery } from './plain-request.js';
import { learnListings } from './plain-route.js';
import { createAsk, createPlainAsk, readShort, sendBy, type PlainAsk } from './plain.js';
import type { ListedObject } from './ports.js';
import { decodeKey, secondsOf } from './s3-names.js';

/** A page of a listing. */
export interface ListingPage {
  readonly objects: readonly ListedObject[];
  readonly folders: readonly string[];
  /** Whether there is more, and where that begins. */
  readonly isTruncated: boolean;
  readonly next: string | undefined;
}

/** A page has at most a thousand names of a kilobyte, which escapes make three times as long. */
const MAX_PAGE = 16 * 1024 * 1024;

const HEAD = /^(?:<\?xml[^<>]*\?>)?\s*<ListBucketResult(?:\s[^<>]*)?>/;
const TAIL = /\s*<\/ListBucketResult>\s*$/y;
/** An element that holds text alone, or nothing. */
const SIMPLE = /\s*<([A-Za-z]+)(?:\/>|>([^<]*)<\/\1>)/y;
/** The elements that hold others. */
const OPEN = /\s*<(Contents|CommonPrefixes)>/y;
/** Within an object's, what holds others and isn't wanted. */
const UNWANTED = /\s*<(Owner|RestoreStatus)>(?:\s*<([A-Za-z]+)(?:\/>|>[^<]*<\/\2>))*\s*<\/\1>/y;
const CLOSE = { Contents: /\s*<\/Contents>/y, CommonPrefixes: /\s*<\/CommonPrefixes>/y };

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
/** A name as `encoding-type=url` writes it, and a token that needs no unescaping. */
const NAME = /^[\x21-\x25\x27-\x7e]*$/;

type Fields = Map<string, string>;

/** Reads XML from one place on. */
class Scanner {
  readonly #xml: string;
  #at: number;
  constructor(xml: string, at: number) {
    this.#xml = xml;
    this.#at = at;
  }
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#xml);
    if (!found) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }
  /** What an element of text holds; gives false where none stands here, or one for the second time. */
  takeField(fields: Fields): boolean {
    const found = this.take(SIMPLE);
    const [, name = '', text = ''] = found ?? [];
    if (!found || (fields.has(name) && !name.startsWith('Checksum'))) return false;
    fields.set(name, text);
    return true;
  }
}

function objectOf(fields: Fields): ListedObject | undefined {
  const [key, size, time] = [fields.get('Key'), fields.get('Size'), fields.get('LastModified')];
  if (key === undefined || !NAME.test(key)) return undefined;
  if (size === undefined || !/^\d{1,15}$/.test(size)) return undefined;
  if (time === undefined || !TIME.test(time)) return undefined;
  const lastModified = secondsOf(new Date(time));
  return {
    key: decodeKey(key),
    size: Number(size),
    ...(lastModified === undefined ? {} : { lastModified }),
  };
}

/**
 * Reads a page of ListObjectsV2 as S3 writes it; `undefined` for anything that is written otherwise,
 * which the SDK's parser of XML may make sense of.
 */
export function parseListing(xml: string): ListingPage | undefined {
  const head = HEAD.exec(xml);
  if (!head) return undefined;
  const scanner = new Scanner(xml, head[0].length);
  const fields: Fields = new Map();
  const objects: ListedObject[] = [];
  const folders: string[] = [];
  while (!scanner.take(TAIL)) {
    const [, open] = scanner.take(OPEN) ?? [];
    if (open === undefined) {
      if (!scanner.takeField(fields)) return undefined;
      continue;
    }
    const inner: Fields = new Map();
    while (!scanner.take(CLOSE[open as keyof typeof CLOSE])) {
      if (!scanner.takeField(inner) && !scanner.take(UNWANTED)) return undefined;
    }
    if (open === 'Contents') {
      const object = objectOf(inner);
      if (!object) return undefined;
      objects.push(object);
    } else {
      const prefix = inner.get('Prefix');
      if (prefix === undefined || !NAME.test(prefix)) return undefined;
      folders.push(decodeKey(prefix));
    }
  }
  const [truncated, next] = [fields.get('IsTruncated'), fields.get('NextContinuationToken')];
  const isUsual =
    fields.get('EncodingType') === 'url' &&
    (truncated === 'true' || truncated === 'false') &&
    NAME.test(next ?? '');
  return isUsual ? { objects, folders, isTruncated: truncated === 'true', next } : undefined;
}

/** Makes what lists objects by page. */
export function createPlainList(stallMs: number): PlainAsk<ListingQuery, ListingPage> {
  const understand = async (answer: HttpAnswer): Promise<ListingPage | undefined> => {
    if (answer.statusCode !== 200) return undefined;
    const body = await readShort(answer, MAX_PAGE, stallMs);
    return body && parseListing(body.toString('latin1'));
  };
  return createPlainAsk(learnListings, (client, way) =>
    createAsk(createListingRoute(way), sendBy(client), understand),
  );
}
