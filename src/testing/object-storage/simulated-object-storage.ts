// An object storage service in memory that loses answers, is late and slow, and outlives its clients.

import { completeOptions, contract, custom, whole, type OptionTable } from '../../options.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { seededRandom, type Random } from '../../runtime/random.js';
import { connect, ignoreRefusal } from './object-connection.js';
import type {
  ObjectConnection,
  ObjectFault,
  ObjectHooks,
  ObjectOperation,
} from './object-operation.js';
import { ObjectState, type ServiceTraits } from './object-state.js';

/** Options of a `SimulatedObjectStorage`. */
export interface SimulatedObjectStorageOptions {
  /** What everything that is drawn comes from. Default 1. */
  readonly seed?: number;
  /** The system's by default. */
  readonly clock?: Pick<Clock, 'now'>;
  /** Milliseconds that the clock of the service is ahead, or, below 0, behind. Default 0. */
  readonly skewMs?: number;
  /** A list may be as old as this many writes, and draws how old it is. Default 0: the newest. */
  readonly listLag?: number;
  /** Conditions that the service takes and does not look at, as some do. Default none. */
  readonly ignores?: readonly ('ifAbsent' | 'ifMatch')[];
  /** Bytes of every part but the last. Default 5 MiB, as with S3; smaller for short tests. */
  readonly minPartBytes?: number;
}

const optionTable = {
  seed: whole({}, 1),
  clock: contract(['now'], systemClock),
  skewMs: whole({ unit: 'milliseconds' }, 0),
  listLag: whole({ min: 0 }, 0),
  ignores: custom(undefined, []),
  minPartBytes: whole({ min: 1 }, 5 * 2 ** 20),
} satisfies OptionTable<SimulatedObjectStorageOptions>;

/**
 * The fault model.
 *
 * 1. A request has its effect at one moment or never; a condition is decided at that moment. What was
 *    written is durable, and every later `head` and `get` sees it.
 * 2. Any request may fail without an effect (`unreachable`, `throttled`, `unknown`), or with its effect and
 *    its answer lost (`unknown`). The body of a `get` may break off in the middle.
 * 3. A request whose answer is lost may arrive late: after any number of later requests, also when its
 *    process is dead and another one owns what it changes. One that a client sends again arrives twice, and
 *    then the answer to the second one may say that the condition of the first did not hold.
 * 4. A killed process sends nothing more, and what it has sent may arrive late.
 * 5. With `listLag` a list shows what there was some writes ago. Without it a list is the newest.
 * 6. Uploads under way stay until they are completed or aborted. Equal bytes have equal tags.
 * 7. `lastModifiedMs` is by the clock of the service, which differs from others by `skewMs`.
 * 8. A service that `ignores` conditions is against the obligations of the port: one that a store refuses.
 */
export class SimulatedObjectStorage {
  #state: ObjectState;

  constructor(options: SimulatedObjectStorageOptions = {}) {
    this.#state = new ObjectState(traitsOf(options));
  }

  /** A connection for one process, which can be killed alone. */
  connect(hooks: ObjectHooks = {}): ObjectConnection {
    return connect(this.#state, hooks);
  }

  /** An independent service in the same state. Connections stay with the original. */
  clone(): SimulatedObjectStorage {
    const copy = new SimulatedObjectStorage();
    copy.#state = this.#state.clone();
    return copy;
  }

  /** Keys and contents of all objects, in the order of the keys. */
  objects(): ReadonlyMap<string, Uint8Array> {
    const sorted = [...this.#state.objects].sort(([left], [right]) => (left < right ? -1 : 1));
    return new Map(sorted.map(([key, { bytes }]) => [key, bytes]));
  }

  /** Keys of the uploads that are neither completed nor aborted. */
  uploads(): readonly string[] {
    return [...this.#state.uploads.values()].map(({ key }) => key).sort();
  }

  /** Requests that have not arrived yet, in the order in which they were sent. */
  late(): readonly ObjectOperation[] {
    return this.#state.late.map(({ operation }) => operation);
  }

  /** Lets late requests arrive: the one at this place of `late()`, or all of them. */
  deliverLate(index?: number): void {
    const { late } = this.#state;
    const arriving = index === undefined ? late.splice(0) : late.splice(index, 1);
    for (const { effect } of arriving) ignoreRefusal(() => effect(this.#state));
  }

  /** Puts an object there: for tests that prepare or damage one. */
  putObject(key: string, bytes: Uint8Array): void {
    this.#state.put(key, new Uint8Array(bytes));
  }

  /** Takes an object away, as a lifecycle rule of the bucket would. */
  deleteObject(key: string): void {
    this.#state.delete(key);
  }

  /**
   * Hooks that fail about `share` of the requests (0 to 1) by chance, in every way of the fault model, and
   * let late requests arrive between others.
   */
  randomFaults(random: Random, share: number): ObjectHooks {
    return {
      before: (operation) => {
        while (this.#state.late.length > 0 && random.next() < 0.3) {
          this.deliverLate(Math.floor(random.next() * this.#state.late.length));
        }
        return random.next() < share ? drawFault(random, operation) : undefined;
      },
    };
  }
}

function traitsOf(options: SimulatedObjectStorageOptions): ServiceTraits {
  const table = 'a simulated object storage';
  const { seed, clock, skewMs, ...rest } = completeOptions(table, options, optionTable);
  return { ...rest, random: seededRandom(seed), nowMs: () => clock.now() + skewMs };
}

function drawFault(random: Random, { kind, condition }: ObjectOperation): ObjectFault {
  const isRead = ['head', 'get', 'list', 'list-uploads'].includes(kind);
  const written = condition === undefined ? writeFaults : conditionalFaults;
  const faults = isRead ? readFaults : written;
  return faults[Math.floor(random.next() * faults.length)] ?? readFaults[0];
}

const readFaults = [
  { kind: 'unreachable', effect: 'none' },
  { kind: 'throttled', effect: 'none' },
  { kind: 'unknown', effect: 'half' },
] as const satisfies readonly ObjectFault[];

const writeFaults = [
  { kind: 'unreachable', effect: 'none' },
  { kind: 'throttled', effect: 'none' },
  { kind: 'unknown', effect: 'none' },
  { kind: 'unknown', effect: 'done' },
  { kind: 'unknown', effect: 'late' },
  { kind: 'unknown', effect: 'twice' },
] as const satisfies readonly ObjectFault[];

const conditionalFaults = [
  ...writeFaults,
  { kind: 'condition-failed', effect: 'done' },
] as const satisfies readonly ObjectFault[];
