import { defineConfig } from 'vitest/config';

const include = ['test/**/*.test.ts'];
/** They mock a module, or hold the process's memory or clock against a bound. */
const alone = ['test/gate.test.ts', 'test/hostile.test.ts', 'test/state-file.test.ts'];
const each = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    // By default one core is left idle; the suite is made of processor time.
    maxWorkers: '100%',
    globalSetup: ['test/support/build.ts'],
    coverage: { include: ['src/**/*.ts'], thresholds: { lines: 90 } },
    projects: [
      // To load the AWS SDK anew for each file takes a minute.
      { test: { ...each, name: 'shared', isolate: false, include, exclude: alone } },
      { test: { ...each, name: 'alone', include: alone } },
    ],
  },
});
