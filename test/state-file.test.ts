import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { serializeState, type State } from '../src/core/state.js';
import { RunError } from '../src/sources/ports.js';
import { checkWritable, loadState, saveState } from '../src/sources/state-file.js';

const broken = vi.hoisted(() => ({ rename: undefined as Error | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return {
    ...real,
    rename: (from: string, to: string) =>
      broken.rename ? Promise.reject(broken.rename) : real.rename(from, to),
  };
});

const ARN = 'arn:aws:cloudtrail:us-east-1:111122223333:trail/foo';
const state: State = {
  schemaVersion: 1,
  trail: ARN,
  bucket: 'logs',
  prefix: 'p',
  updatedAt: '2026-03-10T12:00:00Z',
  provedUntil: '2026-03-10T11:00:00Z',
  chains: [],
  candidates: [],
  findings: [],
  accepted: [],
};
const later: State = { ...state, updatedAt: '2026-03-11T12:00:00Z' };
const asRoot = process.getuid?.() === 0;

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'validate-trail-'));
  path = join(directory, 'state.json');
  broken.rename = undefined;
});
afterEach(() => rm(directory, { recursive: true }));

async function refusal(attempt: Promise<unknown>): Promise<RunError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RunError);
  return error as RunError;
}

describe('a state file', () => {
  it('is absent, then written, then read back', async () => {
    expect(await loadState(path, ARN)).toBeUndefined();
    expect(await loadState(join(directory, 'no', 'such', 'folder'), ARN)).toBeUndefined();
    await checkWritable(path);
    expect(await readdir(directory)).toEqual([]);
    await saveState(path, state);
    expect(await loadState(path, ARN)).toEqual(state);
    await checkWritable(path);
    await saveState(path, later);
    expect(await loadState(path, ARN)).toEqual(later);
    expect(await readFile(path, 'utf8')).toBe(serializeState(later));
    expect(await readdir(directory)).toEqual(['state.json']);
  });

  it('keeps the permissions that it had, and heeds the umask where it is new', async () => {
    const before = process.umask(0o027);
    try {
      await saveState(path, state);
      expect((await stat(path)).mode & 0o777).toBe(0o640);
      for (const mode of [0o600, 0o666, 0o444]) {
        await chmod(path, mode);
        await saveState(path, later);
        expect((await stat(path)).mode & 0o777).toBe(mode);
      }
    } finally {
      process.umask(before);
    }
  });

  it('may be a link: the file it leads to is replaced', async () => {
    await mkdir(join(directory, 'kept'));
    await writeFile(join(directory, 'kept', 'real.json'), serializeState(state));
    await symlink(join('kept', 'real.json'), path);
    expect(await loadState(path, ARN)).toEqual(state);
    await checkWritable(path);
    await saveState(path, later);
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await readFile(join(directory, 'kept', 'real.json'), 'utf8')).toBe(
      serializeState(later),
    );
    expect((await readdir(directory)).sort()).toEqual(['kept', 'state.json']);
    expect(await readdir(join(directory, 'kept'))).toEqual(['real.json']);
  });

  it('is not taken for missing where a link leads nowhere', async () => {
    await symlink('gone.json', path);
    expect((await refusal(loadState(path, ARN))).message).toContain('leads nowhere');
    expect((await refusal(saveState(path, state))).message).toContain('leads nowhere');
    expect((await refusal(checkWritable(path))).message).toContain('leads nowhere');
    await rm(path);
    await symlink('state.json', path);
    await refusal(loadState(path, ARN));
  });

  it('is refused where it is no file, empty, no text, too large, damaged or foreign', async () => {
    expect((await refusal(loadState(directory, ARN))).message).toContain('is a directory');
    expect((await refusal(saveState(directory, state))).message).toContain('is a directory');
    expect((await refusal(checkWritable(directory))).message).toContain('is a directory');
    await refusal(loadState(join(directory, '\0'), ARN));
    await writeFile(path, '');
    expect((await refusal(loadState(path, ARN))).message).toContain('is empty');
    await refusal(loadState(join(path, 'below'), ARN));
    await refusal(checkWritable(join(path, 'below')));
    await writeFile(path, Buffer.from([0x7b, 0xff, 0x7d]));
    expect((await refusal(loadState(path, ARN))).message).toContain('is not UTF-8');
    await writeFile(path, `\ufeff${serializeState(state)}`);
    expect((await refusal(loadState(path, ARN))).message).toContain('is not JSON');
    await truncate(path, 1024 * 1024 * 1024);
    expect((await refusal(loadState(path, ARN))).message).toContain('is over 64 MiB');
    await writeFile(path, serializeState(state).replace('logs', 'logz'));
    const damaged = await refusal(loadState(path, ARN));
    expect(damaged.message).toBe(
      `state file ${path} was changed or damaged since it was written: its checksum is not right`,
    );
    expect(damaged.hint).toContain('put back');
    await writeFile(path, serializeState(state));
    expect((await refusal(loadState(path, `${ARN}x`))).message).toContain('of another trail');
  });

  it('does not wait for a named pipe or read a device', { timeout: 5000 }, async () => {
    execFileSync('mkfifo', [path]);
    expect((await refusal(loadState(path, ARN))).message).toContain('not a plain file');
    expect((await refusal(saveState(path, state))).message).toContain('not a plain file');
    expect((await refusal(loadState('/dev/zero', ARN))).message).toContain('not a plain file');
  });
});

