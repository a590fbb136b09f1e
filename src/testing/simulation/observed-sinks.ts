// What the sinks of a run hold in the end: the simulated ones, and wrapped ones that can be looked into.

import { assert } from '../../assert.js';
import type { ObservedSink } from '../checkers/observation.js';
import type { Simulation } from './simulation.js';

export async function visibleIn(
  simulation: Simulation,
): Promise<ReadonlyMap<string, readonly unknown[]>> {
  const visible = new Map<string, readonly unknown[]>();
  for (const name of simulation.storages.keys()) visible.set(name, simulation.visibleAt(name));
  for (const [name, wrapped] of simulation.wrapped) {
    if (wrapped.visible !== undefined) visible.set(name, await wrapped.visible());
  }
  return visible;
}

interface Held {
  /** By sink. */
  readonly visible: ReadonlyMap<string, readonly unknown[]>;
  readonly expected: ReadonlyMap<string, readonly unknown[]>;
  readonly order: 'input' | 'key';
}

export function observedSinks(
  simulation: Simulation,
  { visible, expected, order }: Held,
): readonly ObservedSink[] {
  return [...visible].map(([name, records]) => {
    const storage = simulation.storages.get(name);
    const durability = storage?.durability ?? simulation.wrapped.get(name)?.durability;
    assert(durability !== undefined, `sink ${name} is neither simulated nor wrapped`);
    return {
      name,
      durability,
      visible: records,
      expected: expected.get(name) ?? [],
      order,
      preparedCount: simulation.isInUse(name) ? (storage?.prepared.size ?? 0) : 0,
    };
  });
}
