// A user's project whose program died between step 5 and step 6, with a module for the commands.

import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CheckpointId, FileSystemCheckpointStoreOptions } from 'tidegate';
import type { CheckpointManifest } from 'tidegate/manifest';
import { pattern, writeStore } from './kit.js';

interface SinkMemory {
  readonly prepared: Readonly<Record<string, { checkpointId: number; atMs: number }>>;
  readonly markers: readonly number[];
  readonly silent?: boolean;
  readonly stuck?: boolean;
}

export interface Project {
  readonly directory: string;
  readonly module: string;
  readonly store: string;
  readonly ids: readonly CheckpointId[];
  readonly memoryOf: (sink: 'ledger' | 'warehouse') => SinkMemory;
  readonly remember: (sink: 'ledger' | 'warehouse', memory: SinkMemory) => void;
}

export const handleOf = (sink: string, id: number): string => `orders/${sink}/1/${String(id)}`;

/** A program that died between step 5 and step 6: one complete checkpoint, the next in doubt. */
export async function makeCrashedProject(
  directory: string,
  room: string,
  ports: FileSystemCheckpointStoreOptions = {},
): Promise<Project> {
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(room, join(directory, 'node_modules', 'tidegate'));
  const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));
  cpSync(fixtures, directory, { recursive: true });
  const module = join(directory, 'connect.mjs');
  writeFileSync(module, connectModule);
  const store = join(directory, 'checkpoints');
  const sinks = (kind: 'pending' | 'committed') => (manifest: CheckpointManifest) => ({
    ...manifest,
    sinkNames: ['ledger', 'warehouse'],
    sinkCommitStatuses: new Map([
      ['ledger', { kind }],
      ['warehouse', { kind }],
    ]),
    sinkEpochs: new Map<string, number>(),
    pipelineHash: undefined,
    tidegate: {
      ...manifest.tidegate!,
      commitHandles: new Map(
        ['ledger', 'warehouse'].map((sink) => [sink, handleOf(sink, manifest.checkpointId)]),
      ),
    },
  });
  const ids = await writeStore(
    store,
    [
      { epoch: 1, change: sinks('committed'), sidecar: pattern(5_000) },
      { epoch: 2, change: sinks('pending'), sidecar: pattern(20_000) },
    ],
    ports,
  );
  const project: Project = {
    directory,
    module,
    store,
    ids,
    memoryOf: (sink) =>
      JSON.parse(readFileSync(join(directory, `${sink}.json`), 'utf8')) as SinkMemory,
    remember: (sink, memory) => {
      const text = JSON.stringify({ generation: 1, ...memory });
      writeFileSync(join(directory, `${sink}.json`), text);
    },
  };
  for (const sink of ['ledger', 'warehouse'] as const) {
    const handle = handleOf(sink, ids[1]!);
    const prepared = { [handle]: { checkpointId: ids[1]!, atMs: Date.now() - 7_200_000 } };
    project.remember(sink, { prepared, markers: [ids[0]!] });
  }
  return project;
}

const connectModule = `
import { FileSystemCheckpointStore } from 'tidegate';
import { jsonFileSink } from './json-file-sink.mjs';
export function connect() {
  const here = (name) => new URL(name, import.meta.url).pathname;
  const operator = () => ({
    capture: () => ({ encode: () => new Uint8Array() }),
    restore() {},
    reset() {},
  });
  return {
    pipeline: 'orders',
    store: new FileSystemCheckpointStore(here('checkpoints')),
    sources: { lines: { position: () => ({}), restore() {} } },
    operators: { totals: operator(), windows: operator() },
    sinks: {
      ledger: jsonFileSink(here('ledger.json')),
      warehouse: jsonFileSink(here('warehouse.json')),
    },
  };
}
`;