describe('writing a state file', () => {
  it('leaves the old one whole, and nothing beside it, when it fails', async () => {
    await saveState(path, state);
    broken.rename = Object.assign(new Error('ENOSPC: no space left on device'), {
      code: 'ENOSPC',
    });
    const failed = await refusal(saveState(path, later));
    expect(failed.message).toContain('no space left');
    expect(failed.hint).toBeDefined();
    expect(await loadState(path, ARN)).toEqual(state);
    expect(await readdir(directory)).toEqual(['state.json']);
    broken.rename = undefined;
    const wrong = { ...later, updatedAt: 'today' };
    expect((await refusal(saveState(path, wrong))).message).toContain('updatedAt');
    expect(await loadState(path, ARN)).toEqual(state);
    expect(await readdir(directory)).toEqual(['state.json']);
  });

  it('fails early where there is no directory', async () => {
    const below = join(directory, 'no', 'state.json');
    await refusal(checkWritable(below));
    await refusal(saveState(below, state));
  });

  it.skipIf(asRoot)('fails early where the directory can not be written', async () => {
    await saveState(path, state);
    await chmod(directory, 0o555);
    try {
      await refusal(checkWritable(path));
      await refusal(saveState(path, later));
      expect(await loadState(path, ARN)).toEqual(state);
    } finally {
      await chmod(directory, 0o755);
    }
  });

  it.skipIf(asRoot)('fails where the file can not be read', async () => {
    await saveState(path, state);
    await chmod(path, 0);
    await refusal(loadState(path, ARN));
  });

  it('is not disturbed by what a crash left behind', async () => {
    const left = '.0123456789abcdef.validate-trail.tmp';
    await writeFile(join(directory, left), '{"schemaVersion"');
    await saveState(path, state);
    expect(await loadState(path, ARN)).toEqual(state);
    expect(await readFile(join(directory, left), 'utf8')).toBe('{"schemaVersion"');
  });

  it('gives a reader the old state or the new one, never a part', async () => {
    await saveState(path, state);
    const writes = Promise.all(
      Array.from({ length: 20 }, (_, at) => saveState(path, at % 2 ? state : later)),
    );
    for (let at = 0; at < 50; at++) expect(await loadState(path, ARN)).toBeDefined();
    await writes;
    expect(await readdir(directory)).toEqual(['state.json']);
  });
});
