// The streams of one generation: built by the user's function, checked, and taken down with it.

import { Readable, Writable } from 'node:stream';
import { isTidegateError, TidegateError, toError } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import { sharedAbort } from '../../runtime/abort.js';
import type { Logger } from '../../runtime/logger.js';
import type { FlowRun, Holder } from '../flow/flow-run.js';
import { ForeignStage } from './foreign-stage.js';
import { ChainState, placeOf, type Place } from './place.js';
import { isPromise } from '../promises.js';
import { SourceStage } from './source-stage.js';
import { StageMaker, type StageMakerOptions, type StreamStages } from './stages.js';
import { endedEarly, generationOver } from './stream-errors.js';
import { checkedPaths, type Path } from './wiring.js';

export interface ChainOptions extends Omit<StageMakerOptions, 'state' | 'signal'> {
  readonly pipeline: string;
  readonly build: (stages: StreamStages) => unknown;
  readonly logger: Logger;
}

export class Chain implements Holder {
  readonly paths: readonly Path[];
  readonly #options: ChainOptions;
  readonly #state = new ChainState();
  readonly #closing = sharedAbort();
  readonly #maker: StageMaker;
  readonly #built: Promise<void>;
  #isFinishing = false;

  /** @throws TidegateError `TIDEGATE_STREAM_FOREIGN` or `TIDEGATE_PIPELINE`; everything is destroyed. */
  constructor(options: ChainOptions) {
    this.#options = options;
    const state = this.#state;
    const maker = new StageMaker({ ...options, state, signal: this.#closing.signal });
    this.#maker = maker;
    try {
      this.#built = this.#untilEnd(options.build(maker));
      // It may have no waiter before the run begins.
      this.#built.catch(() => undefined);
      this.paths = checkedPaths(options.pipeline, maker.made, maker.unused);
    } catch (error) {
      const refusal = isTidegateError(error) ? error : buildFailed(options.pipeline, error);
      this.#destroy(refusal);
      throw refusal;
    }
    state.isSealed = true;
  }

  get sources(): ReadonlyMap<string, SourceStage> {
    const stages = this.#maker.made.filter((stage) => stage instanceof SourceStage);
    return new Map(stages.map((stage) => [stage[placeOf].name, stage]));
  }

  /** Records may flow. */
  bind(run: FlowRun): void {
    run.addInbox(this);
    this.#state.bind(run);
    run.track(this.#built);
  }

  cancel(checkpointId: CheckpointId): void {
    for (const path of this.paths) this.#tellWhereItIs(path, checkpointId);
    for (const stage of this.#maker.made) {
      if (stage instanceof SourceStage || stage instanceof ForeignStage) stage.cancel(checkpointId);
    }
  }

  /** All input is committed: when the generation is over, its streams end instead of failing. */
  finish(): void {
    this.#isFinishing = true;
  }

  clear(): void {
    const { run } = this.#state;
    if (run === undefined) return;
    if (!this.#isFinishing || run.failure !== undefined) {
      this.#destroy(generationOver(run.generation));
      return;
    }
    this.#state.isClosing = true;
    for (const source of this.sources.values()) {
      source.close();
      source.push(null);
    }
  }

  /** A chain that was built and has never come to a record. */
  dispose(): void {
    if (this.#state.run === undefined)
      this.#destroy(endedEarly({ title: 'a run that never began' }));
  }

  async #untilEnd(built: unknown): Promise<void> {
    if (!isPromise(built)) return;
    await built;
    this.#state.fail(endedEarly({ title: 'what build() returned' }));
  }

  #destroy(reason: Error): void {
    this.#state.isClosing = true;
    this.#closing.abort(reason);
    for (const stage of this.#maker.made) {
      if (stage instanceof SourceStage) stage.close();
      if (stage instanceof Readable || stage instanceof Writable) stage.destroy(reason);
    }
  }

  /** A barrier that has gone in and not come out is named: nothing else tells where a chain stands. */
  #tellWhereItIs(path: Path, checkpointId: CheckpointId): void {
    const holder = path.find(({ lastBarrier }) => lastBarrier < checkpointId);
    if (holder === undefined) return;
    const heldRecords = this.#heldBy(holder);
    this.#options.logger.warn(
      { checkpointId, stage: holder.title, ...(heldRecords === undefined ? {} : { heldRecords }) },
      'the barrier of an abandoned checkpoint did not come through',
    );
  }

  #heldBy(place: Place): number | undefined {
    const stage = this.#maker.made.find((made) => made[placeOf] === place);
    return stage instanceof ForeignStage ? stage.heldRecords : undefined;
  }
}

function buildFailed(pipeline: string, cause: unknown): TidegateError {
  return new TidegateError(
    'TIDEGATE_PIPELINE',
    `build() of ${pipeline} failed: ${toError(cause).message}`,
    { cause },
  );
}
