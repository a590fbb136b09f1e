import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Where chance, time and files may be touched directly: the ports' own implementations. */
const ports = ['src/runtime/**/*.ts'];

const nonDeterminism = {
  'no-restricted-globals': [
    'error',
    {
      name: 'setTimeout',
      message: 'Use the Clock port (runtime/clock.ts): tests run on simulated time.',
    },
    {
      name: 'setInterval',
      message: 'Use the Clock port (runtime/clock.ts): tests run on simulated time.',
    },
    {
      name: 'setImmediate',
      message: 'Use the Clock port (runtime/clock.ts): tests run on simulated time.',
    },
    { name: 'performance', message: 'Use Clock.monotonicMs (runtime/clock.ts).' },
    {
      name: 'crypto',
      message: 'Use the Random port (runtime/random.ts) for chance, node:crypto for hashes.',
    },
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: 'Use Clock.now (runtime/clock.ts).' },
    { object: 'Math', property: 'random', message: 'Use the Random port (runtime/random.ts).' },
    {
      object: 'process',
      property: 'exit',
      message: 'A library never ends its host: throw, or settle `done`.',
    },
  ],
  'no-restricted-imports': [
    'error',
    {
      paths: [
        { name: 'node:fs', message: 'Use the FileSystem port (runtime/file-system.ts).' },
        { name: 'node:fs/promises', message: 'Use the FileSystem port (runtime/file-system.ts).' },
        { name: 'node:timers', message: 'Use the Clock port (runtime/clock.ts).' },
        { name: 'node:timers/promises', message: 'Use the Clock port (runtime/clock.ts).' },
      ],
    },
  ],
  'no-console': 'error',
};

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules', 'test/golden', 'docs/api'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: 'tsconfig.typecheck.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-extraneous-class': 'off',
      'no-nested-ternary': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['src/**/*.ts'], ignores: ports, rules: nonDeterminism },
  {
    files: ['src/**/*.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    // A conformance suite is one long function of a factory by nature: a list of named cases.
    files: ['src/testing/**/*.ts'],
    rules: { 'max-lines-per-function': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    files: ['scripts/**/*.mjs', '**/*.cjs', '*.js', 'bench/**/*.ts', 'examples/**/*.ts'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        module: 'writable',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        AbortController: 'readonly',
        performance: 'readonly',
        URL: 'readonly',
      },
    },
  },
);
