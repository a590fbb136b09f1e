// The bytes of an operator whose state stands in the manifest itself.

import { tryDecodeInlineState } from '../manifest/operator-state.js';
import type { CheckpointManifest } from '../manifest/types.js';

/**
 * Streams an inline state, empty when the operator has saved none; undefined when the manifest has
 * no such operator. Corrupt base64 (`LDB-4004`) is thrown when it is read.
 */
export function inlineStateOf(
  manifest: CheckpointManifest,
  operator: string,
): AsyncIterable<Uint8Array> | undefined {
  const state = manifest.operatorStates.get(operator);
  if (state === undefined) return undefined;
  return (async function* () {
    const bytes = await Promise.resolve(tryDecodeInlineState(state));
    if (bytes !== undefined && bytes.byteLength > 0) yield bytes;
  })();
}
