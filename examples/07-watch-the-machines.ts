// Every transition of one checkpoint, seen through `inspect` as Stately's inspector sees them.

import {
  CheckpointCoordinator,
  jsonState,
  MemoryCheckpointStore,
  memorySink,
  type Inspect,
} from 'tidegate';

let isWatching = false;

/** The machines are real XState actors: what they go through comes here, event by event. */
const inspect: Inspect = (event) => {
  if (!isWatching || event.type !== '@xstate.snapshot') return;
  const { value } = event.snapshot as { readonly value?: unknown };
  // Actors without states are the steps: promises that the machine invokes.
  if (value === undefined) return;
  const state =
    typeof value === 'string'
      ? value
      : Object.entries(value as object)
          .flat()
          .join('.');
  console.log(`${nameOf(event.event.type).padEnd(24)} -> ${state}`);
};

/** XState's names of events in plain words. */
function nameOf(type: string): string {
  return type
    .replace(/^xstate\.init$/, 'an attempt begins')
    .replace(/^xstate\.done\.actor\..*\.(.+)$/, 'done: $1')
    .replace(/^xstate\.after\.(\w+).*$/, 'after $1');
}

let taken = 0;
let sum = 0;
const coordinator = new CheckpointCoordinator({
  pipeline: 'watched',
  store: new MemoryCheckpointStore(),
  sources: {
    numbers: {
      position: () => ({ index: String(taken) }),
      restore: ({ index }) => void (taken = Number(index ?? 0)),
    },
  },
  operators: {
    sum: jsonState(
      () => sum,
      (saved) => void (sum = saved),
    ),
  },
  sinks: { out: memorySink<number>() },
  // Every state counts as large here, so that step 4 has something to do.
  checkpoint: { intervalMs: 0, stateInlineThresholdBytes: 0 },
  inspect,
});

await coordinator.start();
for (const number of [1, 2, 3]) {
  const { sinks } = await coordinator.safePoint();
  sum += number;
  await sinks.out.write([number]);
  taken += 1;
}

isWatching = true;
const asked = coordinator.checkpoint();
await coordinator.safePoint();
const outcome = await asked;
isWatching = false;
console.log(`the checkpoint is ${outcome.kind}`);
await coordinator.stop();
