// Every path through a chart by xstate/graph, in the few words that the tests of the charts need.

import type { ActorLogic, EventObject, Snapshot } from 'xstate';
import { getAdjacencyMap, getSimplePaths } from 'xstate/graph';

/** Any chart; its own types do not matter for walking it. */
type Chart = ActorLogic<Snapshot<unknown>, EventObject, unknown>;

/** An event with a name for people. */
export interface Labelled extends EventObject {
  readonly label: string;
  readonly [field: string]: unknown;
}

interface Seen<Context> {
  readonly value: string;
  readonly context: Context;
}

export interface Path<Context> {
  readonly labels: readonly string[];
  readonly events: readonly Labelled[];
  readonly states: readonly Seen<Context>[];
}

export interface Transition<Context> {
  readonly from: Seen<Context>;
  readonly label: string;
  readonly to: Seen<Context>;
}

export interface WalkOptions<Context> {
  readonly input: unknown;
  readonly events: (state: string) => readonly Labelled[];
  /** What tells two states apart. */
  readonly key: (state: Seen<Context>) => string;
}

function optionsFor<Context>(options: WalkOptions<Context>) {
  return {
    input: options.input,
    events: (state: Snapshot<unknown>) => options.events(seen<Context>(state).value),
    serializeState: (state: Snapshot<unknown>) => options.key(seen(state)),
    serializeEvent: (event: EventObject) => labelOf(event),
  };
}

export function allPaths<Context>(
  machine: unknown,
  options: WalkOptions<Context>,
): readonly Path<Context>[] {
  return getSimplePaths(machine as Chart, optionsFor(options)).map((path) => ({
    labels: path.steps.map(({ event }) => labelOf(event)).filter(isNoInit),
    events: path.steps.map(({ event }) => event as Labelled).filter(({ type }) => isNoInit(type)),
    states: path.steps.map(({ state }) => seen<Context>(state)),
  }));
}

export function allTransitions<Context>(
  machine: unknown,
  options: WalkOptions<Context>,
): readonly Transition<Context>[] {
  const map = getAdjacencyMap(machine as Chart, optionsFor(options)) as unknown as Record<
    string,
    Vertex
  >;
  return Object.values(map).flatMap(({ state, transitions }) =>
    Object.values(transitions).map(({ event, state: next }) => ({
      from: seen<Context>(state),
      label: labelOf(event),
      to: seen<Context>(next),
    })),
  );
}

/** A state and what each event makes of it, as xstate/graph maps them. */
interface Vertex {
  readonly state: Snapshot<unknown>;
  readonly transitions: Readonly<Record<string, Edge>>;
}

interface Edge {
  readonly event: EventObject;
  readonly state: Snapshot<unknown>;
}

function seen<Context>(state: Snapshot<unknown>): Seen<Context> {
  const { value, context } = state as unknown as { value: Value; context: Context };
  return { value: leafOf(value), context };
}

/** The name of the innermost state; the charts are at most two deep. */
function leafOf(value: Value): string {
  return typeof value === 'string' ? value : Object.values(value).join();
}

type Value = string | Readonly<Record<string, string>>;

function labelOf(event: EventObject): string {
  return (event as Partial<Labelled>).label ?? event.type;
}

function isNoInit(label: string): boolean {
  return label !== 'xstate.init';
}
