// What tests of the filesystem store are made of: one simulated disk, and stores that fail on request.

import { FileSystemCheckpointStore } from 'tidegate';
import type { FileSystemCheckpointStoreOptions } from 'tidegate';
import { seededRandom } from 'tidegate/extend';
import type { Logger, OwnedStore, ProcessIdentity } from 'tidegate/extend';
import { SimulatedClock, SimulatedDisk } from 'tidegate/testing';
import type { DiskHooks } from 'tidegate/testing';
import { StoreLayout } from '../../src/store/layout.js';

export const layout = new StoreLayout('/store');
export const identity: ProcessIdentity = {
  host: 'here',
  bootId: 'boot',
  pidNamespace: 'pid:[1]',
  pid: 17,
  startedAt: '100',
};

export interface Logged {
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
}

/** A disk, a clock and a log, and stores on them as processes make them. */
export class Bench {
  readonly disk = new SimulatedDisk();
  readonly clock = new SimulatedClock();
  readonly logged: Logged[] = [];

  store(
    options: Partial<FileSystemCheckpointStoreOptions> = {},
    hooks: DiskHooks = {},
  ): FileSystemCheckpointStore {
    return new FileSystemCheckpointStore('/store', {
      fileSystem: this.disk.mount(hooks).fileSystem,
      clock: this.clock,
      random: seededRandom(11),
      logger: this.#logger(),
      processes: { self: () => identity, livenessOf: () => 'gone' },
      heartbeatMs: 0,
      ...options,
    });
  }

  open(
    options: Partial<FileSystemCheckpointStoreOptions> = {},
    hooks: DiskHooks = {},
  ): Promise<OwnedStore> {
    return this.store(options, hooks).open({ pipeline: 'orders' });
  }

  paths(): readonly string[] {
    return [...this.disk.tree().keys()].sort();
  }

  /** Puts a file there, and the directories above it. */
  async put(path: string, text = ''): Promise<void> {
    const { fileSystem } = this.disk.mount();
    const parts = path.split('/').slice(1, -1);
    for (const index of parts.keys()) {
      const directory = `/${parts.slice(0, index + 1).join('/')}`;
      await fileSystem.makeDirectory(directory).catch(() => undefined);
    }
    this.disk.writeFile(path, Buffer.from(text));
  }

  text(path: string): string {
    return Buffer.from(this.disk.tree().get(path) ?? []).toString();
  }

  #logger(): Logger {
    const write = (level: string) => (fields: unknown, message: string) =>
      void this.logged.push({ level, message, fields });
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
  }
}

/** Makes the calls that fit fail with an errno, with or without their effect. */
export function failing(
  fits: (operation: { readonly kind: string; readonly path: string }) => boolean,
  code = 'EIO',
): DiskHooks {
  return { before: (operation) => (fits(operation) ? { code, effect: 'none' } : undefined) };
}

/** The chunks of a sidecar of one byte. */
export async function* oneByte(): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(Uint8Array.of(1));
}
