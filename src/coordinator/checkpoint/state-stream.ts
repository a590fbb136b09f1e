// An operator's state as a stream of chunks, read in two steps and given up in any other.

import { types } from 'node:util';
import { TidegateError } from '../../errors.js';
import type { EncodedState } from '../../contracts/operator.js';
import type { StepName } from './outcome.js';

/** A state of which only a part may ever be read. */
export class StateStream {
  readonly operator: string;
  readonly #iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array>;
  #isOver = false;

  constructor(operator: string, state: Exclude<EncodedState, Uint8Array>) {
    this.operator = operator;
    this.#iterator =
      Symbol.asyncIterator in state ? state[Symbol.asyncIterator]() : state[Symbol.iterator]();
  }

  /**
   * Undefined at the end.
   *
   * @throws TidegateError `TIDEGATE_PARTICIPANT`: in step 4 the store reads it, and would take what
   * the operator throws for a failure of its own disk.
   */
  async next(step: StepName): Promise<Uint8Array | undefined> {
    try {
      const next = await this.#iterator.next();
      if (next.done !== true) return checkedChunk(next.value);
      this.#isOver = true;
      return undefined;
    } catch (error) {
      this.#isOver = true;
      throw couldNotEncode(this.operator, step, error);
    }
  }

  /** The rest is not read: what the operator holds for the stream can go. Repeated calls do nothing. */
  giveUp(): unknown {
    if (this.#isOver) return undefined;
    this.#isOver = true;
    return this.#iterator.return?.();
  }
}

/** Streams of one attempt; those that are not read to their end are given up with it. */
export class StateStreams {
  readonly #streams = new Set<StateStream>();
  #isClosed = false;

  /** False for one that comes after the end of the attempt: it would not be given up later. */
  add(stream: StateStream): boolean {
    this.#streams.add(stream);
    return !this.#isClosed;
  }

  close(giveUp: (stream: StateStream) => void): void {
    this.#isClosed = true;
    for (const stream of this.#streams) giveUp(stream);
    this.#streams.clear();
  }
}

export function couldNotEncode(operator: string, step: StepName, cause: unknown): TidegateError {
  return new TidegateError('TIDEGATE_PARTICIPANT', `operator ${operator} could not encode`, {
    cause,
    details: { participant: operator, step },
  });
}

function checkedChunk(chunk: unknown): Uint8Array {
  // Also one of another realm, as a test runner makes.
  if (types.isUint8Array(chunk)) return chunk;
  throw new TypeError(`a chunk of its state is no Uint8Array: ${typeof chunk}`);
}
