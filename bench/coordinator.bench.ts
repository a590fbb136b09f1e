// What the machinery of a checkpoint costs: memory store, one source, one operator, two sinks.

import { CheckpointCoordinator, MemoryCheckpointStore, jsonState } from 'tidegate';
import { seededRandom, type FlushingSink, type TwoPhaseSink } from 'tidegate/extend';
import {
  connectorCheckpoint,
  createManifest,
  inlineOperatorState,
  type TidegateFields,
} from 'tidegate/manifest';
import { assign, createActor, fromPromise, setup } from 'xstate';
import { isQuick, printRows, quantile } from './measure.js';

const checkpointsPerRound = isQuick ? 50 : 500;
const rounds = isQuick ? 1 : 7;
const aim = 700;

/** Answers at once and keeps nothing, so that what is measured is the coordinator's. */
function emptySink(): TwoPhaseSink<number> {
  const nothingPrepared = new Map<string, 'rolled-back'>();
  return {
    durability: 'durable',
    open: ({ sink, generation }) =>
      Promise.resolve({
        write: () => undefined,
        preCommit: ({ checkpointId }) =>
          Promise.resolve({ handle: `${sink}/${generation}/${checkpointId}` }),
        commit: () => Promise.resolve('applied' as const),
        inspect: () => Promise.resolve('absent' as const),
        lastCommitted: () => Promise.resolve(undefined),
        listPrepared: () => Promise.resolve([]),
        rollback: () => Promise.resolve(nothingPrepared),
      }),
    openReadOnly: () => Promise.reject(new Error('nobody reads here')),
  };
}

function buildCoordinator(sinks: Record<string, TwoPhaseSink<number> | FlushingSink<number>>) {
  let next = 0;
  let sum = 0;
  const coordinator = new CheckpointCoordinator({
    pipeline: 'bench',
    store: new MemoryCheckpointStore({ random: seededRandom(1) }),
    sources: {
      numbers: {
        position: () => ({ next: String(next) }),
        restore: (offsets) => {
          next = Number(offsets.next ?? 0);
        },
      },
    },
    operators: {
      sum: jsonState(
        () => sum,
        (saved) => {
          sum = saved;
        },
      ),
    },
    sinks,
    checkpoint: { intervalMs: 0 },
  });
  return {
    coordinator,
    process: () => {
      next += 1;
      sum += next;
      return next;
    },
  };
}

/**
 * Processor time, not wall time: "on one core" stays true on a machine that others use too. Garbage
 * collection and compilation on other threads count as well.
 */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Checkpoints for each second of one processor, round by round. */
async function measureCheckpoints(): Promise<readonly number[]> {
  const rates: number[] = [];
  const { coordinator, process: processOne } = buildCoordinator({
    left: emptySink(),
    right: emptySink(),
  });
  await coordinator.start();
  for (let round = -1; round < rounds; round++) {
    const start = processorMs();
    for (let taken = 0; taken < checkpointsPerRound; taken++) {
      const asked = coordinator.checkpoint();
      const point = await coordinator.safePoint();
      const record = [processOne()];
      await point.sinks.left?.write(record);
      await point.sinks.right?.write(record);
      const outcome = await asked;
      // The very first one may find nothing new.
      if (outcome.kind === 'failed' || outcome.kind === 'abandoned') throw new Error(outcome.kind);
    }
    const elapsedMs = processorMs() - start;
    if (round >= 0) rates.push((checkpointsPerRound / elapsedMs) * 1_000);
  }
  await coordinator.stop();
  return rates;
}

/** The part of XState: an actor over eight empty steps with their bounds, as an attempt has them. */
async function measureActor(): Promise<number> {
  const names = ['s1', 's2', 's3', 's4', 's5', 's6', 's7', 's8'];
  const states = Object.fromEntries(
    names.map((name, index) => [
      name,
      {
        invoke: {
          src: 'step',
          onDone: {
            target: names[index + 1] ?? 'end',
            actions: assign({ kept: ({ event }: { event: { output: unknown } }) => event.output }),
          },
        },
        after: { 30_000: { target: 'end' } },
      },
    ]),
  );
  const machine = setup({
    types: { context: {} as { kept: unknown } },
    actors: { step: fromPromise(() => Promise.resolve()) },
  }).createMachine({
    id: 'empty',
    initial: 's1',
    context: { kept: undefined },
    states: { ...states, end: { type: 'final' } },
  } as never);
  const times: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const start = processorMs();
    for (let ran = 0; ran < checkpointsPerRound; ran++) {
      await new Promise<void>((resolve) => {
        const actor = createActor(machine);
        actor.subscribe({ complete: resolve });
        actor.start();
      });
    }
    if (round >= 0) times.push((processorMs() - start) / checkpointsPerRound);
  }
  return quantile(times, 0.5);
}

