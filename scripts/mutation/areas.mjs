// What is mutated, and which tests look at it.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Each directory is looked at by the tests of its mirror in test/. The `slow` ones are left out:
 * they start processes, or walk every crash or every combination of facts. Leaving them out can
 * only lower the score. The `late` ones run last: most mutants never meet them.
 */
export const areas = [
  { directory: 'src/manifest', slow: ['round-trip.prop'], late: ['golden', 'parse'] },
  {
    directory: 'src/recovery',
    slow: ['plan', 'recover.prop'],
    late: ['recover', 'unknown-outcomes', 'participants', 'acting', 'file-system'],
  },
  {
    directory: 'src/store',
    slow: ['crash.sim', 'faults.sim', 'process.int', 'zombie.sim'],
    late: ['syncs', 'unexpected-entries', 'conformance'],
  },
];

/** The test files of a directory as built, in the order in which they run. */
export function testsOf(directory, { slow, late }) {
  const mirror = directory.replace(/^src/, 'test');
  return readdirSync(mirror)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => name.replace(/\.test\.ts$/, ''))
    .filter((name) => !slow.includes(name))
    .sort((a, b) => late.indexOf(a) - late.indexOf(b))
    .map((name) => join(mirror, `${name}.test.js`));
}
