import type { RecoveryPlan } from '../../src/recovery/table.js';
import { expect, test } from '@jest/globals';
import type { CheckpointId } from 'tidegate';
import type { Inspection } from 'tidegate/extend';
import { connectorCheckpoint, createManifest } from 'tidegate/manifest';
import type { CheckpointManifest, SinkCommitStatus } from 'tidegate/manifest';
import { checkpointId, storeId } from '../../src/ids.js';
import type { RecoveryFacts, SinkFacts, StoredCheckpoint } from '../../src/recovery/facts.js';
import { planRecovery } from '../../src/recovery/plan.js';

const baseId = checkpointId(10);
const newestId = checkpointId(20);
const aboveId = checkpointId(30);
const owner = storeId('store');

/** One sink's part of the facts about an in-doubt checkpoint. */
interface SinkCase {
  readonly status: 'committed' | 'pending' | 'failed' | 'missing';
  readonly answer: Inspection;
  readonly hasHandle: boolean;
  readonly last: CheckpointId;
}

test('no plan for any facts about two sinks loses or duplicates an epoch', () => {
  const cases = [...sinkCases()];
  let plans = 0;
  const kinds = new Map<string, number>();
  for (const [index, left] of cases.entries()) {
    for (const right of cases.slice(index)) {
      for (const setting of settings()) {
        const sinks = { left, right };
        const plan = planRecovery(factsOf(sinks, setting));
        plans += 1;
        kinds.set(plan.kind, (kinds.get(plan.kind) ?? 0) + 1);
        const violation = violationOf(plan, sinks);
        if (violation !== undefined) {
          throw new Error(`${violation}: ${JSON.stringify({ sinks, setting, row: plan.row })}`);
        }
      }
    }
  }
  expect(plans).toBe(((cases.length * (cases.length + 1)) / 2) * 12);
  expect([...kinds.keys()].sort()).toEqual([
    'halt',
    'refuse',
    'resume',
    'roll-back',
    'roll-forward',
  ]);
});

/**
 * What each sink holds after the plan, against where the sources go on: an independent reading of
 * exactly-once that knows no rows.
 */
function violationOf(plan: RecoveryPlan, sinks: Record<string, SinkCase>): string | undefined {
  if (plan.kind === 'refuse' || plan.kind === 'halt') return undefined;
  if (plan.kind === 'fresh' || plan.kind === 'restore') return `${plan.kind} is out of place`;
  for (const [name, { status, answer, hasHandle, last }] of Object.entries(sinks)) {
    const holdsNewest = status === 'committed' || answer === 'committed';
    const isRewound = status === 'committed' && hasHandle && answer !== 'committed';
    const isCommittedBy = plan.kind === 'roll-forward' && plan.commit.has(name);
    if (isCommittedBy && answer !== 'prepared') return `${name} commits what is not prepared`;
    if (last === aboveId) return `${name} holds a checkpoint above all that are known`;
    if (plan.resume.id === newestId) {
      if (isRewound) return `${name} was set back and loses its epoch`;
      if (!holdsNewest && !isCommittedBy) return `${name} loses the epoch`;
      continue;
    }
    if (holdsNewest || last === newestId) return `${name} gets the epoch twice`;
  }
  return undefined;
}

/** Failed and missing are pending by another name: one case per answer shows it. */
function* sinkCases(): Iterable<SinkCase> {
  for (const answer of ['committed', 'prepared', 'absent', 'unsupported'] as const) {
    for (const status of ['failed', 'missing'] as const) {
      yield { status, answer, hasHandle: true, last: baseId };
    }
    for (const status of ['committed', 'pending'] as const) {
      for (const hasHandle of [true, false]) {
        for (const last of [baseId, newestId, aboveId]) yield { status, answer, hasHandle, last };
      }
    }
  }
}

type Setting = Pick<RecoveryFacts, 'occasion' | 'isInDoubtTimeoutReached' | 'inDoubtPolicy'> & {
  readonly hasBase: boolean;
};

function* settings(): Iterable<Setting> {
  const occasions = [
    { occasion: 'start', isInDoubtTimeoutReached: false },
    { occasion: 'in-process', isInDoubtTimeoutReached: false },
    { occasion: 'in-process', isInDoubtTimeoutReached: true },
  ] as const;
  for (const occasion of occasions) {
    yield { ...occasion, inDoubtPolicy: 'roll-back', hasBase: false };
    for (const inDoubtPolicy of ['roll-back', 'roll-forward', 'halt'] as const) {
      yield { ...occasion, inDoubtPolicy, hasBase: true };
    }
  }
}

function factsOf(sinks: Record<string, SinkCase>, { hasBase, ...setting }: Setting): RecoveryFacts {
  const entries = Object.entries(sinks);
  const newest = stored(newestId, 'in-doubt', manifestOf(newestId, 2, entries), {
    inspections: new Map(entries.map(([name, { answer }]) => [name, answer])),
  });
  const base = stored(baseId, 'complete', manifestOf(baseId, 1, []));
  const facts = entries.map(([name, { last }]): [string, SinkFacts] => [
    name,
    { twoPhase: true, answer: { kind: 'answered' }, lastCommitted: last },
  ]);
  return {
    store: { kind: 'read' },
    storeId: owner,
    checkpoints: hasBase ? [newest, base] : [newest],
    sinks: new Map(facts),
    topology: {
      sources: new Set(['lines']),
      operators: new Set(),
      shapes: new Map(),
      tables: new Set(),
      hasTableStore: false,
      pipelineHash: undefined,
      vnodeCount: 256,
    },
    strictness: 'strict',
    pipelineHashMismatch: 'warn',
    restoreFrom: undefined,
    ...setting,
  };
}

function stored(
  id: CheckpointId,
  state: StoredCheckpoint['state'],
  manifest: CheckpointManifest,
  { inspections = new Map<string, Inspection>() } = {},
): StoredCheckpoint {
  return { id, state, manifest, isIntact: true, problem: undefined, inspections };
}

function manifestOf(
  id: number,
  epoch: number,
  sinks: readonly (readonly [string, SinkCase])[],
): CheckpointManifest {
  const statuses = new Map<string, SinkCommitStatus>();
  for (const [name, { status }] of sinks) {
    if (status === 'failed') statuses.set(name, { kind: status, message: 'no answer' });
    else if (status !== 'missing') statuses.set(name, { kind: status });
  }
  const handles = sinks.filter(([, { hasHandle }]) => hasHandle).map(([name]) => name);
  return {
    ...createManifest(id, epoch, { clock: { now: () => 1 } }),
    sourceOffsets: new Map([['lines', connectorCheckpoint(epoch)]]),
    sourceNames: ['lines'],
    sinkNames: sinks.map(([name]) => name),
    sinkCommitStatuses: statuses,
    tidegate: {
      storeId: owner,
      pipeline: 'orders',
      generation: 1,
      kind: 'checkpoint',
      commitHandles: new Map(handles.map((name) => [name, `${name}/${id}`])),
    },
  };
}
