// An owner that is paused before any of its file-system operations, overtaken, and resumed.

import { hasErrorCode } from '../../../src/index.js';
import { seededRandom } from '../../../src/extend/index.js';
import type { OwnedStore } from '../../../src/extend/index.js';
import { SimulatedDisk } from '../../../src/testing/index.js';
import type { DiskHooks } from '../../../src/testing/index.js';
import { toError } from '../../../src/errors.js';
import { Worker, makeStore, type ActionName, type Wrap } from './actions.js';
import { Ledger } from './ledger.js';
import { judge } from './verdict.js';

export interface ZombieResult {
  /** Pauses that were tried. */
  readonly pauses: number;
  readonly violation: string | undefined;
}

const actions: readonly ActionName[] = ['save', 'large', 'update', 'prune'];

/** Pauses the older owner in each action before each operation, until the action has no more. */
export async function enumerateZombies(
  wrap: Wrap = (fileSystem) => fileSystem,
): Promise<ZombieResult> {
  let pauses = 0;
  for (const action of actions) {
    for (let index = 0; ; index += 1) {
      const outcome = await pauseAndOvertake(action, index, wrap);
      if (outcome === 'not-reached') break;
      pauses += 1;
      if (outcome !== 'kept') {
        return { pauses, violation: `${action}, paused before operation ${index}: ${outcome}` };
      }
    }
  }
  return { pauses, violation: undefined };
}

/** `kept` when all promises hold, otherwise what is wrong. */
async function pauseAndOvertake(action: ActionName, index: number, wrap: Wrap): Promise<string> {
  const disk = new SimulatedDisk();
  const gate = new Gate();
  const older = new Worker(wrap(disk.mount(gate.hooks).fileSystem), new Ledger());
  for (const before of ['open', 'large', 'large', 'save'] as const) await older.perform(before);
  gate.pauseIn(index);
  const late = settled(older.perform(action));
  const isPaused = await Promise.race([gate.reached.then(() => true), late.then(() => false)]);
  if (!isPaused) return 'not-reached';

  const newer = new Worker(wrap(disk.mount().fileSystem), new Ledger());
  await newer.perform('open');
  const seen = await describe(newer.store);
  gate.open();
  const lateError = await late;
  const afterwards = await describe(newer.store);
  if (seen !== afterwards) return `the newer owner saw ${seen}, then ${afterwards}`;
  for (const next of ['update', 'save', 'prune'] as const) await newer.perform(next);
  const nextError = await settled(older.perform('save'));
  if (!hasErrorCode(nextError, 'TIDEGATE_FENCED')) return `it goes on: ${String(nextError)}`;
  // The call that was paused may have taken effect before the newer owner looked, but never else.
  if (lateError !== undefined && !hasErrorCode(lateError, 'TIDEGATE_FENCED')) {
    return `it ended with ${toError(lateError).message}`;
  }
  const newest = await describe(newer.store);
  const third = await openAgain(disk);
  const found = await describe(third);
  if (found !== newest) return `the next opening reads ${found} instead of ${newest}`;
  const knows = newer.ledger;
  for (const listing of await third.list()) {
    if (listing.manifest !== undefined) knows.acknowledge(listing.manifest);
  }
  knows.generation = third.generation;
  return (await judge(disk, knows, wrap)) ?? 'kept';
}

async function openAgain(disk: SimulatedDisk): Promise<OwnedStore> {
  const store = makeStore(disk.mount().fileSystem, seededRandom(13));
  return store.open({ pipeline: 'orders' });
}

async function describe(store: OwnedStore | undefined): Promise<string> {
  const listings = (await store?.list()) ?? [];
  return listings.map(({ id, state, byteLength }) => `${id} ${state} ${byteLength}`).join(', ');
}

/** What a call rejected with; undefined when it did not. */
function settled(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Stops a process before one operation until it is opened. */
class Gate {
  readonly reached: Promise<void>;
  readonly hooks: DiskHooks;
  #left = Infinity;
  #open: () => void = () => undefined;

  constructor() {
    let arrive: () => void = () => undefined;
    this.reached = new Promise((resolve) => {
      arrive = resolve;
    });
    const opened = new Promise<undefined>((resolve) => {
      this.#open = () => resolve(undefined);
    });
    this.hooks = {
      before: () => {
        this.#left -= 1;
        if (this.#left !== -1) return undefined;
        arrive();
        return opened;
      },
    };
  }

  pauseIn(operations: number): void {
    this.#left = operations;
  }

  open(): void {
    this.#open();
  }
}
