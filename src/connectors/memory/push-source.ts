// A source of records that a client hands over by itself, such as a consumer that calls back for each batch.

import { requireOffsets } from '../../contracts/source-position.js';
import type {
  CallOptions,
  Offsets,
  ReadableSource,
  RestoreOptions,
  SourceBatch,
} from '../../contracts/source.js';
import { TidegateError } from '../../errors.js';
import { callback, completeOptions, custom, required, type OptionTable } from '../../options.js';

/** Options of `pushSource`. */
export interface PushSourceOptions {
  /** Where the input begins at the very first start. */
  readonly start: Offsets;
  /**
   * Moves the client: what it hands over from now on is behind these offsets. Called at each start and behind
   * each failure; a failure that passes is waited for.
   */
  readonly seek: (offsets: Offsets, options: RestoreOptions) => void | Promise<void>;
  /** See `Source.acknowledge`. */
  readonly acknowledge?: (offsets: Offsets, options: CallOptions) => void | Promise<void>;
  /** For people: topic, client and the like; it goes into every manifest. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const optionTable = {
  start: required(custom()),
  seek: required(callback()),
  acknowledge: callback(),
  metadata: custom(),
} satisfies OptionTable<PushSourceOptions>;

/** Records in order, with where the client is behind them. */
export interface PushedBatch<Rec> {
  readonly records: readonly Rec[];
  /** Behind the records; only the names that move, such as the one partition that they are of. */
  readonly offsets: Offsets;
  /**
   * Before the records. Where it is given and is not where the source is, the batch is dropped: the client
   * had fetched it before it was moved.
   */
  readonly after?: Offsets;
}

/**
 * `taken`: the loop has it. `dropped`: it does not follow on what was taken, because the source was put
 * back: the client hands it over again from where it was moved to.
 */
export type PushOutcome = 'taken' | 'dropped';

export interface PushSource<Rec> extends ReadableSource<Rec> {
  /** Settles when the loop takes the batch, so that a client that waits for it is held back. */
  push(batch: PushedBatch<Rec>): Promise<PushOutcome>;
  /** Nothing more will come. */
  end(): void;
}

interface Waiting<Rec> {
  readonly batch: PushedBatch<Rec>;
  readonly settle: (outcome: PushOutcome) => void;
}

/** For `coordinator.batches()`, and for pipelines. */
export function pushSource<Rec>(options: PushSourceOptions): PushSource<Rec> {
  completeOptions('pushSource', options, optionTable);
  requireOffsets('pushSource, start,', options.start);
  return new Pushed<Rec>(options);
}

class Pushed<Rec> implements PushSource<Rec> {
  readonly acknowledge?: (offsets: Offsets, options: CallOptions) => void | Promise<void>;
  readonly #options: PushSourceOptions;
  #offsets: Offsets;
  #waiting: Waiting<Rec>[] = [];
  #hasEnded = false;
  #isMoving = false;
  #wake: () => void = () => undefined;

  constructor(options: PushSourceOptions) {
    this.#options = options;
    this.#offsets = options.start;
    if (options.acknowledge !== undefined) this.acknowledge = options.acknowledge;
  }

  position() {
    const { metadata } = this.#options;
    return { offsets: this.#offsets, ...(metadata === undefined ? {} : { metadata }) };
  }

  async restore(offsets: Offsets, options: RestoreOptions): Promise<void> {
    this.#offsets = offsets;
    this.#isMoving = true;
    try {
      this.#dropAll();
      await this.#options.seek(offsets, options);
    } finally {
      this.#isMoving = false;
    }
  }

  push(batch: PushedBatch<Rec>): Promise<PushOutcome> {
    if (this.#hasEnded) {
      const message = 'push() was called behind end()';
      return Promise.reject(new TidegateError('TIDEGATE_LIFECYCLE', message));
    }
    if (this.#isMoving) return Promise.resolve('dropped');
    return new Promise((settle) => {
      this.#waiting.push({ batch, settle });
      this.#wake();
    });
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  async *read({ signal }: CallOptions): AsyncGenerator<SourceBatch<Rec>> {
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!signal.aborted) {
        const next = this.#waiting.shift();
        if (next !== undefined) {
          const batch = this.#taken(next);
          if (batch !== undefined) yield batch;
        } else if (this.#hasEnded) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #taken({ batch, settle }: Waiting<Rec>): SourceBatch<Rec> | undefined {
    const { records, offsets, after = {} } = batch;
    const follows = Object.entries(after).every(([name, value]) => this.#offsets[name] === value);
    if (!follows) {
      settle('dropped');
      return undefined;
    }
    this.#offsets = { ...this.#offsets, ...offsets };
    settle('taken');
    return { records, offsets: this.#offsets };
  }

  #dropAll(): void {
    for (const { settle } of this.#waiting.splice(0)) settle('dropped');
  }
}
