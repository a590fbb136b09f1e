// Breaks the store's order of writing in every way that the contract forbids, and says whether the crash test notices.

import { longSequences } from '../../test/store/crash/actions.ts';
import { enumerateCrashes } from '../../test/store/crash/enumeration.ts';
import { fenceMutations, mutations } from '../../test/store/crash/mutations.ts';
import { enumerateZombies } from '../../test/store/crash/zombies.ts';
import { requireKnown, script } from '../flags.mjs';
import { MutationRun } from './run.mjs';

const areas = {
  order: {
    mutations,
    violationOf: async (wrap) =>
      (await enumerateCrashes({ length: 2, also: longSequences, wrap })).violation,
  },
  fence: {
    mutations: fenceMutations,
    violationOf: async (wrap) => (await enumerateZombies(wrap)).violation,
  },
};
const names = Object.keys(areas);
const flags = script('mutation -- store', 'Breaks the order of the store’s writes and syncs.')
  .option('--only <area...>', `any of ${names.join(', ')}`, names)
  .option('--why', 'shows what the crash test saw', false)
  .option('--json', 'prints one object at the end', false)
  .parse()
  .opts();
requireKnown('area', flags.only, names);

const planned = flags.only.reduce((sum, area) => sum + areas[area].mutations.length, 0);
const run = new MutationRun({ kind: 'store', isJson: flags.json, planned });
for (const area of flags.only) {
  for (const { name, wrap } of areas[area].mutations) {
    const why = await areas[area].violationOf(wrap);
    run.add({ area, what: name, isCaught: why !== undefined, why });
    if (flags.why && !flags.json && why !== undefined) console.log(`            ${why}`);
  }
}
run.end();
