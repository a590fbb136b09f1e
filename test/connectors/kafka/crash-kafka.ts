// Loops into Kafka to be crashed: each request to the broker, and each call to the disk, is a point.

import { CheckpointCoordinator } from '../../../src/index.js';
import type { Sink } from '../../../src/extend/index.js';
import { kafkaSink } from '../../../src/connectors/kafka/index.js';
import type { Build, World } from '../../../src/testing/index.js';
import { FakeKafka } from './fake-kafka.js';

export const input = [1, 2, 3, 4, 5, 6];

export type Shape = 'kafka' | 'kafka-staged' | 'kafka-decides' | 'kafka-staged-follows';

export const builds: Readonly<Record<Shape, Build>> = {
  kafka: (world) => loop(world, { out: kafkaOut(world, false) }),

  'kafka-staged': (world) => loop(world, { out: kafkaOut(world, true) }),

  /** Kafka commits first; the other one has to follow it. */
  'kafka-decides': (world) =>
    loop(world, { out: kafkaOut(world, false), also: world.sink('also', 'durable') }),

  /** The other one commits first, and what is staged for Kafka has to follow it. */
  'kafka-staged-follows': (world) =>
    loop(world, { out: kafkaOut(world, true), also: world.sink('also', 'last-resource') }),
};

/** The broker of a run: it outlives the processes. */
function brokerOf({ notes }: World): FakeKafka {
  const known = notes.get('kafka');
  if (known instanceof FakeKafka) return known;
  const kafka = new FakeKafka();
  kafka.endingCalls = 3;
  kafka.create('out', 2);
  notes.set('kafka', kafka);
  return kafka;
}

function kafkaOut(world: World, isStaged: boolean): Sink {
  const { clock, random, logger, fileSystem } = world;
  const kafka = brokerOf(world);
  const sink = kafkaSink<number>({
    ...{ clock, random, logger, fileSystem },
    kafka: kafka.driver({ port: world.port('kafka'), clock }),
    topic: 'out',
    partition: () => 0,
    batchBytes: 1,
    ...(isStaged ? { staging: '/staging' } : {}),
  });
  return world.wrap('out', sink, {
    points: 'system',
    visible: () => {
      kafka.settle();
      return kafka.visible('out').map((value) => JSON.parse(value) as unknown);
    },
  });
}

/** A loop of numbers into these sinks, with a checkpoint every 150 ms. */
export function loop(world: World, sinks: Readonly<Record<string, Sink>>): ReturnType<Build> {
  const { store, clock, random, logger } = world;
  const numbers = world.source<number>('numbers');
  const coordinator = new CheckpointCoordinator({
    ...{ store, clock, random, logger, sinks },
    pipeline: 'numbers',
    sources: { numbers },
    checkpoint: { intervalMs: 150 },
  });
  const run = async (): Promise<void> => {
    await coordinator.start();
    for await (const number of numbers) {
      const point = await coordinator.safePoint();
      if (point.kind === 'rewound') continue;
      for (const writer of Object.values(point.sinks)) await writer.write([number]);
    }
    await coordinator.stop();
  };
  return { coordinator, run };
}
