// Stores of another program, huge ones, and readers that go away.

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  connectorCheckpoint,
  createManifest,
  externalOperatorState,
  inlineOperatorState,
  serializeManifest,
} from 'tidegate/manifest';
import type { CheckpointManifest, OperatorCheckpoint } from 'tidegate/manifest';
import { Installed, pattern, Scratch, takenAtMs, writeStore } from './kit.js';

let cli: Installed;
const scratch = new Scratch();
// Processes are started, and other tests may need the machine meanwhile.
jest.setTimeout(60_000);

beforeAll(() => {
  cli = new Installed();
}, 120_000);
afterAll(() => scratch.remove());

/** A checkpoint as LaminarDB leaves it: no object of ours, its own kinds of state checksum. */
function writeForeign(
  directory: string,
  id: number,
  states: Readonly<Record<string, OperatorCheckpoint>>,
  sidecar?: Uint8Array,
): void {
  const path = join(directory, `checkpoint_${String(id).padStart(6, '0')}`);
  mkdirSync(path, { recursive: true });
  const manifest: CheckpointManifest = {
    ...createManifest(id, id, { clock: { now: () => takenAtMs } }),
    sourceOffsets: new Map([['kafka', connectorCheckpoint(id, new Map([['partition-0', '12']]))]]),
    sourceNames: ['kafka'],
    sinkNames: ['delta'],
    sinkCommitStatuses: new Map([['delta', { kind: 'committed' }]]),
    sinkEpochs: new Map([['delta', id]]),
    operatorStates: new Map(Object.entries(states)),
    stateChecksum: foreignChecksum(states, sidecar),
  };
  writeFileSync(join(path, 'manifest.json'), serializeManifest(manifest));
  if (sidecar !== undefined) writeFileSync(join(path, 'state.bin'), sidecar);
}

/** Worked out here and not by the code under test, from the three shapes that LaminarDB writes. */
function foreignChecksum(
  states: Readonly<Record<string, OperatorCheckpoint>>,
  sidecar: Uint8Array | undefined,
): string {
  const inline = createHash('sha256');
  let hasInline = false;
  for (const name of Object.keys(states).sort()) {
    const text = states[name]!.stateB64;
    if (text === undefined) continue;
    hasInline = true;
    inline.update(`${name}\0${text}\0`);
  }
  const inlineHex = inline.digest('hex');
  if (sidecar === undefined) return inlineHex;
  const hash = createHash('sha256');
  if (hasInline) hash.update(inlineHex);
  return hash.update(sidecar).digest('hex');
}

