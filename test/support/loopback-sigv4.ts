/** Checks a request's Signature Version 4 from the bytes that came, as a server does. */
import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { fault } from './loopback-service.js';

const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

const FORM =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;

/** Names that a request must sign where it has them, as S3 wants it. */
const mustSign = (name: string): boolean => name === 'host' || name.startsWith('x-amz-');

/** Throws what S3 answers to a request that isn't signed with a secret that is known, and lately. */
export function checkSignature(
  request: IncomingMessage,
  secrets: ReadonlyMap<string, string>,
  now: Date,
): void {
  const [, id = '', day = '', region = '', list = '', signature] =
    FORM.exec(request.headers.authorization ?? '') ?? [];
  const secret = secrets.get(id);
  if (secret === undefined) throw fault(403, 'InvalidAccessKeyId', 'no such access key');
  const date = String(request.headers['x-amz-date']);
  const time = Date.parse(
    date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (!(Math.abs(time - now.getTime()) < 900_000) || !date.startsWith(day)) {
    throw fault(403, 'RequestTimeTooSkewed', 'the clocks differ too much');
  }
  const names = list.split(';');
  const unsigned = Object.keys(request.headers).filter(
    (name) => mustSign(name) && !names.includes(name),
  );
  if (unsigned.length > 0) throw fault(403, 'AccessDenied', `not signed: ${unsigned.join()}`);
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const sorted = query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => (part.includes('=') ? part : `${part}=`))
    .sort();
  const canonical = [
    request.method,
    path,
    sorted.join('&'),
    ...names.map((name) => `${name}:${String(request.headers[name]).trim()}`),
    '',
    list,
    request.headers['x-amz-content-sha256'],
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const digest = createHash('sha256').update(canonical).digest('hex');
  let key: Buffer = hmac(`AWS4${secret}`, day);
  for (const part of [region, 's3', 'aws4_request']) key = hmac(key, part);
  const expected = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${digest}`).toString('hex');
  if (expected !== signature) throw fault(403, 'SignatureDoesNotMatch', 'another signature');
}
