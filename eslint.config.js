import tseslint from 'typescript-eslint';

/** Imports run one way: cli → report, runner, sources → core (ARCHITECTURE.md). */
const layer = (folder, forbidden) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: { 'no-restricted-imports': ['error', { patterns: forbidden }] },
});

const aws = { group: ['@aws-sdk/*', '@smithy/*'], message: 'only src/sources talks to AWS' };
const rooms = (...names) => ({
  group: names.map((name) => `**/${name}/**`),
  message: 'imports run one way: cli → report, runner, sources → core',
});

export default tseslint.config(
  {
    ignores: [
      '**/dist',
      'coverage',
      'node_modules',
      '*.config.js',
      'bin',
      'fixtures',
      'bench/*.js',
      'test/**/*.mjs',
    ],
  },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-console': 'error',
    },
  },
  layer('core', [
    aws,
    rooms('sources', 'runner', 'report', 'cli'),
    {
      group: ['node:fs*', 'node:net', 'node:http*', 'node:process', 'node:os', 'p-limit', 'yargs'],
      message: 'core is pure',
    },
  ]),
  layer('sources', [rooms('runner', 'report', 'cli')]),
  layer('runner', [aws, rooms('report', 'cli')]),
  layer('report', [aws, rooms('sources', 'runner', 'cli')]),
  layer('cli', [aws]),
  { files: ['bench/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-console': 'off',
    },
  },
);
