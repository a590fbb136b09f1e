// Clocks that are wrong: recorded times are for people, and no pipeline stops for one.

import { expect, test } from '@jest/globals';
import { SimulatedClock } from 'tidegate/testing';
import { Harness } from './support/harness.js';

class JumpingClock extends SimulatedClock {
  #times: readonly number[];

  constructor(...times: readonly number[]) {
    super();
    this.#times = times;
  }

  /** Another of the times at each look. */
  override now(): number {
    const [next = 0, ...rest] = this.#times;
    this.#times = [...rest, next];
    return next;
  }
}

test.each([
  ['stands before 1970', [-86_400_000_000]],
  ['stands at 1970', [0]],
  ['gives no number', [NaN]],
  ['is in the year 12000', [316_516_579_200_000]],
  ['is beyond every calendar', [Number.MAX_VALUE]],
  ['jumps back and forth', [1_700_000_000_000, 1_000, -5, 8e15, 1_600_000_000_000]],
])('a pipeline whose clock %s starts, commits and starts again', async (_how, times) => {
  const harness = new Harness({ clock: new JumpingClock(...times) });

  const report = await harness.start();
  await harness.turn();
  await harness.checkpoint();
  await harness.settle(harness.coordinator.stop());

  if (times.length === 1) {
    const isWrong = !times.every((time) => time >= 1 && time <= 8.64e15);
    expect(report.warnings.some((line) => line.includes('set the time'))).toBe(isWrong);
  }
  const listings = await (await harness.store.openReadOnly()).list();
  expect(listings.every(({ state }) => state === 'complete')).toBe(true);
  for (const { manifest } of listings) {
    expect(manifest?.timestampMs).toBeGreaterThanOrEqual(1);
    expect(manifest?.timestampMs).toBeLessThanOrEqual(8.64e15);
  }

  const scripted = harness.sinks;
  const again = new Harness({ clock: new JumpingClock(-1), store: harness.store, scripted });
  await again.start();
  await again.settle(again.coordinator.stop());
});
