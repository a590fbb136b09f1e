// A loop into Kafka, crashed at every call that its sink is given, in both classes, over a broker in memory.

import { expect, test } from '@jest/globals';
import { kafkaSink } from '../../../src/connectors/kafka/index.js';
import { CheckpointCoordinator } from '../../../src/coordinator/coordinator.js';
import type { TwoPhaseSink } from '../../../src/contracts/sink.js';
import { crashEverywhere } from '../../../src/testing/crash-everywhere.js';
import { SimulatedDisk } from '../../../src/testing/disk/simulated-disk.js';
import type { Build } from '../../../src/testing/simulation/world.js';
import { FakeKafka, quickClock } from './fake-kafka.js';

const seed = 41_717;
const input = [1, 2, 3, 4, 5, 6];

test.each([
  { name: 'without staging', isStaged: false },
  { name: 'with staging', isStaged: true },
])(
  '$name every record is there once, wherever the process is killed',
  async ({ isStaged }) => {
    let kafka = new FakeKafka();
    let disk = new SimulatedDisk();
    const beforeEach = (): void => {
      kafka = new FakeKafka();
      kafka.create('out', 2);
      disk = new SimulatedDisk();
    };
    const build: Build = (world) => {
      const numbers = world.source<number>('numbers');
      const { fileSystem } = disk.mount();
      const sink = kafkaSink({
        kafka: kafka.driver(),
        topic: 'out',
        partition: () => 0,
        clock: quickClock,
        batchBytes: 1,
        ...(isStaged ? { staging: '/staging', fileSystem } : {}),
      });
      const visible = (): readonly unknown[] =>
        kafka.visible('out').map((value) => JSON.parse(value) as unknown);
      const out: TwoPhaseSink = world.wrap('out', sink, { visible });
      const coordinator = new CheckpointCoordinator({
        pipeline: 'numbers',
        store: world.store,
        clock: world.clock,
        random: world.random,
        sources: { numbers },
        sinks: { out },
        checkpoint: { intervalMs: 150 },
      });
      const run = async (): Promise<void> => {
        await coordinator.start();
        for await (const number of numbers) {
          const point = await coordinator.safePoint();
          if (point.kind === 'rewound') continue;
          await point.sinks.out.write([number]);
        }
        await coordinator.stop();
      };
      return { coordinator, run };
    };
    const options = { input, beforeEach, crashes: 2, maxSchedules: 300, seed } as const;
    const report = await crashEverywhere(build, options);
    expect({ seed, found: report.violations }).toEqual({ seed, found: [] });
    expect(report.unseen).toEqual([]);
    expect(report.schedules).toBeGreaterThan(150);
    expect(kafka.openTransactions).toBe(0);
  },
  200_000,
);
