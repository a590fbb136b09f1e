// What the demonstration and the process that it kills tell each other over IPC.

import type { JobParts } from './job.js';
import type { WarehousePlace } from './warehouse.js';

/** Where a process can be killed: at a durable action, in a step. */
export interface Point {
  /** `step 3` to `step 7`, or `recovery`. */
  readonly step: string;
  readonly action: string;
  readonly when: 'before' | 'after';
}

/** Stop for good when the point is reached, after it was passed `skip` times. */
export interface Aim {
  readonly point: Point;
  readonly skip: number;
  /** The action at the point waits, and all else goes on, until this action is done; then stop. */
  readonly until?: string;
}

/** To the process: begin. */
export interface Order {
  readonly places: Pick<JobParts, 'name' | 'input' | 'work'>;
  readonly warehouse: WarehousePlace;
  /** 0: no checkpoint but the last. */
  readonly intervalMs: number;
  readonly aim?: Aim;
  /** Milliseconds to wait before each batch of records. */
  readonly paceMs: number;
  /** Whether to announce durable actions. */
  readonly announces: boolean;
}

/** From the process. */
export type Message =
  | { readonly kind: 'ready' }
  | { readonly kind: 'point'; readonly point: Point }
  /** Nothing of the process goes on; it waits to be killed. */
  | { readonly kind: 'stopped'; readonly point: Point }
  /** In which step it is: for the kills at random times. */
  | { readonly kind: 'step'; readonly step: string }
  | {
      readonly kind: 'recovered';
      readonly row: string;
      readonly decision: string;
      readonly byteOffset: number;
    }
  | {
      readonly kind: 'finished';
      readonly records: number;
      readonly checkpoints: number;
      readonly durationMs: number;
    }
  | { readonly kind: 'failed'; readonly error: string };
