import base from './jest.config.js';

/** Tests against a real broker, one file after the other: some of them kill it. @type {import('jest').Config} */
export default {
  ...base,
  maxWorkers: 1,
  testMatch: ['<rootDir>/test/**/*.kafka.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
