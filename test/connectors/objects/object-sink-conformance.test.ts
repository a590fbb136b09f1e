import { describe, test } from '@jest/globals';
import { SimulatedObjectStorage } from '../../../src/testing/object-storage/simulated-object-storage.js';
import { describeTwoPhaseSink } from '../../../src/testing/two-phase-sink-conformance.js';
import { sinkOn, visibleIn, type Numbered } from './object-world.js';

describeTwoPhaseSink<Numbered>(
  {
    name: 'the object sink',
    record: (number) => ({ number }),
    create() {
      const service = new SimulatedObjectStorage();
      return {
        connect: () => sinkOn(service.connect().storage),
        visible: () => visibleIn(service),
      };
    },
  },
  { describe, test },
);

describeTwoPhaseSink<Numbered>(
  {
    name: 'the object sink with objects of many parts',
    record: (number) => ({ number }),
    create() {
      const service = new SimulatedObjectStorage({ minPartBytes: 1 });
      const sizes = { maxPartBytes: 3, maxObjectBytes: 20 };
      return {
        connect: () => sinkOn(service.connect().storage, sizes),
        visible: () => visibleIn(service),
      };
    },
  },
  { describe, test },
);
