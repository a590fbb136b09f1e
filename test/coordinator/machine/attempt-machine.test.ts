// The attempt's chart by itself: every reachable path, every state and every transition.

import { describe, expect, test } from '@jest/globals';
import { attemptMachine } from '../../../src/coordinator/checkpoint/machine.js';
import { defaultCheckpointOptions } from 'tidegate';
import { stepNames } from '../../../src/coordinator/checkpoint/outcome.js';
import { eventsIn, steps } from './chart-events.js';
import { allPaths } from './walk.js';

interface Context {
  readonly states?: { readonly large: ReadonlyMap<string, unknown> };
  readonly cause?: { readonly kind: string; readonly step: string };
}

interface Told {
  readonly labels: readonly string[];
  readonly values: readonly string[];
  readonly end: string;
  readonly cause: Context['cause'];
}

const paths: readonly Told[] = allPaths<Context>(attemptMachine, {
  input: { attempt: { context: { options: defaultCheckpointOptions }, barrier: {} } },
  events: eventsIn,
  key: ({ value, context }) =>
    `${value} ${context.states?.large.size ?? '-'} ${context.cause?.kind ?? '-'}`,
}).map(({ labels, states }) => ({
  labels,
  values: states.map(({ value }) => value),
  end: states.at(-1)?.value ?? '',
  cause: states.at(-1)?.context.cause,
}));

const complete = paths.filter(({ end }) => ['completed', 'abandoned', 'failed'].includes(end));

describe('the chart of an attempt', () => {
  test('has a state for each of the seven steps, and reaches every state', () => {
    expect(Object.keys(attemptMachine.states)).toEqual([
      ...stepNames,
      'acknowledge',
      'completed',
      'abandoned',
      'failed',
    ]);
    const reached = new Set(paths.flatMap(({ values }) => values));
    expect([...reached].sort()).toEqual(Object.keys(attemptMachine.states).sort());
  });

  test('takes every transition', () => {
    const wanted = steps.flatMap((step) => eventsIn(step).map(({ label }) => label));
    const taken = new Set(paths.flatMap(({ labels }) => labels));
    expect(wanted.filter((label) => !taken.has(label))).toEqual([]);
    expect(complete.length).toBeGreaterThanOrEqual(40);
  });

  test('never commits before it persisted, never tells before it saved again', () => {
    for (const { values } of paths) {
      const commit = values.indexOf('commit');
      if (commit >= 0) expect(values.slice(0, commit)).toContain('persist');
      const told = values.indexOf('acknowledge');
      if (told >= 0) expect(values[told - 1]).toBe('re-save');
      if (values.at(-1) === 'completed') expect(values).toContain('acknowledge');
    }
  });

  test('abandons only before a sink has a claim, and fails only after', () => {
    for (const { values, end } of complete) {
      expect([end, values.includes('pre-commit')]).toEqual([end, end !== 'abandoned']);
    }
  });

  test('says why it ended whenever it did not complete', () => {
    for (const { end, cause, labels } of complete) {
      if (end === 'completed') continue;
      expect([labels.at(-1), cause?.kind === undefined]).toEqual([labels.at(-1), false]);
    }
  });

  test('passes the sidecar when no state is large, and only then', () => {
    for (const { values, labels } of paths) {
      if (!values.includes('persist')) continue;
      expect(values.includes('sidecar')).toBe(labels.includes('snapshot answers 1'));
    }
  });

  test('goes to step 7 with what is known when commits take too long', () => {
    const timedOut = paths.filter(({ labels }) => labels.at(-1) === 'commit times out');
    expect(timedOut.length).toBeGreaterThan(0);
    for (const { end } of timedOut) expect(end).toBe('re-save');
  });

  test('has a sentence for every state', () => {
    for (const state of Object.values(attemptMachine.states)) {
      expect(state.description).toMatch(/\.$/);
    }
  });
});
