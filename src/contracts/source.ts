// What a source promises: it can say where it is, and go back there.

/** A position by names of the source's own choice (partition, line, LSN …); values are text. */
export type Offsets = Readonly<Record<string, string>>;

/** Where a source is: offsets that are saved, and metadata for people. */
export interface SourcePosition {
  readonly offsets: Offsets;
  /** Kept in the manifest for people: connector type, topic name and the like. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Event-time watermark at this position, if the source has one. */
  readonly watermark?: bigint;
}

/** What every call of a participant is given. */
export interface CallOptions {
  /** Aborted when the caller has stopped waiting: a late answer is dropped. */
  readonly signal: AbortSignal;
}

/** What a source is restored with beside its offsets. */
export interface RestoreOptions extends CallOptions {
  /** Event-time watermark that the source had at these offsets. */
  readonly watermark?: bigint | undefined;
  /**
   * A person has given up what the source can no longer give: it goes where its refusal said that it can
   * go on (`goesOnAt`), and `position()` says where that is. Asked only after such a refusal.
   */
  readonly acceptLoss?: boolean;
}

/**
 * A replayable source of records. Obligations:
 *
 * 1. `position()` names the boundary between the records already handed out and the next one. It
 *    is called at a barrier, between two records; it does not move the source. In a loop
 *    with safe points the record in hand has not been processed yet: it is behind the boundary only
 *    when the next one is asked for, or it would be skipped after a crash.
 * 2. `restore(offsets)` makes the next record the one after that boundary, in this process or a
 *    later one, any number of times. It throws when it cannot (the input is gone, has shrunk or was
 *    replaced), naming what it looked for: it never starts somewhere else. Where it could go on
 *    without what is lost, it throws `lostInput(…)`, which says where, and goes there when `restore` is
 *    called again with `acceptLoss`. A failure that passes says so by its kind (`retryable`) or its
 *    code: it is waited for as long as a sink is.
 * 3. The same range holds the same records in the same order every time it is read. Where only the
 *    order within a partition is the same, the source says `repeatsOrder: false`.
 * 4. `acknowledge(offsets)`, if given, is called after the checkpoint is complete and durable. It is
 *    cumulative, may be repeated, and may trail; its failure never fails a checkpoint. Input that
 *    cannot be read again once acknowledged must be kept for as long as a retained checkpoint
 *    starts before it.
 * 5. No two of these calls run at once.
 */
export interface Source {
  /** Default true. A source that cannot go back is refused where exactly-once is asked for. */
  readonly replayable?: boolean;
  /**
   * Default true. False where partitions are read side by side: read again, their records are mixed in
   * another way, so that what comes of them is not taken for the same output.
   */
  readonly repeatsOrder?: boolean;
  position(): SourcePosition | Offsets | Promise<SourcePosition | Offsets>;
  /** The record given has no prototype: any name is safe in it. */
  restore(offsets: Offsets, options: RestoreOptions): void | Promise<void>;
  acknowledge?(offsets: Offsets, options: CallOptions): void | Promise<void>;
}

/** What a source of lines has read for a batch. A line gave a record, was part of one, or was skipped. */
export interface SourceInput {
  readonly lines: number;
  /** Lines that gave no record, by reason: `blank`, `header`, `not JSON` and the like. */
  readonly skipped: Readonly<Record<string, number>>;
}

/** A part of the input, and all parts that records may still come of. */
export interface SourcePartition {
  /** The same in every process. */
  readonly name: string;
  /** Names of the parts that have not come to their end, as of now. */
  readonly open: readonly string[];
}

/** Records in order, and where the source is behind the last of them. */
export interface SourceBatch<Rec> {
  readonly records: readonly Rec[];
  readonly offsets: Offsets;
  /** For the report of the run; left out by sources that read no lines. */
  readonly input?: SourceInput;
  /**
   * Which part of the input they are of, where several are read side by side, each in its order, such
   * as the partitions of a topic. Watermarks then follow each part: the one that is behind holds the
   * source's back, and its records are not late. A batch without records may say that parts have ended.
   */
  readonly partition?: SourcePartition;
}

/**
 * A source that a pipeline can read from. Obligations beyond those of a source:
 *
 * 1. `read` hands out the records behind the position last restored, or behind the start, in
 *    batches; it ends at the end of bounded input and waits where more may come.
 * 2. Every batch carries the position behind it, so that the source may read ahead as it likes: what
 *    counts is what was handed out. A batch and its array are not changed afterwards.
 * 3. It ends or throws soon after `signal` is aborted. Nothing is read between two iterations.
 * 4. `position` is asked only before `read` begins; one reading is over before the next begins.
 * 5. A batch of a few hundred records is best. A cut can be taken only between two batches.
 */
export interface ReadableSource<Rec = unknown> extends Source {
  read(options: CallOptions): AsyncIterable<SourceBatch<Rec>>;
}
