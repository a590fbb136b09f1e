// Who owns which task, by what the workers say, and the longest that one had no owner.

/** Without a word for this long, a worker stands still or is dead. */
const silentMs = 1_500;

export class Ownership {
  #tasks;
  /** By worker: what it said last, and when. */
  #words = new Map();
  /** By task: since when it has no owner. */
  #since = new Map();
  #gone = new Set();
  longestMs = 0;
  longest = '';

  /** @param tasks Names of all, such as `route#3`. */
  constructor(tasks) {
    this.#tasks = tasks;
  }

  /** Of a piece of a worker's output. */
  hear(worker, text) {
    if (this.#gone.has(worker)) return;
    for (const [, json] of text.matchAll(/^status (\{.*\})$/gm)) {
      const tasks = Object.entries(JSON.parse(json)).flatMap(([stage, partitions]) =>
        partitions.map((partition) => `${stage}#${partition}`),
      );
      this.#words.set(worker, { tasks: new Set(tasks), atMs: Date.now() });
    }
  }

  gone(worker) {
    this.#gone.add(worker);
    this.#words.delete(worker);
  }

  ownersOf(task) {
    return [...this.#words]
      .filter(([, { tasks, atMs }]) => tasks.has(task) && Date.now() - atMs < silentMs)
      .map(([worker]) => worker);
  }

  get isComplete() {
    return this.#tasks.every((task) => this.ownersOf(task).length > 0);
  }

  /** Called often, from the moment on when every task has had an owner. */
  look() {
    for (const task of this.#tasks) {
      if (this.ownersOf(task).length > 0) {
        this.#since.delete(task);
        continue;
      }
      const since = this.#since.get(task) ?? Date.now();
      this.#since.set(task, since);
      const ms = Date.now() - since;
      if (ms > this.longestMs) [this.longestMs, this.longest] = [ms, task];
    }
  }

  /** One line for each worker: the partitions of each stage. */
  table() {
    return [...this.#words.keys()].map((worker) => {
      const of = (stage) =>
        this.#tasks
          .filter((task) => task.startsWith(`${stage}#`) && this.ownersOf(task).includes(worker))
          .map((task) => task.split('#')[1])
          .join(' ');
      return `  ${worker.padEnd(4)} route ${of('route').padEnd(30)} total ${of('total')}`;
    });
  }
}
