// A person's word on one prepared output: fence, look, record the reason, and only then act.

import { assertNever } from '../../assert.js';
import { isTwoPhase, type TwoPhaseSinkSession } from '../../contracts/sink.js';
import type { CheckpointManifest, ManualDecision } from '../../manifest/types.js';
import { recordedTimeMs } from '../../runtime/clock.js';
import type { CheckpointListing, OwnedStore } from '../../store/checkpoint-store.js';
import { askBounded } from '../ask-bounded.js';
import { closeBounded } from '../close-bounded.js';
import type { Connected, ConnectOptions } from '../connection.js';
import type { CommonOptions, Context } from '../context.js';
import { exitCodes, type ExitCode } from '../exit-codes.js';
import { toJsonText } from '../json-output.js';
import {
  againstCommit,
  againstRollback,
  preparedOutputs,
  type AskSink,
  type PreparedOutput,
} from '../prepared-output.js';
import { CommandError } from '../problems.js';

export interface Wish {
  readonly action: 'commit' | 'rollback';
  readonly sink: string;
  readonly handle: string;
  readonly reason: string;
  readonly isForced: boolean;
}

type Outcome = 'applied' | 'already-applied' | 'rolled-back' | 'committed' | 'absent';

export async function decideByHand(
  connected: Connected,
  wish: Wish,
  options: CommonOptions & ConnectOptions,
  context: Context,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  const ask = askBounded(options, context);
  const { pipeline, store } = connected;
  await refuseForeign(connected, context);
  const owned = await store.open({ pipeline, liveOwner: 'refuse', signal });
  const sessions = new Map<string, TwoPhaseSinkSession>();
  try {
    terminal.note(`took generation ${owned.generation} of the store`);
    await fenceSinks(connected, owned, sessions, ask);
    const outcome = await decide(connected, wish, { owned, sessions, ask, context });
    report(outcome, wish, options, context);
    return isAsWished(wish, outcome) ? exitCodes.fine : exitCodes.findings;
  } finally {
    await closeBounded(sessions, owned, options, context);
  }
}

/** Before anything is made in a directory that another program writes. */
async function refuseForeign({ store }: Connected, { signal }: Context): Promise<void> {
  const reader = await store.openReadOnly({ signal });
  await reader.close();
  if (reader.storeId !== undefined) return;
  throw new CommandError(
    'the store has never been owned by tidegate, so there is no manifest to record the reason in',
    'Settle it with the program that wrote the checkpoints.',
  );
}

/** All of them, as recovery does: an older owner must not commit one while we look at another. */
async function fenceSinks(
  { question }: Connected,
  { storeId, pipeline, generation }: OwnedStore,
  sessions: Map<string, TwoPhaseSinkSession>,
  ask: AskSink,
): Promise<void> {
  for (const [name, sink] of question.participants.sinks) {
    if (!isTwoPhase(sink)) continue;
    const owner = { storeId, pipeline, sink: name, generation };
    const session = await ask(`opening sink ${name}`, (signal) => sink.open(owner, { signal }));
    sessions.set(name, session);
  }
}

interface Hands {
  readonly owned: OwnedStore;
  readonly sessions: ReadonlyMap<string, TwoPhaseSinkSession>;
  readonly ask: AskSink;
  readonly context: Context;
}

async function decide({ question }: Connected, wish: Wish, hands: Hands): Promise<Outcome> {
  const { owned, sessions, ask, context } = hands;
  const session = sessions.get(wish.sink);
  if (session === undefined) {
    const known = [...sessions.keys()].join(', ');
    throw new CommandError(`there is no two-phase sink ${wish.sink}`, `There are: ${known}.`);
  }
  const listings = await owned.list({ signal: context.signal });
  const { participants } = question;
  const outputs = await preparedOutputs({ listings, participants, inspectors: sessions, ask });
  const ofSink = outputs.filter(({ sink }) => sink === wish.sink);
  const output = ofSink.find(({ handle }) => handle === wish.handle);
  if (output === undefined) return standingOf(wish, session, listings, ask);
  const objection = objectionTo(wish, output);
  if (objection !== undefined && !wish.isForced) {
    throw new CommandError(
      `${wish.action} of ${wish.handle} at ${wish.sink} was not done: ${objection}`,
      'With --force it is done all the same, and the objection is recorded beside the reason.',
    );
  }
  await recordReason(wish, { output, objection, listings }, hands);
  const keep = ofSink.map(({ handle }) => handle).filter((handle) => handle !== wish.handle);
  return act(wish, session, keep, ask);
}

