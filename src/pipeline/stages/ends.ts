// Where a stream meets others or ends: union and sink.

import { roomAtOnce, type SinkWriter } from '../../contracts/barrier.js';
import { assert } from '../../assert.js';
import { hasErrorCode } from '../../errors.js';
import type { Batch, BarrierMark, Mark, Receiver, Room, TimeMark } from '../flow/elements.js';
import type { FlowRun } from '../flow/flow-run.js';
import { Inbox, type Stage } from '../flow/inbox.js';
import { mainPort, type PipelineOperator, type Wiring } from '../graph.js';

/** Several streams as one; all the work is in the inbox. */
export class UnionOperator implements PipelineOperator {
  readonly #inputs: number;

  constructor(inputs: number) {
    this.#inputs = inputs;
  }

  connect({ run, output }: Wiring): readonly Receiver[] {
    return new Inbox(run, new UnionStage(output(mainPort)), this.#inputs).receivers;
  }
}

class UnionStage implements Stage {
  readonly #output: Receiver;

  constructor(output: Receiver) {
    this.#output = output;
  }

  process(batch: Batch): Room {
    return this.#output.accept(batch);
  }

  time(mark: TimeMark): Room {
    this.#output.mark(mark);
    return undefined;
  }

  barrier(mark: BarrierMark): void {
    this.#output.mark(mark);
  }
}

/** Hands records to the writer of the run's generation. */
export class SinkInlet implements Receiver {
  readonly #run: FlowRun;
  readonly #name: string;
  readonly #writer: SinkWriter;

  constructor(run: FlowRun, name: string) {
    const writer = run.writers.get(name);
    assert(writer !== undefined, `generation ${run.generation} has no writer for sink ${name}`);
    this.#run = run;
    this.#name = name;
    this.#writer = writer;
  }

  accept({ records }: Batch): Room {
    if (records.length === 0 || this.#run.isOver) return undefined;
    const writing = this.#writer.write(records);
    if (writing === roomAtOnce) return undefined;
    return writing.catch((error: unknown) => {
      // A fence means that the generation is over already, and the coordinator knows.
      if (!hasErrorCode(error, 'TIDEGATE_FENCED')) this.#run.fail(error);
    });
  }

  mark(mark: Mark): void {
    if (mark.kind === 'barrier') mark.listener.sinkReached(mark.barrier, this.#name);
  }
}
