// Input that is gone and that a person has given up: the source goes to where it can go on.

import { goesOnAt } from '../contracts/lost-input.js';
import type { Offsets, Source } from '../contracts/source.js';
import { TidegateError } from '../errors.js';
import type { CheckpointId } from '../ids.js';
import type { CheckpointManifest, ConnectorCheckpoint, LostInput } from '../manifest/types.js';
import { PassEnded } from './ask.js';
import { askParticipant } from './pass.js';
import type { RecoveryPass } from './pass.js';

/** A checkpoint whose sources are put back, as a person has to name it. */
export interface Resumed {
  readonly id: CheckpointId;
  readonly manifest: CheckpointManifest;
}

export interface SourceToRestore {
  readonly kind: 'source' | 'table';
  readonly name: string;
  readonly source: Source;
  readonly stored: ConnectorCheckpoint;
  readonly watermark?: bigint | undefined;
}

/** @throws PassEnded `refused`; where the source could go on, with the way to let it. */
export async function restoreSource(
  pass: RecoveryPass,
  manifest: CheckpointManifest,
  given: SourceToRestore,
): Promise<void> {
  try {
    await restore(pass, given);
  } catch (error) {
    throw withWayOut(error, manifest, given);
  }
}

/**
 * Sources and tables whose input at the position of the resumed checkpoint is gone and may be given up.
 * They are where they can go on; what is lost, by name, has to be durable before they are read.
 */
export async function giveUpInput(
  pass: RecoveryPass,
  resumed: Resumed,
  sources: readonly SourceToRestore[],
): Promise<ReadonlyMap<string, Omit<LostInput, 'to'>>> {
  const lost = new Map<string, Omit<LostInput, 'to'>>();
  for (const given of sources) {
    const reason = await reasonToGiveUp(pass, resumed, given);
    if (reason === undefined) continue;
    await restore(pass, given, { acceptLoss: true });
    lost.set(given.name, { checkpointId: resumed.id, from: given.stored.offsets, reason });
  }
  return lost;
}

/** What the source says of its position; undefined when it can go back, or nothing was accepted for it. */
async function reasonToGiveUp(
  pass: RecoveryPass,
  resumed: Resumed,
  given: SourceToRestore,
): Promise<string | undefined> {
  const { logger } = pass.request.ports;
  const accepted = pass.request.acceptLostInput?.[given.name];
  if (accepted === undefined || !names(accepted, resumed)) return undefined;
  try {
    await restore(pass, given);
  } catch (error) {
    if (lossIn(error) === undefined) throw withWayOut(error, resumed.manifest, given);
    return (error as PassEnded).problem.message;
  }
  logger.warn({ source: given.name }, 'no input is lost: acceptLostInput can be taken out');
  return undefined;
}

/** A restore gives the chosen checkpoint a new id, which a person has not seen yet. */
function names(accepted: CheckpointId, { id, manifest }: Resumed): boolean {
  return accepted === id || accepted === manifest.tidegate?.restoredFrom;
}

async function restore(
  pass: RecoveryPass,
  { kind, name, source, stored, watermark }: SourceToRestore,
  choice: { readonly acceptLoss?: true } = {},
): Promise<void> {
  const offsets = offsetsOf(stored);
  await askParticipant(pass, `restoring ${kind} ${name}`, (signal) =>
    source.restore(offsets, { signal, watermark, ...choice }),
  );
}

/** Without a prototype, so that any name is safe in it. */
function offsetsOf({ offsets }: ConnectorCheckpoint): Offsets {
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(offsets));
}

function lossIn(error: unknown): string | undefined {
  return error instanceof PassEnded ? goesOnAt(error.problem.cause) : undefined;
}

function withWayOut(
  error: unknown,
  { checkpointId, tidegate }: CheckpointManifest,
  { kind, name }: SourceToRestore,
): unknown {
  const where = lossIn(error);
  if (where === undefined || !(error instanceof PassEnded)) return error;
  const { problem } = error;
  const id = tidegate?.restoredFrom ?? checkpointId;
  const message =
    `${problem.message}. To give up what is lost, start once with acceptLostInput: ` +
    `{ ${JSON.stringify(name)}: ${id} }: ${kind} ${name} then goes on at ${where}, and the ` +
    'next checkpoint says so';
  const details = { ...problem.details, [kind]: name, checkpointId: id, goesOnAt: where };
  return new PassEnded(
    'refused',
    new TidegateError(problem.code, message, { cause: problem.cause, details }),
  );
}
