// For tests of the command line: the binary as it is installed, and stores to point it at.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileSystemCheckpointStore } from 'tidegate';
import type { CheckpointId, FileSystemCheckpointStoreOptions } from 'tidegate';
import { seededRandom, systemClock } from 'tidegate/extend';
import type { OwnedStore } from 'tidegate/extend';
import {
  connectorCheckpoint,
  createManifest,
  externalOperatorState,
  inlineOperatorState,
} from 'tidegate/manifest';
import type { CheckpointManifest, TidegateFields } from 'tidegate/manifest';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Buffer;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Sends SIGINT when the process has written something. */
  readonly interrupt?: boolean;
}

/** The package built from the sources as they are now; its binary and a place for modules. */
export class Installed {
  readonly room: string;
  readonly binary: string;

  constructor() {
    const script = fileURLToPath(new URL('build.mjs', import.meta.url));
    const built = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
    this.room = built.stdout;
    const facts = JSON.parse(readFileSync(join(this.room, 'package.json'), 'utf8')) as {
      readonly bin: { readonly tidegate: string };
    };
    this.binary = join(this.room, facts.bin.tidegate);
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return collect(process.execPath, [this.binary, ...args], options);
  }

  /** A line of shell in which `tidegate` is the binary. */
  shell(line: string, options: RunOptions = {}): Promise<Ran> {
    const script = `tidegate() { ${process.execPath} ${this.binary} "$@"; }; set -o pipefail; ${line}`;
    return collect('bash', ['-c', script], options);
  }
}

function collect(command: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const { cwd, stdin, env } = options;
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env } });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    if (options.interrupt) child.stdout.once('data', () => child.kill('SIGINT'));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      const bytes = Buffer.concat(out);
      resolve({ code, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}

/** Directories that are removed after the tests. */
export class Scratch {
  readonly #made: string[] = [];

  directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'tidegate-cli-test-'));
    this.#made.push(path);
    return path;
  }

  remove(): void {
    for (const path of this.#made) rmSync(path, { recursive: true, force: true });
  }
}

export interface Spec {
  readonly epoch: number;
  readonly sidecar?: Uint8Array;
  readonly change?: (manifest: CheckpointManifest) => CheckpointManifest;
  readonly ours?: Partial<TidegateFields>;
}

export const takenAtMs = Date.parse('2026-01-02T03:04:05Z');

/** The same store id each time, so that printed examples stay true. */
export function tourPorts(): FileSystemCheckpointStoreOptions {
  return { random: seededRandom(1), clock: { ...systemClock, now: () => takenAtMs } };
}

/** Writes checkpoints as an owner would have, and leaves the store to the next one. */
export async function writeStore(
  directory: string,
  specs: readonly Spec[],
  ports: FileSystemCheckpointStoreOptions = {},
): Promise<readonly CheckpointId[]> {
  const store = await openStore(directory, ports);
  const ids: CheckpointId[] = [];
  for (const spec of specs) ids.push(await save(store, spec));
  await store.close();
  return ids;
}

export function openStore(
  directory: string,
  ports: FileSystemCheckpointStoreOptions = {},
): Promise<OwnedStore> {
  const store = new FileSystemCheckpointStore(directory, { heartbeatMs: 0, ...ports });
  return store.open({ pipeline: 'orders', liveOwner: 'refuse' });
}

export async function save(store: OwnedStore, spec: Spec): Promise<CheckpointId> {
  const id = store.allocateCheckpointId();
  const { epoch, sidecar, change } = spec;
  const receipt =
    sidecar === undefined
      ? undefined
      : await store.writeSidecar(id, once(sidecar), { maxBytes: 2 ** 30 });
  const manifest: CheckpointManifest = {
    ...createManifest(id, epoch, { clock: { now: () => takenAtMs + epoch * 1_000 } }),
    sourceOffsets: new Map([
      ['lines', connectorCheckpoint(epoch, new Map([['line', `${epoch}00`]]))],
    ]),
    sourceNames: ['lines'],
    sinkNames: ['archive', 'warehouse'],
    sinkCommitStatuses: new Map([
      ['archive', { kind: 'committed' }],
      ['warehouse', { kind: 'committed' }],
    ]),
    sinkEpochs: new Map([
      ['archive', epoch],
      ['warehouse', epoch],
    ]),
    operatorStates: new Map([
      ['totals', inlineOperatorState(Buffer.from(`totals of epoch ${epoch}`))],
      ...(sidecar === undefined
        ? []
        : ([['windows', externalOperatorState(0, sidecar.byteLength)]] as const)),
    ]),
    watermark: BigInt(epoch) * 1_000n,
    sourceWatermarks: new Map([['lines', BigInt(epoch) * 1_000n]]),
    pipelineHash: 2n ** 64n - 1n,
    stateChecksum: receipt?.sha256,
    tidegate: {
      storeId: store.storeId,
      pipeline: store.pipeline,
      generation: store.generation,
      kind: 'checkpoint',
      commitHandles: new Map([['warehouse', `orders/warehouse/${store.generation}/${id}`]]),
      ...spec.ours,
    },
  };
  await store.saveManifest(change?.(manifest) ?? manifest);
  return id;
}

/** The statuses of an epoch that was persisted and not yet committed. */
export function inDoubt(manifest: CheckpointManifest): CheckpointManifest {
  return {
    ...manifest,
    sinkCommitStatuses: new Map(manifest.sinkCommitStatuses).set('warehouse', { kind: 'pending' }),
    sinkEpochs: new Map([['archive', manifest.epoch]]),
  };
}

export function pattern(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, index) => index % 251);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
