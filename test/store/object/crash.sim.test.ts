// Nothing acknowledged is lost and nothing overtaken comes back, whatever the service answers, and when.

import { expect, test } from '@jest/globals';
import { longSequences } from '../crash/actions.js';
import { sequences } from '../crash/actions.js';
import { enumerateObjectCrashes } from './crashes.js';

test('every request that fails, is late or is the last of its process leaves the store its word', async () => {
  const result = await enumerateObjectCrashes([...sequences(1), ...sequences(2), ...longSequences]);
  process.stdout.write(
    `object store: ${result.runs} schedules, in ${result.lateArrivals} something arrived late\n`,
  );
  expect(result.violation).toBeUndefined();
  expect(result.runs).toBeGreaterThan(1_000);
}, 300_000);
