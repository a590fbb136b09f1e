// What a process does to a simulated disk, and where a test can stand in its way.

import type { FileSystem, WritableFile } from '../../runtime/file-system.js';

/** An operation of the simulated disk. */
export type DiskOperationKind =
  | 'create-file'
  | 'open-file'
  | 'make-directory'
  | 'list-directory'
  | 'rename'
  | 'remove-file'
  | 'remove-directory'
  | 'sync-directory'
  | 'stat'
  | 'touch'
  | 'read'
  | 'write'
  | 'sync-file'
  | 'close';

/** One call of the file-system port, before or after it takes effect. */
export interface DiskOperation {
  /** Counts the operations of one mount from 0. */
  readonly index: number;
  readonly kind: DiskOperationKind;
  readonly path: string;
  /** Target of a rename. */
  readonly to?: string;
}

/** An operation that fails: with no effect, half of it (a short write), or all of it. */
export interface DiskFault {
  readonly code: string;
  readonly effect: 'none' | 'half' | 'done';
}

/** Called around each operation; a promise pauses the process there. */
export interface DiskHooks {
  /** Returns a fault to make the operation fail. */
  before?(operation: DiskOperation): DiskFault | undefined | Promise<DiskFault | undefined>;
  after?(operation: DiskOperation): void | Promise<void>;
}

/** A file that is being written, as the simulated disk gives it. */
export interface SimulatedWritable extends WritableFile {
  /** What a sync that fails leaves: the kernel has dropped what it could not write. */
  failSync(): void;
}

/** The disk as one process sees it. */
export interface DiskMount {
  readonly fileSystem: FileSystem;
  /** How many operations have begun. */
  readonly operationCount: number;
  /**
   * The process dies: later calls of this mount have no effect and never settle, as after `kill -9`,
   * where no `finally` runs either. What was visible stays.
   */
  kill(): void;
}
