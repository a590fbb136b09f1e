import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { memorySink } from 'tidegate';
import { Stream } from '../../src/pipeline/stream.js';
import type { SinkWriter } from 'tidegate';
import { seededRandom, systemClock } from 'tidegate/extend';
import type {
  Barrier,
  CustomOperator,
  CutListener,
  OperatorSnapshot,
  Random,
} from 'tidegate/extend';
import { checkpointId, epoch, generation } from '../../src/ids.js';
import { PreparedGraph } from '../../src/pipeline/assemble.js';
import { Dataflow } from '../../src/pipeline/flow/dataflow.js';
import { Graph, mainPort } from '../../src/pipeline/graph.js';
import { yieldToEventLoop } from '../../src/runtime/event-loop.js';
import { numbersTo, pacedSource } from './support.js';

/** Every record names itself, so that what arrived where can be counted. */
type Name = string;
/** How often each record was seen. */
type Seen = Map<Name, number>;

interface Step {
  readonly kind: 'map' | 'filter' | 'flatMap' | 'union' | 'apply' | 'aggregate' | 'process';
  readonly left: number;
  readonly right: number;
}

interface Plan {
  readonly seed: number;
  readonly sources: readonly { readonly records: number; readonly batchRecords: number }[];
  readonly steps: readonly Step[];
  /** Attempts to take a cut: how long to wait before it, and whether it is abandoned on its way. */
  readonly attempts: readonly {
    readonly pause: number;
    readonly cancelAfter: number | undefined;
  }[];
}

const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  sources: fc.array(
    fc.record({
      records: fc.integer({ min: 0, max: 60 }),
      batchRecords: fc.integer({ min: 1, max: 9 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom(
        'map',
        'filter',
        'flatMap',
        'union',
        'union',
        'apply',
        'aggregate',
        'process',
      ),
      left: fc.nat(20),
      right: fc.nat(20),
    }),
    { maxLength: 7 },
  ),
  attempts: fc.array(
    fc.record({ pause: fc.nat(12), cancelAfter: fc.option(fc.nat(6), { nil: undefined }) }),
    { minLength: 1, maxLength: 6 },
  ),
});

test('each operator and each sink has exactly the records before the barrier, times its paths', async () => {
  await fc.assert(fc.asyncProperty(plans, runPlan), { seed: 20_261_123, numRuns: 150 });
}, 60_000);

test('a stage whose inputs all lead from one source sees each record as often as there are paths', async () => {
  await runPlan({
    seed: 7,
    sources: [{ records: 50, batchRecords: 3 }],
    steps: [
      { kind: 'apply', left: 0, right: 0 },
      { kind: 'union', left: 0, right: 1 },
      { kind: 'union', left: 2, right: 2 },
      { kind: 'aggregate', left: 3, right: 0 },
    ],
    attempts: [
      { pause: 5, cancelAfter: undefined },
      { pause: 0, cancelAfter: 1 },
      { pause: 0, cancelAfter: undefined },
    ],
  });
});

async function runPlan(plan: Plan): Promise<void> {
  const flow = buildFlow(plan);
  const failures: unknown[] = [];
  flow.dataflow.resume({
    generation: generation(1),
    sinks: flow.writers,
    failed: (error) => failures.push(error),
  });
  for (const [attempt, { pause, cancelAfter }] of plan.attempts.entries()) {
    await turns(pause);
    const cut = new Cut(attempt + 1, flow);
    flow.dataflow.inject(cut.barrier, cut);
    if (cancelAfter === undefined) await cut.checked();
    else {
      await turns(cancelAfter);
      flow.dataflow.cancel(cut.barrier);
    }
  }
  await flow.dataflow.ended();
  const last = new Cut(plan.attempts.length + 1, flow);
  flow.dataflow.inject(last.barrier, last);
  await last.checked();
  expect(last.offsets).toEqual(plan.sources.map(({ records }) => records));
  await flow.dataflow.suspend();
  expect(failures).toEqual([]);
}

interface Flow {
  readonly dataflow: Dataflow;
  readonly writers: ReadonlyMap<string, SinkWriter>;
  readonly written: ReadonlyMap<string, Seen>;
  /** Ways from each source to a node, by the node's name. */
  readonly paths: ReadonlyMap<string, readonly number[]>;
  readonly operators: ReadonlySet<string>;
  readonly sources: number;
}

