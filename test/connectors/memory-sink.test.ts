import { describe, test } from '@jest/globals';
import { MemorySink } from '../../src/connectors/memory/memory-sink.js';
import { describeTwoPhaseSink } from '../../src/testing/two-phase-sink-conformance.js';

describeTwoPhaseSink<{ number: number }>(
  {
    name: 'a memory sink',
    record: (number) => ({ number }),
    create: () => {
      const sink = new MemorySink<{ number: number }>();
      return { connect: () => sink, visible: () => sink.records };
    },
  },
  { describe, test },
);
