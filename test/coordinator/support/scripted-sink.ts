// A sink of every class whose calls can be made to misbehave, over storage that outlives sessions.

import { TidegateError } from 'tidegate';
import type { CheckpointId } from 'tidegate';
import type {
  CommitOutcome,
  Durability,
  FlushingSink,
  Inspection,
  PreCommitRequest,
  Prepared,
  RollbackOutcome,
  Sink,
  SinkOwner,
  TwoPhaseSink,
  TwoPhaseSinkSession,
} from 'tidegate/extend';
import { checkpointId } from '../../../src/ids.js';

/** Called before the real call, which it may replace by throwing or by never settling. */
export type Script = (call: SinkCall) => void | Promise<void>;
export type SinkCall = 'open' | 'write' | 'preCommit' | 'commit' | 'inspect' | 'rollback' | 'flush';

export class ScriptedSink {
  readonly name: string;
  readonly durability: Durability;
  readonly visible: unknown[] = [];
  readonly markers = new Set<number>();
  readonly prepared = new Map<string, readonly unknown[]>();
  readonly calls: string[] = [];
  /** Scripts by call, each used once, in order. */
  readonly scripts = new Map<SinkCall, Script[]>();
  /** Scripts that run after the call took effect: the answer is lost. */
  readonly afterScripts = new Map<SinkCall, Script[]>();
  /** Scripts of calls that have none of their own. */
  readonly always = new Map<SinkCall, Script>();
  generation = 0;

  constructor(name: string, durability: Durability) {
    this.name = name;
    this.durability = durability;
  }

  next(call: SinkCall, ...scripts: Script[]): void {
    this.scripts.set(call, [...(this.scripts.get(call) ?? []), ...scripts]);
  }

  nextAfter(call: SinkCall, ...scripts: Script[]): void {
    this.afterScripts.set(call, [...(this.afterScripts.get(call) ?? []), ...scripts]);
  }

  async play(call: SinkCall, scripts = this.scripts): Promise<void> {
    const always = scripts === this.scripts ? this.always.get(call) : undefined;
    await (scripts.get(call)?.shift() ?? always)?.(call);
  }

  asSink(): Sink {
    if (this.durability === 'idempotent' || this.durability === 'at-least-once') {
      return flushing(this, this.durability);
    }
    return twoPhase(this, this.durability);
  }
}

/** For scripts: the call never answers. */
export function never(): Promise<void> {
  return new Promise(() => undefined);
}

export function fails(message = 'the sink is away'): Script {
  return () => {
    throw new Error(message);
  };
}

function flushing(storage: ScriptedSink, durability: FlushingSink['durability']): FlushingSink {
  return {
    durability,
    open: async () => {
      let open: unknown[] = [];
      return {
        write: async (records) => {
          await storage.play('write');
          open.push(...records);
        },
        flush: async () => {
          storage.calls.push('flush');
          await storage.play('flush');
          storage.visible.push(...open);
          open = [];
        },
      };
    },
  };
}

function twoPhase(storage: ScriptedSink, durability: TwoPhaseSink['durability']): TwoPhaseSink {
  return {
    durability,
    open: async (owner) => {
      await storage.play('open');
      storage.generation = owner.generation;
      if (durability !== 'durable') storage.prepared.clear();
      return new Session(storage, owner);
    },
    openReadOnly: async (identity) =>
      new Session(storage, { ...identity, generation: 1 as SinkOwner['generation'] }),
  };
}

class Session implements TwoPhaseSinkSession {
  readonly #storage: ScriptedSink;
  readonly #owner: SinkOwner;
  #open: unknown[] = [];

  constructor(storage: ScriptedSink, owner: SinkOwner) {
    this.#storage = storage;
    this.#owner = owner;
  }

  async write(records: readonly unknown[]): Promise<void> {
    await this.#storage.play('write');
    this.#checkOwner();
    this.#open.push(...records);
  }

  async preCommit(request: PreCommitRequest): Promise<Prepared> {
    this.#storage.calls.push(`preCommit ${request.epoch}`);
    const handle = `${this.#storage.name}/${request.generation}/${request.checkpointId}`;
    await this.#storage.play('preCommit');
    this.#checkOwner();
    if (!this.#storage.prepared.has(handle)) {
      this.#storage.prepared.set(handle, this.#open);
      this.#open = [];
    }
    await this.#storage.play('preCommit', this.#storage.afterScripts);
    return { handle };
  }

  async commit(handle: string): Promise<CommitOutcome> {
    this.#storage.calls.push(`commit ${handle}`);
    await this.#storage.play('commit');
    this.#checkOwner();
    const id = idOf(handle);
    const records = this.#storage.prepared.get(handle);
    const outcome = this.#outcome(id, records);
    if (records !== undefined) {
      this.#storage.visible.push(...records);
      this.#storage.markers.add(id);
      this.#storage.prepared.delete(handle);
    }
    await this.#storage.play('commit', this.#storage.afterScripts);
    return outcome;
  }

  async inspect(request: { checkpointId: CheckpointId; handle?: string }): Promise<Inspection> {
    await this.#storage.play('inspect');
    if (request.handle !== undefined && this.#storage.prepared.has(request.handle))
      return 'prepared';
    const id = request.handle === undefined ? request.checkpointId : idOf(request.handle);
    return this.#storage.markers.has(id) ? 'committed' : 'absent';
  }

  async lastCommitted(): Promise<CheckpointId | undefined> {
    const newest = Math.max(0, ...this.#storage.markers);
    return newest === 0 ? undefined : checkpointId(newest);
  }

  async listPrepared() {
    return [...this.#storage.prepared.keys()].map((handle) => ({ handle }));
  }

  async rollback({ keep }: { keep: readonly string[] }): Promise<Map<string, RollbackOutcome>> {
    this.#storage.calls.push('rollback');
    await this.#storage.play('rollback');
    this.#checkOwner();
    const outcomes = new Map<string, RollbackOutcome>();
    for (const handle of [...this.#storage.prepared.keys()]) {
      if (keep.includes(handle)) continue;
      this.#storage.prepared.delete(handle);
      outcomes.set(handle, 'rolled-back');
    }
    this.#open = [];
    return outcomes;
  }

  #outcome(id: number, records: readonly unknown[] | undefined): CommitOutcome {
    if (records !== undefined) return 'applied';
    return this.#storage.markers.has(id) ? 'already-applied' : 'absent';
  }

  #checkOwner(): void {
    if (this.#owner.generation === this.#storage.generation) return;
    throw new TidegateError('TIDEGATE_FENCED', `${this.#storage.name} has a newer owner`);
  }
}

function idOf(handle: string): number {
  return Number(handle.split('/').at(-1));
}
