// Known ways to break tasks over many processes: what is lost, doubled, stands still, or stops the others.

export const tests = [
  'test/tasks/run-tasks',
  'test/tasks/kafka-group',
  'test/connectors/kafka/kafkajs-sticky',
];

const tasks = (what, file, find, replace) => ({ what, file: `src/tasks/${file}`, find, replace });

export const mutations = [
  tasks(
    'a task waits for an owner that seems alive',
    'task-life.ts',
    "liveOwner: 'take-over',",
    "liveOwner: 'refuse',",
  ),
  tasks(
    'a lost task goes on',
    'task-life.ts',
    'void this.#run?.coordinator[Symbol.asyncDispose]();',
    '',
  ),
  tasks(
    'a lost task takes a final checkpoint',
    'run-tasks.ts',
    "void this.#giveUp(tasks, 'lost');",
    "void this.#giveUp(tasks, 'revoked');",
  ),
  tasks(
    'a revoked task ends without a final checkpoint',
    'run-tasks.ts',
    "return this.#giveUp(tasks, 'revoked');",
    "return this.#giveUp(tasks, 'lost');",
  ),
  tasks(
    'a revoked task is given away before it has ended',
    'run-tasks.ts',
    'await Promise.all(known.map((task) => task.left()));',
    '',
  ),
  tasks(
    'an overtaken or failed task is not started again',
    'machine.ts',
    "after: { pauseMs: 'active' },",
    '',
  ),
  tasks(
    'the pauses do not grow',
    'machine.ts',
    'context.pauseMs(context.failures)',
    'context.pauseMs(0)',
  ),
  tasks(
    'a task that waits after a failure ignores that it is assigned again',
    'machine.ts',
    "assigned: { target: 'active', actions: 'keep' },\n        revoked: { target: 'idle'",
    "assigned: { actions: 'keep' },\n        revoked: { target: 'idle'",
  ),
  tasks(
    'a task that waits after a failure starts although it was lost',
    'machine.ts',
    "lost: { target: 'idle', actions: 'give' },\n      },\n    },\n    finished",
    "lost: { actions: 'give' },\n      },\n    },\n    finished",
  ),
  tasks(
    'a task that is assigned again while it ends stays away',
    'machine.ts',
    "always: [{ guard: 'isAssigned', target: 'active' }, { target: 'idle' }],",
    "always: [{ target: 'idle' }],",
  ),
  tasks('a stop has no bound', 'machine.ts', "after: { stopMs: 'closing' },", ''),
  tasks(
    'what hangs while it closes is waited for',
    'machine.ts',
    "after: { closeMs: '#left' },",
    '',
  ),
  tasks(
    'a failure of one task ends the others',
    'machine.ts',
    "(context.failFast && !isCausedBy(error, 'TIDEGATE_FENCED'))",
    "!isCausedBy(error, 'TIDEGATE_FENCED')",
  ),
  tasks(
    'failFast is ignored',
    'machine.ts',
    "(context.failFast && !isCausedBy(error, 'TIDEGATE_FENCED'))",
    'false',
  ),
  tasks(
    'an overtaken task ends the run under failFast',
    'machine.ts',
    "(context.failFast && !isCausedBy(error, 'TIDEGATE_FENCED'))",
    'context.failFast',
  ),
  tasks(
    'the number of partitions is not recorded',
    'partition-count.ts',
    'return { [recordedAs]: String(partitions) };',
    'return partitions > 0 ? {} : {};',
  ),
  tasks(
    'an added partition is not compared with the tasks before it',
    'partition-count.ts',
    'recorded === undefined && other < partitions',
    'recorded === undefined && other < 0',
  ),
  tasks(
    'a number of partitions that changes in a run is taken',
    'run-tasks.ts',
    'if (was !== partitions) {',
    'if (was < 0) {',
  ),
  tasks(
    'a pipeline may have a name without its partition',
    'task-life.ts',
    "!pipeline.name.endsWith(task.name(''))",
    "pipeline.name === ''",
  ),
  tasks(
    'a start that hangs keeps the others from starting',
    'task-life.ts',
    'sleep(clock, timeouts.startMs, over.signal)',
    'sleep(clock, timeouts.startMs * 1_000, over.signal)',
  ),
  tasks(
    'the group takes tasks away when the broker is away',
    'kafka-group.ts',
    'this.#listener.troubled(known);',
    'this.#listener.troubled(known);\n        this.#listener.lost([...this.#mine]);',
  ),
  tasks(
    'a member does not hear what it has lost',
    'kafka-group.ts',
    'if (gone.length > 0) this.#listener.lost(gone);',
    '',
  ),
  tasks(
    'topics with different numbers of partitions are taken',
    'kafka-group.ts',
    'requireEqual(counts);',
    '',
  ),
  {
    what: 'a Kafka source of one partition reads the others too',
    file: 'src/connectors/kafka/source-checks.ts',
    find: 'for (const partition of only ?? all.keys()) {',
    replace: 'for (const partition of all.keys()) {',
  },
  {
    what: 'partitions that a position names are left unread in silence',
    file: 'src/connectors/kafka/source-position.ts',
    find: 'if (others.length > 0) throw otherPartitions(topic, others);',
    replace: '',
  },
  {
    what: 'two members have one partition',
    file: 'src/connectors/kafka/kafkajs-sticky.ts',
    find: '.filter((partition) => free.delete(partition));',
    replace: '.filter((partition) => free.delete(partition) || partition >= 0);',
  },
  {
    what: 'a member keeps more than its share',
    file: 'src/connectors/kafka/kafkajs-sticky.ts',
    find: 'for (const partition of its.splice(roomOf(member))) free.add(partition);',
    replace: '',
  },
];
