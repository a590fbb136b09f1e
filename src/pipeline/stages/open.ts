// How each kind of operator node becomes a part of a run.

import type { NodeInstance } from '../graph.js';
import { mainPort } from '../graph.js';
import { Inbox } from '../flow/inbox.js';
import type { OperatorSettings } from '../state/keyed-operator.js';
import { AggregateStage, aggregateOperator, type Aggregation } from './aggregate.js';
import { UnionStage } from './ends.js';
import type { KeyOf } from './keys.js';
import { filterStage, flatMapStage, mapStage } from './stateless.js';

type Open = (settings: OperatorSettings) => NodeInstance;

export function openMap(convert: (record: unknown) => unknown): Open {
  return () => ({
    build: ({ errors, output }) => {
      const stage = mapStage({ errors, output: output(mainPort) }, convert);
      return () => stage;
    },
  });
}

export function openFilter(isWanted: (record: unknown) => boolean): Open {
  return () => ({
    build: ({ errors, output }) => {
      const stage = filterStage({ errors, output: output(mainPort) }, isWanted);
      return () => stage;
    },
  });
}

export function openFlatMap(expand: (record: unknown) => Iterable<unknown>): Open {
  return () => ({
    build: ({ errors, output }) => {
      const stage = flatMapStage({ errors, output: output(mainPort) }, expand);
      return () => stage;
    },
  });
}

export function openUnion(inputs: number): Open {
  return () => ({
    build: ({ run, output }) => {
      const inbox = new Inbox(run, new UnionStage(output(mainPort)), inputs);
      return (input) => inbox.receiver(input);
    },
  });
}

export function openAggregate(
  name: string,
  keyOf: KeyOf<unknown>,
  aggregation: Aggregation<unknown, unknown, unknown>,
): Open {
  return (settings) => {
    const operator = aggregateOperator(name, settings);
    return {
      operator,
      build: ({ errors, output }) => {
        const parts = { operator, errors, keyOf, aggregation, output: output(mainPort) };
        const stage = new AggregateStage(parts);
        return () => stage;
      },
    };
  };
}
