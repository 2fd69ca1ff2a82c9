import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const include = ['test/**/*.test.ts'];
/** They mock a module, or hold the process's memory or clock against a bound. */
const alone = ['test/gate.test.ts', 'test/hostile.test.ts', 'test/state-file.test.ts'];
const each = { testTimeout: 60_000, hookTimeout: 120_000 };

/** What takes longest begins first, lest the end wait for it; the order of the others is Vitest's. */
const LONGEST = [
  ...['organization', 'threads', 'collect', 'differential', 'schedulers', 'hostile', 'gate'],
  ...['docs-nightly', 'resume', 'large-log-files', 'strange-answers', 'page', 'command'],
];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    // By default one core is left idle. One more than there are works while others wait for answers.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    globalSetup: ['test/support/build.ts'],
    coverage: { include: ['src/**/*.ts'], thresholds: { lines: 90 } },
    projects: [
      // To load the AWS SDK anew for each file takes a minute.
      { test: { ...each, name: 'shared', isolate: false, include, exclude: alone } },
      { test: { ...each, name: 'alone', include: alone } },
    ],
  },
});
