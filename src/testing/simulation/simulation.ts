// Everything that outlives the simulated processes: disk, sinks, input, time; and what disasters do.

import { FileSystemCheckpointStore } from '../../store/filesystem/file-system-store.js';
import type { Durability, Sink } from '../../contracts/sink.js';
import type { FileSystem } from '../../runtime/file-system.js';
import { silentLogger } from '../../runtime/logger.js';
import type { ProcessIdentity, Processes } from '../../runtime/process-identity.js';
import { seededRandom } from '../../runtime/random.js';
import type { CheckpointStore } from '../../store/checkpoint-store.js';
import type { HistoryEvent } from '../checkers/observation.js';
import { SimulatedClock } from '../clock.js';
import { SimulatedDisk } from '../disk/simulated-disk.js';
import { Director, type Surroundings } from './director.js';
import { directedFileSystem } from './directed-file-system.js';
import type { Fault, Schedule } from './faults.js';
import type { Life } from './life.js';
import { observedStore } from './observed-store.js';
import { directedPort } from './port.js';
import { simulatedSource } from './simulated-source.js';
import { simulatedTableStore, TableStorage } from './simulated-table-store.js';
import { simulatedSink, SinkStorage } from './sinks/index.js';
import { completeOptions } from '../../options.js';
import { inputOf, wrapTable, type Input, type World, type WrapOptions } from './world.js';
import { wrappedSink } from './wrapped-sink.js';

export interface SimulationOptions {
  readonly input: Input;
  readonly schedule: Schedule;
  readonly seed: number;
  /** Simulated milliseconds that pass before each record. */
  readonly recordIntervalMs: number;
}

interface WrappedSink {
  readonly durability: Durability;
  readonly visible: WrapOptions['visible'] | undefined;
}

