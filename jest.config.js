import { readFileSync } from 'node:fs';
import { createDefaultEsmPreset } from 'ts-jest';

/** The package by its own name, as users import it, is its sources as they are now: no build is needed. */
const { exports: entries } = JSON.parse(
  readFileSync(new URL('package.json', import.meta.url), 'utf8'),
);
const ownEntries = Object.entries(entries).flatMap(([name, entry]) => {
  if (entry.default === undefined) return [];
  const source = entry.default.replace('./dist/', '<rootDir>/src/').replace(/\.js$/, '.ts');
  return [[`^tidegate${name.slice(1)}$`, source]];
});

/** @type {import('jest').Config} */
export default {
  ...createDefaultEsmPreset({ tsconfig: 'tsconfig.json' }),
  testEnvironment: 'node',
  // Two cores: by default jest leaves one of them idle.
  maxWorkers: 2,
  // Real processes and servers on a busy machine; what hangs is still found.
  testTimeout: 60_000,
  roots: ['<rootDir>/test'],
  // They need servers: `npm run test:kafka`, `npm run test:s3`.
  testPathIgnorePatterns: ['/node_modules/', '\\.(kafka|s3)\\.test\\.ts$'],
  setupFilesAfterEnv: ['<rootDir>/test/support/original-validation.ts'],
  moduleNameMapper: { ...Object.fromEntries(ownEntries), '^(\\.{1,2}/.*)\\.js$': '$1' },
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts'],
  coverageThreshold: {
    'src/manifest/': { branches: 95 },
  },
  reporters: ['default', '<rootDir>/scripts/plain-line-reporter.mjs'],
};
