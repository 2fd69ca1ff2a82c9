/** One process at a time in a directory, as far as a file can say so. */
import { lstat, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { RunError } from './ports.js';

/** Milliseconds between two signs of life, and after which there was none. */
const SIGN = 10_000;
const DEAD = 60_000;

/** Whether a process of this machine is there. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether who left the lock still works: on another machine, its signs of life say so. */
async function isAlive(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isFile()) return false;
  const text = await readFile(path, 'utf8').catch(() => '');
  const [host, pid] = text.trim().split(' ');
  if (host === hostname() && /^\d+$/.test(pid ?? '')) {
    return Number(pid) !== process.pid && isThere(Number(pid));
  }
  return Date.now() - stats.mtimeMs < DEAD;
}

/** Takes a lock and gives what frees it. Throws `RunError` where somebody else has it. */
export async function takeLock(path: string, what: string): Promise<() => Promise<void>> {
  for (let tries = 0; ; tries++) {
    try {
      await writeFile(path, `${hostname()} ${process.pid}\n`, { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (tries > 3 || (await isAlive(path))) {
      throw new RunError(what, `wait for its end; ${path} says who it is`);
    }
    await rm(path, { force: true });
  }
  const timer = setInterval(() => {
    const now = new Date();
    void utimes(path, now, now).catch(() => undefined);
  }, SIGN);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await rm(path, { force: true });
  };
}
