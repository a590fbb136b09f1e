// Crashes every sequence of store calls up to a length, in every outcome of the disk: `npm run crash:store -- 3`.

import { longerSequences } from '../test/store/crash/actions.ts';
import { enumerateCrashes } from '../test/store/crash/enumeration.ts';

const length = Number(process.argv[2] ?? 3);
const result = await enumerateCrashes({ length, also: longerSequences });
console.log(
  `${result.kills} kills, ${result.outcomes} power losses, ${result.distinctStates} distinct states`,
);
console.log(result.violation ?? 'no violation');
process.exit(result.violation === undefined ? 0 : 1);
