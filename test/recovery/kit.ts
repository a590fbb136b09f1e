// A world for recovery tests: a memory store, scripted sinks whose memory outlives crashes, virtual time.

import { MemoryCheckpointStore, TidegateError } from 'tidegate';
import type { CheckpointId, StoreId } from 'tidegate';
import { seededRandom, silentLogger } from 'tidegate/extend';
import type {
  CheckpointStore,
  Clock,
  CommitOutcome,
  Inspection,
  Offsets,
  Operator,
  OwnedStore,
  RestoreOptions,
  RollbackOutcome,
  SinkOwner,
  Source,
  TableStore,
  TwoPhaseSink,
  TwoPhaseSinkSession,
} from 'tidegate/extend';
import { connectorCheckpoint, createManifest, inlineOperatorState } from 'tidegate/manifest';
import type { CheckpointManifest, SinkCommitStatus } from 'tidegate/manifest';
import { checkpointId } from '../../src/ids.js';
import { recover } from '../../src/recovery/recover.js';
import type { RecoveryOutcome, RecoveryRequest } from '../../src/recovery/request.js';

export const pipeline = 'orders';

/** Time that stands still until nothing else can happen, and then jumps to the next timer. */
export class VirtualClock implements Clock {
  #nowMs = 1_000_000;
  readonly #timers = new Set<{ atMs: number; callback: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): { cancel: () => void } {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  async drive<Value>(work: Promise<Value>): Promise<Value> {
    const progress = { isSettled: false };
    const settle = (): void => void (progress.isSettled = true);
    work.then(settle, settle);
    for (let jumps = 0; jumps < 100_000; jumps += 1) {
      for (let turn = 0; turn < 3; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        if (progress.isSettled) return work;
      }
      const next = [...this.#timers].sort((left, right) => left.atMs - right.atMs)[0];
      if (next === undefined) throw new Error('nothing can happen: a deadlock');
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    throw new Error('no end after 100 000 timers');
  }
}

export type SinkCall =
  | 'open'
  | 'inspect'
  | 'lastCommitted'
  | 'listPrepared'
  | 'verify'
  | 'commit'
  | 'rollback'
  | 'openReadOnly';

/** What happens instead of, or around, a call; `run` lets it take effect. */
export type Behaviour = (run: () => unknown) => unknown;

/** A durable sink: what it has prepared and committed outlives every session. */
export class ScriptedSink implements TwoPhaseSink {
  readonly durability: TwoPhaseSink['durability'];
  readonly markers = new Set<number>();
  readonly prepared = new Map<string, number>();
  readonly calls: string[] = [];
  generation = 0;
  /** Sessions that were closed. */
  closes = 0;
  storeId: StoreId | undefined;
  /** Behaviours for the next calls of a kind, first come first served. */
  readonly next = new Map<SinkCall, Behaviour[]>();
  /** Behaviour of every call of a kind that has none in `next`. */
  readonly always = new Map<SinkCall, Behaviour>();

  constructor(
    readonly name: string,
    readonly log: string[],
    durability: TwoPhaseSink['durability'] = 'durable',
  ) {
    this.durability = durability;
  }

  handle(id: number): string {
    return `${this.name}/${id}`;
  }

  prepare(id: number): this {
    this.prepared.set(this.handle(id), id);
    return this;
  }

  committed(...ids: readonly number[]): this {
    for (const id of ids) this.markers.add(id);
    return this;
  }

  on(call: SinkCall, ...behaviours: readonly Behaviour[]): this {
    this.next.set(call, [...(this.next.get(call) ?? []), ...behaviours]);
    return this;
  }

