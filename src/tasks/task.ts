// A task: one partition number of all input topics, with a pipeline, a store and sinks of its own.

/** One partition number of all inputs: what has a pipeline, a store and sinks of its own. */
export interface Task {
  /** From 0. */
  readonly partition: number;
  /** How many tasks there are, on all machines together: as many as the topics have partitions. */
  readonly partitions: number;
  /**
   * The name of something that belongs to this task alone, such as `orders#3` for `orders`: its
   * pipeline, directories and keys in a bucket. It never changes.
   */
  name(base: string): string;
}

export function taskOf(partition: number, partitions: number): Task {
  return { partition, partitions, name: (base) => `${base}#${partition}` };
}
