// Nothing acknowledged is lost and nothing half-written is believed, wherever a crash comes.

import { expect, test } from '@jest/globals';
import { longSequences } from './crash/actions.js';
import { enumerateCrashes } from './crash/enumeration.js';

test('every crash of every short sequence of calls leaves a store that keeps its word', async () => {
  const result = await enumerateCrashes({ length: 2, also: longSequences });
  process.stdout.write(
    `crash enumeration: ${result.kills} kills, ${result.outcomes} power losses, ` +
      `${result.distinctStates} distinct states\n`,
  );
  expect(result.violation).toBeUndefined();
  expect(result.distinctStates).toBeGreaterThan(1_000);
}, 300_000);
