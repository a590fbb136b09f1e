// Stores of the real LaminarDB on a simulated disk, to be read, planned over and started on.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileSystemCheckpointStore, isTidegateError } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import { SimulatedDisk } from 'tidegate/testing';
import { planOnly } from '../../src/recovery/dry-run.js';
import { pipeline, RecoveryWorld, ScriptedOperator, ScriptedSource } from '../recovery/kit.js';

const golden = fileURLToPath(new URL('../golden/laminar-stores/', import.meta.url));

export const folders: readonly string[] = readdirSync(golden, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** The directory that holds the checkpoints of a copied folder. */
export function storePath(folder: string): string {
  return folder.startsWith('57-') ? '/copy' : '/copy/checkpoints';
}

export async function copyOf(folder: string): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const { fileSystem } = disk.mount();
  const copy = async (from: string, to: string): Promise<void> => {
    await fileSystem.makeDirectory(to);
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      const [source, target] = [join(from, entry.name), `${to}/${entry.name}`];
      if (entry.isDirectory()) await copy(source, target);
      else disk.writeFile(target, readFileSync(source));
    }
  };
  await copy(join(golden, folder), '/copy');
  return disk;
}

export interface Registered {
  readonly operators?: readonly string[];
  readonly twoPhase?: readonly string[];
  readonly flushed?: readonly string[];
  /** Changes how a store is read, such as its limits. */
  readonly maxManifestBytes?: number;
}

/** A pipeline with what the folder's checkpoints name. */
export function worldOn(
  disk: SimulatedDisk,
  folder: string,
  registered: Registered,
): RecoveryWorld {
  const world = new RecoveryWorld(...(registered.twoPhase ?? []));
  world.sources.clear();
  world.operators.clear();
  world.sources.set('kafka-src', new ScriptedSource('kafka-src', world.log));
  for (const name of registered.operators ?? []) {
    world.operators.set(name, new ScriptedOperator(name, world.log));
  }
  for (const name of registered.flushed ?? []) {
    const sink = { durability: 'at-least-once', open: () => ({ write: () => undefined }) };
    world.sinks.set(name, sink as never);
  }
  world.memory = new FileSystemCheckpointStore(storePath(folder), {
    fileSystem: disk.mount().fileSystem,
    clock: world.clock,
    random: seededRandom(3),
    heartbeatMs: 0,
    maxManifestBytes: registered.maxManifestBytes ?? 2 ** 20,
  });
  return world;
}

/** What a start or a plan comes to: its decision in words, or the code of its refusal. */
export async function planOf(world: RecoveryWorld): Promise<string> {
  return codeOr(async () => {
    const store = await world.memory.openReadOnly();
    const request = { ...world.requestFor(store as never), store, pipeline };
    const { plan, report } = await world.clock.drive(planOnly(request));
    return plan.cause?.code ?? report.decision;
  });
}

export async function startOf(world: RecoveryWorld): Promise<string> {
  return codeOr(async () => {
    const outcome = await world.recover();
    return outcome.kind === 'refused' ? outcome.cause.code : outcome.report.decision;
  });
}

async function codeOr(ask: () => Promise<string>): Promise<string> {
  try {
    return await ask();
  } catch (error) {
    if (isTidegateError(error)) return error.code;
    throw error;
  }
}
