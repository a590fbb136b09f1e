// What a process asks of a simulated object storage, and where a test can stand in its way.

import type {
  ObjectCondition,
  ObjectStorage,
  ObjectStorageFailureKind,
} from '../../contracts/object-storage.js';

/** An operation of the simulated object storage. */
export type ObjectOperationKind =
  | 'head'
  | 'get'
  | 'list'
  | 'put'
  | 'delete'
  | 'create-upload'
  | 'upload-part'
  | 'complete-upload'
  | 'abort-upload'
  | 'list-uploads';

/** One call of the object storage port. */
export interface ObjectOperation {
  /** Counts the operations of one connection from 0. */
  readonly index: number;
  readonly kind: ObjectOperationKind;
  /** Key of the object; of a list the prefix. */
  readonly key: string;
  readonly condition?: ObjectCondition | undefined;
}

/**
 * An operation that fails with this kind, and what becomes of it all the same: nothing; half of it (the body
 * of a `get` breaks off, anything else has no effect); all of it, with the answer lost; all of it later, when
 * `deliverLate` says so; or both now and later, as when a client sends again.
 */
export interface ObjectFault {
  readonly kind: ObjectStorageFailureKind;
  readonly effect: 'none' | 'half' | 'done' | 'late' | 'twice';
}

/** Called around each operation; a promise pauses the process there. */
export interface ObjectHooks {
  /** Returns a fault to make the operation fail. */
  before?(operation: ObjectOperation): ObjectFault | undefined | Promise<ObjectFault | undefined>;
  after?(operation: ObjectOperation): void | Promise<void>;
}

/** The storage as one process sees it. */
export interface ObjectConnection {
  readonly storage: ObjectStorage;
  /** How many operations have begun. */
  readonly operationCount: number;
  /**
   * The process dies: later calls have no effect and never settle, as after `kill -9`. What it has sent
   * late still arrives.
   */
  kill(): void;
}
