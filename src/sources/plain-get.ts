/** Reading objects past most of the AWS SDK (plain.ts). */
import { understandObject, type ObjectAnswer } from './object-answer.js';
import { createObjectRoute } from './plain-request.js';
import { learnObjects } from './plain-route.js';
import { createAsk, createPlainAsk, sendBy, type PlainAsk } from './plain.js';

/** Makes the reader of objects by key. Throws for an object that isn't there. */
export function createPlainGet(stallMs: number): PlainAsk<string, ObjectAnswer> {
  const ask = createPlainAsk(learnObjects, (client, way) =>
    createAsk(createObjectRoute(way), sendBy(client), (answer) =>
      understandObject(answer, stallMs),
    ),
  );
  // Without a key the path would be the bucket's own.
  return async (client, bucket, key) => (key === '' ? undefined : ask(client, bucket, key));
}
