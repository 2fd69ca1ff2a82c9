import { createHash } from 'node:crypto';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { count } from '../core/count.js';
import { KEYS_FILE, MANIFEST } from '../core/evidence.js';
import type { FileCheck } from '../report/verified.js';
import { hashOfFile } from '../sources/copies.js';
import { Evidence } from '../sources/evidence.js';
import { systemReason } from '../sources/file-error.js';
import { RunError } from '../sources/ports.js';

/** Files that are told one by one; the rest are counted. */
const TOLD = 1000;

async function refuseOther(directory: string): Promise<void> {
  const isDirectory = await stat(directory).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw new RunError(`--evidence ${directory} can’t be read: ${systemReason(error)}`);
    },
  );
  if (!isDirectory) throw new RunError(`--evidence ${directory} is not a directory`);
}

/** The files of a directory, however deep, a directory at a time; links are files. */
async function* filesIn(directory: string): AsyncGenerator<string> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw new RunError(`${directory} can’t be read: ${systemReason(error)}`);
  });
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else yield path;
  }
}

/** A path in few bytes: a million of them are held. */
const shortOf = (path: string): number =>
  createHash('sha256').update(path).digest().readUIntBE(0, 6);

/** Holds every copy against the manifest, and names what lies there and was not collected. */
async function checkCopies({ directory, manifest }: Evidence): Promise<FileCheck[]> {
  const bad: FileCheck[] = [];
  const known = new Set([MANIFEST, KEYS_FILE].map(shortOf));
  let matching = 0;
  let more = 0;
  const tell = (check: FileCheck): void => {
    if (bad.length < TOLD) bad.push(check);
    else more++;
  };
  const check = async (name: string, signed: string | undefined): Promise<void> => {
    const path = join(directory, name);
    const found = await hashOfFile(path).catch((error: unknown) => {
      throw new RunError(`${path} can’t be read: ${systemReason(error)}`);
    });
    if (found !== undefined && found === signed) matching++;
    else if (found === undefined) tell({ result: 'missing', path, signed: signed ?? '' });
    else tell({ result: 'altered', path, signed: signed ?? '', found });
  };
  await check(KEYS_FILE, manifest.end?.keysSha256);
  for await (const { path, sha256 } of manifest.copies()) {
    known.add(shortOf(path));
    await check(path, sha256);
  }
  for await (const path of filesIn(directory)) {
    const name = relative(directory, path).replaceAll('\\', '/');
    if (!known.has(shortOf(name))) tell({ result: 'uncollected', path });
  }
  if (more > 0) tell({ result: 'uncollected', path: `${directory} (${count(more, 'more file')})` });
  return matching === 0
    ? bad
    : [{ result: 'matches', path: `${directory} (${count(matching, 'file')})` }, ...bad];
}

/**
 * Holds an evidence directory against what was signed: its manifest, and every file against that. Throws
 * `RunError` where the directory can't be read.
 */
export async function checkEvidence(
  directory: string,
  signed: string | undefined,
): Promise<FileCheck[]> {
  await refuseOther(directory);
  const path = join(directory, MANIFEST);
  if (signed === undefined) return [{ result: 'stranger', path }];
  const isThere = await lstat(path).catch(() => undefined);
  const found = isThere && (await hashOfFile(path));
  if (isThere && found === undefined) throw new RunError(`the manifest ${path} is not a file`);
  if (found === undefined) return [{ result: 'missing', path, signed }];
  if (found !== signed) return [{ result: 'altered', path, signed, found }];
  const evidence = await Evidence.open(directory, { manifest: [signed], keys: [] });
  if (!evidence) return [{ result: 'missing', path, signed }];
  try {
    return [{ result: 'matches', path }, ...(await checkCopies(evidence))];
  } finally {
    await evidence.close();
  }
}
