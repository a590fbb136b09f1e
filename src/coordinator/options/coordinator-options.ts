// What a coordinator is built from, and the one check that refuses what cannot work.

import { inspect } from 'node:util';
import { TidegateError } from '../../errors.js';
import type { BarrierPort, SinkWriter } from '../../contracts/barrier.js';
import type { Operator } from '../../contracts/operator.js';
import type { Participants } from '../../contracts/participants.js';
import type { Sink } from '../../contracts/sink.js';
import type { Source } from '../../contracts/source.js';
import type { TableStore } from '../../contracts/table-store.js';
import type { Recover, RestoreChoice } from '../../recovery/request.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { harmlessLogger, silentLogger, type Logger } from '../../runtime/logger.js';
import { systemRandom, type Random } from '../../runtime/random.js';
import type { CheckpointStore, LiveOwnerPolicy } from '../../store/checkpoint-store.js';
import { requireObject, unknownNames, type NamesOf } from '../../given.js';
import type { Inspect, StepContext } from '../context.js';
import { SafeEvents } from '../events.js';
import {
  completeSettings,
  type CheckpointOptions,
  type CheckpointSettings,
} from './checkpoint-options.js';
import { contractProblems, isUsableName, nameRule, participantProblems } from './participants.js';
import { pipelineHashOf } from './pipeline-hash.js';

/** Participants by the names under which manifests list them. */
export type Named<Participant> = Readonly<Record<string, Participant>>;

/** Components are objects; every number and flag is under `checkpoint`. */
export interface CoordinatorOptions<Sinks extends Named<Sink> = Named<Sink>> {
  /** Recorded in the store and by the sinks: it must never change. */
  readonly pipeline: string;
  /** One store belongs to one pipeline. */
  readonly store: CheckpointStore;
  /** What is read, by names that stay the same. */
  readonly sources: Named<Source>;
  /** State that belongs to a checkpoint, by names that stay the same. */
  readonly operators?: Named<Operator>;
  /** What is written to, by names that stay the same. */
  readonly sinks: Sinks;
  /** Sources of reference tables. */
  readonly tables?: Named<Source>;
  /** Where reference tables are kept; it takes a checkpoint of its own with each of ours. */
  readonly tableStore?: TableStore;
  /** Intervals, bounds, sizes and policies. */
  readonly checkpoint?: CheckpointSettings;
  /** What drives the records. Without it a loop calls `safePoint()`. */
  readonly barriers?: BarrierPort;
  /** Stands for the pipeline's shape. Default: made of names and kinds. */
  readonly pipelineHash?: bigint;
  /** What to do when another owner of the store seems alive: `wait` (default), `refuse` or `take-over`. */
  readonly liveOwner?: LiveOwnerPolicy;
  /** How long another owner is waited for. Default 5 000. */
  readonly waitForOwnerMs?: number;
  /** Start from a chosen checkpoint or savepoint instead of the newest: once, then take it out. */
  readonly restoreFrom?: RestoreChoice;
  /** Ends everything at once, without a final checkpoint. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** @internal Recovery as another function carries it out. */
  readonly recover?: Recover;
  /** Watches every transition of the state machines, as Stately's inspector does; changes nothing. */
  readonly inspect?: Inspect;
}

/** Writers by the names of the sinks, typed by the records that each takes. */
export type WritersOf<Sinks extends Named<Sink>> = {
  readonly [Name in keyof Sinks]: SinkWriter<RecordOf<Sinks[Name]>>;
};

/** What a sink takes. */
export type RecordOf<One> = One extends Sink<infer Rec> ? Rec : never;

export interface CheckedOptions {
  readonly participants: Participants;
  readonly options: CheckpointOptions;
}

