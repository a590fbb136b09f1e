// A source of a user's loop: where it is by itself, or behind the batches that were handed out.

import { checkedPosition } from '../../contracts/source-position.js';
import type {
  CallOptions,
  Offsets,
  ReadableSource,
  RestoreOptions,
  Source,
  SourcePosition,
} from '../../contracts/source.js';
import { Mutex } from '../../runtime/mutex.js';

export class LoopSource implements Source {
  readonly name: string;
  readonly source: Source;
  readonly replayable?: boolean;
  readonly acknowledge?: (offsets: Offsets, options: CallOptions) => void | Promise<void>;
  /** Behind the last batch that is processed; undefined while the loop reads by itself. */
  #processed: SourcePosition | undefined;
  #restored: Offsets | undefined;
  /** A source goes back in the middle of its reading, while a checkpoint is acknowledged. */
  readonly #calls = new Mutex();

  constructor(name: string, source: Source) {
    this.name = name;
    this.source = source;
    if (source.replayable !== undefined) this.replayable = source.replayable;
    if (source.acknowledge === undefined) return;
    this.acknowledge = (offsets, options) => {
      const call = (): void | Promise<void> => source.acknowledge?.(offsets, options);
      if (this.#processed === undefined) return call();
      return this.#calls.runExclusive(async () => call(), options.signal);
    };
  }

  position(): SourcePosition | Offsets | Promise<SourcePosition | Offsets> {
    return this.#processed ?? this.source.position();
  }

  restore(offsets: Offsets, options: RestoreOptions): void | Promise<void> {
    this.#processed = undefined;
    // Behind lost input it is somewhere else, and says where.
    this.#restored = options.acceptLoss === true ? undefined : offsets;
    return this.source.restore(offsets, options);
  }

  /** From here on the position is the one of what was processed: the source may read ahead. */
  async begin(): Promise<void> {
    if (this.#processed !== undefined) return;
    const asked = checkedPosition(`source ${this.name}`, await this.source.position());
    this.#processed = { ...asked, offsets: this.#restored ?? asked.offsets };
  }

  moveTo(offsets: Offsets): void {
    this.#processed = { ...this.#processed, offsets };
  }

  /** Behind `offsets`, in the middle of a reading. */
  async goBack(offsets: Offsets, { signal }: CallOptions): Promise<void> {
    await this.#calls.runExclusive(async () => this.source.restore(offsets, { signal }), signal);
  }

  /** Undefined where it has not said yet where it is: nothing was read, so that it is there still. */
  get offsets(): Offsets | undefined {
    return this.#processed?.offsets ?? this.#restored;
  }
}

/** Whether a pipeline, or a loop over batches, can read it. */
export function isReadable(source: Source): source is ReadableSource {
  return typeof (source as Partial<ReadableSource>).read === 'function';
}
