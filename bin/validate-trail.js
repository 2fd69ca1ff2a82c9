#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';

// By default V8 lets a small heap grow fourfold before it collects what is old: a long run then holds a
// quarter more memory than it does so, and is no faster.
setFlagsFromString('--heap-growing-percent=60');

// Whatever goes wrong in the program itself must never look like a verdict: status 2, one line.
let crashed = false;
const crash = (error) => {
  if (!crashed) process.stderr.write(`validate-trail: error: ${String(error?.message ?? error)}\n`);
  crashed = true;
  process.exitCode = 2;
};
process.on('uncaughtException', crash);
process.on('unhandledRejection', crash);

try {
  const { main } = await import('../dist/cli/main.js');
  const status = await main(process.argv.slice(2), process);
  process.exitCode = crashed ? 2 : status;
} catch (error) {
  crash(error);
} finally {
  // A thread that the system refused to start leaves Node waiting for it, and nobody can call that off.
  setInterval(() => {
    if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
  }, 100).unref();
}
