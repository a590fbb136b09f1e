// What a coordinator is built from, and the one check that refuses what cannot work.

import { TidegateError } from '../../errors.js';
import type { BarrierPort, SinkWriter } from '../../contracts/barrier.js';
import type { Operator } from '../../contracts/operator.js';
import type { Participants } from '../../contracts/participants.js';
import type { Sink } from '../../contracts/sink.js';
import type { Source } from '../../contracts/source.js';
import type { TableStore } from '../../contracts/table-store.js';
import type { LostInputChoice, Recover, RestoreChoice } from '../../recovery/request.js';
import { systemClock, type Clock } from '../../runtime/clock.js';
import { harmlessLogger, silentLogger, type Logger } from '../../runtime/logger.js';
import { systemRandom, type Random } from '../../runtime/random.js';
import type { CheckpointStore, LiveOwnerPolicy } from '../../store/checkpoint-store.js';
import { isObject, kindOf, requireObject, unknownNames } from '../../given.js';
import {
  callback,
  contract,
  custom,
  nested,
  oneOf,
  required,
  valueProblems,
  whole,
  withDefaults,
  type Completed,
  type OptionTable,
} from '../../options.js';
import { AttemptTally } from '../checkpoint/outcome.js';
import type { Inspect, StepContext } from '../context.js';
import { SafeEvents } from '../events.js';
import {
  checkpointSettings,
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
  /**
   * Sources that may go on without input that is gone, each with the checkpoint that the refusal named:
   * once, then take it out. What was given up stands in the manifest.
   */
  readonly acceptLostInput?: LostInputChoice;
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

/** The number of a checkpoint. */
const checkpointNumber = whole({ min: 1 });

const coordinatorTable = {
  pipeline: required(
    custom((name) => (isUsableName(name) ? undefined : `has a name that ${nameRule}`)),
  ),
  store: required(contract(['open', 'openReadOnly'])),
  sources: required(custom(namedProblem)),
  operators: custom(namedProblem, {}),
  sinks: required(custom(namedProblem)),
  tables: custom(namedProblem, {}),
  tableStore: contract(['checkpoint', 'restore']),
  checkpoint: nested<CheckpointOptions>(checkpointSettings),
  barriers: contract(['inject', 'cancel', 'suspend', 'resume']),
  pipelineHash: custom((hash) =>
    typeof hash === 'bigint' ? undefined : `is ${kindOf(hash)}, not a bigint`,
  ),
  liveOwner: oneOf(['wait', 'refuse', 'take-over'] satisfies LiveOwnerPolicy[]),
  waitForOwnerMs: whole({ min: 0 }),
  restoreFrom: nested<RestoreChoice>({
    checkpointId: required(checkpointNumber),
    acceptDuplicatesIn: required(custom((choice) => numbersProblem(choice, 'sink'))),
  }),
  acceptLostInput: custom((choice) => numbersProblem(choice, 'source')),
  signal: contract(['addEventListener', 'removeEventListener']),
  clock: contract(['now', 'monotonicMs', 'setTimer'], systemClock),
  random: contract(['next'], systemRandom),
  logger: contract(['debug', 'info', 'warn', 'error'], silentLogger),
  recover: callback(),
  inspect: callback(),
  // What a module for the command line adds.
  close: custom(),
} satisfies OptionTable<CoordinatorOptions & { readonly close: unknown }>;

/** What was given, looked through and with its defaults. */
export interface CheckedOptions {
  readonly given: Completed<CoordinatorOptions, typeof coordinatorTable>;
  readonly participants: Participants;
  readonly options: CheckpointOptions;
}

/** @throws TidegateError `TIDEGATE_OPTIONS`, with every problem in one message. */
export function checkOptions(given: CoordinatorOptions): CheckedOptions {
  requireObject('a coordinator', given);
  const unknown = unknownNames(given, coordinatorTable).map((name) => `there is no option ${name}`);
  const wrong = [...unknown, ...valueProblems(given, coordinatorTable)];
  const participants: Participants = {
    sources: byName(given.sources),
    operators: byName(given.operators),
    sinks: byName(given.sinks),
    tables: byName(given.tables),
    ...(given.tableStore === undefined ? {} : { tableStore: given.tableStore }),
  };
  const unusable = contractProblems(participants);
  const settings = completeSettings(given.checkpoint);
  // What a mix can keep is asked of participants that can be used.
  const mix = unusable.length === 0 ? participantProblems(participants, settings) : [];
  const problems = [...wrong, ...unusable, ...mix, ...strangers(given, participants)];
  if (problems.length > 0) {
    const list = problems.map((problem) => `- ${problem}`).join('\n');
    throw new TidegateError('TIDEGATE_OPTIONS', `the coordinator cannot be built:\n${list}`, {
      details: { problems },
    });
  }
  const completed = withDefaults(given, coordinatorTable) as unknown as CheckedOptions['given'];
  return { given: completed, participants, options: settings };
}

/** What the steps work with. */
export function contextOf(
  { given, participants, options: settings }: CheckedOptions,
  barriers: BarrierPort,
): StepContext {
  const { pipeline, clock, random, inspect } = given;
  const logger = harmlessLogger(given.logger);
  return {
    pipeline,
    participants,
    barriers,
    options: settings,
    pipelineHash: given.pipelineHash ?? pipelineHashOf(pipeline, participants),
    clock,
    random,
    logger,
    events: new SafeEvents(logger),
    tally: new AttemptTally(logger),
    inspect,
  };
}

/** A consent for a source that there is not would be taken for given. */
function strangers(
  { acceptLostInput: choice }: { readonly acceptLostInput?: unknown },
  { sources, tables }: Participants,
): readonly string[] {
  return Object.keys(isObject(choice) ? choice : {})
    .filter((name) => !sources.has(name) && !tables.has(name))
    .map((name) => `acceptLostInput names ${name}, and there is no such source`);
}

function namedProblem(value: unknown): string | undefined {
  return isObject(value) ? undefined : `is ${kindOf(value)}, not participants by their names`;
}

/** Looked at before anything is opened: a restore is asked for once, and by a person. */
function numbersProblem(value: unknown, by: 'sink' | 'source'): string | undefined {
  if (!isObject(value)) return `is ${kindOf(value)}, not checkpoints by ${by}`;
  const problems = Object.entries(value).flatMap(([name, id]) => {
    const problem = checkpointNumber.problem(id);
    return problem === undefined ? [] : [`has an entry ${name} that ${problem}`];
  });
  return problems.length === 0 ? undefined : problems.join(' and ');
}

function byName<Participant>(
  record: Named<Participant> | undefined,
): ReadonlyMap<string, Participant> {
  return new Map(isObject(record) ? Object.entries<Participant>(record) : []);
}
