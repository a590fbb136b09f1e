// Every store that comes with tidegate, against the suite that users run on theirs.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { FileSystemCheckpointStore } from '../../src/store/filesystem/file-system-store.js';
import { MemoryCheckpointStore } from '../../src/store/memory/memory-store.js';
import { ObjectCheckpointStore } from '../../src/store/object/object-store.js';
import { SimulatedDisk } from '../../src/testing/disk/simulated-disk.js';
import { SimulatedObjectStorage } from '../../src/testing/object-storage/simulated-object-storage.js';
import { describeCheckpointStore } from '../../src/testing/store-conformance.js';

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
