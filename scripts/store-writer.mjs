// A process that saves checkpoints until it is killed, and says after each that it was acknowledged.

import { Buffer } from 'node:buffer';
import { writeSync } from 'node:fs';

const [library, directory] = process.argv.slice(2);
const { storeAt, createManifest, externalOperatorState } = await import(library);

/** Synchronously: a line that still waits in memory would be lost with the process. */
const say = (line) => writeSync(1, `${JSON.stringify(line)}\n`);

async function* chunksOf(state) {
  yield state.subarray(0, 30_000);
  yield state.subarray(30_000);
}

const store = await storeAt(directory).open({
  pipeline: 'rounds',
  liveOwner: 'take-over',
});
say({ opened: store.generation });
try {
  for (;;) {
    const id = store.allocateCheckpointId();
    const state = Buffer.alloc(40_000, id % 251);
    const receipt = await store.writeSidecar(id, chunksOf(state), {
      maxBytes: 100_000,
    });
    const manifest = {
      ...createManifest(id, 1),
      sinkNames: ['out'],
      sinkCommitStatuses: new Map([['out', { kind: 'pending' }]]),
      operatorStates: new Map([['counts', externalOperatorState(0, state.length)]]),
      stateChecksum: receipt.sha256,
      tidegate: {
        storeId: store.storeId,
        pipeline: store.pipeline,
        generation: store.generation,
        kind: 'checkpoint',
        commitHandles: new Map(),
      },
    };
    const saved = await store.saveManifest(manifest);
    say({ saved: id });
    const statuses = new Map([['out', { kind: 'committed' }]]);
    await store.updateManifest(saved, { ...manifest, sinkCommitStatuses: statuses });
    say({ completed: id });
    await store.prune({ retainedCheckpoints: 3 });
  }
} catch (error) {
  say({ ended: error.code ?? String(error) });
}
