/**
 * DSSE v1, the envelope around what is signed
 * (github.com/secure-systems-lab/dsse, protocol.md and envelope.md, version 1.0).
 */
import type { CheckKey, SigningKey } from './signing-key.js';

/** Bytes that an envelope's file may have. Ten thousand subjects take about five million. */
export const MOST_ENVELOPE = 32 * 1024 * 1024;
const MOST_SIGNATURES = 100;

export interface EnvelopeSignature {
  /** A hint, not signed; absent or empty where the signer gave none. */
  readonly keyid: string | undefined;
  readonly signature: Buffer;
}

export interface Envelope {
  readonly payloadType: string;
  /** What is signed, with its type. */
  readonly payload: Buffer;
  readonly signatures: readonly EnvelopeSignature[];
}

/**
 * What is signed in place of the payload alone, so that a payload can't be passed off as another type:
 * `PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`, lengths in bytes as ASCII
 * decimals (protocol.md, "Signature Definition").
 */
export function preAuthEncoding(payloadType: string, body: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  const head = Buffer.from(`DSSEv1 ${type.length} `);
  return Buffer.concat([head, type, Buffer.from(` ${body.length} `), body]);
}

/**
 * Signs a payload and gives the JSON envelope, on one line without a blank or an end of line, so that
 * no byte of it can change and leave it what it was.
 */
export function signEnvelope(payloadType: string, payload: Buffer, key: SigningKey): string {
  const signature = key.sign(preAuthEncoding(payloadType, payload));
  return JSON.stringify({
    payload: payload.toString('base64'),
    payloadType,
    signatures: [{ keyid: key.id, sig: signature.toString('base64') }],
  });
}

export type ParsedEnvelope =
  { readonly ok: true; readonly envelope: Envelope } | { readonly ok: false; readonly why: string };

/** A JSON object with these fields and no others. */
function fieldsOf(value: unknown, known: readonly string[]): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.keys(value).every((name) => known.includes(name))
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Bytes that base64 stands for in its one way: standard alphabet, padded, nothing left over. */
function fromBase64(text: unknown): Buffer | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function readSignature(value: unknown): EnvelopeSignature | undefined {
  const fields = fieldsOf(value, ['keyid', 'sig']);
  const signature = fromBase64(fields?.['sig']);
  const keyid = fields?.['keyid'];
  if (!signature || (keyid !== undefined && typeof keyid !== 'string')) return undefined;
  return { keyid: keyid === '' ? undefined : keyid, signature };
}

/**
 * Parses an envelope's file strictly: UTF-8, the fields of DSSE and no others, none twice, nothing
 * escaped, base64 in its one standard form. (DSSE also lets base64 be URL-safe; then one signature would
 * have several spellings, and a changed byte could pass.) White space between is let be. Nothing in it is
 * trusted until a signature is verified.
 */
export function parseEnvelope(bytes: Uint8Array): ParsedEnvelope {
  const refuse = (why: string): ParsedEnvelope => ({ ok: false, why });
  if (bytes.length > MOST_ENVELOPE) return refuse('is larger than any attestation');
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return refuse('is not JSON in UTF-8');
  }
  const fields = fieldsOf(value, ['payload', 'payloadType', 'signatures']);
  const { payloadType, signatures: given } = fields ?? {};
  if (typeof payloadType !== 'string' || !Array.isArray(given)) {
    return refuse('is not a DSSE envelope: payload, payloadType and signatures, and nothing else');
  }
  const payload = fromBase64(fields?.['payload']);
  if (!payload) return refuse('has a payload that is not standard base64');
  if (given.length > MOST_SIGNATURES) return refuse(`has more than ${MOST_SIGNATURES} signatures`);
  const signatures = given.map(readSignature);
  const whole = signatures.filter((one) => one !== undefined);
  if (whole.length < given.length) {
    return refuse('has a signature that is not a keyid and a sig in standard base64');
  }
  // What is there twice, or spelt with escapes, is not there any more once it is written again.
  const tight = (json: string): string => json.replace(/[ \t\r\n]/g, '');
  if (tight(JSON.stringify(value)) !== tight(text)) {
    return refuse('has a field twice, or escapes characters that need none');
  }
  return { ok: true, envelope: { payloadType, payload, signatures: whole } };
}

/**
 * Whether the envelope has a signature by the key. One that is labelled with another key's ID is passed
 * over (protocol.md lets a `keyid` narrow which keys are tried); one without a label is tried.
 */
export function isSignedBy({ payloadType, payload, signatures }: Envelope, key: CheckKey): boolean {
  const message = preAuthEncoding(payloadType, payload);
  return signatures.some(
    ({ keyid, signature }) => (keyid ?? key.id) === key.id && key.verify(message, signature),
  );
}
