// The life of a coordinator by itself: every reachable path, every state and every transition.

import { describe, expect, test } from '@jest/globals';
import { lifeMachine } from '../../../src/coordinator/lifecycle/machine.js';
import { lifeEvents } from './chart-events.js';
import { allTransitions } from './walk.js';

interface Context {
  readonly failuresInARow: number;
  readonly occasion: string;
  readonly waitsFor?: unknown;
  readonly generation?: unknown;
  readonly cause?: unknown;
}

const tolerableFailures = 2;

const transitions = allTransitions<Context>(lifeMachine, {
  input: { tolerableFailures, safePointTimeoutMs: 10 },
  events: () => lifeEvents,
  key: ({ value, context }) =>
    [
      value,
      context.failuresInARow,
      context.occasion,
      context.waitsFor !== undefined,
      context.generation !== undefined,
      context.cause !== undefined,
    ].join(),
});

/** Where an event leads from a phase, over all contexts that are reachable. */
function targets(phase: string, label: string): readonly string[] {
  const found = transitions
    .filter(({ from, label: given }) => from.value === phase && given === label)
    .map(({ to }) => to.value);
  return [...new Set(found)].sort();
}

/** The states that something happens in, by their names. */
const states = Object.values(lifeMachine.states).flatMap((state) => {
  const inner = Object.values(state.states);
  return inner.length === 0 ? [state] : inner;
});

describe('the machine of a life', () => {
  test('has these states, reaches each, and has a sentence and a phase for it', () => {
    const names = states.map(({ key }) => key).sort();
    expect(names).toEqual([
      'awaiting-safe-point',
      'created',
      'draining',
      'giving-up',
      'halted',
      'looking-for-loop',
      'recovering',
      'running',
      'stopped',
      'stopping',
    ]);
    const reached = new Set(transitions.flatMap(({ from, to }) => [from.value, to.value]));
    expect([...reached].sort()).toEqual(names);
    for (const state of states) {
      expect(state.description).toMatch(/\.$/);
      expect(state.tags).toHaveLength(1);
    }
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
    ['recovering', 'waiting', ['recovering']],
    ['recovering', 'stop', ['stopped', 'stopping']],
    ['recovering', 'stop of a loop', ['stopped']],
    ['stopping', 'recovery resumed', ['draining']],
    ['stopping', 'recovery refused', ['halted']],
    ['stopping', 'recovery fails', ['halted', 'stopped']],
    ['stopping', 'waiting', ['stopped']],
    ['stopping', 'a second has passed', ['stopped']],
    ['running', 'failed', ['halted', 'recovering']],
    ['running', 'failed as fenced', ['halted']],
    ['running', 'completed', ['running']],
    ['running', 'stop', ['draining', 'giving-up']],
    ['running', 'stop in the middle', ['awaiting-safe-point']],
    ['running', 'stop of a silent loop', ['looking-for-loop']],
    ['looking-for-loop', 'arrived', ['draining']],
    ['looking-for-loop', 'the loop is silent', ['draining']],
    ['looking-for-loop', 'failed', ['stopped']],
    ['looking-for-loop', 'close', ['stopped']],
    ['awaiting-safe-point', 'arrived', ['draining']],
    ['awaiting-safe-point', 'failed', ['stopped']],
    ['awaiting-safe-point', 'no safe point came', ['stopped']],
    ['draining', 'drained', ['stopped']],
    ['draining', 'not drained', ['stopped']],
    ['draining', 'failed', ['stopped']],
    ['draining', 'waiting', ['giving-up']],
    ['giving-up', 'drained', ['stopped']],
    ['giving-up', 'not drained', ['stopped']],
    ['giving-up', 'failed', ['stopped']],
    ['giving-up', 'completed', ['giving-up']],
    ['giving-up', 'a second has passed serving', ['giving-up', 'stopped']],
    ['running', 'close', ['stopped']],
    ['recovering', 'close', ['stopped']],
    ['stopping', 'close', ['stopped']],
    ['awaiting-safe-point', 'close', ['stopped']],
    ['draining', 'close', ['stopped']],
    ['giving-up', 'close', ['stopped']],
  ])('goes from %s on "%s" to %j', (phase, label, expected) => {
    expect(targets(phase, label)).toEqual(expected);
  });

  test('a stop that ends without its final checkpoint says so, wherever it ends', () => {
    const early = [
      'failed',
      'not drained',
      'close',
      'no safe point came',
      'a second has passed serving',
    ];
    for (const { from, label, to } of transitions) {
      if (
        !['awaiting-safe-point', 'looking-for-loop', 'draining', 'giving-up'].includes(from.value)
      )
        continue;
      if (to.value !== 'stopped' || !early.includes(label)) continue;
      expect([from.value, label, to.context.cause === undefined]).toEqual([
        from.value,
        label,
        false,
      ]);
    }
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
    expect([...new Set(ends.map(({ to }) => to.value))]).toEqual(['halted']);
  });
});
