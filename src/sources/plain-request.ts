/** Requests that are signed here. Nothing of the AWS SDK is needed for them. */
import { createSigner, escapeKey, escapeValue, type SigningCredentials } from './sigv4.js';

/** A request as the SDK hands it to its HTTP handler. */
export interface PlainRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a bucket is asked (plain-route.ts): plain data, which other threads can be given. */
export interface Way {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly region: string;
  readonly service: string;
  /** The path, or what of it stands before an object's key. */
  readonly path: string;
  /** Headers that are signed beside the date and the session token, and those that aren't. */
  readonly signed: Readonly<Record<string, string>>;
  readonly unsigned: Readonly<Record<string, string>>;
}

/** The request for what is asked, signed with credentials at a time in milliseconds. */
export type Route<Asked> = (
  asked: Asked,
  credentials: SigningCredentials,
  epochMs: number,
) => PlainRequest;

type Query = Readonly<Record<string, string>>;

/** A query as it is signed and sent: escaped, and in order. */
export function queryOf(parameters: Query): string {
  const names = Object.keys(parameters).sort();
  return names.map((name) => `${name}=${escapeValue(parameters[name] ?? '')}`).join('&');
}

/** Makes the requests of one way, of any path and query. */
function createRoute(way: Way): Route<{ readonly path: string; readonly query: string }> {
  const { protocol, hostname, port, region, service, unsigned } = way;
  const sign = createSigner({ region, service, headers: way.signed });
  return ({ path, query }, credentials, epochMs) => ({
    protocol,
    hostname,
    port,
    method: 'GET',
    path: `${path}?${query}`,
    headers: { ...unsigned, ...sign(path, query, credentials, epochMs) },
  });
}

/** What the SDK asks of every GET of an object; other questions are the SDK's own. */
export const OF_OBJECTS = { 'x-id': 'GetObject' };

/** Requests for objects by their keys. */
export function createObjectRoute(way: Way): Route<string> {
  const route = createRoute(way);
  const query = queryOf(OF_OBJECTS);
  return (key, credentials, epochMs) =>
    route({ path: way.path + escapeKey(key), query }, credentials, epochMs);
}

/** What a page of a listing is asked for. */
export interface ListingQuery {
  readonly prefix: string;
  readonly delimiter?: string;
  readonly 'continuation-token'?: string;
}

/** What is asked of every listing: names that XML can hold. */
export const OF_LISTINGS = { 'list-type': '2', 'encoding-type': 'url' };

/** Requests for pages of a bucket's listing. */
export function createListingRoute(way: Way): Route<ListingQuery> {
  const route = createRoute(way);
  return (query, credentials, epochMs) =>
    route({ path: way.path, query: queryOf({ ...OF_LISTINGS, ...query }) }, credentials, epochMs);
}
