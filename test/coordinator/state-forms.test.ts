// Where states stand, and the checksum over them in the form in which the original verifies it.

import { expect, test } from '@jest/globals';
import { MemoryCheckpointStore, jsonState } from 'tidegate';
import { serializeManifest } from 'tidegate/manifest';
import { originalFindings } from '../support/original-rules.js';
import { Harness } from './support/harness.js';

const state = (value: string) =>
  jsonState(
    () => value,
    () => undefined,
    { deterministic: true },
  );

test.each([
  ['inline only', { small: 'a', other: 'b' }, { small: false, other: false }],
  ['external only', { large: 'x'.repeat(90) }, { large: true }],
  ['both', { small: 'a', large: 'x'.repeat(90) }, { small: false, large: true }],
  ['none', {}, {}],
])('checkpoints of a coordinator with %s states are verified by the original', async (...row) => {
  const [, values, places] = row;
  const operators = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, state(value)]),
  );
  const store = new MemoryCheckpointStore();
  const harness = new Harness({
    store,
    checkpoint: { stateInlineThresholdBytes: 30 },
    more: { operators },
  });
  await harness.start();
  await harness.turn();
  await harness.checkpoint();

  const reader = await store.openReadOnly();
  const listings = await reader.list();
  expect(listings.length).toBeGreaterThanOrEqual(2);
  for (const { id } of listings) {
    const checkpoint = await reader.load(id);
    const { manifest, sidecarByteLength } = checkpoint;
    const found = [...manifest.operatorStates].map(([name, entry]) => [name, entry.external]);
    expect(Object.fromEntries(found)).toEqual(places);
    const large = reader.readOperatorState(checkpoint, 'large');
    const chunks: Uint8Array[] = [];
    for await (const chunk of large ?? []) chunks.push(chunk);
    const sidecar = sidecarByteLength === 0 ? undefined : Buffer.concat(chunks);
    expect(originalFindings(serializeManifest(manifest), sidecar)).toEqual([]);
  }
  await harness.settle(harness.coordinator.stop());
});