describe('a directory of LaminarDB', () => {
  let directory: string;

  beforeAll(() => {
    directory = scratch.directory();
    const [small, large] = [
      inlineOperatorState(Buffer.from('small')),
      externalOperatorState(0, 300),
    ];
    writeForeign(directory, 1, { a: small, b: inlineOperatorState(Buffer.from('other')) });
    writeForeign(directory, 2, { large }, pattern(300));
    writeForeign(directory, 3, { large, small }, pattern(300));
    writeFileSync(join(directory, 'latest.txt'), 'checkpoint_000003');
  });

  test('every reading command works, with each shape of state checksum', async () => {
    const listed = await cli.run(['list', '-s', directory]);
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toMatch(/\n +3 +3 +checkpoint +complete +\d+ d +\S+ KiB +delta\n/);
    const verified = await cli.run(['verify', '-s', directory]);
    expect(verified).toMatchObject({ code: 0, stdout: '' });
    expect(verified.stderr).toContain('verified 3 checkpoints');
    const shown = await cli.run(['show', '3', '-s', directory]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('unverified: another program wrote it');
    expect(shown.stdout).toContain('kafka  epoch 3  partition-0=12');
    const inline = await cli.run(['state', 'checkpoint_000003', 'small', '-s', directory]);
    expect(inline).toMatchObject({ code: 0, stdout: 'small' });
    const external = await cli.run(['state', '2', 'large', '-s', directory]);
    expect(external.bytes.equals(pattern(300))).toBe(true);
    const compared = await cli.run(['diff', '1', '3', '-s', directory]);
    expect(compared.stdout).toContain('large       none -> 300 B in the sidecar');
    const file = join(directory, 'checkpoint_000002', 'manifest.json');
    expect(await cli.run(['validate', file])).toMatchObject({ code: 0, stdout: '' });
  });

  test('damage in each shape is found', async () => {
    const damaged = scratch.directory();
    const [small, large] = [
      inlineOperatorState(Buffer.from('small')),
      externalOperatorState(0, 300),
    ];
    writeForeign(damaged, 1, { small });
    writeForeign(damaged, 2, { large }, pattern(300));
    writeForeign(damaged, 3, { large, small }, pattern(300));
    for (const id of ['000001', '000003']) {
      const path = join(damaged, `checkpoint_${id}`, 'manifest.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('c21hbGw=', 'c21hbGx='));
    }
    writeFileSync(join(damaged, 'checkpoint_000002', 'state.bin'), pattern(301).slice(1));
    const { code, stdout } = await cli.run(['verify', '--json', '-s', damaged]);
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout) as {
      findings: { checkpointId: number; code: string }[];
    };
    expect(findings.map(({ checkpointId, code: found }) => [checkpointId, found])).toEqual([
      [3, 'TIDEGATE_STATE_CORRUPT'],
      [3, 'LDB-4004'],
      [2, 'TIDEGATE_STATE_CORRUPT'],
      [1, 'TIDEGATE_STATE_CORRUPT'],
      [1, 'LDB-4004'],
    ]);
  });

  test('reading leaves no trace, and prune leaves it to the program that writes it', async () => {
    const before = treeOf(directory);
    const pruned = await cli.run(['prune', '--keep', '1', '-s', directory]);
    expect(pruned).toMatchObject({ code: 2, stdout: '' });
    expect(pruned.stderr).toContain('has never been owned by tidegate');
    await cli.run(['verify', '-s', directory]);
    expect(treeOf(directory)).toEqual(before);
  });
});

describe('a huge store', () => {
  const checkpointCount = 1_500;
  let directory: string;

  beforeAll(() => {
    directory = scratch.directory();
    for (let id = 1; id <= checkpointCount; id += 1) {
      writeForeign(directory, id, { state: inlineOperatorState(Buffer.from(`state ${id}`)) });
    }
  });

  test('is listed whole, and head may read as little of it as it likes', async () => {
    const { code, stdout } = await cli.run(['list', '-s', directory]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(checkpointCount + 1);
    const head = await cli.shell(`tidegate list -s ${directory} | head -n 2`);
    expect(head).toMatchObject({ code: 0, stderr: '' });
    expect(head.stdout.trimEnd().split('\n')).toHaveLength(2);
    const nobody = await cli.shell(`tidegate list --json -s ${directory} | true`);
    expect(nobody).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('a sidecar of many pieces streams through state, and the reader may leave early', async () => {
    const large = scratch.directory();
    const sidecar = Buffer.alloc(24 * 2 ** 20, 'tidegate');
    const [id] = await writeStore(large, [{ epoch: 1, sidecar }]);
    const args = `state ${String(id)} windows -s ${large}`;
    const hash = `const h=require('crypto').createHash('sha256');process.stdin.on('data',d=>h.update(d)).on('end',()=>console.log(h.digest('hex')))`;
    const whole = await cli.shell(`tidegate ${args} | node -e "${hash}"`);
    expect(whole.stdout).toContain(createHash('sha256').update(sidecar).digest('hex'));
    const head = await cli.shell(`tidegate ${args} | head -c 8`);
    expect(head).toMatchObject({ code: 0, stdout: 'tidegate', stderr: '' });
  });

  test('a store whose manifests claim absurd sizes is read without taking that much memory', async () => {
    const absurd = scratch.directory();
    writeForeign(absurd, 1, { state: externalOperatorState(2 ** 50, 2 ** 51) }, pattern(10));
    const env = { NODE_OPTIONS: '--max-old-space-size=64' };
    const listed = await cli.run(['list', '-s', absurd], { env });
    expect(listed.stdout).toMatch(/corrupt .*has bytes 1125899906842624 to/);
    expect(await cli.run(['state', '1', 'state', '-s', absurd], { env })).toMatchObject({
      code: 2,
    });
  });
});

/** Names, sizes and times of everything under a directory. */
function treeOf(directory: string): readonly unknown[] {
  return readdirSync(directory, { recursive: true })
    .map(String)
    .sort()
    .map((name) => {
      const { size, mtimeMs } = statSync(join(directory, name));
      return [name, size, mtimeMs];
    });
}
