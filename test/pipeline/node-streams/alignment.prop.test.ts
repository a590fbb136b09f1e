import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MemoryCheckpointStore, jsonState, memorySink } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { CustomOperator, Random } from 'tidegate/extend';
import { decodeInlineState } from 'tidegate/manifest';
import { StreamPipeline } from 'tidegate/streams';
import type { StreamStages } from 'tidegate/streams';
import { SimulatedClock } from 'tidegate/testing';
import { yieldToEventLoop } from '../../../src/runtime/event-loop.js';
import { flakySink, numbersTo, pacedSource } from '../support.js';
import { slowly, untilSettled } from './support.js';

const stageKinds = ['map', 'async map', 'flatMap', 'operator', 'one-to-one', 'per-epoch'] as const;
type StageKind = (typeof stageKinds)[number];

interface Plan {
  readonly seed: number;
  readonly records: number;
  readonly batchRecords: number;
  readonly stages: readonly { readonly kind: StageKind; readonly highWaterMark: number }[];
  readonly sourceHighWaterMark: number;
  readonly sinkHighWaterMark: number;
  /** Turns of the event loop before time moves on: few of them make attempts run out of time. */
  readonly turns: number;
  /** One call of the sink that fails, or none. */
  readonly failure: readonly ['write' | 'preCommit' | 'commit', number] | undefined;
}

const marks = fc.integer({ min: 1, max: 6 });
const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  records: fc.integer({ min: 0, max: 120 }),
  batchRecords: fc.integer({ min: 1, max: 9 }),
  stages: fc.array(
    fc.record({ kind: fc.constantFrom(...stageKinds, 'operator'), highWaterMark: marks }),
    {
      maxLength: 5,
    },
  ),
  sourceHighWaterMark: marks,
  sinkHighWaterMark: marks,
  turns: fc.integer({ min: 7, max: 24 }),
  failure: fc.option(
    fc.tuple(
      fc.constantFrom('write' as const, 'preCommit' as const, 'commit' as const),
      fc.integer({ min: 1, max: 4 }),
    ),
    { nil: undefined },
  ),
});

test('each operator and the epochs of the sink have exactly the records before the barrier', async () => {
  const seen = { checkpoints: 0, abandoned: 0, failed: 0, operators: 0 };
  await fc.assert(
    fc.asyncProperty(plans, (plan) => runPlan(plan, seen)),
    { seed: 20_261_126, numRuns: 90 },
  );
  // The property says little when none of this has happened.
  expect(seen.checkpoints).toBeGreaterThan(150);
  expect(seen.operators).toBeGreaterThan(100);
  expect(seen.abandoned).toBeGreaterThan(20);
  expect(seen.failed).toBeGreaterThan(10);
}, 60_000);

async function runPlan(plan: Plan, seen: Record<string, number>): Promise<void> {
  const random = seededRandom(plan.seed);
  const inner = memorySink<number>();
  const sink = slowly(
    inner,
    () => undefined,
    () => Math.floor(random.next() * 3),
  );
  const store = new MemoryCheckpointStore();
  const clock = new SimulatedClock();
  const numbers = numbersTo(plan.records);
  const streams = new StreamPipeline('numbers', {
    sources: {
      numbers: pacedSource(numbers, {
        batchRecords: plan.batchRecords,
        turns: () => Math.floor(random.next() * 3),
      }),
    },
    operators: operatorsOf(plan, random),
    sinks: { out: plan.failure === undefined ? sink : flakySink(sink, ...plan.failure) },
    build: (stages) => connect(plan, stages, random),
  });
  const prepared = streams.prepare({
    store,
    clock,
    handleSignals: false,
    checkpoint: {
      intervalMs: 1,
      timeouts: { alignmentMs: 2, preCommitMs: 1_000 },
      retainedCheckpoints: 1_000,
      tolerableFailures: 50,
      maxQueuedRecords: 5,
    },
  });
  const committedAt = new Map<number, readonly number[]>();
  prepared.coordinator.events.on('checkpoint-completed', ({ checkpointId }) => {
    committedAt.set(checkpointId, [...inner.records]);
  });
  prepared.coordinator.events.on('checkpoint-abandoned', () => (seen.abandoned! += 1));
  prepared.coordinator.events.on('checkpoint-failed', () => (seen.failed! += 1));
  const report = await untilSettled(clock, prepared.run(), plan.turns);
  expect(report.outcome).toBe('finished');
  expect([...inner.records].sort(byNumber)).toEqual(numbers);
  for (const { manifest } of await (await store.openReadOnly()).list()) {
    if (manifest?.epoch === 1 && manifest.sinkNames.length === 0) continue;
    const next = Number(manifest?.sourceOffsets.get('numbers')?.offsets.get('next') ?? '0');
    for (const [name, state] of manifest?.operatorStates ?? []) {
      // The first line is how far time has come; the operator's own bytes follow.
      const [, own] = Buffer.from(decodeInlineState(state)!).toString().split('\n');
      const saved = JSON.parse(own!) as number[];
      expect({ name, saved }).toEqual({ name, saved: numbersTo(next) });
      seen.operators! += 1;
    }
    const committed = committedAt.get(manifest?.checkpointId ?? 0);
    // One that was committed by recovery was completed by no attempt.
    if (committed === undefined) continue;
    expect([...committed].sort(byNumber)).toEqual(numbersTo(next));
    seen.checkpoints! += 1;
  }
}

