import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // By default one core is left idle; the suite is made of processor time.
    maxWorkers: '100%',
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    coverage: { include: ['src/**/*.ts'], thresholds: { lines: 90 } },
  },
});