/** The save and the re-save of such a manifest, without a coordinator. */
async function measureStore(): Promise<number> {
  const store = new MemoryCheckpointStore({ random: seededRandom(1) });
  const owner = await store.open({ pipeline: 'bench' });
  const times: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const start = processorMs();
    for (let saved = 0; saved < checkpointsPerRound; saved++) {
      const id = owner.allocateCheckpointId();
      const statuses = new Map([
        ['left', { kind: 'pending' as const }],
        ['right', { kind: 'pending' as const }],
      ]);
      const draft = {
        ...createManifest(id, saved + 1),
        sourceOffsets: new Map([['numbers', connectorCheckpoint(1, new Map([['next', '1']]))]]),
        operatorStates: new Map([['sum', inlineOperatorState(new Uint8Array([49]))]]),
        sinkCommitStatuses: statuses,
        sinkNames: ['left', 'right'],
        sourceNames: ['numbers'],
        tidegate: tidegateFields(owner),
      };
      const persisted = await owner.saveManifest(draft);
      const done = new Map(
        [...statuses.keys()].map((sink) => [sink, { kind: 'committed' as const }]),
      );
      await owner.updateManifest(persisted, { ...persisted.manifest, sinkCommitStatuses: done });
      await owner.prune({ retainedCheckpoints: 3 });
    }
    if (round >= 0) times.push((processorMs() - start) / checkpointsPerRound);
  }
  return quantile(times, 0.5);
}

function tidegateFields(owner: {
  readonly storeId: string;
  readonly generation: number;
}): TidegateFields {
  return {
    storeId: owner.storeId,
    pipeline: 'bench',
    generation: owner.generation,
    kind: 'checkpoint',
    commitHandles: new Map([
      ['left', 'left/1/16777217'],
      ['right', 'right/1/16777217'],
    ]),
  };
}

/** A safe point at which nothing is due. */
async function measureSafePoint(): Promise<number> {
  const { coordinator } = buildCoordinator({ left: emptySink() });
  await coordinator.start();
  const calls = isQuick ? 10_000 : 1_000_000;
  const start = processorMs();
  for (let call = 0; call < calls; call++) await coordinator.safePoint();
  const elapsedMs = processorMs() - start;
  await coordinator.stop();
  return (elapsedMs / calls) * 1e6;
}

const rates = await measureCheckpoints();
const actorMs = await measureActor();
const storeMs = await measureStore();
const safePointNs = await measureSafePoint();
const rate = quantile(rates, 0.5);
const wholeMs = 1_000 / rate;
const share = (partMs: number): string => `${((partMs / wholeMs) * 100).toFixed(0)} %`;
printRows(
  ['part of a checkpoint', 'processor ms', 'share'],
  [
    ['whole checkpoint', wholeMs.toFixed(3), '100 %'],
    ['memory store: save, re-save, prune', storeMs.toFixed(3), share(storeMs)],
    ['XState: an actor over eight empty steps, by itself', actorMs.toFixed(3), share(actorMs)],
    [
      'the rest: cut, encoding, manifest, writers, events',
      (wholeMs - storeMs - actorMs).toFixed(3),
      share(wholeMs - storeMs - actorMs),
    ],
  ],
);
console.log(
  `\n${rate.toFixed(0)} checkpoints for a second of one processor ` +
    `(p10 ${quantile(rates, 0.1).toFixed(0)}, p90 ${quantile(rates, 0.9).toFixed(0)}; ` +
    `aim ${aim}): ${rate >= aim ? 'reached' : 'NOT reached'}`,
);
console.log(`a safe point with nothing due: ${safePointNs.toFixed(0)} ns, await included`);
