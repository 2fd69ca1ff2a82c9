import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { base } from './support/lies.js';
import { runCommand, runJson } from './support/run-command.js';
import { inTemp, serving } from './support/shards.js';

describe('collect', () => {
  it('works', () =>
    inTemp(async (directory) => {
      const { builder, start, end } = base();
      const place = join(directory, 'evidence');
      await serving(builder, { start, end }, {}, async (argv) => {
        const online = await runJson(argv);
        const ran = await runCommand(['collect', '--evidence', place, ...argv]);
        console.log(ran);
        console.log(await readdir(place));
        console.log((await readFile(join(place, 'manifest.jsonl'), 'utf8')).slice(0, 6000));
        const offline = await runCommand(['--evidence', place]);
        console.log(offline);
        expect(online.status).toBe(0);
      });
    }));
});
