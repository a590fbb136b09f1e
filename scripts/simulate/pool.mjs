// The worker processes of the simulation: hands out shares, and loses none when a worker dies.

import { fork } from 'node:child_process';
import { clearInterval, setInterval } from 'node:timers';

/** A worker that says nothing for so long is stuck in code that never waits. */
const maxSilenceMs = 120_000;
const maxLosses = 2;

/**
 * Works through shares in several processes until all are done or it is told to stop. What a dead
 * worker had done of its share counts for nothing, and the share is done again by another one.
 */
export class WorkerPool {
  #script;
  #options;
  #shares;
  #workers = new Set();
  #isStopped = false;

  /**
   * @param {string} script
   * @param {{ args: string[], shares: object[], untilMs: number,
   *   answered: (answer: object) => void, lost: (share: object, why: string) => void,
   *   note: (line: string) => void, isOver: () => boolean }} options
   */
  constructor(script, options) {
    this.#script = script;
    this.#options = options;
    this.#shares = [...options.shares];
  }

  /** Schedules of shares that are not answered yet; they count when their share is. */
  get openCount() {
    return [...this.#workers].reduce((sum, { count }) => sum + count, 0);
  }

  get largestRssMb() {
    return Math.max(0, ...[...this.#workers].map(({ rssMb }) => rssMb));
  }

  async run(workerCount) {
    await Promise.all(Array.from({ length: workerCount }, () => this.#work()));
  }

  /** Each worker answers with what it has found so far. */
  stop() {
    this.#isStopped = true;
    for (const { child } of this.#workers) if (child.connected) child.send({ stop: true });
  }

  async #work() {
    while (!this.#isOver()) {
      const worker = this.#start();
      const why = await worker.ended;
      this.#workers.delete(worker);
      if (why === undefined) return;
      if (!worker.wasReady) throw new Error(`a worker ended before it began: ${why}`);
      this.#options.note(`a worker ended (${why}) and is started again`);
      if (worker.share !== undefined) this.#takeBack(worker.share, why);
    }
  }

  #start() {
    const { args } = this.#options;
    const child = fork(this.#script, args, { execArgv: ['--max-semi-space-size=64'] });
    const worker = { child, share: undefined, wasReady: false, heardMs: Date.now() };
    Object.assign(worker, { count: 0, rssMb: 0 });
    const watch = setInterval(() => {
      if (Date.now() - worker.heardMs > maxSilenceMs) child.kill('SIGKILL');
    }, 1_000);
    child.on('message', (message) => this.#hear(worker, message));
    worker.ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        clearInterval(watch);
        const isDone = code === 0 && worker.share === undefined;
        resolve(isDone ? undefined : `${signal ?? `exit code ${code}`}`);
      });
    });
    this.#workers.add(worker);
    return worker;
  }

  #hear(worker, { ready, alive, ...answer }) {
    worker.heardMs = Date.now();
    if (alive) return Object.assign(worker, alive);
    if (ready) worker.wasReady = true;
    else {
      worker.share = undefined;
      worker.count = 0;
      this.#options.answered(answer);
    }
    if (this.#isOver()) return worker.child.disconnect();
    worker.share = this.#shares.shift();
    worker.child.send({ ...worker.share, untilMs: this.#options.untilMs });
  }

  #takeBack(share, why) {
    share.losses = (share.losses ?? 0) + 1;
    if (share.losses < maxLosses) this.#shares.unshift(share);
    else this.#options.lost(share, why);
  }

  #isOver() {
    return this.#isStopped || this.#shares.length === 0 || this.#options.isOver();
  }
}
