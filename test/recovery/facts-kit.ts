// Facts for tests of the pure parts of recovery: one in doubt above a complete one, changed by each test.

import type { Inspection } from 'tidegate/extend';
import { connectorCheckpoint, createManifest } from 'tidegate/manifest';
import type { CheckpointManifest, SinkCommitStatus, TidegateFields } from 'tidegate/manifest';
import { checkpointId, storeId } from '../../src/ids.js';
import type { ReadableCheckpoint } from '../../src/recovery/candidates.js';
import type {
  RecoveryFacts,
  SinkFacts,
  StoredCheckpoint,
  StoredState,
} from '../../src/recovery/facts.js';

export const theStore = storeId('store');

export interface ManifestSpec {
  readonly id: number;
  readonly epoch?: number;
  /** By sink; `missing` names the sink without a status. */
  readonly sinks?: Readonly<Record<string, SinkCommitStatus['kind'] | 'missing'>>;
  readonly handles?: readonly string[];
  readonly ours?: Partial<TidegateFields> | 'foreign';
  readonly change?: Partial<CheckpointManifest>;
}

/** Source `lines`, and a handle and digest for each sink unless the spec says otherwise. */
export function manifestOf(spec: ManifestSpec): CheckpointManifest {
  const { id, epoch = 1, sinks = {}, ours = {} } = spec;
  const names = Object.keys(sinks);
  const statuses = Object.entries(sinks).filter(([, kind]) => kind !== 'missing');
  const bare: CheckpointManifest = {
    ...createManifest(id, epoch, { clock: { now: () => 1 } }),
    sourceOffsets: new Map([['lines', connectorCheckpoint(epoch)]]),
    sourceNames: ['lines'],
    sinkNames: names,
    sinkCommitStatuses: new Map(
      statuses.map(([sink, kind]): [string, SinkCommitStatus] => [
        sink,
        kind === 'failed' ? { kind, message: 'no answer' } : ({ kind } as SinkCommitStatus),
      ]),
    ),
  };
  if (ours === 'foreign') return { ...bare, ...spec.change };
  const tidegate: TidegateFields = {
    storeId: theStore,
    pipeline: 'orders',
    generation: 1,
    kind: 'checkpoint',
    commitHandles: new Map((spec.handles ?? names).map((sink) => [sink, `${sink}/${id}`])),
    ...ours,
  };
  return { ...bare, tidegate, ...spec.change };
}

/** An intact checkpoint with what each sink answered about it. */
export function stored(
  state: StoredState,
  spec: ManifestSpec,
  answers: Readonly<Record<string, Inspection>> = {},
): ReadableCheckpoint {
  return {
    id: checkpointId(spec.id),
    state,
    manifest: manifestOf(spec),
    isIntact: true,
    problem: undefined,
    inspections: new Map(Object.entries(answers)),
  };
}

export function unreadable(id: number, state: StoredState, problem?: Error): StoredCheckpoint {
  return {
    id: checkpointId(id),
    state,
    manifest: undefined,
    isIntact: false,
    problem,
    inspections: new Map(),
  };
}

/** A sink that has answered; two-phase unless it is told otherwise. */
export function sink(lastCommitted?: number, change: Partial<SinkFacts> = {}): SinkFacts {
  return {
    twoPhase: true,
    answer: { kind: 'answered' },
    lastCommitted: lastCommitted === undefined ? undefined : checkpointId(lastCommitted),
    ...change,
  };
}

export function factsOf(
  checkpoints: readonly StoredCheckpoint[],
  sinks: Readonly<Record<string, SinkFacts>> = {},
  change: Partial<RecoveryFacts> = {},
): RecoveryFacts {
  return {
    store: { kind: 'read' },
    storeId: theStore,
    checkpoints,
    sinks: new Map(Object.entries(sinks)),
    topology: {
      sources: new Set(['lines']),
      operators: new Set(),
      shapes: new Map(),
      tables: new Set(),
      hasTableStore: false,
      pipelineHash: undefined,
      vnodeCount: 256,
    },
    occasion: 'start',
    isInDoubtTimeoutReached: false,
    inDoubtPolicy: 'roll-back',
    strictness: 'strict',
    pipelineHashMismatch: 'warn',
    restoreFrom: undefined,
    ...change,
  };
}
