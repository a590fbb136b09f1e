// Opening a store on object storage: what keeps it from being owned, and the claim.

import { TidegateError } from '../../errors.js';
import { storeId } from '../../ids.js';
import { newUuid } from '../../runtime/uuid.js';
import type { OpenStoreOptions } from '../checkpoint-store.js';
import { bodiesFolder, currentKey, type Current } from './current.js';
import { readCurrent, replaceCurrent, type SeenCurrent } from './current-object.js';
import { waitDeadlineMs, waitForOwner } from './owner.js';
import { claimOf } from './ownership.js';
import { drawHex, type ObjectStorePorts } from './ports.js';
import type { ServiceTime } from './probe.js';

/** Each is lost to another process that made progress; this many in a row is a mistake. */
const maxClaims = 64;

/** Takes the next generation of a store, which is made where it is not there. */
export async function claim(
  ports: ObjectStorePorts,
  options: OpenStoreOptions,
  time: ServiceTime,
): Promise<SeenCurrent> {
  const deadlineMs = waitDeadlineMs(ports, options);
  const session = drawHex(ports.random, 4);
  for (let attempt = 0; attempt < maxClaims; attempt += 1) {
    const seen = await waitForOwner(ports, options, deadlineMs, time);
    checkPipeline(ports, seen?.current, options.pipeline);
    const next: Current = {
      ...(seen?.current ?? newStore(ports, options.pipeline)),
      ...claimOf(ports, seen?.current, session),
      sequence: (seen?.current.sequence ?? 0) + 1,
      nonce: drawHex(ports.random, 8),
    };
    const outcome = await replaceCurrent(ports, seen, next, options.signal);
    if (outcome.kind === 'done') return outcome.seen;
    // Another process was faster: see whether it is alive, then try again.
  }
  throw new TidegateError(
    'TIDEGATE_STORE_OWNED',
    `${maxClaims} times another process took ${ports.storage.address} first`,
  );
}

/**
 * A live owner is not looked for.
 *
 * @throws TidegateError for another pipeline's store, for one without its `current.json`, for the layout of
 *   another program, and for a store that has used all generations.
 */
export async function checkOwnable(
  ports: ObjectStorePorts,
  pipeline: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const current = (await readCurrent(ports, signal))?.current;
  checkPipeline(ports, current, pipeline);
  claimOf(ports, current, '');
  if (current === undefined) await refuseRemains(ports, signal);
}

/** @throws TidegateError `TIDEGATE_STORE_CORRUPT` or `TIDEGATE_STORE_LAYOUT` where a new store would hide one. */
export async function refuseRemains(
  { calls, storage }: ObjectStorePorts,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { address } = storage;
  const firstBelow = async (prefix: string): Promise<string | undefined> => {
    const page = await calls.repeat(signal, (options) => storage.list({ prefix }, options));
    return page.objects[0]?.key;
  };
  const body = await firstBelow(bodiesFolder);
  if (body !== undefined) {
    throw new TidegateError(
      'TIDEGATE_STORE_CORRUPT',
      `${address} has bodies of checkpoints (${body}) and no ${currentKey}, which says what they are: ` +
        'bring it back from a copy, or, to begin anew, delete everything below this prefix and what ' +
        'the sinks remember of this pipeline',
    );
  }
  for (const prefix of ['manifests/manifest-', 'checkpoints/state-', 'checkpoint_']) {
    const found = await firstBelow(prefix);
    if (found === undefined) continue;
    throw new TidegateError(
      'TIDEGATE_STORE_LAYOUT',
      `${address} has checkpoints in the layout of LaminarDB or of a directory (${found}), which are ` +
        'not read from object storage: copy them into a directory and use that, or name another prefix',
      { details: { found } },
    );
  }
}

function checkPipeline(
  { storage }: ObjectStorePorts,
  current: Current | undefined,
  pipeline: string,
): void {
  if (current === undefined || current.pipeline === pipeline) return;
  throw new TidegateError(
    'TIDEGATE_STORE_PIPELINE',
    `the store ${current.storeId} in ${storage.address} belongs to pipeline ` +
      `${JSON.stringify(current.pipeline)}, not to ${JSON.stringify(pipeline)}`,
    { details: { stored: current.pipeline, asked: pipeline } },
  );
}

function newStore({ clock, random }: ObjectStorePorts, pipeline: string) {
  const store = storeId(newUuid(clock, random));
  return { storeId: store, pipeline, checkpoints: [], quarantined: [] };
}
