// The life of a coordinator by itself: every reachable path, every state and every transition.

import { describe, expect, test } from '@jest/globals';
import { lifeMachine } from '../../../src/coordinator/machine/life-machine.js';
import { lifeEvents } from './chart-events.js';
import { allTransitions } from './walk.js';

interface Context {
  readonly failuresInARow: number;
  readonly occasion: string;
}

const tolerableFailures = 2;

const transitions = allTransitions<Context>(lifeMachine, {
  input: { tolerableFailures },
  events: () => lifeEvents,
  key: ({ value, context }) => `${value} ${context.failuresInARow} ${context.occasion}`,
});

/** Where an event leads from a phase, over all contexts that are reachable. */
function targets(phase: string, label: string): readonly string[] {
  const found = transitions
    .filter(({ from, label: given }) => from.value === phase && given === label)
    .map(({ to }) => to.value);
  return [...new Set(found)].sort();
}

describe('the chart of a life', () => {
  test('reaches every state', () => {
    const reached = new Set(transitions.flatMap(({ from, to }) => [from.value, to.value]));
    expect([...reached].sort()).toEqual(Object.keys(lifeMachine.states).sort());
  });

  test('runs only after a recovery', () => {
    for (const { from, to } of transitions) {
      if (from.value === to.value) continue;
      if (to.value === 'running') expect(from.value).toBe('recovering');
    }
  });

  test.each([
    ['created', 'start', ['recovering']],
    ['created', 'stop', ['stopped']],
    ['recovering', 'recovery resumed', ['running']],
    ['recovering', 'recovery refused', ['halted']],
    ['recovering', 'recovery is fenced', ['halted']],
    ['recovering', 'recovery fails', ['halted', 'recovering']],
    ['running', 'failed', ['halted', 'recovering']],
    ['running', 'failed as fenced', ['halted']],
    ['running', 'completed', ['running']],
    ['running', 'stop', ['draining']],
    ['draining', 'drained', ['stopped']],
    ['draining', 'not drained', ['stopped']],
    ['running', 'close', ['stopped']],
    ['recovering', 'close', ['stopped']],
    ['draining', 'close', ['stopped']],
  ])('goes from %s on "%s" to %j', (phase, label, expected) => {
    expect(targets(phase, label)).toEqual(expected);
  });

  test('halts with one failure more than are tolerable, and forgets them with a checkpoint', () => {
    const running = transitions.filter(({ from }) => from.value === 'running');
    expect(running.map(({ from }) => from.context.failuresInARow)).toContain(tolerableFailures);
    for (const { from, label, to } of running) {
      const isLast = from.context.failuresInARow === tolerableFailures;
      if (label === 'failed') expect(to.value).toBe(isLast ? 'halted' : 'recovering');
      if (label === 'completed' || label === 'idle') expect(to.context.failuresInARow).toBe(0);
    }
  });

  test('does not try again when the very first recovery fails', () => {
    const ends = transitions.filter(
      ({ from, label }) =>
        from.value === 'recovering' &&
        from.context.occasion === 'start' &&
        label === 'recovery fails',
    );
    expect(ends.map(({ to }) => to.value)).toEqual(['halted']);
  });

  test('has a sentence for every state', () => {
    for (const state of Object.values(lifeMachine.states)) {
      expect(state.description).toMatch(/\.$/);
    }
  });
});
