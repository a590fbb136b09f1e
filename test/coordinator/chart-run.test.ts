// Charts are carried out as XState would: every path of both, step by step, and what they refuse.

import { describe, expect, test } from '@jest/globals';
import { initialTransition, setup, transition, type AnyStateMachine } from 'xstate';
import { Chart, ChartRun, type Updates } from '../../src/coordinator/chart-run.js';
import {
  attemptMachine,
  attemptUpdates,
  type AttemptContext,
} from '../../src/coordinator/machine/attempt-machine.js';
import {
  lifeMachine,
  lifeUpdates,
  type LifeContext,
} from '../../src/coordinator/machine/life-machine.js';
import { defaultCheckpointOptions } from '../../src/coordinator/options.js';
import { SimulatedClock } from '../../src/testing/clock.js';
import { eventsIn, lifeEvents } from './machine/chart-events.js';
import { allPaths, type Labelled, type Path } from './machine/walk.js';

interface Asked {
  readonly src: string;
  readonly signal: AbortSignal;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A run whose work is answered by the test. */
function begin<Context>(chart: Chart<Context>, input: unknown) {
  const clock = new SimulatedClock();
  const asked: Asked[] = [];
  const told: string[] = [];
  const sources = ['recover', 'drain', ...Object.keys(attemptMachine.states)];
  const work = Object.fromEntries(
    sources.map((src) => [
      src,
      (_input: never, signal: AbortSignal) =>
        new Promise((resolve, reject) => asked.push({ src, signal, resolve, reject })),
    ]),
  );
  const changed = ({ value }: ChartRun<Context>): void => void told.push(value);
  const run = new ChartRun(chart, { input, clock, work, changed }).start();
  const meet = async (event: Labelled): Promise<void> => {
    if (event.type.startsWith('xstate.done.')) asked.at(-1)?.resolve(event.output);
    else if (event.type.startsWith('xstate.error.')) asked.at(-1)?.reject(event.error);
    else if (event.type.startsWith('xstate.after.')) clock.runNextTimer();
    else run.send(event);
    await clock.settle();
  };
  return { run, meet, asked, told, clock };
}

/** Follows a path step by step, beside XState's own transitions. */
async function follow<Context>(
  chart: Chart<Context>,
  input: unknown,
  { events }: Path<Context>,
): Promise<void> {
  const { run, meet, asked, told, clock } = begin(chart, input);
  let [wanted] = initialTransition(chart.machine, input);
  const labels: string[] = [];
  for (const event of events) {
    // An actor that has ended takes no more events; the pure function would.
    if (run.isFinal) break;
    const from = run.value;
    const open = chart.node(from).invoked === undefined ? undefined : asked.at(-1);
    await meet(event);
    [wanted] = transition(chart.machine, wanted, event);
    labels.push(event.label);
    expect([labels, run.value]).toEqual([labels, wanted.value]);
    expect(run.context).toEqual(wanted.context);
    expect(told.at(-1)).toBe(run.value);
    // Work that is still open when its state is left is told to stop; what has answered is not.
    const isAnswer = /^xstate\.(done|error)\./.test(event.type);
    if (run.value !== from && open !== undefined) expect(open.signal.aborted).toBe(!isAnswer);
  }
  if (run.isFinal) expect(clock.timerCount).toBe(0);
}

const attemptChart = new Chart<AttemptContext>(attemptMachine, attemptUpdates);
const lifeChart = new Chart<LifeContext>(lifeMachine, lifeUpdates);

describe('a run through a chart', () => {
  test('goes every way through an attempt as XState does', async () => {
    const input = { attempt: {}, bounds: defaultCheckpointOptions };
    const paths = allPaths<AttemptContext>(attemptMachine, {
      input,
      events: eventsIn,
      key: ({ value, context }) =>
        `${value} ${context.states?.large.size ?? '-'} ${context.cause?.kind ?? '-'}`,
    });
    expect(paths.length).toBeGreaterThan(40);
    for (const path of paths) await follow(attemptChart, input, path);
  });

  test('goes every way through a life as XState does', async () => {
    const input = { tolerableFailures: 2 };
    const paths = allPaths<LifeContext>(lifeMachine, {
      input,
      events: () => lifeEvents,
      key: ({ value, context }) => `${value} ${context.failuresInARow} ${context.occasion}`,
    });
    expect(paths.length).toBeGreaterThan(40);
    for (const path of paths) await follow(lifeChart, input, path);
  });

  test('drops the answer of work that came too late', async () => {
    const { run, meet, asked } = begin(lifeChart, { tolerableFailures: 2 });
    await meet({ type: 'start', label: 'start' });
    await meet({ type: 'close', label: 'close' });
    asked[0]?.resolve({ kind: 'resumed' });
    await meet({ type: 'start', label: 'start' });
    expect([run.value, asked[0]?.signal.aborted]).toEqual(['stopped', true]);
  });

  test('takes an event that comes in the middle of a transition when that has ended', () => {
    const seen: string[] = [];
    const run = new ChartRun<LifeContext>(lifeChart, {
      input: { tolerableFailures: 2 },
      clock: new SimulatedClock(),
      work: {
        recover: () => {
          run.send({ type: 'close' });
          return new Promise(() => undefined);
        },
      },
      changed: ({ value }) => void seen.push(value),
    });
    run.start().send({ type: 'start' });
    expect(seen).toEqual(['recovering', 'stopped']);
  });

  test('makes a failure of work that throws at once', async () => {
    const clock = new SimulatedClock();
    const run = new ChartRun(lifeChart, {
      input: { tolerableFailures: 2 },
      clock,
      work: {
        recover: () => {
          throw new Error('at once');
        },
      },
      changed: () => undefined,
    });
    run.start().send({ type: 'start' });
    await clock.settle();
    expect(run.value).toBe('halted');
    expect(run.context.cause).toEqual(new Error('at once'));
  });
});

test('a chart whose update throws is over, and says so', async () => {
  const failures: unknown[] = [];
  const asked: AbortSignal[] = [];
  const clock = new SimulatedClock();
  const updates = {
    ...attemptUpdates,
    keep: () => {
      throw new Error('no room');
    },
  };
  const run = new ChartRun(new Chart<AttemptContext>(attemptMachine, updates), {
    input: { attempt: {}, bounds: defaultCheckpointOptions },
    clock,
    work: {
      barrier: (_input, signal) => {
        asked.push(signal);
        return Promise.resolve({});
      },
    },
    changed: () => undefined,
    failed: (error) => void failures.push(error),
  }).start();
  await clock.settle();
  run.send({ type: 'cancel', reason: 'late' });
  expect([failures, run.value, clock.timerCount]).toEqual([[new Error('no room')], 'barrier', 0]);
});

describe('a chart with more in it than a run can carry out', () => {
  const nothing = setup({ types: { events: {} as { type: 'go' } } });
  const updates: Updates<object> = {};
  test.each<readonly [string, AnyStateMachine, RegExp]>([
    [
      'states inside a state',
      nothing.createMachine({ initial: 'a', states: { a: { initial: 'b', states: { b: {} } } } }),
      /flat/,
    ],
    [
      'a transition without an event',
      nothing.createMachine({ initial: 'a', states: { a: { always: 'b' }, b: {} } }),
      /flat/,
    ],
    [
      'an entry action',
      nothing.createMachine({ initial: 'a', states: { a: { entry: () => undefined } } }),
      /entry/,
    ],
    [
      'a bound without a delay of that name',
      nothing.createMachine({ initial: 'a', states: { a: { after: { 5: 'b' } }, b: {} } }),
      /no delay 5/,
    ],
  ])('is refused: %s', (_, machine, message) => {
    expect(() => new Chart(machine, updates)).toThrow(message);
  });
});
