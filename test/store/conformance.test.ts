// Every store that comes with tidegate, against the suite that users run on theirs.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { FileSystemCheckpointStore, MemoryCheckpointStore, ObjectCheckpointStore } from 'tidegate';
import { SimulatedDisk, SimulatedObjectStorage, describeCheckpointStore } from 'tidegate/testing';

const runner = { describe, test };

describeCheckpointStore(
  {
    name: 'the memory store',
    create() {
      const store = new MemoryCheckpointStore();
      return { connect: () => store };
    },
  },
  runner,
);

describeCheckpointStore(
  {
    name: 'the filesystem store',
    create() {
      const directory = mkdtempSync(join(tmpdir(), 'tidegate-store-'));
      return {
        connect: () => new FileSystemCheckpointStore(directory),
        async close() {
          rmSync(directory, { recursive: true });
        },
      };
    },
  },
  runner,
);

describeCheckpointStore(
  {
    name: 'the filesystem store on a simulated disk',
    create() {
      const disk = new SimulatedDisk();
      return {
        connect: () =>
          new FileSystemCheckpointStore('/store', { fileSystem: disk.mount().fileSystem }),
      };
    },
  },
  runner,
);

describeCheckpointStore(
  {
    name: 'the object store on a simulated service',
    create() {
      const service = new SimulatedObjectStorage();
      return {
        connect: () => new ObjectCheckpointStore({ storage: service.connect().storage }),
      };
    },
  },
  runner,
);
