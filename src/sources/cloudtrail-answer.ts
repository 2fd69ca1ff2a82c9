/**
 * Whether an answer is CloudTrail's at all. Of a page without a body, or of any JSON, the SDK makes an
 * answer that holds nothing: a trail that never delivered, that isn't there, that nobody stopped.
 */
import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';

/** What CloudTrail's answer to a command always holds, be it empty, by the command's name. */
const ALWAYS: ReadonlyMap<string, string> = new Map([
  ['DescribeTrailsCommand', 'trailList'],
  ['GetTrailCommand', 'Trail'],
  ['GetTrailStatusCommand', 'IsLogging'],
  ['ListPublicKeysCommand', 'PublicKeyList'],
  ['LookupEventsCommand', 'Events'],
]);

/** Told as what the SDK could not take apart: with the answer, and nobody's fault. */
class StrangeAnswerError extends Error {
  override readonly name = 'StrangeAnswerError';
  readonly $response: { readonly statusCode: number };
  constructor(statusCode: number) {
    super('not CloudTrail’s answer');
    this.$response = { statusCode };
  }
}

/** Has a client refuse answers that lack what CloudTrail always writes. */
export function trustOnlyCloudTrail(client: CloudTrailClient): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const result = await next(args);
        const name = ALWAYS.get(commandName);
        const output = result.output as unknown as Readonly<Record<string, unknown>>;
        if (name !== undefined && output[name] === undefined) {
          const { statusCode } = result.response as { statusCode: number };
          throw new StrangeAnswerError(statusCode);
        }
        return result;
      },
    // Outside of what takes the answer apart.
    { step: 'deserialize', priority: 'high', name: 'onlyOfCloudTrail' },
  );
}
