// Puts tables, sources and operators back to a checkpoint, in that order, before any record is read; input
// that is gone is given up where a person has said so, and the source goes to where it can go on.

import { definitionProblem } from './findings.js';
import { assert } from '../assert.js';
import type { Operator } from '../contracts/operator.js';
import type { CheckpointManifest, ConnectorCheckpoint, LostInput } from '../manifest/types.js';
import type { LoadedCheckpoint } from '../store/checkpoint-store.js';
import { timeoutFor, PassEnded } from './ask.js';
import { askParticipant, type RecoveryPass } from './pass.js';
import { goesOnAt } from '../contracts/lost-input.js';
import type { Source } from '../contracts/source.js';
import { toOffsets } from '../contracts/source-position.js';
import { TidegateError } from '../errors.js';
import type { CheckpointId } from '../ids.js';

/** Everything that has a position or a state starts from `loaded`, whatever it held before. */
export async function restoreParticipants(
  pass: RecoveryPass,
  loaded: LoadedCheckpoint,
): Promise<void> {
  const { tableStore, tables, sources, operators } = pass.request.participants;
  const { manifest } = loaded;
  const positioned = sourcesToRestore(pass, manifest);
  const all = tables.size + sources.size;
  assert(positioned.length === all, `checkpoint ${loaded.id} has no offsets of some source`);
  if (tableStore !== undefined) {
    const path = manifest.tableStoreCheckpointPath;
    await askParticipant(pass, `restoring the table store to ${path ?? 'nothing'}`, (signal) =>
      tableStore.restore(path, { signal }),
    );
  }
  for (const given of positioned) await restoreSource(pass, manifest, given);
  for (const [name, operator] of operators) await restoreOperator(pass, loaded, name, operator);
}

/** Tables first: records may look into them. Those that the manifest does not know are left out. */
export function sourcesToRestore(
  { request }: RecoveryPass,
  { tableOffsets, sourceOffsets, sourceWatermarks }: CheckpointManifest,
): readonly SourceToRestore[] {
  const { tables, sources } = request.participants;
  const known: SourceToRestore[] = [];
  for (const [name, source] of tables) {
    const stored = tableOffsets.get(name);
    if (stored !== undefined) known.push({ kind: 'table', name, source, stored });
  }
  for (const [name, source] of sources) {
    const stored = sourceOffsets.get(name);
    const watermark = sourceWatermarks.get(name);
    if (stored !== undefined) known.push({ kind: 'source', name, source, stored, watermark });
  }
  return known;
}

/** An operator without state there starts empty, never with what a failed attempt left behind. */
async function restoreOperator(
  pass: RecoveryPass,
  loaded: LoadedCheckpoint,
  name: string,
  operator: Operator,
): Promise<void> {
  const entry = loaded.manifest.operatorStates.get(name);
  const isEmpty = entry === undefined || (!entry.external && entry.stateB64 === undefined);
  // Under strict that was refused before anything was done.
  if (isEmpty || definitionProblem(loaded.manifest, name, operator) !== undefined) {
    await askParticipant(pass, `resetting operator ${name}`, () => operator.reset());
    return;
  }
  const saved = loaded.manifest.tidegate?.operatorDefinitions?.get(name);
  const timeoutMs = timeoutFor(pass.budget.callTimeoutMs, entry.externalLength);
  await askParticipant(
    pass,
    `restoring operator ${name}`,
    (signal) => {
      // Read anew at each try: a stream can be read once.
      const state = pass.store.readOperatorState(loaded, name);
      assert(state !== undefined, `checkpoint ${loaded.id} lost the state of operator ${name}`);
      return operator.restore(state, { signal, saved });
    },
    timeoutMs,
  );
}

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
async function restoreSource(
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
  const offsets = toOffsets(stored.offsets);
  await askParticipant(pass, `restoring ${kind} ${name}`, (signal) =>
    source.restore(offsets, { signal, watermark, ...choice }),
  );
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
