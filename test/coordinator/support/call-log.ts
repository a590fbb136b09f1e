// A log of the real calls at the ports, written by wrappers around a store and its sinks.

import { isTwoPhase } from 'tidegate/extend';
import type {
  CheckpointStore,
  OpenStoreOptions,
  OwnedStore,
  Sink,
  TwoPhaseSinkSession,
} from 'tidegate/extend';
import type { CheckpointManifest } from 'tidegate/manifest';

export type LoggedCall =
  | { readonly kind: 'save-began'; readonly manifest: CheckpointManifest }
  | {
      readonly kind: 'saved';
      readonly manifest: CheckpointManifest;
      readonly how: 'save' | 'update';
    }
  | { readonly kind: 'prepared'; readonly sink: string; readonly checkpointId: number }
  | { readonly kind: 'commit'; readonly sink: string; readonly handle: string }
  | {
      readonly kind: 'committed';
      readonly sink: string;
      readonly handle: string;
      readonly answer: string;
    }
  | { readonly kind: 'rollback'; readonly sink: string }
  | { readonly kind: 'generation'; readonly generation: number }
  | { readonly kind: 'store-closed'; readonly generation: number }
  | { readonly kind: 'sink-closed'; readonly sink: string }
  | { readonly kind: 'told'; readonly checkpointId: number };

/** Calls of a store that a script can make fail: saves before or after they took effect. */
export interface StoreFaults {
  before?: (how: 'save' | 'update', manifest: CheckpointManifest) => void | Promise<void>;
  after?: (how: 'save' | 'update', manifest: CheckpointManifest) => void | Promise<void>;
  beforeNextGeneration?: (() => void | Promise<void>) | undefined;
  beforeClose?: () => Promise<void>;
}

export function loggedStore(
  store: CheckpointStore,
  log: LoggedCall[],
  faults: StoreFaults,
): CheckpointStore {
  return {
    open: async (options: OpenStoreOptions) => loggedOwner(await store.open(options), log, faults),
    openReadOnly: (options) => store.openReadOnly(options),
  };
}

function loggedOwner(owner: OwnedStore, log: LoggedCall[], faults: StoreFaults): OwnedStore {
  log.push({ kind: 'generation', generation: owner.generation });
  return {
    storeId: owner.storeId,
    pipeline: owner.pipeline,
    generation: owner.generation,
    list: (options) => owner.list(options),
    load: (id, options) => owner.load(id, options),
    readOperatorState: (checkpoint, operator) => owner.readOperatorState(checkpoint, operator),
    close: async () => {
      log.push({ kind: 'store-closed', generation: owner.generation });
      await faults.beforeClose?.();
      await owner.close();
    },
    takeNextGeneration: async (options) => {
      await faults.beforeNextGeneration?.();
      return loggedOwner(await owner.takeNextGeneration(options), log, faults);
    },
    allocateCheckpointId: () => owner.allocateCheckpointId(),
    writeSidecar: (id, chunks, options) => owner.writeSidecar(id, chunks, options),
    saveManifest: async (manifest, options) => {
      await faults.before?.('save', manifest);
      log.push({ kind: 'save-began', manifest });
      const persisted = await owner.saveManifest(manifest, options);
      log.push({ kind: 'saved', manifest: persisted.manifest, how: 'save' });
      await faults.after?.('save', manifest);
      return persisted;
    },
    updateManifest: async (previous, next, options) => {
      await faults.before?.('update', next);
      const persisted = await owner.updateManifest(previous, next, options);
      log.push({ kind: 'saved', manifest: persisted.manifest, how: 'update' });
      await faults.after?.('update', next);
      return persisted;
    },
    prune: (options) => owner.prune(options),
    quarantine: (id, options) => owner.quarantine(id, options),
  };
}

export function loggedSink(name: string, sink: Sink, log: LoggedCall[]): Sink {
  if (!isTwoPhase(sink)) return sink;
  return {
    ...sink,
    open: async (owner, options) => loggedSession(name, await sink.open(owner, options), log),
  };
}

function loggedSession(
  name: string,
  session: TwoPhaseSinkSession,
  log: LoggedCall[],
): TwoPhaseSinkSession {
  return {
    write: (records) => session.write(records),
    preCommit: async (request, options) => {
      const prepared = await session.preCommit(request, options);
      log.push({ kind: 'prepared', sink: name, checkpointId: request.checkpointId });
      return prepared;
    },
    commit: async (handle, options) => {
      log.push({ kind: 'commit', sink: name, handle });
      const answer = await session.commit(handle, options);
      log.push({ kind: 'committed', sink: name, handle, answer });
      return answer;
    },
    rollback: (request, options) => {
      log.push({ kind: 'rollback', sink: name });
      return session.rollback(request, options);
    },
    inspect: (request, options) => session.inspect(request, options),
    lastCommitted: (options) => session.lastCommitted(options),
    listPrepared: (options) => session.listPrepared(options),
    close: async () => {
      log.push({ kind: 'sink-closed', sink: name });
      await session.close?.();
    },
  };
}
