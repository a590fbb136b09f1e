// Breaks the store's order of writing in every way that the contract forbids, and says whether the crash test notices.

import { longSequences } from '../test/store/crash/actions.ts';
import { enumerateCrashes } from '../test/store/crash/enumeration.ts';
import { fenceMutations, mutations } from '../test/store/crash/mutations.ts';
import { enumerateZombies } from '../test/store/crash/zombies.ts';

const isVerbose = process.argv.includes('--why');
let missed = 0;

function report(name, violation) {
  if (violation === undefined) missed += 1;
  console.log(`${violation === undefined ? 'NOT CAUGHT' : 'caught    '}  ${name}`);
  if (violation !== undefined && isVerbose) console.log(`            ${violation}`);
}

for (const { name, wrap } of mutations) {
  const result = await enumerateCrashes({ length: 2, also: longSequences, wrap });
  report(name, result.violation);
}
for (const { name, wrap } of fenceMutations) report(name, (await enumerateZombies(wrap)).violation);
const count = mutations.length + fenceMutations.length;
console.log(`${count - missed} caught, ${missed} not caught`);
process.exit(missed === 0 ? 0 : 1);
