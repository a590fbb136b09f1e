import { createDefaultEsmPreset } from 'ts-jest';

/** @type {import('jest').Config} */
export default {
  ...createDefaultEsmPreset({ tsconfig: 'tsconfig.json' }),
  testEnvironment: 'node',
  // Two cores: by default jest leaves one of them idle.
  maxWorkers: 2,
  // Real processes and servers on a busy machine; what hangs is still found.
  testTimeout: 60_000,
  roots: ['<rootDir>/test'],
  setupFilesAfterEnv: ['<rootDir>/test/support/original-validation.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts'],
  coverageThreshold: {
    'src/manifest/': { branches: 95 },
  },
  reporters: ['default', '<rootDir>/scripts/plain-line-reporter.mjs'],
};
