// Opening an object sink: the claim, and everything that older generations left, taken over.
//
// An older owner prepares an epoch by writing its record and then looking who owns the prefix: a record
// that it may have given a handle for was there before the claim, and is seen behind it. It decides about
// an epoch under the condition that the record is as it has seen it, and here each prepared record gets
// another version: what it has sent by then had its effect before, or has none.

import type { SinkOwner } from '../../contracts/sink.js';
import { TidegateError } from '../../errors.js';
import { forEachBounded } from '../../runtime/for-each-bounded.js';
import { proveConditions } from '../../store/object/probe.js';
import { checkIdentity } from '../staging/sink-identity.js';
import type { EpochRecord } from './epoch-record.js';
import { concurrency, epochIds, epochsBehind, writeEpoch, type SeenEpoch } from './epochs.js';
import { corrupt, fenced } from './objects-error.js';
import { checkOwner, claim, readState, type SeenState } from './ownership.js';
import type { ObjectSinkPorts } from './ports.js';
import { publish, sweep } from './publishing.js';

export interface TakenSink {
  readonly claimed: SeenState;
  /** Behind what is settled, ascending. */
  readonly epochs: readonly SeenEpoch[];
}

export async function takeSink(
  ports: ObjectSinkPorts,
  owner: SinkOwner,
  opening: string,
  signal: AbortSignal,
): Promise<TakenSink> {
  // Before anything is made, so that a wrong name leaves no trace.
  const before = await readState(ports, signal);
  checkOwner(ports, before?.state, owner, opening);
  if (before === undefined) await refuseRemains(ports, signal);
  await proveConditions(ports, signal, (nonce) => ports.layout.probe(nonce));
  const claimed = await claim(ports, owner, opening, signal);
  const { settled } = claimed.state;
  const found = await epochsBehind(ports, settled.checkpointId, signal);
  const epochs: SeenEpoch[] = [];
  await forEachBounded(found, { concurrency, signal }, async (seen) => {
    checkIdentity({ layout: { directory: ports.address } }, seen.record, owner);
    const taken = await takeOver(ports, seen, owner, signal);
    // Its owner may have died between the decision and what follows from it.
    if (taken.record.state === 'committed') await publish(ports, taken.record, signal);
    epochs.push(taken);
  });
  const known = epochs.map(({ record }) => record);
  const { generation } = owner;
  await sweep(ports, known, { generation, behind: settled.partName }, signal);
  epochs.sort((one, other) => one.record.checkpointId - other.record.checkpointId);
  return { claimed, epochs };
}

/** Makes a prepared epoch one of this generation. */
async function takeOver(
  ports: ObjectSinkPorts,
  found: SeenEpoch,
  { generation }: SinkOwner,
  signal: AbortSignal,
): Promise<SeenEpoch> {
  for (let seen = found; ;) {
    const { record } = seen;
    if (record.state !== 'prepared') return seen;
    if (record.holder > generation) throw fenced(ports.address, generation, record.holder);
    const next = { ...record, holder: generation };
    const written = await writeEpoch(ports, seen, next, signal);
    if (written.seen === undefined) throw recordLost(ports, record);
    if (written.isOurs) return written.seen;
    seen = written.seen;
  }
}

export function recordLost({ address, layout }: ObjectSinkPorts, record: EpochRecord) {
  const key = layout.epoch(record.checkpointId);
  return corrupt(`${address}: ${key} was taken away while it was in use`);
}

/** @throws TidegateError `TIDEGATE_OBJECTS_CORRUPT` where a new sink would hide an old one. */
async function refuseRemains(ports: ObjectSinkPorts, signal: AbortSignal): Promise<void> {
  const [first] = await epochIds(ports, 0, signal);
  if (first === undefined) return;
  throw new TidegateError(
    'TIDEGATE_OBJECTS_CORRUPT',
    `${ports.address} has epochs (${ports.layout.epoch(first)}) and no ${ports.layout.state}, which says ` +
      'whose they are: bring it back from a copy, or name another prefix',
  );
}
