import base from './jest.config.js';

/** Tests against real S3 servers, one file after the other: some of them kill one. @type {import('jest').Config} */
export default {
  ...base,
  maxWorkers: 1,
  testMatch: ['<rootDir>/test/**/*.s3.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
