/**
 * Loaded into the command (NODE_OPTIONS) and into each of its threads: counts the requests that a thread
 * sends and writes the number down when it ends. With THREAD_DIES_AFTER, each thread but the main one
 * ends itself after so many. With THREADS_GIVEN, the system refuses to start more, as Node tells it: with
 * an error, and a port that stays open.
 */
import { appendFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import workers, { isMainThread, threadId } from 'node:worker_threads';
import { syncBuiltinESMExports } from 'node:module';

const file = process.env.THREAD_WATCH;
const most = Number(process.env.THREAD_DIES_AFTER ?? Infinity);
let sent = 0;
for (const protocol of [http, https]) {
  const send = protocol.request;
  protocol.request = (...asked) => {
    appendFileSync(file, `${threadId}\n`);
    if (!isMainThread && ++sent > most) process.exit(1);
    return send(...asked);
  };
}
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
