// A worker of the tests on a real broker: a running sum for each partition, into files of its task.

import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { fileSink } from '../../src/connectors/files/index.js';
import { kafkaJs, kafkaSource, text } from '../../src/connectors/kafka/index.js';
import { FileSystemCheckpointStore, Pipeline } from '../../src/index.js';
import { kafkaGroup, runTasks } from '../../src/tasks/index.js';

export interface Place {
  readonly brokers: string;
  readonly room: string;
  readonly topic: string;
  readonly name: string;
  readonly sessionTimeoutMs: number;
}

const { brokers, room, topic, name, sessionTimeoutMs } = JSON.parse(
  process.argv[2] ?? '{}',
) as Place;
const client = new Kafka({ clientId: name, brokers: [brokers], logLevel: logLevel.NOTHING });
const kafka = kafkaJs(client);

const run = runTasks({
  assigner: kafkaGroup({ kafka, groupId: `g-${topic}`, topics: [topic], sessionTimeoutMs }),
  store: (task) => new FileSystemCheckpointStore(join(room, task.name('store'))),
  build: (task) => {
    const partitions = [task.partition];
    const pipeline = new Pipeline(task.name('sums'));
    pipeline
      .source('numbers', kafkaSource({ kafka, topic, value: text(), from: 'start', partitions }))
      .map(({ value, offset }) => ({ offset: Number(offset), value: Number(value) }))
      .keyBy(() => 'all')
      .aggregate('sum', {
        initial: { offset: 0, sum: 0 },
        add: ({ sum }, one) => ({ offset: one.offset, sum: sum + one.value }),
        result: (_key, { offset, sum }) => ({ offset, sum }),
      })
      .to('out', fileSink({ directory: join(room, task.name('out')) }));
    return pipeline;
  },
  checkpoint: { intervalMs: 150, tolerableFailures: 1_000 },
  restart: { firstMs: 100, maxMs: 2_000 },
  timeouts: { stopMs: 5_000 },
});
for (const event of ['assigned', 'lost'] as const) {
  run.events.on(event, ({ tasks }) => {
    process.stdout.write(`${event} ${tasks.join(' ')}\n`);
  });
}
for (const event of ['task-fenced', 'task-failed'] as const) {
  run.events.on(event, ({ partition, error }) => {
    process.stdout.write(`${event} ${partition} ${String(error)}\n`);
  });
}
await run.done;
process.stdout.write('stopped\n');
process.exit(0);
