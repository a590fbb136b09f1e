// Tells of each durable action where in the checkpoint it is, and stops the process at the chosen one.

import type { Aim, Message, Point } from './messages.js';
import type { Announcer } from './stopping-files.js';

export class StoppingPoint {
  readonly #aim: Aim | undefined;
  readonly #send: (message: Message) => void;
  #step = 'recovery';
  #storeStep = 'recovery';
  #passes = 0;
  #held: Point | undefined;
  #isStopped = false;
  /** What was done in this step, for an aim that waits for it. */
  readonly #done = new Set<string>();

  constructor(aim: Aim | undefined, send: (message: Message) => void) {
    this.#aim = aim;
    this.#send = send;
  }

  readonly files = this.#announcer((action) => stepOfFileSink(action));
  readonly database = this.#announcer((action) => stepOfDatabase(action));
  /** The store's actions come one after the other: the coordinator's step is theirs. */
  readonly store = this.#announcer(() => this.#storeStep);

  setStep(step: string): void {
    this.#step = step;
    this.#done.clear();
    if (/^step [4-7]$/.test(step)) this.#storeStep = step;
    this.#send({ kind: 'step', step });
  }

  #announcer(stepOf: (action: string) => string | undefined): Announcer {
    return {
      reached: (action, when) => {
        // Once one action has stopped, no other may go on: that is what a kill is like.
        if (this.#isStopped) return forever;
        const step = this.#step === 'recovery' ? this.#step : stepOf(action);
        return step === undefined ? Promise.resolve() : this.#reached({ step, action, when });
      },
    };
  }

  #reached(point: Point): Promise<void> {
    if (point.when === 'after') this.#done.add(point.action);
    const until = this.#aim?.until;
    if (this.#held !== undefined) {
      if (until !== undefined && this.#done.has(until)) return this.#stopAt(this.#held);
    } else if (this.#isChosen(point)) {
      if (until === undefined || this.#done.has(until)) return this.#stopAt(point);
      this.#held = point;
      return forever;
    }
    this.#send({ kind: 'point', point });
    return Promise.resolve();
  }

  #isChosen({ step, action, when }: Point): boolean {
    const { point, skip } = this.#aim ?? {};
    if (point?.step !== step || point.action !== action || point.when !== when) return false;
    this.#passes += 1;
    return this.#passes > (skip ?? 0);
  }

  #stopAt(point: Point): Promise<never> {
    this.#isStopped = true;
    this.#send({ kind: 'stopped', point });
    return forever;
  }
}

const forever = new Promise<never>(() => undefined);

/** The steps of one sink overlap with those of the other: its actions say where it is. */
function stepOfFileSink(action: string): string | undefined {
  if (action.startsWith('sink: create open_')) return undefined;
  const isCommit = /checkpoint_|committed|ledger|_tidegate|to part-N|sync output/.test(action);
  return isCommit && !action.includes('open_') ? 'step 6' : 'step 3';
}

function stepOfDatabase(action: string): string {
  return action === 'database: prepare the transaction' ? 'step 3' : 'step 6';
}
