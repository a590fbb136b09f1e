// The events of both charts, as XState names them, for the tests that walk every path.

import { TidegateError } from 'tidegate';
import { stepNames } from '../../../src/coordinator/checkpoint/outcome.js';
import type { Labelled } from './walk.js';

export const steps = [...stepNames, 'acknowledge'] as const;

const bounds: Readonly<Record<(typeof steps)[number], string>> = {
  barrier: 'alignmentMs',
  snapshot: 'snapshotMs',
  'pre-commit': 'preCommitMs',
  sidecar: 'persistMs',
  persist: 'persistMs',
  commit: 'commitMs',
  're-save': 'persistMs',
  acknowledge: 'acknowledgeMs',
};

/** What each step can answer; a large state or an unsettled sink makes a way of its own. */
const answers: Readonly<Record<(typeof steps)[number], readonly unknown[]>> = {
  barrier: [{}],
  snapshot: [{ large: new Map() }, { large: new Map([['big', {}]]) }],
  'pre-commit': [new Map()],
  sidecar: [{}],
  persist: [{ manifest: {} }],
  commit: [undefined],
  're-save': [
    { persisted: {}, unsettled: [] },
    { persisted: {}, unsettled: ['left'] },
  ],
  acknowledge: [undefined],
};

/** Every event that can reach the chart of an attempt in a state, as XState names them. */
export function eventsIn(state: string): readonly Labelled[] {
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

const recoverId = 'recovery';

const fenced = new TidegateError('TIDEGATE_FENCED', 'another owner');

/** Every event that can reach the chart of a life. */
export const lifeEvents: readonly Labelled[] = [
  { type: 'start', label: 'start' },
  { type: 'stop', label: 'stop' },
  { type: 'stop', isLoop: true, label: 'stop of a loop' },
  { type: 'stop', standing: 'halfway', isLoop: true, label: 'stop in the middle' },
  { type: 'stop', standing: 'unclear', isLoop: true, label: 'stop of a silent loop' },
  { type: 'xstate.after.loopSilenceMs.life.serving.looking-for-loop', label: 'the loop is silent' },
  { type: 'arrived', label: 'arrived' },
  { type: 'waiting', problem: new Error('down'), label: 'waiting' },
  { type: 'drained', label: 'drained' },
  { type: 'not-drained', cause: new Error('no'), label: 'not drained' },
  { type: 'due', label: 'due' },
  { type: 'xstate.after.stopGraceMs.life.settling.stopping', label: 'a second has passed' },
  { type: 'xstate.after.stopGraceMs.life.serving.giving-up', label: 'a second has passed serving' },
  {
    type: 'xstate.after.safePointTimeoutMs.life.serving.awaiting-safe-point',
    label: 'no safe point came',
  },
  { type: 'close', label: 'close' },
  { type: 'completed', label: 'completed' },
  { type: 'idle', label: 'idle' },
  { type: 'failed', cause: new Error('no'), label: 'failed' },
  { type: 'failed', cause: fenced, label: 'failed as fenced' },
  ...(['resumed', 'refused'] as const).map((kind) => ({
    type: `xstate.done.actor.${recoverId}`,
    output: { kind, cause: 'because', report: {}, generation: {} },
    label: `recovery ${kind}`,
  })),
  { type: `xstate.error.actor.${recoverId}`, error: new Error('no'), label: 'recovery fails' },
  { type: `xstate.error.actor.${recoverId}`, error: fenced, label: 'recovery is fenced' },
];
