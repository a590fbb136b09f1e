// Where a stream of ours stands: in which chain, between which others, and how far barriers have come.

import type { Readable, Writable } from 'node:stream';
import { TidegateError, toError } from '../../errors.js';
import type { FlowRun } from '../flow/flow-run.js';
import { endedEarly } from './stream-errors.js';

export type StageKind =
  'source' | 'map' | 'filter' | 'flatMap' | 'operator' | 'one-to-one' | 'per-epoch' | 'sink';

/** By this a stream is known as ours, whatever its class. */
export const placeOf = Symbol('tidegate.place');

/** A stream that carries barriers. */
export interface Stage {
  readonly [placeOf]: Place;
}

export function isStage(stream: unknown): stream is Stage {
  return typeof stream === 'object' && stream !== null && placeOf in stream;
}

/** What all streams of one generation share. */
export class ChainState {
  #run: FlowRun | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** The connections were checked: a later one could lead a barrier astray. */
  isSealed = false;
  /** The generation is over: what its streams do from now on means nothing. */
  isClosing = false;

  /** Undefined before the generation's records flow. */
  get run(): FlowRun | undefined {
    return this.#run;
  }

  bind(run: FlowRun): void {
    this.#run = run;
    // Not at once: the coordinator is in the middle of opening the generation.
    if (this.#failure !== undefined) run.track(Promise.reject(toError(this.#failure.error)));
  }

  fail(error: unknown): void {
    if (this.isClosing) return;
    if (this.#run === undefined) this.#failure ??= { error };
    else this.#run.fail(error);
  }
}

export class Place {
  readonly state: ChainState;
  readonly kind: StageKind;
  readonly name: string;
  /** Streams that this one was piped to, and those that were piped to it. */
  readonly next: unknown[] = [];
  readonly previous: unknown[] = [];
  /** Checkpoint id of the last barrier that has left here. */
  lastBarrier = 0;

  constructor(state: ChainState, kind: StageKind, name: string) {
    this.state = state;
    this.kind = kind;
    this.name = name;
  }

  get title(): string {
    return `${this.kind} ${this.name}`;
  }

  leadsTo(destination: unknown): void {
    this.#refuseWhenSealed();
    this.next.push(destination);
  }

  isFedBy(origin: unknown): void {
    this.#refuseWhenSealed();
    this.previous.push(origin);
  }

  /** The run, for an element that has arrived; an element before there is one is dropped. */
  runOf(element: unknown): FlowRun {
    const { run } = this.state;
    if (run !== undefined) return run;
    throw new TidegateError(
      'TIDEGATE_STREAM_FOREIGN',
      `${this.title} was given ${typeof element} before the run began: only its source may feed it`,
    );
  }

  /** A stream is never destroyed for no reason while its generation is at work. */
  destroyed(error: Error | null): void {
    this.state.fail(error ?? endedEarly(this));
  }

  #refuseWhenSealed(): void {
    if (!this.state.isSealed) return;
    throw new TidegateError(
      'TIDEGATE_STREAM_FOREIGN',
      `${this.title} was connected after build() had returned: connect everything in it, ` +
        'before its first await',
    );
  }
}

/** Keeps track of what is piped to what, the only thing that Node's `pipeline` tells a stream. */
export function watchPiping(stream: (Writable | Readable) & Stage): void {
  stream.on('pipe', (origin) => stream[placeOf].isFedBy(origin));
  // Reported where it happens; a stream without a listener would end the process.
  stream.on('error', () => undefined);
}
