// Sources kept together in event time: the one ahead waits, so that a join need not hold its lead.

import type { FlowRun, Holder } from './flow-run.js';
import { endOfTime } from './elements.js';
import type { SourceCursor } from './source-cursor.js';

/** Bounds of what is held back while barriers are aligned. */
export interface AlignmentOptions {
  /**
   * How far the watermark of this source may be ahead of the slowest of its group, in whole
   * milliseconds. It is read on when the slowest has come near enough, is idle (see `idleAfterMs`) or
   * has ended. It can be ahead by one batch more: it waits between batches, where a checkpoint can be
   * taken all the while.
   */
  readonly maxDriftMs: number;
  /**
   * Sources that are compared: those of the same group. Default: every source of the pipeline that
   * has event time and is in no other group; one without `alignment` is waited for and waits for none.
   */
  readonly group?: string;
}

/** What one source reports to its group, and learns from it. */
export interface AlignedSource {
  /** Whether it waits now for the others. */
  readonly isWaiting: boolean;
  /** It was asked for records and has given none for `idleAfterMs`. */
  readonly isIdle: boolean;
  /** Its watermark may have moved, or its input has ended. */
  moved(): void;
  /** It has been silent: no source waits for it until its next record. */
  idle(): void;
  /** Settles when it may be read on; undefined when it may at once. Also when the run is over. */
  turn(): Promise<void> | undefined;
}

interface Member {
  readonly cursor: SourceCursor;
  readonly maxDriftMs: number;
  isIdle: boolean;
  goOn: (() => void) | undefined;
}

/**
 * The sources of one group in one generation. The slowest never waits: it is compared with itself
 * too. So one source reads on for as long as there is one that is neither idle nor at its end.
 */
export class AlignmentGroup implements Holder {
  readonly #members: Member[] = [];

  /** @param maxDriftMs Undefined: the source is waited for, and waits for none. */
  add(cursor: SourceCursor, maxDriftMs = Infinity): AlignedSource {
    const member: Member = { cursor, maxDriftMs, isIdle: false, goOn: undefined };
    this.#members.push(member);
    return {
      get isWaiting() {
        return member.goOn !== undefined;
      },
      get isIdle() {
        return member.isIdle;
      },
      moved: () => {
        member.isIdle = false;
        this.#letGo();
      },
      idle: () => {
        member.isIdle = true;
        this.#letGo();
      },
      turn: () => this.#turnOf(member),
    };
  }

  /** No barrier waits here: a source that waits is between two batches. */
  cancel(): void {
    // Nothing is held.
  }

  clear(): void {
    for (const member of this.#members) wake(member);
  }

  #turnOf(member: Member): Promise<void> | undefined {
    if (!isAhead(member, this.#slowest())) return undefined;
    return new Promise((resolve) => {
      member.goOn = resolve;
    });
  }

  #letGo(): void {
    if (this.#members.every(({ goOn }) => goOn === undefined)) return;
    const slowest = this.#slowest();
    for (const member of this.#members) if (!isAhead(member, slowest)) wake(member);
  }

  /** Of those whose records may still come at any moment. */
  #slowest(): number {
    let slowest = endOfTime;
    for (const { cursor, isIdle } of this.#members) {
      if (!isIdle && !cursor.hasEnded && cursor.watermark < slowest) slowest = cursor.watermark;
    }
    return slowest;
  }
}

/** One that has read nothing is ahead of none, however far the others are. */
function isAhead({ cursor, maxDriftMs }: Member, slowest: number): boolean {
  return cursor.watermark > slowest + maxDriftMs;
}

function wake(member: Member): void {
  const { goOn } = member;
  member.goOn = undefined;
  goOn?.();
}

/** Each source joins before the first is read: one that is ahead since a restart waits at once. */
export class Alignments {
  readonly #run: FlowRun;
  readonly #groups = new Map<string | undefined, AlignmentGroup>();

  constructor(run: FlowRun) {
    this.#run = run;
  }

  join(cursor: SourceCursor, alignment: AlignmentOptions | undefined): AlignedSource {
    let group = this.#groups.get(alignment?.group);
    if (group === undefined) {
      group = new AlignmentGroup();
      this.#groups.set(alignment?.group, group);
      this.#run.addInbox(group);
    }
    return group.add(cursor, alignment?.maxDriftMs);
  }
}
