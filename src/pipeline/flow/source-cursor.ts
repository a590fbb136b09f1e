// Where a source is: the position behind the last record handed out, as the coordinator sees it.

import { TidegateError } from '../../errors.js';
import type {
  CallOptions,
  Offsets,
  ReadableSource,
  RestoreOptions,
  Source,
  SourcePosition,
} from '../../contracts/source.js';
import { checkedPosition } from '../../contracts/source-position.js';
import { Mutex } from '../../runtime/mutex.js';
import { beginningOfTime } from './elements.js';
import { PartitionWatermarks } from './partition-watermarks.js';

/**
 * Beside the source's own offsets: its input has come to its end, and what that sets off has been
 * done. With it in the offsets a finished job is known by what it has saved, also after a restart.
 */
const endOffset = 'tidegate:end';

/** Before the name of a partition: its watermark. */
const partitionOffset = 'tidegate:watermark:';

/** Event times that a manifest can hold and a number can distinguish. */
const largestTime = Number.MAX_SAFE_INTEGER;

/** A source, and the position that travels with what was read from it. */
export class SourceCursor<Rec = unknown> {
  readonly name: string;
  readonly source: ReadableSource<Rec>;
  #offsets: Offsets | undefined;
  /** What the source tells people of itself, asked once in a process: it goes into every manifest. */
  #metadata: SourcePosition['metadata'];
  #hasEnded = false;
  /** A source goes back in the middle of a run, while a checkpoint is acknowledged. */
  readonly #calls = new Mutex();
  /** Event time up to which this source is complete. */
  watermark = beginningOfTime;
  /** The same of each partition, where the source names them. */
  readonly partitions = new PartitionWatermarks();
  /** Of the run, beside what the source says of itself. */
  runMetadata: SourcePosition['metadata'];

  constructor(name: string, source: ReadableSource<Rec>) {
    this.name = name;
    this.source = source;
  }

  /** Whether the end of the input has been reached, in this life or an earlier one. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The source's own offsets. */
  get offsets(): Offsets {
    if (this.#offsets !== undefined) return this.#offsets;
    throw new TidegateError(
      'TIDEGATE_BUG',
      `source ${this.name} was read before it had a position`,
    );
  }

  moveTo(offsets: Offsets): void {
    this.#offsets = offsets;
  }

  end(): void {
    this.#hasEnded = true;
  }

  position(): SourcePosition {
    const end = this.#hasEnded ? { [endOffset]: 'true' } : {};
    const partitions: Record<string, string> = {};
    for (const [name, time] of this.partitions.entries()) {
      const isHeld = Math.abs(time) <= largestTime;
      if (isHeld) partitions[`${partitionOffset}${name}`] = String(Math.floor(time));
    }
    const { watermark } = this;
    const hasTime = Math.abs(watermark) <= largestTime;
    return {
      offsets: { ...this.offsets, ...partitions, ...end },
      ...(this.#metadata === undefined ? {} : { metadata: this.#metadata }),
      ...(hasTime ? { watermark: BigInt(Math.floor(watermark)) } : {}),
    };
  }

  async restore(given: Offsets, options: RestoreOptions): Promise<void> {
    const { own, hasEnded, watermarks } = splitOffsets(given);
    await this.source.restore(own, options);
    const { acceptLoss = false } = options;
    // Behind lost input it goes on somewhere else, where it may have more to give.
    const here = acceptLoss || this.#metadata === undefined ? await this.#ask() : own;
    this.#offsets = acceptLoss ? here : own;
    this.#hasEnded = hasEnded && !acceptLoss;
    const { watermark } = options;
    this.watermark = watermark === undefined ? beginningOfTime : Number(watermark);
    this.partitions.restore(acceptLoss ? [] : watermarks);
  }

  /** Behind the last batch that was handed out, in the middle of a run. */
  async goBack({ signal }: CallOptions): Promise<void> {
    const { watermark } = this.position();
    await this.#calls.runExclusive(async () =>
      this.source.restore(this.offsets, { signal, watermark }),
    );
  }

  async #ask(): Promise<Offsets> {
    const { offsets, metadata = {} } = checkedPosition(
      `source ${this.name}`,
      await this.source.position(),
    );
    this.#metadata = { ...metadata, ...this.runMetadata };
    return offsets;
  }

  /** What the coordinator gets to see: a source whose position is the one of this cursor. */
  participant(): Source {
    const { source } = this;
    return {
      ...(source.replayable === undefined ? {} : { replayable: source.replayable }),
      position: async () => {
        if (this.#offsets === undefined) this.#offsets = await this.#ask();
        return this.position();
      },
      restore: (offsets, options) => this.restore(offsets, options),
      ...(source.acknowledge !== undefined && {
        acknowledge: (offsets, options) =>
          this.#calls.runExclusive(
            async () => source.acknowledge?.(splitOffsets(offsets).own, options),
            options.signal,
          ),
      }),
    };
  }
}

/** The source's own offsets, without a prototype, and whether the end is marked in them. */
function splitOffsets(given: Offsets): {
  readonly own: Offsets;
  readonly hasEnded: boolean;
  readonly watermarks: readonly (readonly [partition: string, time: number])[];
} {
  const own = Object.create(null) as Record<string, string>;
  let hasEnded = false;
  const watermarks: [string, number][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (name === endOffset) hasEnded = value === 'true';
    else if (name.startsWith(partitionOffset)) {
      watermarks.push([name.slice(partitionOffset.length), Number(value)]);
    } else own[name] = value;
  }
  return { own, hasEnded, watermarks };
}
