/** Our S3 source on a loopback endpoint, as the tests of single requests want it. */
import { createS3Source, type S3SourceOptions } from '../../src/sources/s3.js';

const credentials = {
  accessKeyId: 'TESTACCESSKEY0000000',
  secretAccessKey: 'test/secret+',
};
/** For `EndpointOptions.verify`. */
export const SECRETS = new Map([[credentials.accessKeyId, credentials.secretAccessKey]]);

/** A source that retries at once and gives a stalled body up soon; the caller closes it. */
export function s3SourceAt(url: string, more: Partial<S3SourceOptions> = {}) {
  return createS3Source({
    region: 'us-east-1',
    retry: { attempts: 4, pauseMs: 1 },
    stallMs: 300,
    ...more,
    client: { endpoint: url, credentials, forcePathStyle: true, ...more.client },
  });
}
