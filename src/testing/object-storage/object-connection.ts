// A simulated object storage as one process sees it: the port, with a hook around each call.

import {
  ObjectStorageFailure,
  type ObjectStorage,
  type StoredObject,
} from '../../contracts/object-storage.js';
import { orAborted } from '../../runtime/abort.js';
import type {
  ObjectConnection,
  ObjectFault,
  ObjectHooks,
  ObjectOperation,
} from './object-operation.js';
import { factsOf, type Effect, type HeldObject, type ObjectState } from './object-state.js';

type Call = Omit<ObjectOperation, 'index'>;

export function connect(state: ObjectState, hooks: ObjectHooks): ObjectConnection {
  const process = new ConnectedProcess(state, hooks);
  return {
    storage: storageOf(process),
    get operationCount() {
      return process.operationCount;
    },
    kill: () => process.kill(),
  };
}

class ConnectedProcess {
  operationCount = 0;
  #killed = false;

  constructor(
    private readonly state: ObjectState,
    private readonly hooks: ObjectHooks,
  ) {}

  kill(): void {
    this.#killed = true;
  }

  /** An aborted signal ends the wait; the request goes on, and may have its effect. */
  run<Value>(call: Call, signal: AbortSignal, effect: Effect<Value>): Promise<Value> {
    if (this.#killed) return forever();
    if (signal.aborted) return orAborted(forever(), signal);
    return orAborted(this.#run(call, effect), signal);
  }

  async #run<Value>(call: Call, effect: Effect<Value>): Promise<Value> {
    const operation: ObjectOperation = { ...call, index: this.operationCount };
    this.operationCount += 1;
    const fault = await this.hooks.before?.(operation);
    const faulty = fault?.effect;
    if (faulty === 'late' || faulty === 'twice') this.state.late.push({ operation, effect });
    // Also of a process that was killed meanwhile: the request is on its way.
    if (faulty === 'done' || faulty === 'twice') ignoreRefusal(() => effect(this.state));
    if (this.#isKilled()) return forever();
    if (fault !== undefined && !(faulty === 'half' && call.kind === 'get')) {
      throw failure(fault, operation);
    }
    const value = effect(this.state);
    await this.hooks.after?.(operation);
    if (this.#isKilled()) return forever();
    return fault === undefined ? value : brokenOff(value, failure(fault, operation));
  }

  /** A method, because the compiler believes that a field keeps its value across an await. */
  #isKilled(): boolean {
    return this.#killed;
  }
}

function storageOf(process: ConnectedProcess): ObjectStorage {
  return {
    address: 'simulated://bucket',
    head: (key, { signal }) =>
      process.run({ kind: 'head', key }, signal, ({ objects }) => factsOf(key, objects.get(key))),
    get: (key, { signal, range }) =>
      process.run({ kind: 'get', key }, signal, ({ objects }) =>
        storedObject(key, objects.get(key), range),
      ),
    list: ({ prefix, after }, { signal }) =>
      process.run({ kind: 'list', key: prefix }, signal, (state) => state.list(prefix, after)),
    put: (key, body, { signal, condition }) => {
      const bytes = new Uint8Array(body);
      return process.run({ kind: 'put', key, condition }, signal, (state) =>
        state.put(key, bytes, condition),
      );
    },
    delete: (key, { signal }) =>
      process.run({ kind: 'delete', key }, signal, (state) => state.delete(key)),
    createUpload: (key, { signal }) =>
      process.run({ kind: 'create-upload', key }, signal, (state) => state.createUpload(key)),
    uploadPart: ({ key, uploadId, partNumber, body }, { signal }) => {
      const bytes = new Uint8Array(body);
      return process.run({ kind: 'upload-part', key }, signal, (state) =>
        state.uploadPart({ key, uploadId }, partNumber, bytes),
      );
    },
    completeUpload: ({ parts, ...upload }, { signal }) =>
      process.run({ kind: 'complete-upload', key: upload.key }, signal, (state) =>
        state.completeUpload(upload, parts),
      ),
    abortUpload: (upload, { signal }) =>
      process.run({ kind: 'abort-upload', key: upload.key }, signal, (state) =>
        state.abortUpload(upload),
      ),
    listUploads: (prefix, { signal }) =>
      process.run({ kind: 'list-uploads', key: prefix }, signal, (state) =>
        state.listUploads(prefix),
      ),
  };
}

function storedObject(
  key: string,
  object: HeldObject | undefined,
  range: { readonly start: number; readonly end: number } | undefined,
): StoredObject | undefined {
  const facts = factsOf(key, object);
  if (object === undefined || facts === undefined) return undefined;
  if (range !== undefined && (range.start >= range.end || range.start >= facts.size)) {
    throw new ObjectStorageFailure('invalid', `${key} has no bytes ${range.start} to ${range.end}`);
  }
  const bytes = range === undefined ? object.bytes : object.bytes.slice(range.start, range.end);
  return { ...facts, body: inPieces(bytes) };
}

const pieceBytes = 65_536;

async function* inPieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += pieceBytes) {
    yield await Promise.resolve(bytes.slice(start, start + pieceBytes));
  }
}

/** The object whose body ends in the middle. */
function brokenOff<Value>(value: Value, error: Error): Value {
  const object = value as StoredObject | undefined;
  if (object === undefined) throw error;
  const body = (async function* () {
    for await (const piece of object.body) {
      yield piece.subarray(0, Math.floor(piece.byteLength / 2));
      throw error;
    }
    throw error;
  })();
  return { ...object, body } as Value;
}

function failure({ kind }: ObjectFault, operation: ObjectOperation): ObjectStorageFailure {
  return new ObjectStorageFailure(kind, `${operation.kind} ${operation.key}: simulated ${kind}`);
}

/** What the service refuses has no effect; the answer is lost as well. */
export function ignoreRefusal(effect: () => unknown): void {
  try {
    effect();
  } catch (error) {
    if (!(error instanceof ObjectStorageFailure)) throw error;
  }
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}
