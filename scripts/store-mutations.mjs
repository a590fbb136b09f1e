// Breaks the store's order of writing in every way that the contract forbids, and says whether the crash test notices.

import { longSequences } from '../test/store/crash/actions.ts';
import { enumerateCrashes } from '../test/store/crash/enumeration.ts';
import { mutations } from '../test/store/crash/mutations.ts';

let missed = 0;
for (const { name, wrap } of mutations) {
  const { violation, distinctStates } = await enumerateCrashes({
    length: 2,
    also: longSequences,
    wrap,
  });
  if (violation === undefined) missed += 1;
  const verdict = violation === undefined ? 'NOT CAUGHT' : 'caught    ';
  console.log(`${verdict}  ${name} (${distinctStates} states)`);
  if (violation !== undefined && process.argv.includes('--why'))
    console.log(`            ${violation}`);
}
console.log(`${mutations.length - missed} caught, ${missed} not caught`);
process.exit(missed === 0 ? 0 : 1);