/** The surroundings of one run. */
export class Simulation implements Surroundings {
  /** One for the whole run, shared by its processes. */
  readonly timeline = new SimulatedClock();
  readonly director: Director;
  readonly storages = new Map<string, SinkStorage>();
  /** Sinks of the user's own, by name. */
  readonly wrapped = new Map<string, WrappedSink>();
  readonly history: HistoryEvent[] = [];
  readonly notes = new Map<string, unknown>();
  /** The process that has used each sink last. */
  readonly #lastUsers = new Map<string, number>();
  readonly #tableStorages = new Map<string, TableStorage>();
  readonly #options: SimulationOptions;
  #replacedCount = 0;
  #disk = new SimulatedDisk();
  /** The disk as it was at each point, when the schedule restores a copy. */
  readonly #copies: SimulatedDisk[] = [];

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.director = new Director(options.schedule, this);
  }

  nowMs(): number {
    return this.timeline.monotonicMs();
  }

  world(life: Life): World {
    const clock = life.clock(this.timeline);
    const random = seededRandom(this.#options.seed * 1_000 + life.number);
    return {
      life: life.number,
      clock,
      random,
      logger: silentLogger,
      store: this.#store(life),
      wrapStore: (store) => this.#observed(life, store),
      notes: this.notes,
      visible: (sink) => this.visibleAt(sink),
      tableStore: (name) => this.#tableStore(life, name),
      source: <Rec>(name: string, options?: { readonly end?: number }) =>
        simulatedSource<Rec>({
          input: inputOf(this.#options.input, name) as readonly Rec[],
          end: options?.end,
          port: directedPort(this.director, life, `source ${name}`),
          pace: () => this.#pace(life),
          onAcknowledge: (next) => this.history.push({ kind: 'acknowledged', source: name, next }),
        }),
      sink: (name, durability) => this.#sink(life, name, durability),
      port: (actor) => directedPort(this.director, life, actor),
      fileSystem: this.#files(life),
      tell: (name, what, deliver) => directedPort(this.director, life, name).message(what, deliver),
      wrap: <Own extends Sink>(name: string, sink: Own, options?: WrapOptions): Own => {
        if (options !== undefined) completeOptions(`wrap of ${name}`, options, wrapTable);
        this.wrapped.set(name, { durability: sink.durability, visible: options?.visible });
        if (options?.points === 'system') return sink;
        const port = directedPort(this.director, life, `sink ${name}`);
        // Every member that a sink has is there, under the same class of durability.
        return wrappedSink(sink, port, (call) => this.director.outside(call)) as Own;
      },
    };
  }

  visibleAt(sink: string): readonly unknown[] {
    return this.storages.get(sink)?.visible.flatMap(({ records }) => records) ?? [];
  }

  /** Whether the newest process knows this sink: what it left prepared elsewhere is not cleared. */
  isInUse(sink: string): boolean {
    return this.#lastUsers.get(sink) === this.director.lives.length;
  }

  lifeEnded(_life: Life, fault: Fault): void {
    switch (fault.kind) {
      case 'power-before':
      case 'power-after':
        this.#killAll();
        this.#disk = afterPowerLoss(this.#disk, fault.number ?? 0);
        return;
      case 'expire':
        for (const storage of this.storages.values()) storage.expire();
        return;
      case 'store-lost':
        this.#replaceStore(new SimulatedDisk());
        return;
      case 'store-restored':
        this.#replaceStore(this.#copies.at(-1 - (fault.number ?? 1)) ?? new SimulatedDisk());
        return;
      case 'bit-rot':
        damageNewestManifest(this.#disk);
        return;
      case 'sink-set-back':
        this.#setBack(fault);
        return;
      default:
        return;
    }
  }

  preparedLost(actor: string): void {
    this.storages.get(actor.replace('sink ', ''))?.loseVolatile();
  }

  copyStore(): void {
    this.#copies.push(this.#disk.clone());
  }

  /** They run on one machine: no other process outlives it. */
  #killAll(): void {
    for (const life of this.director.lives) if (life.end === undefined) life.kill();
  }

  #setBack({ at, number = 1 }: Fault): void {
    this.#killAll();
    this.storages.get(at.action.replace(/^sink /, '').replace(/: [^:]+$/, ''))?.setBack(number);
  }

  #replaceStore(disk: SimulatedDisk): void {
    this.#killAll();
    this.#disk = disk;
    this.#replacedCount += 1;
    this.history.push({ kind: 'store-replaced' });
  }

  async #pace(life: Life): Promise<void> {
    const { recordIntervalMs } = this.#options;
    if (recordIntervalMs === 0) return;
    await new Promise<void>((resolve) => {
      life.clock(this.timeline).setTimer(resolve, recordIntervalMs);
    });
  }

  #store(life: Life): CheckpointStore {
    const random = seededRandom(this.#options.seed * 1_000 + 500 + life.number);
    const store = new FileSystemCheckpointStore(storeDirectory, {
      fileSystem: this.#files(life),
      clock: life.clock(this.timeline),
      random,
      processes: this.#processes(life),
      // Not used: who is alive is known here.
      heartbeatMs: 0,
    });
    return this.#observed(life, store);
  }

  #observed(life: Life, store: CheckpointStore): CheckpointStore {
    const replacedCount = this.#replacedCount;
    return observedStore(store, {
      life: life.number,
      note: (event) => {
        // An answer that a process heard as it died is about the store that went with it.
        if (replacedCount === this.#replacedCount) this.history.push(event);
      },
      openOptions: (options) => {
        const isOvertaking = this.director.lives.some(
          (other) => other !== life && other.state !== 'dead' && other.end === undefined,
        );
        return isOvertaking ? { ...options, liveOwner: 'take-over' } : options;
      },
    });
  }

  /** Mounted now: a call that is still in flight when the power fails dies with the machine. */
  #files(life: Life): FileSystem {
    return directedFileSystem(this.#disk.mount().fileSystem, this.director, life);
  }

  /** Pids are the numbers of lives. */
  #processes(life: Life): Processes {
    return {
      self: () => identityOf(life.number),
      livenessOf: ({ pid }) => {
        const other = this.director.lives[pid - 1];
        return other === undefined || other.end !== undefined ? 'gone' : 'running';
      },
    };
  }

  #tableStore(life: Life, name: string): ReturnType<typeof simulatedTableStore> {
    let storage = this.#tableStorages.get(name);
    if (storage === undefined) {
      storage = new TableStorage();
      this.#tableStorages.set(name, storage);
    }
    return simulatedTableStore(storage, directedPort(this.director, life, `table store ${name}`));
  }

  #sink(life: Life, name: string, durability: Durability): Sink {
    let storage = this.storages.get(name);
    if (storage === undefined) {
      storage = new SinkStorage(name, durability);
      this.storages.set(name, storage);
    }
    this.#lastUsers.set(name, life.number);
    return simulatedSink(storage, directedPort(this.director, life, `sink ${name}`));
  }
}

const storeDirectory = '/checkpoints';

function identityOf(pid: number): ProcessIdentity {
  return { host: 'simulated', bootId: 'boot', pidNamespace: 'pids', pid, startedAt: String(pid) };
}

/** Outcome 0 keeps nothing that was not synced; the others are drawn by their number. */
function afterPowerLoss(disk: SimulatedDisk, outcome: number): SimulatedDisk {
  const outcomes =
    outcome === 0
      ? disk.powerLossOutcomes()
      : disk.powerLossOutcomes({ random: seededRandom(outcome) });
  for (const found of outcomes) return found;
  return disk;
}

/** Turns one byte in the middle of the newest manifest. */
function damageNewestManifest(disk: SimulatedDisk): void {
  let newest: [string, Uint8Array] | undefined;
  for (const [path, bytes] of disk.tree()) {
    if (path.endsWith('/manifest.json') && (newest === undefined || path > newest[0])) {
      newest = [path, bytes];
    }
  }
  if (newest === undefined) return;
  const [path, bytes] = newest;
  const damaged = bytes.slice();
  const middle = Math.floor(damaged.byteLength / 2);
  damaged[middle] = (damaged[middle] ?? 0) ^ 1;
  disk.writeFile(path, damaged);
}
