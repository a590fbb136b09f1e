// A Kafka sink in the hands of one generation: an epoch is one transaction, and its marker is in it.

import type {
  CommitOutcome,
  Inspection,
  InspectRequest,
  PreCommitRequest,
  Prepared,
  PreparedListing,
  RecordForm,
  RollbackOutcome,
  RollbackRequest,
  SinkOwner,
  TwoPhaseSinkSession,
} from '../../contracts/sink.js';
import { requireRecords } from '../../contracts/records.js';
import type { CallOptions } from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import type { CheckpointId } from '../../ids.js';
import { sharedAbort } from '../../runtime/abort.js';
import { withDeadline } from '../../runtime/deadline.js';
import { Mutex } from '../../runtime/mutex.js';
import { throwIfIncomplete } from '../incomplete-epoch.js';
import type { KafkaProducer, KafkaTransaction } from './driver.js';
import { checkMarker, isMarked, markerRecord, withCommitted, type MarkerState } from './markers.js';
import { outputForm } from './output-form.js';
import { toSinkError, toUnknownEnd, whenEnded, type SinkNames } from './sink-errors.js';
import { checkpointIdIn, handleOf } from './sink-handle.js';
import { outputOf, type KafkaSinkSettings, type OutputRecord } from './sink-options.js';
import { TopicNeeds, type OutputTopics } from './sink-topics.js';

export interface OpenedSink<Rec> extends SinkNames {
  readonly owner: SinkOwner;
  readonly settings: KafkaSinkSettings<Rec>;
  readonly producer: KafkaProducer;
  readonly marker: MarkerState;
  readonly topics: OutputTopics;
  /** The newest marker in the topic, whoever has written it. */
  look(options: CallOptions): Promise<MarkerState | undefined>;
}

/** An epoch whose records and marker are sent, and whose EndTxn is not. */
interface HeldEpoch {
  readonly id: CheckpointId;
  readonly prepared: Prepared;
  readonly transaction: KafkaTransaction;
  readonly marker: MarkerState;
}

const closeTimeoutMs = 2_000;

export class KafkaSinkSession<Rec> implements TwoPhaseSinkSession<Rec> {
  readonly recordForm: RecordForm<Rec>;
  readonly #opened: OpenedSink<Rec>;
  readonly #closing = sharedAbort();
  /** A producer does one thing at a time. */
  readonly #mutex = new Mutex();
  #marker: MarkerState;
  #open: KafkaTransaction | undefined;
  #held: HeldEpoch | undefined;
  /** Records that are not sent yet: collected, or behind an epoch that is held. */
  #waiting: OutputRecord[] = [];
  #waitingBytes = 0;
  #written = 0;
  #failure: Error | undefined;
  /** From the first record on the fence of the producer tells. */
  #hasSent = false;
  #room: { readonly wait: Promise<void>; readonly release: () => void } | undefined;

  constructor(opened: OpenedSink<Rec>) {
    this.#opened = opened;
    this.#marker = opened.marker;
    this.recordForm = outputForm(opened.settings, opened.topics);
  }

