// The attempt's chart by itself: every reachable path, every state and every transition.

import { describe, expect, test } from '@jest/globals';
import { attemptEnd, attemptMachine } from '../../../src/coordinator/machine/attempt-machine.js';
import { defaultCheckpointOptions } from '../../../src/coordinator/options.js';
import { allPaths, type Labelled } from './walk.js';

const steps = [
  'barrier',
  'snapshot',
  'preCommit',
  'sidecar',
  'persist',
  'commit',
  'reSave',
  'acknowledge',
] as const;

const bounds: Readonly<Record<(typeof steps)[number], string>> = {
  barrier: 'alignmentTimeoutMs',
  snapshot: 'snapshotTimeoutMs',
  preCommit: 'preCommitTimeoutMs',
  sidecar: 'persistTimeoutMs',
  persist: 'persistTimeoutMs',
  commit: 'commitTimeoutMs',
  reSave: 'persistTimeoutMs',
  acknowledge: 'acknowledgeTimeoutMs',
};

/** What each step can answer; a large state or an unsettled sink makes a way of its own. */
const answers: Readonly<Record<(typeof steps)[number], readonly unknown[]>> = {
  barrier: [{}],
  snapshot: [{ large: new Map() }, { large: new Map([['big', {}]]) }],
  preCommit: [new Map()],
  sidecar: [{}],
  persist: [{ manifest: {} }],
  commit: [undefined],
  reSave: [
    { persisted: {}, unsettled: [] },
    { persisted: {}, unsettled: ['left'] },
  ],
  acknowledge: [undefined],
};

/** Every event that can reach the chart in a state, as XState names them. */
function eventsIn(state: string): readonly Labelled[] {
  const step = steps.find((name) => name === state);
  if (step === undefined) return [];
  const actorId = `0.attempt.${step}`;
  return [
    ...answers[step].map((output, index) => ({
      type: `xstate.done.actor.${actorId}`,
      output,
      actorId,
      label: `${step} answers ${index}`,
    })),
    {
      type: `xstate.error.actor.${actorId}`,
      error: new Error('no'),
      actorId,
      label: `${step} fails`,
    },
    { type: `xstate.after.${bounds[step]}.attempt.${step}`, label: `${step} times out` },
    { type: 'cancel', reason: 'over', label: `${step} is cancelled` },
  ];
}

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
  input: { attempt: {}, bounds: defaultCheckpointOptions },
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
  test('reaches every state', () => {
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
      if (told >= 0) expect(values[told - 1]).toBe('reSave');
      if (values.at(-1) === 'completed') expect(values).toContain('acknowledge');
    }
  });

  test('abandons only before a sink has a claim, and fails only after', () => {
    for (const { values, end } of complete) {
      expect([end, values.includes('preCommit')]).toEqual([end, end !== 'abandoned']);
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
    for (const { end } of timedOut) expect(end).toBe('reSave');
  });

  test('has a sentence for every state', () => {
    for (const state of Object.values(attemptMachine.states)) {
      expect(state.description).toMatch(/\.$/);
    }
  });

  test('does not mistake a state on the way for an end', () => {
    expect(() => attemptEnd('commit', undefined)).toThrow(/no final state/);
  });
});