  open(owner: SinkOwner): Promise<TwoPhaseSinkSession> {
    return this.#run('open', () => {
      this.#checkStore(owner.storeId);
      if (owner.generation <= this.generation) {
        throw new TidegateError('TIDEGATE_FENCED', `sink ${this.name} is at ${this.generation}`);
      }
      this.generation = owner.generation;
      this.storeId = owner.storeId;
      return this.#session(owner.generation);
    });
  }

  openReadOnly({ storeId }: Omit<SinkOwner, 'generation'>): Promise<TwoPhaseSinkSession> {
    return this.#run('openReadOnly', () => {
      this.#checkStore(storeId);
      return this.#session(undefined);
    });
  }

  #checkStore(given: StoreId): void {
    if (this.storeId === undefined || this.storeId === given) return;
    throw new TidegateError('TIDEGATE_SINK_STORE', `sink holds ${this.storeId}, given ${given}`, {
      details: { remembered: this.storeId },
    });
  }

  #session(generation: number | undefined): TwoPhaseSinkSession {
    const check = (): void => {
      if (generation === undefined || generation === this.generation) return;
      throw new TidegateError('TIDEGATE_FENCED', `sink ${this.name} is at ${this.generation}`);
    };
    const call = <Value>(kind: SinkCall, work: () => Value): Promise<Value> =>
      this.#run(kind, () => {
        check();
        return work();
      });
    return {
      close: () => void (this.closes += 1),
      write: () => undefined,
      preCommit: () => Promise.reject(new Error('recovery never prepares')),
      inspect: ({ checkpointId: id, handle }) =>
        call('inspect', (): Inspection => {
          if (this.prepared.has(handle ?? this.handle(id))) return 'prepared';
          return this.markers.has(id) ? 'committed' : 'absent';
        }),
      lastCommitted: () =>
        call('lastCommitted', () =>
          this.markers.size === 0 ? undefined : checkpointId(Math.max(...this.markers)),
        ),
      listPrepared: () =>
        call('listPrepared', () => [...this.prepared.keys()].map((handle) => ({ handle }))),
      // Optional: there only where a test says how it answers.
      ...(this.always.has('verify') ? { verify: () => call('verify', () => undefined) } : {}),
      commit: (handle) =>
        call('commit', (): CommitOutcome => {
          const id = this.prepared.get(handle);
          if (id !== undefined) {
            this.prepared.delete(handle);
            this.markers.add(id);
            return 'applied';
          }
          return this.markers.has(Number(handle.split('/')[1])) ? 'already-applied' : 'absent';
        }),
      rollback: ({ keep }) =>
        call('rollback', () => {
          if (keep.length > 0) throw new Error(`recovery keeps nothing, here ${keep.join(', ')}`);
          const outcomes = new Map<string, RollbackOutcome>();
          for (const id of this.markers) outcomes.set(this.handle(id), 'committed');
          for (const handle of this.prepared.keys()) outcomes.set(handle, 'rolled-back');
          this.prepared.clear();
          return outcomes;
        }),
    };
  }

  async #run<Value>(kind: SinkCall, work: () => Value): Promise<Value> {
    this.calls.push(kind);
    this.log.push(`${this.name} ${kind}`);
    const behaviour = this.next.get(kind)?.shift() ?? this.always.get(kind);
    return (behaviour === undefined ? work() : await behaviour(work)) as Value;
  }
}

export const fails: Behaviour = () => Promise.reject(new Error('connection lost'));
export const hangs: Behaviour = () => new Promise(() => undefined);
export const losesItsAnswer: Behaviour = (run) => {
  run();
  return Promise.reject(new Error('connection lost after the fact'));
};
export const answers =
  (value: unknown): Behaviour =>
  () =>
    value;

export class ScriptedSource implements Source {
  offset = '0';
  restored: string[] = [];

  constructor(
    readonly name: string,
    readonly log: string[],
  ) {}

  position(): Offsets {
    return { line: this.offset };
  }

  restore(offsets: Offsets, _options?: RestoreOptions): void {
    this.log.push(`${this.name} restore ${offsets.line}`);
    this.offset = offsets.line ?? 'none';
    this.restored.push(this.offset);
  }
}

export class ScriptedOperator implements Operator {
  state = 'initial';

  constructor(
    readonly name: string,
    readonly log: string[],
  ) {}

  capture(): { encode: () => Uint8Array } {
    const bytes = Buffer.from(this.state);
    return { encode: () => bytes };
  }

  async restore(state: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of state) chunks.push(chunk);
    this.state = Buffer.concat(chunks).toString();
    this.log.push(`${this.name} restore ${this.state}`);
  }

  reset(): void {
    this.state = 'initial';
    this.log.push(`${this.name} reset`);
  }
}

export interface StoredSpec {
  readonly epoch?: number;
  /** `C` committed, `P` pending, `F` failed, by sink. */
  readonly sinks?: Readonly<Record<string, 'C' | 'P' | 'F'>>;
  readonly handles?: Readonly<Record<string, string>> | 'none';
  readonly foreign?: boolean;
  readonly change?: (manifest: CheckpointManifest) => CheckpointManifest;
}

/** Everything that one test needs; `crash` ends a life and begins the next. */
export class RecoveryWorld {
  readonly log: string[] = [];
  readonly clock = new VirtualClock();
  readonly random = seededRandom(7);
  /** In memory unless a test is about files. */
  memory: CheckpointStore = new MemoryCheckpointStore({ random: seededRandom(1) });
  readonly sinks = new Map<string, ScriptedSink>();
  readonly sources = new Map<string, Source>();
  readonly operators = new Map<string, ScriptedOperator>();
  readonly tables = new Map<string, Source>();
  tableStore: TableStore | undefined;
  request: Partial<Omit<RecoveryRequest, 'options'>> = {};
  options: Partial<RecoveryRequest['options']> = {};
  /** Replaces the store that recovery gets, for stores that fail. */
  wrapStore: (store: OwnedStore) => OwnedStore = (store) => store;
  #store: OwnedStore | undefined;

  constructor(...sinkNames: readonly string[]) {
    for (const name of sinkNames) this.sinks.set(name, new ScriptedSink(name, this.log));
    this.sources.set('lines', new ScriptedSource('lines', this.log));
    this.operators.set('totals', new ScriptedOperator('totals', this.log));
  }

  sink(name: string): ScriptedSink {
    const sink = this.sinks.get(name);
    if (sink === undefined) throw new Error(`no sink ${name}`);
    return sink;
  }