/** What is not prepared is not therefore absent: the marker says whether it is committed. */
async function standingOf(
  { action, sink, handle }: Wish,
  session: TwoPhaseSinkSession,
  listings: readonly CheckpointListing[],
  ask: AskSink,
): Promise<Outcome> {
  const named = listings.find(
    ({ manifest }) => manifest?.tidegate?.commitHandles.get(sink) === handle,
  );
  if (named === undefined) return 'absent';
  const answer = await ask(`asking sink ${sink} about ${handle}`, (signal) =>
    session.inspect({ checkpointId: named.id, handle }, { signal }),
  );
  if (answer !== 'committed') return 'absent';
  return action === 'commit' ? 'already-applied' : 'committed';
}

function objectionTo({ action }: Wish, output: PreparedOutput): string | undefined {
  return action === 'commit' ? againstCommit(output) : againstRollback(output);
}

interface Findings {
  readonly output: PreparedOutput;
  readonly objection: string | undefined;
  readonly listings: readonly CheckpointListing[];
}

/**
 * The reason goes first, so that nothing is ever done without one. It stands in the manifest that
 * names the output; in the newest one where none does. Saving it again also makes that manifest
 * durable, which is what gives the right to commit on it.
 */
async function recordReason(
  { action, sink, handle, reason }: Wish,
  { output: { namedBy }, objection, listings }: Findings,
  { owned, context: { clock, signal } }: Hands,
): Promise<void> {
  const keeper = listings.find(
    ({ id, manifest }) => manifest?.tidegate !== undefined && (namedBy?.id ?? id) === id,
  )?.manifest;
  if (keeper?.tidegate === undefined) {
    throw new CommandError(
      'no manifest of tidegate is there to record the reason in',
      'Start the pipeline: recovery rolls back what no manifest names.',
    );
  }
  const decision: ManualDecision = {
    sink,
    handle,
    action,
    reason: objection === undefined ? reason : `${reason} (forced, although ${objection})`,
    decidedAtMs: recordedTimeMs(clock),
    generation: owned.generation,
  };
  const decisions = [...(keeper.tidegate.decisions ?? []), decision];
  const next: CheckpointManifest = { ...keeper, tidegate: { ...keeper.tidegate, decisions } };
  await owned.saveManifest(next, { signal });
}

async function act(
  { action, sink, handle }: Wish,
  session: TwoPhaseSinkSession,
  keep: readonly string[],
  ask: AskSink,
): Promise<Outcome> {
  switch (action) {
    case 'commit':
      return ask(`committing ${handle} at ${sink}`, (signal) => session.commit(handle, { signal }));
    case 'rollback': {
      const outcomes = await ask(`rolling back ${handle} at ${sink}`, (signal) =>
        session.rollback({ keep }, { signal }),
      );
      return outcomes.get(handle) ?? 'absent';
    }
    default:
      return assertNever(action, 'action');
  }
}

function isAsWished({ action }: Wish, outcome: Outcome): boolean {
  if (action === 'rollback') return outcome === 'rolled-back';
  return outcome === 'applied' || outcome === 'already-applied';
}

function report(
  outcome: Outcome,
  { action, sink, handle }: Wish,
  { json }: CommonOptions,
  { terminal }: Context,
): void {
  if (json) terminal.printDocument(toJsonText({ action, sink, handle, outcome }));
  else terminal.print(`${action} ${handle} at ${sink}: ${outcome}`);
}
