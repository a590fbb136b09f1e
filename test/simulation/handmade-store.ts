// Stores that no crash leaves behind: a run to the end, and then something written by hand.

import type { Inspection, InspectRequest, Sink, TwoPhaseSink } from '../../src/contracts/sink.js';
import type { CallOptions } from '../../src/contracts/source.js';
import { checkpointId } from '../../src/ids.js';
import type {
  CheckpointManifest,
  SinkCommitStatus,
  TidegateFields,
} from '../../src/manifest/types.js';
import type { CheckpointStore, OwnedStore } from '../../src/store/checkpoint-store.js';
import { FileSystemCheckpointStore } from '../../src/store/filesystem/file-system-store.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { ordersInput, ordersPipeline } from './campaign/orders.js';
import { startAgain, type Build, type World } from '../../src/testing/simulation/world.js';

export interface Handmade {
  /** Changes the store after a first process has come to its end. */
  readonly damage: (store: CheckpointStore, disk: SimulatedDisk) => void | Promise<void>;
  /** Default false. */
  readonly hasSidecar?: boolean;
  readonly sink?: (sink: Sink) => Sink;
}

/** One process goes through the input, its store is changed, and a second one starts on it. */
export function onHandmadeStore({ damage, hasSidecar = false, sink = same }: Handmade): {
  readonly build: Build;
  readonly input: typeof ordersInput;
} {
  const disk = new SimulatedDisk();
  const orders = ordersPipeline({ mix: ['durable'], hasSidecar });
  const build: Build = async (world) => {
    const store = storeOn(disk, world);
    const own: World = {
      ...world,
      store,
      sink: (name, durability) => sink(world.sink(name, durability)),
    };
    const crashable = await orders(own);
    if (world.life > 1) return crashable;
    const run = async (): Promise<string> => {
      await crashable.run();
      await damage(store, disk);
      return startAgain;
    };
    return { ...crashable, run };
  };
  return { build, input: ordersInput };
}

function same(sink: Sink): Sink {
  return sink;
}

/** One byte of the newest operator state is another than was written. */
export const damagedSidecar: Handmade = {
  hasSidecar: true,
  damage: (_store, disk) => {
    const sidecars = [...disk.tree()].filter(([path]) => path.endsWith('/state.bin'));
    const [path, bytes] = sidecars.sort(([one], [other]) => (one < other ? -1 : 1)).at(-1)!;
    const damaged = bytes.slice();
    damaged[0] = (damaged[0] ?? 0) ^ 1;
    disk.writeFile(path, damaged);
  },
};

export const twoInDoubt: Handmade = {
  damage: async (store) => {
    const owned = await store.open({ pipeline: 'orders' });
    for (let count = 0; count < 2; count += 1) await saveInDoubt(owned, (id) => `by hand/${id}`);
    await owned.close();
  },
};

/** As a version before 0.2 wrote it: the checkpoint in doubt is replaced by the next one. */
export const replayedBefore: Handmade = {
  damage: async (store) => {
    const owned = await store.open({ pipeline: 'orders' });
    const replaced = await saveInDoubt(owned, (id) => `by hand/${id}`);
    await saveInDoubt(owned, (id) => `by hand/${id}`, {}, { supersedes: replaced });
    await owned.close();
  },
};

/** A number in the newest manifest that this program would have to round. */
export const beyondLimits: Handmade = {
  damage: (_store, disk) => {
    const manifests = [...disk.tree()].filter(([path]) => path.endsWith('/manifest.json'));
    const [path, bytes] = manifests.sort(([one], [other]) => (one < other ? -1 : 1)).at(-1)!;
    const text = Buffer.from(bytes).toString();
    disk.writeFile(path, Buffer.from(text.replace(/"epoch": \d+/, '"epoch": 9007199254740993')));
  },
};

export const newerVersion: Handmade = {
  damage: async (store) => {
    const owned = await store.open({ pipeline: 'orders' });
    await saveInDoubt(owned, (id) => `by hand/${id}`, { version: 2 });
    await owned.close();
  },
};

export const foreignInDoubt: Handmade = {
  damage: async (store) => {
    const owned = await store.open({ pipeline: 'orders' });
    await saveInDoubt(owned, () => undefined);
    await owned.close();
  },
  sink: (sink) => askedByHandle(sink as TwoPhaseSink),
};

/** A copy of the newest checkpoint under the next id, whose sink has not committed it. */
async function saveInDoubt(
  owned: OwnedStore,
  handleOf: (id: number) => string | undefined,
  change: Partial<CheckpointManifest> = {},
  fields: Partial<TidegateFields> = {},
): Promise<number> {
  const newest = (await owned.list()).map(({ id }) => id).sort((one, other) => other - one)[0]!;
  const { manifest } = await owned.load(checkpointId(newest));
  const id = owned.allocateCheckpointId();
  const handle = handleOf(id);
  const pending: SinkCommitStatus = { kind: 'pending' };
  const copy: CheckpointManifest = {
    ...manifest,
    checkpointId: id,
    epoch: manifest.epoch + 1,
    sinkCommitStatuses: new Map([['a', pending]]),
    tidegate: {
      ...manifest.tidegate!,
      generation: owned.generation,
      commitHandles: new Map(handle === undefined ? [] : [['a', handle]]),
      ...fields,
    },
    ...change,
  };
  await owned.saveManifest(copy);
  return id;
}

/** A sink that cannot tell anything about a checkpoint without its handle. */
function askedByHandle(sink: TwoPhaseSink): TwoPhaseSink {
  return {
    ...sink,
    open: async (owner, options) => {
      const session = await sink.open(owner, options);
      const inner = session.inspect.bind(session);
      return Object.assign(session, {
        inspect: async (request: InspectRequest, call: CallOptions): Promise<Inspection> =>
          request.handle === undefined ? 'unsupported' : inner(request, call),
      });
    },
  };
}

function storeOn(disk: SimulatedDisk, { life, clock, random }: World): CheckpointStore {
  return new FileSystemCheckpointStore('/checkpoints', {
    fileSystem: disk.mount().fileSystem,
    clock,
    random,
    heartbeatMs: 0,
    processes: {
      self: () => ({
        host: 'simulated',
        bootId: 'boot',
        pidNamespace: 'pids',
        pid: life,
        startedAt: String(life),
      }),
      livenessOf: () => 'gone',
    },
  });
}
