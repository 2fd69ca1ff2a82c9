/**
 * Loaded into the command (NODE_OPTIONS) and into each of its threads: writes a line with the number of
 * the thread for each request that it sends, for each body that it hashes and for each inflater that it
 * makes. With THREAD_DIES_AFTER, each thread but the main one ends itself after so many requests; with
 * THREAD_DIES_HASHING, after so many bodies. With THREADS_GIVEN, the system refuses to start more, as Node
 * tells it: with an error, and a port that stays open. With NO_STEPS, inflating in steps does not work.
 */
import { appendFileSync } from 'node:fs';
import crypto from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import workers, { isMainThread, threadId } from 'node:worker_threads';
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';

const file = process.env.THREAD_WATCH;
const replace = (of, name, value) => Object.defineProperty(of, name, { value });
/** Replaces a function by one that is noted, and ends a thread after so many. */
function watch(of, name, kind, most = Infinity) {
  const call = of[name];
  let calls = 0;
  replace(of, name, (...asked) => {
    appendFileSync(file, `${kind} ${threadId}\n`);
    if (!isMainThread && ++calls > Number(most)) process.exit(1);
    return call(...asked);
  });
}
let isFirst = process.env.NO_STEPS !== undefined;
const { createInflateRaw } = zlib;
replace(zlib, 'createInflateRaw', (...asked) => {
  const inflate = createInflateRaw(...asked);
  if (isFirst) inflate._handle.writeSync = () => undefined;
  isFirst = false;
  return inflate;
});
for (const protocol of [http, https]) {
  watch(protocol, 'request', 'request', process.env.THREAD_DIES_AFTER);
}
watch(crypto, 'createHash', 'hash', process.env.THREAD_DIES_HASHING);
watch(zlib, 'createInflateRaw', 'inflater');
let given = Number(process.env.THREADS_GIVEN ?? Infinity);
workers.Worker = class extends workers.Worker {
  constructor(...how) {
    if (--given < 0) {
      new workers.MessageChannel().port1.on('message', () => undefined);
      throw new Error('EAGAIN');
    }
    super(...how);
  }
};
syncBuiltinESMExports();
