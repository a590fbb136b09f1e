// Mutation testing: how Stryker breaks the code. `npm run mutation -- survivors` adds what differs by directory.

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  // Not the jest runner: it loads every test file again for each mutant, 3 s for test/recovery
  // before the first test. Mocha loads them once, and a mutant costs what its tests cost.
  testRunner: 'mocha',
  buildCommand: 'node scripts/mutation/build.mjs',
  coverageAnalysis: 'perTest',
  concurrency: 1,
  // A test that is merely slow on a busy machine must not count as a mutant found.
  timeoutMS: 5_000,
  timeoutFactor: 3,
  ignorePatterns: ['*', '!src/**', '!test/**', '!scripts/**', '!package.json', '!tsconfig.json'],
  tempDirName: 'node_modules/.cache/tidegate/stryker',
  reporters: ['progress-append-only'],
  disableTypeChecks: '{src,test}/**/*.ts',
};