function buildFlow({ seed, sources, steps }: Plan): Flow {
  const random = seededRandom(seed);
  const graph = new Graph('plan');
  const streams: { stream: Stream<Name>; paths: readonly number[] }[] = sources.map(
    ({ records, batchRecords }, index) => {
      const names = numbersTo(records).map((number) => `${index}:${number}`);
      const node = graph.add({
        role: 'source',
        kind: 'source',
        name: `s${index}`,
        inputs: [],
        source: pacedSource(names, { batchRecords, turns: () => Math.floor(random.next() * 3) }),
        eventTime: undefined,
        hasEventTime: false,
        onError: 'fail',
      });
      const paths = sources.map((_, other) => (other === index ? 1 : 0));
      return { stream: new Stream<Name>(graph, { node, port: mainPort }), paths };
    },
  );
  const paths = new Map<string, readonly number[]>();
  const operators = new Set<string>();
  const used = new Set<number>();
  for (const [index, { kind, left, right }] of steps.entries()) {
    const a = streams[left % streams.length]!;
    const b = streams[right % streams.length]!;
    used.add(left % streams.length);
    if (kind === 'union') used.add(right % streams.length);
    const name = `o${index}`;
    const sum = a.paths.map((count, source) => count + (kind === 'union' ? b.paths[source]! : 0));
    streams.push({ stream: addStep(kind, name, a.stream, b.stream, random), paths: sum });
    if (!['apply', 'aggregate', 'process'].includes(kind)) continue;
    paths.set(name, sum);
    operators.add(name);
  }
  const written = new Map<string, Seen>();
  const writers = new Map<string, SinkWriter>();
  for (const [index, { stream, paths: ways }] of streams.entries()) {
    if (used.has(index) && random.next() < 0.7) continue;
    const name = `out${index}`;
    stream.to(name, memorySink<Name>());
    paths.set(name, ways);
    const seen: Seen = new Map();
    written.set(name, seen);
    writers.set(name, slowWriter(seen, random));
  }
  const parts = new PreparedGraph(graph, {
    vnodeCount: 16,
    clock: systemClock,
    isDeterministic: true,
  });
  const dataflow = new Dataflow({
    clock: systemClock,
    counts: parts.counts,
    maxQueuedBytes: 64,
    sources: parts.cursors,
    assemble: (run) => parts.assemble(run),
  });
  parts.participants();
  for (const cursor of parts.cursors.values()) cursor.moveTo({ next: '0' });
  return { dataflow, writers, written, paths, operators, sources: sources.length };
}

function addStep(
  kind: Step['kind'],
  name: string,
  a: Stream<Name>,
  b: Stream<Name>,
  random: Random,
): Stream<Name> {
  switch (kind) {
    case 'map':
      return a.map((record) => record);
    case 'filter':
      return a.filter(() => true);
    case 'flatMap':
      return a.flatMap((record) => [record]);
    case 'union':
      return a.union(b);
    case 'apply':
      return a.apply(name, countingOperator(random));
    case 'aggregate':
      return a
        .keyBy((record) => record)
        .aggregate(name, {
          initial: () => ({ count: 0 }),
          // In place, so that a capture that shared it would show later records.
          add: (seen) => Object.assign(seen, { count: seen.count + 1 }),
          result: (key) => key,
        });
    case 'process':
      return a
        .keyBy((record) => record)
        .process<{ count: number }, Name>(name, {
          initial: { count: 0 },
          onRecord: (record, context) => {
            context.state.count += 1;
            context.emit(record);
          },
        });
  }
}

/** Counts what it sees, and now and then takes its time. */
function countingOperator(random: Random): CustomOperator<Name, Name> {
  const seen: Seen = new Map();
  return {
    onRecord: (record, context) => {
      const work = (): void => {
        count(seen, record);
        context.emit(record);
      };
      if (random.next() < 0.7) {
        work();
        return;
      }
      return turns(Math.floor(random.next() * 4)).then(work);
    },
    capture: () => {
      const text = [...seen].map(([name, n]) => `${JSON.stringify([name, n])}\n`).join('');
      return { encode: () => new TextEncoder().encode(text) };
    },
    restore: () => undefined,
    reset: () => seen.clear(),
  };
}

