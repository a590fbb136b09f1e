// A roll back of recovery that gets no answer and lands when the next epoch is prepared.

import { expect, test } from '@jest/globals';
import { prepareSetup, replay } from './campaign/campaign.js';
import { parseSchedule } from '../../src/testing/simulation/faults.js';
import type { OrdersSetup } from './campaign/orders.js';

const setup: OrdersSetup = {
  mix: ['durable', 'durable'],
  hasSidecar: true,
  drains: true,
  settings: { inDoubtPolicy: 'roll-forward' },
};

/** Points later: up to behind the first commits, wherever a change of the code moves them. */
const delays = Array.from({ length: 60 }, (_, index) => index + 1);

test('a roll back of recovery that lands late takes nothing away that was prepared after it', async () => {
  const prepared = await prepareSetup(setup, { seed: 1 });
  for (const delay of delays) {
    const text = `late sink a: roll back#1 +${delay}`;
    const result = await replay(prepared, parseSchedule([text]));
    expect([text, result.ending, result.violations]).toEqual([text, 'completed', []]);
  }
});