function byNumber(left: number, right: number): number {
  return left - right;
}

function operatorsOf({ stages }: Plan, random: Random) {
  const operators: Record<string, CustomOperator<number, number>> = {};
  for (const [index, { kind }] of stages.entries()) {
    if (kind === 'operator') operators[`o${index}`] = rememberingOperator(random);
  }
  return operators;
}

/** Remembers every record, and now and then takes its time. */
function rememberingOperator(random: Random): CustomOperator<number, number> {
  let seen: number[] = [];
  return {
    ...jsonState(
      () => [...seen].sort(byNumber),
      (saved) => {
        seen = saved;
      },
    ),
    onRecord: (record, context) => {
      const work = (): void => {
        seen.push(record);
        context.emit(record);
      };
      if (random.next() < 0.7) {
        work();
        return;
      }
      return turns(random, 3).then(work);
    },
  };
}

function connect(plan: Plan, made: StreamStages<'numbers', string, 'out'>, random: Random) {
  const between = plan.stages.map(({ kind, highWaterMark }, index) => {
    const options = { highWaterMark };
    switch (kind) {
      case 'map':
        return made.map((record: number) => record, options);
      case 'async map':
        return made.map((record: number) => turns(random, 3).then(() => record), options);
      case 'flatMap':
        return made.flatMap((record: number) => [record], options);
      case 'operator':
        return made.operator(`o${index}`, options);
      case 'one-to-one':
        return made.oneToOne(lateTransform(random), options);
      case 'per-epoch':
        return made.perEpoch(() => gatheringTransform(random), options);
    }
  });
  return pipeline([
    made.source('numbers', { highWaterMark: plan.sourceHighWaterMark }),
    ...between,
    made.sink('out', { highWaterMark: plan.sinkHighWaterMark }),
  ]);
}

/** Gives each record some turns later. */
function lateTransform(random: Random): Transform {
  return new Transform({
    objectMode: true,
    highWaterMark: 2,
    transform: (record, _encoding, done) => {
      void turns(random, 3).then(() => done(null, record));
    },
  });
}

/** Keeps a few records back, gives them in another order, and the rest at its end. */
function gatheringTransform(random: Random): Transform {
  let held: unknown[] = [];
  const letGo = (push: (record: unknown) => void): void => {
    for (const record of held.reverse()) push(record);
    held = [];
  };
  return new Transform({
    objectMode: true,
    highWaterMark: 2,
    transform(record, _encoding, done) {
      held.push(record);
      if (random.next() < 0.3) letGo((given) => this.push(given));
      done();
    },
    flush(done) {
      letGo((given) => this.push(given));
      void turns(random, 3).then(() => done());
    },
  });
}

async function turns(random: Random, max: number): Promise<void> {
  for (let turn = Math.floor(random.next() * max); turn > 0; turn--) await yieldToEventLoop();
}
