// What the tests import from @jest/globals, on mocha: it loads each file once and runs tests again and again in one process.

import { expect } from 'expect';
import { bind } from 'jest-each';

// Looked up at each call: mocha sets its globals anew for each file.
const onMocha = (name) => (title, body) => globalThis[name](title, body);

export { expect };
export const describe = withTables(onMocha('describe'));
export const test = withTables(onMocha('it'));
export const it = test;
export const beforeAll = (body) => globalThis.before(body);
export const beforeEach = (body) => globalThis.beforeEach(body);
export const afterEach = (body) => globalThis.afterEach(body);
export const afterAll = (body) => globalThis.after(body);

function withTables(declare) {
  return Object.assign(declare, { each: bind(declare) });
}
