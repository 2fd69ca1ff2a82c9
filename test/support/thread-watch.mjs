/**
 * Loaded into the command (NODE_OPTIONS) and into each of its threads: counts the requests that a thread
 * sends and writes the number down when it ends. With THREAD_DIES_AFTER, each thread but the main one
 * ends itself after so many.
 */
import { appendFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { isMainThread, threadId } from 'node:worker_threads';
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
syncBuiltinESMExports();
