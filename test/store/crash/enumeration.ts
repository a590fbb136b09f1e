// Crashes after every file-system operation of a scenario, in every outcome that the disk allows.

import { createHash } from 'node:crypto';
import { SimulatedDisk } from '../../../src/testing/index.js';
import { Worker, sequences, type ActionName, type Wrap } from './actions.js';
import { Ledger } from './ledger.js';
import { judge } from './verdict.js';

export interface EnumerationResult {
  /** Moments at which the process was killed. */
  readonly kills: number;
  /** Disks found after a power loss, before and after leaving out equal ones. */
  readonly outcomes: number;
  readonly distinctStates: number;
  /** The first that was found, with the scenario and the operation; undefined when none was. */
  readonly violation: string | undefined;
}

interface Moment {
  readonly disk: SimulatedDisk;
  readonly ledger: Ledger;
  readonly after: string;
}

/**
 * Runs every sequence of at most `length` actions, crashing in the last action of each: the crashes
 * in the actions before it belong to the shorter sequences.
 */
export async function enumerateCrashes(options: {
  readonly length: number;
  readonly wrap?: Wrap;
  /** Longer ones to run as well. */
  readonly also?: readonly (readonly ActionName[])[];
}): Promise<EnumerationResult> {
  const wrap: Wrap = options.wrap ?? ((fileSystem) => fileSystem);
  const lengths = Array.from({ length: options.length }, (_, index) => index + 1);
  const all = [...lengths.flatMap((length) => sequences(length)), ...(options.also ?? [])];
  const judged = new Set<string>();
  let kills = 0;
  let outcomes = 0;
  for (const sequence of all) {
    for (const moment of await momentsOf(sequence, wrap)) {
      const where = `${sequence.join(', ')}, crashed after ${moment.after}`;
      kills += 1;
      const killed = await judge(moment.disk.clone(), moment.ledger, wrap);
      if (killed !== undefined) {
        const violation = `${where}, killed: ${killed}`;
        return { kills, outcomes, distinctStates: judged.size, violation };
      }
      for (const disk of moment.disk.powerLossOutcomes()) {
        outcomes += 1;
        const key = `${treeKey(disk)} ${moment.ledger.key()}`;
        if (judged.has(key)) continue;
        judged.add(key);
        const problem = await judge(disk, moment.ledger, wrap);
        if (problem === undefined) continue;
        const violation = `${where}, power lost: ${problem}`;
        return { kills, outcomes, distinctStates: judged.size, violation };
      }
    }
  }
  return { kills, outcomes, distinctStates: judged.size, violation: undefined };
}

/** The disk and the ledger after each operation of the last action. */
async function momentsOf(sequence: readonly ActionName[], wrap: Wrap): Promise<Moment[]> {
  const disk = new SimulatedDisk();
  const ledger = new Ledger();
  const moments: Moment[] = [];
  let isRecording = false;
  const record = (after: string): void => {
    if (isRecording) moments.push({ disk: disk.clone(), ledger: ledger.clone(), after });
  };
  const mount = disk.mount({
    after: ({ kind, path }) => record(`${kind} ${path}`),
  });
  const worker = new Worker(wrap(mount.fileSystem), ledger);
  for (const [index, action] of sequence.entries()) {
    isRecording = index === sequence.length - 1;
    await worker.perform(action);
    record('the call returned');
  }
  return moments.filter(changesSomething);
}

/** Reading changes nothing, so a crash after it is the crash before it. */
function changesSomething({ after }: Moment): boolean {
  return !/^(facts|open-file|read|list-directory|close) /.test(after);
}

function treeKey(disk: SimulatedDisk): string {
  const hash = createHash('sha1');
  for (const [path, bytes] of disk.tree())
    hash.update(`${path}\0${bytes.byteLength}\0`).update(bytes);
  return hash.digest('base64');
}
