/** Trying again, for what passes by itself: throttles, server errors, resets, bodies that end early. */
import type { Answer } from './ports.js';

export interface RetryPolicy {
  readonly attempts: number;
  /** Longest first pause, in milliseconds; it doubles with each attempt, up to 20 times as long. */
  readonly pauseMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 6, pauseMs: 100 };

/** The answer, so far as errors of any AWS protocol have one. */
export interface ServiceError {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether something answered that is not AWS: a proxy, a load balancer, another program. */
  readonly isForeign: boolean;
  /** Whether the answer was a status and no error: a foreign one's, or one to HEAD, which has no body. */
  readonly isWordless: boolean;
}

/** What the SDK says where an answer has no error in it. */
const NO_WORDS = 'UnknownError';
/** What it calls such an answer. */
const NO_NAME = /^(Unknown|UnknownError|NotFound|\d{3})$/;

/** Reads what an AWS client threw without trusting its shape. */
export function serviceError(error: unknown): ServiceError {
  const raw = (error ?? {}) as {
    name?: unknown;
    Code?: unknown;
    message?: unknown;
    code?: unknown;
    $fault?: unknown;
    $metadata?: { httpStatusCode?: number };
    $response?: { statusCode?: number; headers?: Record<string, string> };
  };
  const code = typeof raw.Code === 'string' ? raw.Code : raw.name;
  const status = raw.$metadata?.httpStatusCode ?? raw.$response?.statusCode;
  // What the SDK could not take apart has the answer with it, but nobody's fault.
  const isForeign = raw.$response !== undefined && raw.$fault === undefined;
  // Some stores name the error and give no message.
  const isNamed = typeof code === 'string' && !NO_NAME.test(code);
  const isWordless = raw.$response !== undefined && raw.message === NO_WORDS && !isNamed;
  // An error of several connections tried has only a code.
  const message = raw.message === '' ? raw.code : raw.message;
  return {
    name: typeof code === 'string' ? code : 'Error',
    message:
      isForeign || isWordless
        ? `answered with status ${status ?? 'unknown'}, not as AWS does`
        : typeof message === 'string'
          ? message
          : String(error),
    status,
    headers: raw.$response?.headers ?? {},
    isForeign,
    isWordless,
  };
}

/** A time-out in words: the SDK tells it by the name of its setting. */
function timeoutInWords(message: string): string {
  const [, ms] = /(\d+) ms\b/.exec(message) ?? [];
  if (ms === undefined) return message;
  const what = /\bconnection\b/.test(message)
    ? 'no connection'
    : /inactivity/.test(message)
      ? 'nothing more'
      : 'no answer';
  return `${what} came within ${Number(ms) / 1000} s`;
}

/** An error in words: its name and message, unless one says nothing beside the other. */
export function inWords({ name, message, isForeign, isWordless }: ServiceError): string {
  if (name === 'TimeoutError') return timeoutInWords(message);
  return isForeign || isWordless || name === message ? message : `${name}: ${message}`;
}

const THROTTLES =
  /^(SlowDown|Throttl|TooManyRequests|RequestLimitExceeded|BandwidthLimitExceeded|ProvisionedThroughput|LimitExceeded|PriorRequestNotComplete|EC2ThrottledException|RequestThrottled|503)/i;
const PASSING =
  /^(InternalError|InternalFailure|ServiceUnavailable|RequestTimeout|RequestTimeTooSkewed|TimeoutError|BadDigest|IncompleteBody|OperationAborted|ServiceException|TruncatedBodyError|StalledBodyError|ThreadEndedError)/i;
const NETWORK =
  /^(ECONN|EPIPE|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|EAI_AGAIN|ENOTFOUND|ERR_STREAM|UND_ERR)/;

/** Whether the service asks to be asked less often. */
export function isThrottle(error: ServiceError): boolean {
  return THROTTLES.test(error.name) || error.status === 503 || error.status === 429;
}

const CREDENTIALS =
  /^(CredentialsProviderError|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired|AuthorizationHeaderMalformed|UnrecognizedClient)/;

/** Whether the caller's credentials are the matter, which other ones would end. */
export function isOfCredentials(error: ServiceError): boolean {
  return CREDENTIALS.test(error.name);
}

/** Whether nobody answered in time. */
export function isTimeout(error: unknown): boolean {
  return serviceError(error).name === 'TimeoutError';
}

/** Whether nobody answered: no connection, or nothing in time. */
export function isUnreached(error: unknown): boolean {
  return isTimeout(error) || NETWORK.test((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** That an endpoint could not be reached, and why. */
export function unreached(error: unknown, endpoint = 'the endpoint'): string {
  const { name, message } = serviceError(error);
  const why = name === 'TimeoutError' ? timeoutInWords(message) : message;
  return `${endpoint} could not be reached: ${why}`;
}

/** Whether the service had no word on what was asked: no answer, a failure, or something else answered. */
export function isUnanswered(error: ServiceError): boolean {
  const { status = 500 } = error;
  const isNoWord = error.isForeign || error.isWordless || status >= 500;
  return !isOfCredentials(error) && (isNoWord || isThrottle(error));
}

/** Whether an error may be gone the next time. */
export function isPassing(error: unknown): boolean {
  const found = serviceError(error);
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return (
    isThrottle(found) ||
    PASSING.test(found.name) ||
    NETWORK.test(code) ||
    // 501 says that it will never be done.
    (found.status !== undefined && found.status >= 500 && found.status !== 501) ||
    (found.status === undefined &&
      /socket hang up|aborted|timed? ?out|premature/i.test(found.message))
  );
}

/** Waits, no longer than until the signal. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });

/** Tries of a service that doesn't answer at all: each takes long. */
const MOST_TIMEOUTS = 3;

/**
 * Runs `attempt` until it succeeds, fails for good, or the policy's attempts are used up; pauses
 * between are drawn at random up to a bound that doubles ("full jitter").
 */
export async function withRetry<T>(
  policy: RetryPolicy,
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let timeouts = 0;
  for (let tried = 1; ; tried++) {
    try {
      signal?.throwIfAborted();
      return await attempt();
    } catch (error) {
      if (tried >= policy.attempts || signal?.aborted === true || !isPassing(error)) throw error;
      if (isTimeout(error) && ++timeouts >= MOST_TIMEOUTS) throw error;
      const bound = Math.min(policy.pauseMs * 2 ** (tried - 1), policy.pauseMs * 20);
      await sleep(Math.random() * bound, signal);
    }
  }
}

/** What `ask` gives, or in words why it gives nothing. */
export async function answered<T>(ask: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await ask() };
  } catch (error) {
    const found = serviceError(error);
    const why = inWords(found);
    return isUnanswered(found) ? { ok: false, why, unanswered: true } : { ok: false, why };
  }
}
