/**
 * Signature Version 4 for reading objects of S3, byte for byte as the AWS SDK signs them. Whatever
 * stays the same for a second is made once a second.
 */
import { createHmac, hash } from 'node:crypto';

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** What all requests of one signer share. */
export interface RequestShape {
  readonly region: string;
  readonly service: string;
  /** Headers that are signed beside the date and the session token; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers of one request: those that are signed, and the signature. */
export type Sign = (
  path: string,
  /** As it is sent, escaped and in order. */
  query: string,
  credentials: SigningCredentials,
  epochMs: number,
) => Record<string, string>;

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** SHA-256 of no bytes: what a GET has for a body. */
const NO_BODY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

const asHex = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;

/** A value as it stands in a request's query. Throws for one that isn't well-formed Unicode. */
export function escapeValue(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/g, asHex);
}

/** A key as it stands in a request's path. Throws for one that isn't well-formed Unicode. */
export function escapeKey(key: string): string {
  if (/^[A-Za-z0-9\-._~/]*$/.test(key)) return key;
  return escapeValue(key).replaceAll('%2F', '/');
}

/** What requests of one second and one set of credentials share. */
interface Prepared {
  readonly second: number;
  readonly credentials: SigningCredentials;
  readonly key: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly afterQuery: string;
  readonly beforeHash: string;
  readonly beforeSignature: string;
}

const isSame = (a: SigningCredentials, b: SigningCredentials): boolean =>
  a === b ||
  (a.accessKeyId === b.accessKeyId &&
    a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken);

/** Makes a signer for GETs of one shape. */
export function createSigner({ region, service, headers: fixed }: RequestShape): Sign {
  let last: Prepared | undefined;

  const prepare = (second: number, credentials: SigningCredentials): Prepared => {
    const date = new Date(second * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
    const day = date.slice(0, 8);
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const headers: Record<string, string> = { ...fixed, 'x-amz-date': date };
    if (sessionToken !== undefined && sessionToken !== '') {
      headers['x-amz-security-token'] = sessionToken;
    }
    const names = Object.keys(headers).sort();
    const canonical = names.map((name) => {
      const value = (headers[name] ?? '').replace(/\s+/g, ' ').replace(/^ | $/g, '');
      return `${name}:${value}\n`;
    });
    const scope = `${day}/${region}/${service}/aws4_request`;
    const list = names.join(';');
    const sameDay =
      last?.beforeHash.endsWith(`${scope}\n`) === true && isSame(last.credentials, credentials);
    const derive = (): Buffer =>
      [day, region, service, 'aws4_request'].reduce<string | Buffer>(
        hmac,
        `AWS4${secretAccessKey}`,
      ) as Buffer;
    return {
      second,
      credentials,
      key: sameDay && last ? last.key : derive(),
      headers,
      afterQuery: `\n${canonical.join('')}\n${list}\n${fixed['x-amz-content-sha256'] ?? NO_BODY}`,
      beforeHash: `${ALGORITHM}\n${date}\n${scope}\n`,
      beforeSignature: `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${list}, Signature=`,
    };
  };

  return (path, query, credentials, epochMs) => {
    const second = Math.floor(epochMs / 1000);
    if (last?.second !== second || !isSame(last.credentials, credentials)) {
      last = prepare(second, credentials);
    }
    const { key, headers, afterQuery, beforeHash, beforeSignature } = last;
    const text = beforeHash + hash('sha256', `GET\n${path}\n${query}${afterQuery}`);
    const signature = createHmac('sha256', key).update(text).digest('hex');
    return { ...headers, authorization: beforeSignature + signature };
  };
}