  get source(): ScriptedSource {
    return this.sources.get('lines') as ScriptedSource;
  }

  get operator(): ScriptedOperator {
    return this.operators.get('totals')!;
  }

  async open(): Promise<OwnedStore> {
    this.#store = await this.memory.open({ pipeline, liveOwner: 'take-over' });
    return this.#store;
  }

  /** Saves a checkpoint as an earlier owner would have, and lets sinks and handles agree with it. */
  async stored(spec: StoredSpec = {}): Promise<CheckpointId> {
    const store = this.#store ?? (await this.open());
    const id = store.allocateCheckpointId();
    const manifest = this.manifest(store, id, spec);
    await store.saveManifest(spec.change?.(manifest) ?? manifest);
    for (const [sink, status] of Object.entries(spec.sinks ?? {})) {
      const scripted = this.sinks.get(sink);
      if (status === 'C') scripted?.committed(id);
    }
    return id;
  }

  manifest(store: OwnedStore, id: CheckpointId, spec: StoredSpec): CheckpointManifest {
    const epoch = spec.epoch ?? 1;
    const sinks = Object.entries(spec.sinks ?? {});
    const kinds = { C: 'committed', P: 'pending', F: 'failed' } as const;
    const statuses = sinks.map(([sink, letter]): [string, SinkCommitStatus] => [
      sink,
      letter === 'F' ? { kind: 'failed', message: 'no answer' } : { kind: kinds[letter] },
    ]);
    const handles =
      spec.handles ?? Object.fromEntries(sinks.map(([sink]) => [sink, `${sink}/${id}`]));
    const bare: CheckpointManifest = {
      ...createManifest(id, epoch, { clock: this.clock }),
      sourceOffsets: new Map([
        ['lines', connectorCheckpoint(epoch, new Map([['line', `${epoch}00`]]))],
      ]),
      sinkCommitStatuses: new Map(statuses),
      operatorStates: new Map([['totals', inlineOperatorState(Buffer.from(`state ${epoch}`))]]),
      sourceNames: ['lines'],
      sinkNames: sinks.map(([sink]) => sink).sort(),
    };
    if (spec.foreign) return bare;
    const commitHandles = new Map(handles === 'none' ? [] : Object.entries(handles));
    return {
      ...bare,
      tidegate: {
        storeId: store.storeId,
        pipeline,
        generation: store.generation,
        kind: 'checkpoint',
        commitHandles,
      },
    };
  }

  /** A new life: the store is opened by the next generation, and recovery runs. */
  async recover(): Promise<RecoveryOutcome> {
    const store = await this.open();
    return this.recoverWith(store);
  }

  async recoverWith(store: OwnedStore): Promise<RecoveryOutcome> {
    return this.clock.drive(recover(this.requestFor(this.wrapStore(store))));
  }

  requestFor(store: OwnedStore): RecoveryRequest {
    return {
      store,
      participants: {
        sources: this.sources,
        operators: this.operators,
        sinks: this.sinks,
        tables: this.tables,
        ...(this.tableStore === undefined ? {} : { tableStore: this.tableStore }),
      },
      pipelineHash: undefined,
      occasion: 'start',
      ports: { clock: this.clock, random: this.random, logger: silentLogger },
      signal: new AbortController().signal,
      ...this.request,
      options: {
        inDoubtPolicy: 'roll-back',
        timeouts: { inDoubtMs: 600_000, callMs: 30_000 },
        strictness: 'strict',
        pipelineHashMismatch: 'warn',
        vnodeCount: 256,
        maxCheckpointBytes: 2 ** 30,
        maxInlineBytes: 2 ** 23,
        stateInlineThresholdBytes: 2 ** 20,
        ...this.options,
      },
    };
  }

  /** Writes each save of a manifest to `log`. */
  logSaves(): void {
    this.wrapStore = (store) =>
      replaced(store, {
        saveManifest: (manifest, options) => {
          this.log.push(`save ${manifest.checkpointId}`);
          return store.saveManifest(manifest, options);
        },
      });
  }

  /** State by id of everything that the store holds. */
  async states(): Promise<Record<string, string>> {
    const reader = await this.memory.openReadOnly();
    const listings = await reader.list();
    return Object.fromEntries(listings.map(({ id, state }) => [id, state]));
  }
}

/** The outcome of a recovery that went on, or a failure that shows why it did not. */
export function resumedFrom(outcome: RecoveryOutcome): RecoveryOutcome & { kind: 'resumed' } {
  if (outcome.kind === 'resumed') return outcome;
  throw new Error(`recovery refused: ${outcome.cause.message}`);
}

export function refusalOf(outcome: RecoveryOutcome): TidegateError {
  if (outcome.kind === 'refused') return outcome.cause;
  throw new Error(`recovery did not refuse, it ${outcome.kind}`);
}

/** The store with some members of its own. */
export function replaced(store: OwnedStore, members: Partial<OwnedStore>): OwnedStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown =
        name in members ? members[name as keyof OwnedStore] : Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
