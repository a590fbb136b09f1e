// What the demonstration and the process that it kills tell each other over IPC.

import type { JobPlaces } from './job.js';

/** Where a process can be killed: at a durable action, in a step. */
export interface Point {
  /** `step 3` to `step 7`, or `recovery`. */
  readonly step: string;
  readonly action: string;
  readonly when: 'before' | 'after';
}

/** To the process: begin. */
export interface Order {
  readonly places: Pick<JobPlaces, 'input' | 'work'>;
  /** 0: no checkpoint but the last. */
  readonly intervalMs: number;
  /** Stop for good when this point is reached, after it was passed `skip` times. */
  readonly aim?: { readonly point: Point; readonly skip: number };
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
