// What is mutated, and which tests look at it.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Each directory is looked at by the tests of its mirror in test/. The slow ones are left out: they
 * start processes, or walk every crash or every combination of facts. Leaving them out can only
 * lower the score.
 */
export const areas = [
  { directory: 'src/manifest', slow: ['round-trip.prop'] },
  { directory: 'src/recovery', slow: ['docs', 'plan', 'recover.prop'] },
  {
    directory: 'src/store',
    slow: ['crash.sim', 'faults.sim', 'process.int', 'zombie.sim'],
  },
];

/** The test files of a directory as built, the quickest kind first: what they notice costs least. */
export function testsOf(directory, slow) {
  const mirror = directory.replace(/^src/, 'test');
  const isExpensive = (name) => /\.(prop|sim|int)\.|^file-system\./.test(name);
  return readdirSync(mirror)
    .filter((name) => name.endsWith('.test.ts') && !slow.includes(name.replace(/\.test\.ts$/, '')))
    .sort((a, b) => Number(isExpensive(a)) - Number(isExpensive(b)))
    .map((name) => join(mirror, name.replace(/\.ts$/, '.js')));
}
