// After step 7: sources may forget their input, and old checkpoints are pruned.

import { mayPass } from '../../../contracts/source-failure.js';
import { toOffsets } from '../../../contracts/source-position.js';
import type { Offsets, Source } from '../../../contracts/source.js';
import type { PersistedManifest } from '../../../store/persisted-manifest.js';
import { backoffMs } from '../../../runtime/backoff.js';
import type { Timer } from '../../../runtime/clock.js';
import { withDeadline } from '../../../runtime/deadline.js';
import type { StepContext } from '../../context.js';
import { reportParticipantError } from '../../events.js';
import { patienceOf, type Generation } from '../../lifecycle/generation.js';
import type { PersistedInput } from '../attempt.js';

export function acknowledgeCheckpoint(
  { attempt, persisted }: PersistedInput,
  signal: AbortSignal,
): Promise<void> {
  return acknowledgeAndPrune(attempt.context, attempt.generation, persisted, signal);
}

/** Never fails: a checkpoint that is complete stays so when a source cannot be acknowledged. */
export async function acknowledgeAndPrune(
  context: StepContext,
  generation: Generation,
  persisted: PersistedManifest,
  signal: AbortSignal,
): Promise<void> {
  const { manifest } = persisted;
  const acknowledging = [...manifest.sourceOffsets].map(([source, position]) =>
    acknowledgeOne(
      context,
      { generation, name: source, position: toOffsets(position.offsets) },
      signal,
    ),
  );
  await Promise.all(acknowledging);
  if (signal.aborted) return;
  try {
    const { retainedCheckpoints } = context.options;
    await generation.store.prune({ retainedCheckpoints, signal });
  } catch (error) {
    reportParticipantError(context, 'old checkpoints could not be pruned', error);
  }
}

/** The generation is over: the next one acknowledges anew. */
export function cancelAcknowledgements({ owedAcknowledgements: owed }: Generation): void {
  for (const { timer } of owed.values()) timer?.cancel();
  owed.clear();
}

/** The newest one only, since it is cumulative; its call, because no two run at once. */
interface Owed {
  timer?: Timer;
  call?: Promise<void>;
}

interface Acknowledging {
  readonly generation: Generation;
  readonly name: string;
  readonly offsets: Offsets;
  /** Of these offsets, in a row. */
  readonly failures: number;
  /** When the first of them was. */
  readonly sinceMs?: number;
}

async function acknowledgeOne(
  context: StepContext,
  { generation, name, position }: { generation: Generation; name: string; position: Offsets },
  signal: AbortSignal,
): Promise<void> {
  const source = context.participants.sources.get(name);
  if (source?.acknowledge === undefined) return;
  const before = generation.owedAcknowledgements.get(name);
  before?.timer?.cancel();
  await before?.call;
  if (signal.aborted) return;
  const first = { generation, name, offsets: position, failures: 0 };
  await tryAcknowledgement(context, source, first, signal);
}

async function tryAcknowledgement(
  context: StepContext,
  source: Source,
  given: Acknowledging,
  signal: AbortSignal,
): Promise<void> {
  const { generation, name, offsets, failures, sinceMs } = given;
  const owed: Owed = {};
  generation.owedAcknowledgements.set(name, owed);
  const isOwed = (): boolean => generation.owedAcknowledgements.get(name) === owed;
  try {
    const call = (async () => source.acknowledge?.(offsets, { signal }))();
    owed.call = call.catch(() => undefined);
    await call;
    if (sinceMs !== undefined && isOwed()) {
      const awayMs = context.clock.monotonicMs() - sinceMs;
      patienceOf(context).back({ source: name, failures, awayMs });
    }
  } catch (error) {
    reportParticipantError(context, `source ${name} could not be acknowledged`, error);
    if (isOwed() && mayPass(error)) tryLater(context, source, given, owed, error);
  }
}

/** Beside the checkpoints: they do not wait for a source that is away. The next one comes before it. */
function tryLater(
  context: StepContext,
  source: Source,
  given: Acknowledging,
  owed: Owed,
  error: unknown,
): void {
  const { clock, random, options } = context;
  const failures = given.failures + 1;
  const pauseMs = backoffMs(failures - 1, random.next());
  const nowMs = clock.monotonicMs();
  const { sinceMs = nowMs } = given;
  if (nowMs + pauseMs - sinceMs >= options.timeouts.inDoubtMs) return;
  patienceOf(context).waiting({ source: given.name, error, failures, pauseMs });
  owed.timer = clock.setTimer(() => {
    const bound = { clock, timeoutMs: options.timeouts.acknowledgeMs };
    void withDeadline(bound, (signal) =>
      tryAcknowledgement(context, source, { ...given, failures, sinceMs }, signal),
    );
  }, pauseMs);
  owed.timer.unref?.();
}
