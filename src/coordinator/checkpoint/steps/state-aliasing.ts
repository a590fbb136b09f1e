// A check for development: whether later records show in a snapshot that should have been frozen.

import { TidegateError } from '../../../errors.js';
import type { Cut } from '../pending-cut.js';
import { fingerprintOf, type EncodedStates } from './snapshot.js';

/**
 * Looks again after the records of the next epoch had their chance: at the buffer that was encoded,
 * and at what the snapshot encodes to now. States that were streamed are not compared.
 *
 * @throws TidegateError `TIDEGATE_STATE_ALIASED`, naming the operator.
 */
export async function checkStateAliasing(
  cut: Cut,
  states: EncodedStates,
  signal: AbortSignal,
): Promise<void> {
  for (const [operator, snapshot] of cut.snapshots) {
    const fingerprint = states.fingerprints.get(operator);
    if (fingerprint === undefined) continue;
    const { bytes, sha256 } = fingerprint;
    if (fingerprintOf(bytes).sha256 !== sha256) refuse(operator, 'the encoded bytes');
    const again = await snapshot.encode({ signal });
    if (!(again instanceof Uint8Array)) continue;
    if (fingerprintOf(again).sha256 !== sha256) refuse(operator, 'what it encodes to');
  }
}

function refuse(operator: string, what: string): never {
  throw new TidegateError(
    'TIDEGATE_STATE_ALIASED',
    `operator ${operator}: ${what} changed after the capture, so later records show in its state`,
    { details: { operator } },
  );
}
