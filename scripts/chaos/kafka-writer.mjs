// The process that is killed: from a topic into a table, files and another topic, all exactly once.

import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { aimed, watchedFiles, watchedPool } from './points.mjs';

const task = JSON.parse(process.argv[2]);
const { library, room, database, brokers, topics, aim, isMember, isStaged } = task;
const load = (path) => import(join(library, path));
const { FileSystemCheckpointStore, Pipeline } = await load('index.js');
const { fileSink, nodeFileSystem } = await load('connectors/files/index.js');
const { postgresSink } = await load('connectors/postgres/index.js');
const { json, kafkaJs, kafkaSink, kafkaSource } = await load('connectors/kafka/index.js');

const around = aimed(aim);
const fileSystem = watchedFiles(around, nodeFileSystem);
const client = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, clientId: 'chaos' });
const kafka = watchedDriver(kafkaJs(client));

const pipeline = new Pipeline('chaos');
const orders = pipeline.source(
  'orders',
  kafkaSource({
    kafka,
    topic: topics.input,
    value: json(),
    from: 'start',
    groupId: topics.input,
    ...(isMember ? { joinGroup: true, sessionTimeoutMs: 6_000 } : {}),
    batchRecords: 200,
  }),
);
const records = orders.map(({ value }) => value);
records.to('table', postgresSink({ pool: watchedPool(around, database), table: 'orders' }));
records.to('files', fileSink({ directory: join(room, 'archive'), fileSystem }));
records.to(
  'topic',
  kafkaSink({
    kafka,
    topic: topics.output,
    key: ({ account }) => account,
    transactionTimeoutMs: 500_000,
    ...(isStaged
      ? { staging: join(room, 'staging'), fileSystem, transactionTimeoutMs: 60_000 }
      : {}),
  }),
);
const run = pipeline.prepare({
  store: new FileSystemCheckpointStore(join(room, 'checkpoints'), { fileSystem }),
  liveOwner: 'take-over',
  checkpoint: { intervalMs: 50, tolerableFailures: 1_000 },
});
run.coordinator.events.on('recovery-ended', () => process.stdout.write('ready\n'));
try {
  const { outcome } = await run.run();
  process.stdout.write(`${outcome}\n`);
  process.exit(0);
} catch (error) {
  for (let one = error; one !== undefined; one = one.cause) {
    process.stdout.write(`ended by ${one.code ?? one.name}: ${one.message}\n`);
  }
  process.exit(3);
}

/** The marker's sending and the end of the transaction are points. */
function watchedDriver(driver) {
  return {
    ...driver,
    async producer(options, call) {
      const producer = await driver.producer(options, call);
      return {
        init: (given) => producer.init(given),
        close: () => producer.close(),
        async begin() {
          const transaction = await producer.begin();
          return {
            sendOffsets: (offsets, given) => transaction.sendOffsets(offsets, given),
            abort: (given) => transaction.abort(given),
            commit: (given) => around('6 topic committed', () => transaction.commit(given)),
            send: (messages, given) => {
              const isMarker = messages.some(({ topic }) => topic !== topics.output);
              const send = () => transaction.send(messages, given);
              return isMarker ? around('3 topic marked', send) : send();
            },
          };
        },
      };
    },
  };
}
