/**
 * The AWS SDK, loaded as the CommonJS that it is published as. Importing it as a module makes Node read
 * its large files once more for the names that they export, which takes as long as running them.
 */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

export const s3 = load('@aws-sdk/client-s3') as typeof import('@aws-sdk/client-s3');
export const cloudtrail = load(
  '@aws-sdk/client-cloudtrail',
) as typeof import('@aws-sdk/client-cloudtrail');
