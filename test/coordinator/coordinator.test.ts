// The coordinator in a loop: starting, cuts, outcomes, stopping.

import { describe, expect, test } from '@jest/globals';
import { Harness } from './support/harness.js';

describe('a coordinator in a loop', () => {
  test('starts fresh, takes a checkpoint and commits every sink', async () => {
    const harness = new Harness();
    const report = await harness.start();
    expect(report.row.label).toBeDefined();
    await harness.turn();
    await harness.turn();
    const outcome = await harness.checkpoint();
    expect(outcome.kind).toBe('completed');
    expect(harness.sink('left').visible).toEqual([1, 2]);
    expect(harness.sink('right').visible).toEqual([1, 2]);
    expect(harness.source.acknowledged.at(-1)).toBe(2);
  });

  test('stops with a final checkpoint for the last records', async () => {
    const harness = new Harness();
    await harness.start();
    await harness.turn();
    await harness.settle(harness.coordinator.stop());
    expect(harness.sink('left').visible).toEqual([1]);
    expect(harness.coordinator.status().phase).toBe('stopped');
  });
});