  async write(records: readonly Rec[]): Promise<void> {
    const { settings, owner, topics } = this.#opened;
    requireRecords(owner.sink, records);
    this.#throwIfIncomplete();
    const needs = new TopicNeeds();
    try {
      for (const record of records) {
        this.#written += 1;
        const output = outputOf(settings, record, this.#written);
        needs.note(output, this.#written);
        this.#waiting.push(output);
        this.#waitingBytes += output.byteLength;
      }
      await topics.check(needs, { signal: this.#closing.signal });
    } catch (error) {
      // The records before it are the epoch's already: without this one it has a hole.
      throw this.#fail(error, 'writing');
    }
    while (this.#waitingBytes >= settings.batchBytes) {
      // A transaction at a time: what comes behind a held epoch waits for its end.
      if (this.#held === undefined) {
        await this.#send({ signal: this.#closing.signal });
      } else {
        await this.#roomAfter();
      }
      this.#throwIfIncomplete();
      this.#closing.signal.throwIfAborted();
    }
  }

  async preCommit(request: PreCommitRequest, options: CallOptions): Promise<Prepared> {
    const { checkpointId: id } = request;
    if (this.#held?.id === id) return this.#held.prepared;
    this.#throwIfIncomplete();
    const { owner, markerTopic } = this.#opened;
    if (this.#held !== undefined) {
      throw new TidegateError(
        'TIDEGATE_LIFECYCLE',
        `sink ${owner.sink} holds checkpoint ${this.#held.id}, and takes one at a time`,
      );
    }
    await this.#send(options);
    const marker = withCommitted(this.#marker, id);
    const transaction = await this.#doing('pre-committing', async () => {
      const one = await this.#transaction();
      const message = markerRecord(markerTopic, marker);
      await whenEnded(this.#opened, options, () => one.send([message], options));
      return one;
    });
    const prepared = { handle: handleOf(owner, id) };
    this.#open = undefined;
    this.#written = 0;
    this.#held = { id, prepared, transaction, marker };
    return prepared;
  }

  async commit(handle: string, options: CallOptions): Promise<CommitOutcome> {
    const id = checkpointIdIn(this.#opened.owner, handle);
    const held = this.#held;
    if (held?.id !== id) {
      return isMarked(await this.#known(options), id) ? 'already-applied' : 'absent';
    }
    // Whatever comes of it, this transaction is over; while it is asked, nothing is known of it.
    this.#held = undefined;
    this.#unclear = new Error(`the commit of checkpoint ${id} is under way`);
    try {
      const end = (): Promise<void> => held.transaction.commit(options);
      await this.#mutex.runExclusive(() => whenEnded(this.#opened, options, end), options.signal);
    } catch (error) {
      const doing = `committing checkpoint ${id} at sink ${this.#opened.owner.sink}`;
      this.#unclear = toUnknownEnd(error, doing, this.#opened);
      throw this.#fail(this.#unclear, doing);
    }
    this.#unclear = undefined;
    this.#marker = held.marker;
    this.#release();
    return 'applied';
  }

  async inspect(
    { checkpointId, handle }: InspectRequest,
    options: CallOptions,
  ): Promise<Inspection> {
    const id = handle === undefined ? checkpointId : checkpointIdIn(this.#opened.owner, handle);
    if (this.#held?.id === id) return 'prepared';
    return isMarked(await this.#known(options), id) ? 'committed' : 'absent';
  }

  async lastCommitted(options: CallOptions): Promise<CheckpointId | undefined> {
    return (await this.#known(options)).committed.highest as CheckpointId | undefined;
  }

  listPrepared({ signal }: CallOptions): Promise<readonly PreparedListing[]> {
    signal.throwIfAborted();
    const held = this.#held;
    return Promise.resolve(
      held === undefined ? [] : [{ handle: held.prepared.handle, checkpointId: held.id }],
    );
  }

  async rollback(
    { keep }: RollbackRequest,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, RollbackOutcome>> {
    const held = this.#held;
    if (held === undefined || keep.includes(held.prepared.handle)) return new Map();
    this.#held = undefined;
    // Not aborted it would be by the next opening at the latest; it is never committed.
    await this.#doing('rolling back', () => held.transaction.abort(options));
    this.#release();
    return new Map([[held.prepared.handle, 'rolled-back']]);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the sink was closed'));
    this.#failure ??= new Error('the sink was closed');
    this.#release();
    const { producer, settings } = this.#opened;
    const left = this.#held?.transaction ?? this.#open;
    [this.#held, this.#open] = [undefined, undefined];
    // Left open, it would hold back readers until the transaction timeout.
    if (left !== undefined) {
      const bound = { clock: settings.clock, timeoutMs: closeTimeoutMs };
      await withDeadline(bound, (signal) => left.abort({ signal }));
    }
    await producer.close();
  }

  /** Why the outcome of a commit is not known: only a new opening can tell. */
  #unclear: Error | undefined;

  /**
   * What is committed. An owner that stood still may have been overtaken, and would miss what the newer
   * one has committed: recovery, which asks before anything is sent, is answered out of the topic.
   */
  async #known(options: CallOptions): Promise<MarkerState> {
    options.signal.throwIfAborted();
    const { owner } = this.#opened;
    throwIfIncomplete(owner.sink, this.#unclear);
    if (!this.#hasSent) checkMarker(await this.#opened.look(options), owner, this.#marker.opening);
    return this.#marker;
  }

  #throwIfIncomplete(): void {
    throwIfIncomplete(this.#opened.owner.sink, this.#failure);
  }

  async #send(options: CallOptions): Promise<void> {
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const { settings, topics } = this.#opened;
    await this.#doing('sending', async () => {
      const transaction = await this.#transaction();
      for (const part of topics.batches(batch, settings.batchBytes)) {
        await whenEnded(this.#opened, options, () => transaction.send(part, options));
      }
    });
  }

  async #transaction(): Promise<KafkaTransaction> {
    this.#hasSent = true;
    this.#open ??= await this.#opened.producer.begin();
    return this.#open;
  }

  async #doing<Value>(doing: string, work: () => Promise<Value>): Promise<Value> {
    try {
      return await this.#mutex.runExclusive(work);
    } catch (error) {
      throw this.#fail(error, doing);
    }
  }

  #fail(error: unknown, doing: string): Error {
    const failure = toSinkError(error, `${doing} sink ${this.#opened.owner.sink}`, this.#opened);
    this.#failure ??= failure;
    this.#release();
    return failure;
  }

  #roomAfter(): Promise<void> {
    if (this.#room === undefined) {
      let release = (): void => undefined;
      const wait = new Promise<void>((resolve) => {
        release = resolve;
      });
      this.#room = { wait, release };
    }
    return this.#room.wait;
  }

  #release(): void {
    this.#room?.release();
    this.#room = undefined;
  }
}
