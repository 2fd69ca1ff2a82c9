/** Whether there are credentials at all: without them nothing can be asked. */
import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { RunError } from './ports.js';
import { inWords, serviceError, withRetry, type RetryPolicy } from './retry.js';

/** What the SDK says where nothing it tried had any: no more than that. */
const NONE = /^Could not load credentials from any providers/;

const HINT =
  'give --profile or set AWS_PROFILE (after aws sso login, where the profile needs that), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a run with --evidence needs none';

/** Milliseconds: a process or a server that gives credentials may ask somebody first, or never answer. */
const PATIENCE = 60_000;

/** What comes in time, and before the run is stopped. */
async function inTime<T>(given: Promise<T>, signal?: AbortSignal): Promise<T> {
  const time = AbortSignal.timeout(PATIENCE);
  const over = signal ? AbortSignal.any([time, signal]) : time;
  const late = new Promise<never>((_, reject) => {
    over.addEventListener('abort', () =>
      reject(new Error(`none came within ${PATIENCE / 1000} seconds`)),
    );
  });
  return Promise.race([given, late]);
}

/** Throws `RunError` where a client's credentials can't be had; `profile` is the one that was named. */
export async function requireCredentials(
  client: CloudTrailClient,
  profile: string | undefined,
  retry: RetryPolicy,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await withRetry(retry, () => inTime(client.config.credentials(), signal), signal);
  } catch (error) {
    const found = serviceError(error);
    const of = profile === undefined || profile === '' ? '' : ` of the profile ${profile}`;
    const what = `no AWS credentials${of} were found`;
    const why = found.name === 'CredentialsProviderError' ? found.message : inWords(found);
    throw new RunError(NONE.test(why) ? what : `${what}: ${why}`, HINT);
  }
}
