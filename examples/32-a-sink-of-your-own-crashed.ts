// A pipeline into a sink of your own, crashed around every call of the sink, and what is there afterwards.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointCoordinator } from 'tidegate';
import { crashEverywhere, type Crashable, type World } from 'tidegate/testing';
import { epochFileSink } from './sink/epoch-files.js';

interface Row {
  readonly id: number;
}

const input: readonly Row[] = Array.from({ length: 3 }, (_, id) => ({ id }));
const directory = mkdtempSync(join(tmpdir(), 'tidegate-sink-'));

function build(world: World): Crashable {
  const rows = world.source<Row>('rows');
  const coordinator = new CheckpointCoordinator({
    pipeline: 'rows',
    store: world.store,
    clock: world.clock,
    random: world.random,
    sources: { rows },
    sinks: { own: world.wrap('own', epochFileSink<Row>(directory), { visible: committed }) },
    checkpoint: { intervalMs: 150 },
  });
  const run = async (): Promise<void> => {
    await coordinator.start();
    for await (const row of rows) {
      const point = await coordinator.safePoint();
      if (point.kind === 'rewound') continue;
      await point.sinks.own.write([row]);
    }
    await coordinator.stop();
  };
  return { coordinator, run };
}

const result = await crashEverywhere(build, {
  input,
  faults: ['kill-after', 'fail-after'],
  maxSchedules: 60,
  beforeEach: () => rmSync(directory, { recursive: true, force: true }),
});
rmSync(directory, { recursive: true, force: true });
for (const { test } of result.violations) console.log(test);
console.log(`${result.schedules} schedules, ${result.violations.length} violations`);
if (result.violations.length > 0) process.exitCode = 1;

/** What a reader sees, in order of commit: the simulation holds it against a run without faults. */
function committed(): readonly Row[] {
  const folder = join(directory, 'committed');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort((left, right) => Number.parseInt(left, 10) - Number.parseInt(right, 10))
    .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Row[]);
}
