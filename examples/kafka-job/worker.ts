// A process of the Kafka demonstration: it may end itself at the beginning of a step.

import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kafka, logLevel } from 'kafkajs';
import { FileSystemCheckpointStore } from 'tidegate';
import { json, kafkaJs, kafkaSink, kafkaSource } from 'tidegate/kafka';
import { PgliteDatabase } from 'tidegate/pglite';
import { postgresSink } from 'tidegate/postgres';
import type { AirportDay, Flight } from '../main-job/flight.js';
import { flightsPipeline } from './job.js';

interface Task {
  readonly brokers: string;
  readonly room: string;
  readonly input: string;
  readonly late: string;
  /** Step at whose beginning the process is killed, and at which of them. */
  readonly killAt?: { readonly step: string; readonly occurrence: number };
}

const { brokers, room, input, late, killAt } = JSON.parse(process.argv[2] ?? '{}') as Task;
const kafka = kafkaJs(new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }));
const database = new PgliteDatabase({ PGlite, directory: join(room, 'warehouse') });
const pipeline = flightsPipeline(
  kafkaSource({ kafka, topic: input, value: json<Flight>(), from: 'start', until: 'end' }),
  {
    statistics: postgresSink<AirportDay>({ database, table: 'statistics' }),
    late: kafkaSink<Flight>({
      kafka,
      topic: late,
      key: ({ origin }) => origin,
      staging: join(room, 'staging'),
    }),
  },
);
const run = pipeline.prepare({
  store: new FileSystemCheckpointStore(join(room, 'checkpoints')),
  checkpoint: { intervalMs: 100, tolerableFailures: 1_000 },
  liveOwner: 'take-over',
});
let met = 0;
run.coordinator.events.on('step-started', ({ step }) => {
  if (step !== killAt?.step) return;
  met += 1;
  if (met === killAt.occurrence) process.kill(process.pid, 'SIGKILL');
});
run.coordinator.events.on('recovery-ended', ({ row }) => {
  console.log(`ready: ${row.label}`);
});
const { outcome } = await run.run();
console.log(outcome);
await database.close();
process.exit(0);
