// How each kind of operator node becomes a part of a run.

import {
  latePort,
  mainPort,
  type NodeInstance,
  type TableNode,
  type TableOf,
  type Wiring,
} from '../graph.js';
import {
  requireContract,
  requireFunctions,
  requireHandlers,
  requireParts,
  requireSynchronous,
} from '../given-functions.js';
import { Inbox } from '../flow/inbox.js';
import type { OperatorSettings } from '../state/keyed-operator.js';
import {
  AggregateStage,
  aggregateOperator,
  aggregationParts,
  type Aggregation,
} from './aggregate.js';
import { UnionStage } from './ends.js';
import { CustomStage } from './custom.js';
import { CustomParticipant, operatorHandlers, type CustomOperator } from './custom-operator.js';
import { JoinLogic, joinOperator, type JoinOptions } from './join.js';
import { keyText, type KeyOf } from './keys.js';
import { rowIn } from './table.js';
import { ProcessLogic, processOperator, type KeyedFunction } from './process.js';
import { filterStage, flatMapStage, mapStage } from './stateless.js';
import { TimedStage, type TimedStageParts } from './timed-stage.js';
import { SlicedWindowLogic, slicedWindowOperator } from './sliced-window.js';
import type { Merge } from './slices.js';
import { WindowLogic, windowOperator, type WindowAggregation } from './window.js';
import type { CheckedWindow } from './window-grid.js';

type Open = (settings: OperatorSettings, tables: TableOf) => NodeInstance;

export function openMap(convert: (record: unknown) => unknown): Open {
  requireFunctions('map', { convert });
  return () => ({
    build: ({ errors, output }) => {
      const stage = mapStage({ errors, output: output(mainPort) }, convert);
      return () => stage;
    },
  });
}

export function openFilter(isWanted: (record: unknown) => boolean): Open {
  requireFunctions('filter', { isWanted });
  return () => ({
    build: ({ errors, output }) => {
      const stage = filterStage({ errors, output: output(mainPort) }, isWanted);
      return () => stage;
    },
  });
}

export function openFlatMap(expand: (record: unknown) => Iterable<unknown>): Open {
  requireFunctions('flatMap', { expand });
  return () => ({
    build: ({ errors, output }) => {
      const stage = flatMapStage({ errors, output: output(mainPort) }, expand);
      return () => stage;
    },
  });
}

export function openLookup(
  table: TableNode,
  keyOf: KeyOf<unknown>,
  combine: (record: unknown, row: unknown) => unknown,
): Open {
  requireFunctions('lookup', { keyOf, combine });
  return (_settings, tables) => ({
    build: ({ errors, output }) => {
      const rows = tables(table);
      const convert = (record: unknown): unknown =>
        combine(record, rowIn(rows, keyText(keyOf(record))));
      const stage = mapStage({ errors, output: output(mainPort) }, convert);
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
  requireParts(name, aggregation, aggregationParts);
  requireFunctions(name, { keyOf });
  requireSynchronous(name, { initial: aggregation.initial });
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

export function openWindow(
  name: string,
  spec: CheckedWindow,
  keyOf: KeyOf<unknown>,
  aggregation: WindowAggregation<unknown, unknown, unknown>,
): Open {
  requireFunctions(name, { keyOf });
  requireSynchronous(name, { initial: aggregation.initial });
  const { merge } = aggregation;
  // Without an overlap there is nothing to merge.
  return merge === undefined || spec.everyMs === spec.sizeMs
    ? openPanes(name, spec, keyOf, aggregation)
    : openSlices(name, spec, keyOf, { ...aggregation, merge });
}

function openPanes(
  name: string,
  spec: CheckedWindow,
  keyOf: KeyOf<unknown>,
  aggregation: WindowAggregation<unknown, unknown, unknown>,
): Open {
  return (settings) => {
    const operator = windowOperator(name, spec, settings);
    return timed(
      1,
      (wiring) => ({
        operator,
        ...timedWiring(wiring),
        ports: [mainPort, latePort],
        hasEventTime: true,
        logic: (emitter) => new WindowLogic({ operator, spec, keyOf, aggregation }, emitter),
      }),
      operator,
    );
  };
}

function openSlices(
  name: string,
  spec: CheckedWindow,
  keyOf: KeyOf<unknown>,
  aggregation: WindowAggregation<unknown, unknown, unknown> & { readonly merge: Merge },
): Open {
  const { merge } = aggregation;
  return (settings) => {
    const operator = slicedWindowOperator(name, { spec, merge }, settings);
    return timed(
      1,
      (wiring) => ({
        operator,
        ...timedWiring(wiring),
        ports: [mainPort, latePort],
        hasEventTime: true,
        logic: (emitter) =>
          new SlicedWindowLogic({ operator, spec, keyOf, aggregation, merge }, emitter),
      }),
      operator,
    );
  };
}

export function openProcess(
  name: string,
  keyOf: KeyOf<unknown>,
  fn: KeyedFunction<unknown, unknown, unknown>,
  hasEventTime: boolean,
): Open {
  requireFunctions(name, { keyOf });
  requireSynchronous(name, { initial: fn.initial });
  return (settings) => {
    const operator = processOperator(name, settings);
    return timed(
      1,
      (wiring) => ({
        operator,
        ...timedWiring(wiring),
        ports: [mainPort, ...(fn.sides ?? [])],
        hasEventTime,
        logic: (emitter) => new ProcessLogic({ operator, keyOf, fn, hasEventTime }, emitter),
      }),
      operator,
    );
  };
}

export function openJoin(
  name: string,
  keysOf: readonly [KeyOf<unknown>, KeyOf<unknown>],
  options: JoinOptions<unknown, unknown, unknown>,
): Open {
  requireFunctions(name, { keyOf: keysOf[0] });
  requireFunctions(name, { keyOf: keysOf[1] });
  return (settings) => {
    const operator = joinOperator(name, options.withinMs, settings);
    return timed(
      2,
      (wiring) => ({
        operator,
        ...timedWiring(wiring),
        ports: [mainPort, latePort],
        hasEventTime: true,
        logic: (emitter) => new JoinLogic({ operator, keysOf, options }, emitter),
      }),
      operator,
    );
  };
}

export function openCustom(
  name: string,
  operator: CustomOperator<unknown, unknown>,
  hasEventTime: boolean,
): Open {
  requireContract(name, operator, ['onRecord', 'capture', 'restore', 'reset']);
  requireHandlers(name, operator, operatorHandlers);
  return ({ identity }) => {
    const participant = new CustomParticipant(name, operator, identity);
    return {
      operator: participant,
      build: ({ run, errors, output }) => {
        const parts = { run, participant, errors, output: output(mainPort), hasEventTime };
        const inbox = new Inbox(run, new CustomStage(parts), 1);
        return (input) => inbox.receiver(input);
      },
    };
  };
}

function timed<Value>(
  inputs: number,
  parts: (wiring: Wiring) => TimedStageParts<Value>,
  operator: TimedStageParts<Value>['operator'],
): NodeInstance {
  return {
    operator,
    build: (wiring) => {
      const inbox = new Inbox(wiring.run, new TimedStage(parts(wiring)), inputs);
      return (input) => inbox.receiver(input);
    },
  };
}

function timedWiring({ run, errors, output, countLate }: Wiring) {
  return { run, errors, output, countLate };
}
