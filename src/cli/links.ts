import { readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Links on the way to one file; with more, the system gives up as well. */
const MOST_LINKS = 40;

function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** A path, where each symbolic link on its way leads, and last the file itself, be it there or not. */
export function stepsOf(path: string): readonly string[] {
  let at = resolve(path);
  const steps = [at];
  for (let links = 0; links < MOST_LINKS; links++) {
    at = join(realFolder(dirname(at)), basename(at));
    steps.push(at);
    const target = targetOf(at);
    if (target === undefined) break;
    at = resolve(dirname(at), target);
    steps.push(at);
  }
  return steps;
}

/** The file that a path leads to. */
export const fileOf = (path: string): string => stepsOf(path).at(-1) ?? path;
