/** Whether there are credentials at all: without them nothing can be asked. */
import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { RunError } from './ports.js';
import { inWords, serviceError, withRetry, type RetryPolicy } from './retry.js';

/** What the SDK says where nothing it tried had any: no more than that. */
const NONE = /^Could not load credentials from any providers/;

const HINT =
  'give --profile or set AWS_PROFILE (after aws sso login, where the profile needs that), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a run with --evidence needs none';

/** Throws `RunError` where a client's credentials can't be had; `profile` is the one that was named. */
export async function requireCredentials(
  client: CloudTrailClient,
  profile: string | undefined,
  retry: RetryPolicy,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await withRetry(retry, () => client.config.credentials(), signal);
  } catch (error) {
    const found = serviceError(error);
    const of = profile === undefined || profile === '' ? '' : ` of the profile ${profile}`;
    const what = `no AWS credentials${of} were found`;
    const why = found.name === 'CredentialsProviderError' ? found.message : inWords(found);
    throw new RunError(NONE.test(why) ? what : `${what}: ${why}`, HINT);
  }
}