/** @throws TidegateError `TIDEGATE_OPTIONS`, with every problem in one message. */
export function checkOptions(given: CoordinatorOptions): CheckedOptions {
  requireObject('a coordinator', given);
  const participants: Participants = {
    sources: byName(given.sources),
    operators: byName(given.operators),
    sinks: byName(given.sinks),
    tables: byName(given.tables),
    ...(given.tableStore === undefined ? {} : { tableStore: given.tableStore }),
  };
  const { options, problems: settings } = completeSettings(given.checkpoint ?? {});
  const unusable = contractProblems(given, participants);
  const isUsable = unusable.length === 0;
  const problems = [
    ...unknownOptions(given),
    ...(isUsableName(given.pipeline) ? [] : [`pipeline name ${nameRule}`]),
    ...settings,
    ...ownerProblems(given),
    ...restoreProblems(given.restoreFrom),
    ...unusable,
    // What a mix can keep is asked of participants that can be used.
    ...(isUsable ? participantProblems(participants, options) : []),
  ];
  if (problems.length > 0) {
    const list = problems.map((problem) => `- ${problem}`).join('\n');
    throw new TidegateError('TIDEGATE_OPTIONS', `the coordinator cannot be built:\n${list}`, {
      details: { problems },
    });
  }
  return { participants, options };
}

/** What was given, with its defaults. */
export function contextOf(
  given: Omit<CoordinatorOptions, 'sinks'>,
  { participants, options }: CheckedOptions,
  barriers: BarrierPort,
): StepContext {
  const logger = given.logger === undefined ? silentLogger : harmlessLogger(given.logger);
  return {
    pipeline: given.pipeline,
    participants,
    barriers,
    options,
    pipelineHash: given.pipelineHash ?? pipelineHashOf(given.pipeline, participants),
    clock: given.clock ?? systemClock,
    random: given.random ?? systemRandom,
    logger,
    events: new SafeEvents(logger),
    inspect: given.inspect,
  };
}

/** Every option there is, so that a misspelt one is not passed over: its state would be lost. */
const knownOptions: NamesOf<CoordinatorOptions & { readonly close: unknown }> = {
  pipeline: true,
  store: true,
  sources: true,
  operators: true,
  sinks: true,
  tables: true,
  tableStore: true,
  checkpoint: true,
  barriers: true,
  pipelineHash: true,
  liveOwner: true,
  waitForOwnerMs: true,
  restoreFrom: true,
  signal: true,
  clock: true,
  random: true,
  logger: true,
  recover: true,
  inspect: true,
  // What a module for the command line adds.
  close: true,
};

function unknownOptions(given: CoordinatorOptions): readonly string[] {
  return unknownNames(given, knownOptions).map((name) => `there is no option ${name}`);
}

const livePolicies: readonly unknown[] = [
  'refuse',
  'wait',
  'take-over',
] satisfies LiveOwnerPolicy[];

/** A misspelt policy would wait, and a time that is no number would never have passed. */
function ownerProblems({ liveOwner, waitForOwnerMs }: CoordinatorOptions): readonly string[] {
  const problems: string[] = [];
  if (liveOwner !== undefined && !livePolicies.includes(liveOwner)) {
    problems.push(`liveOwner is ${shown(liveOwner)}, not one of ${livePolicies.join(', ')}`);
  }
  if (waitForOwnerMs !== undefined && !isWholeFrom(0, waitForOwnerMs)) {
    problems.push(`waitForOwnerMs is ${shown(waitForOwnerMs)}, not a whole number from 0`);
  }
  return problems;
}

/** Looked at here, before anything is opened: a restore is asked for once, and by a person. */
function restoreProblems(choice: unknown): readonly string[] {
  if (choice === undefined) return [];
  if (!isRecord(choice)) return [`restoreFrom is ${shown(choice)}, not an object`];
  const { checkpointId, acceptDuplicatesIn } = choice;
  const problems: string[] = [];
  const expectId = (what: string, id: unknown): void => {
    if (isWholeFrom(1, id)) return;
    problems.push(`restoreFrom.${what} is ${shown(id)}, not the number of a checkpoint`);
  };
  expectId('checkpointId', checkpointId);
  if (!isRecord(acceptDuplicatesIn)) {
    problems.push(
      `restoreFrom.acceptDuplicatesIn is ${shown(acceptDuplicatesIn)}, not checkpoints by sink`,
    );
    return problems;
  }
  for (const [sink, id] of Object.entries(acceptDuplicatesIn)) {
    expectId(`acceptDuplicatesIn.${sink}`, id);
  }
  return problems;
}

function isWholeFrom(least: number, value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function byName<Participant>(
  record: Named<Participant> | undefined,
): ReadonlyMap<string, Participant> {
  return new Map(Object.entries(record ?? {}));
}

/** Of whatever kind a caller without types has given. */
function shown(value: unknown): string {
  return inspect(value, { breakLength: Infinity });
}