function slowWriter(seen: Seen, random: Random): SinkWriter {
  return {
    write: async (records) => {
      for (const record of records) count(seen, record as Name);
      await turns(Math.floor(random.next() * 4));
    },
  };
}

/** One attempt: compares what is everywhere at the cut with the offsets of the cut. */
class Cut implements CutListener {
  readonly barrier: Barrier;
  readonly #flow: Flow;
  readonly #offsets = new Map<string, number>();
  readonly #snapshots = new Map<string, OperatorSnapshot>();
  readonly #written = new Map<string, Seen>();
  #complete: () => void = () => undefined;
  readonly #completed = new Promise<void>((resolve) => {
    this.#complete = resolve;
  });

  constructor(id: number, flow: Flow) {
    this.#flow = flow;
    this.barrier = {
      checkpointId: checkpointId(id),
      epoch: epoch(id),
      generation: generation(1),
    };
  }

  get offsets(): readonly number[] {
    return Array.from({ length: this.#flow.sources }, (_, index) =>
      this.#offsets.get(`s${index}`)!,
    );
  }

  sourceReached(
    _barrier: Barrier,
    source: string,
    position: { offsets: Record<string, string> },
  ): void {
    this.#offsets.set(source, Number(position.offsets.next));
    this.#look();
  }

  tableReached(): void {
    throw new Error('there are no tables');
  }

  operatorReached(_barrier: Barrier, operator: string, snapshot: OperatorSnapshot): void {
    this.#snapshots.set(operator, snapshot);
    this.#look();
  }

  sinkReached(_barrier: Barrier, sink: string): void {
    this.#written.set(sink, new Map(this.#flow.written.get(sink)));
    this.#look();
  }

  watermarkReached(): void {
    throw new Error('there is no event time');
  }

  failed(_barrier: Barrier, participant: string, error: unknown): void {
    throw new Error(`${participant} failed`, { cause: error });
  }

  async checked(): Promise<void> {
    await this.#completed;
    for (const [name, snapshot] of this.#snapshots) {
      // Records flow on while this is encoded, and change what is live.
      this.#check(name, await countsIn(snapshot));
      snapshot.release?.();
    }
    for (const [name, seen] of this.#written) this.#check(name, seen);
  }

  #check(name: string, seen: Seen): void {
    const expected: Seen = new Map();
    for (const [source, ways] of this.#flow.paths.get(name)!.entries()) {
      if (ways === 0) continue;
      for (const number of numbersTo(this.offsets[source]!))
        expected.set(`${source}:${number}`, ways);
    }
    expect({ name, seen: sorted(seen) }).toEqual({ name, seen: sorted(expected) });
  }

  #look(): void {
    const { sources, operators, written } = this.#flow;
    if (this.#offsets.size < sources || this.#snapshots.size < operators.size) return;
    if (this.#written.size === written.size) this.#complete();
  }
}

async function countsIn(snapshot: OperatorSnapshot): Promise<Seen> {
  const state = await snapshot.encode({ signal: new AbortController().signal });
  const chunks: Uint8Array[] = [];
  if (state instanceof Uint8Array) chunks.push(state);
  else
    for await (const chunk of state) {
      chunks.push(chunk);
      await yieldToEventLoop();
    }
  const seen: Seen = new Map();
  for (const line of Buffer.concat(chunks).toString().split('\n')) {
    const entry: unknown = line === '' ? undefined : JSON.parse(line);
    if (!Array.isArray(entry)) continue;
    const [name, value] = entry as [Name, number | { count: number }];
    seen.set(name, typeof value === 'number' ? value : value.count);
  }
  return seen;
}

function count(seen: Seen, record: Name): void {
  seen.set(record, (seen.get(record) ?? 0) + 1);
}

function sorted(seen: Seen): readonly string[] {
  return [...seen].map(([name, n]) => `${name} x ${n}`).sort();
}

async function turns(number: number): Promise<void> {
  for (let turn = 0; turn < number; turn++) await yieldToEventLoop();
}
