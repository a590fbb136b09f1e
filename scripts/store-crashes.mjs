// Crashes every sequence of store calls up to a length, in every outcome of the disk: `npm run crash:store -- 3`.

import { longerSequences } from '../test/store/crash/actions.ts';
import { enumerateCrashes } from '../test/store/crash/enumeration.ts';
import { positive, script } from './flags.mjs';

const about = 'Crashes every sequence of store calls up to a length, in every outcome of the disk.';
const [length] = script('crash:store', about)
  .argument('[length]', 'calls in a row', positive, 3)
  .parse().processedArgs;
const result = await enumerateCrashes({ length, also: longerSequences });
console.log(
  `${result.kills} kills, ${result.outcomes} power losses, ${result.distinctStates} distinct states`,
);
console.log(result.violation ?? 'no violation');
process.exit(result.violation === undefined ? 0 : 1);
