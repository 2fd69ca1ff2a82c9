/** Who asks AWS: GetCallerIdentity, for the record of who collected evidence. */
import type { STSClientConfig } from '@aws-sdk/client-sts';
import { createRequire } from 'node:module';
import type { Collector } from '../core/evidence.js';
import { inWords, serviceError, withRetry, type RetryPolicy } from './retry.js';

/** Asks once and never throws: evidence is none the worse for a collector that nobody names. */
export async function whoAmI(
  config: STSClientConfig,
  retry: RetryPolicy,
  signal: AbortSignal,
): Promise<Collector> {
  const sts = createRequire(import.meta.url)(
    '@aws-sdk/client-sts',
  ) as typeof import('@aws-sdk/client-sts');
  const client = new sts.STSClient({ ...config, maxAttempts: 1 });
  try {
    const ask = () => client.send(new sts.GetCallerIdentityCommand({}));
    const { Account: account, Arn: arn, UserId: userId } = await withRetry(retry, ask, signal);
    if (account === undefined || arn === undefined || userId === undefined) {
      return { unknown: 'GetCallerIdentity answered without a name' };
    }
    return { account, arn, userId };
  } catch (error) {
    return { unknown: inWords(serviceError(error)) };
  } finally {
    client.destroy();
  }
}
