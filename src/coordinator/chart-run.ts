// Runs a chart: XState picks every transition from the built machine, this file carries it out.

import type { AnyEventObject, AnyMachineSnapshot, AnyStateMachine, StateNode } from 'xstate';
import { assert } from '../assert.js';
import { toError } from '../errors.js';
import { sharedAbort } from '../runtime/abort.js';
import type { Clock, Timer } from '../runtime/clock.js';

/** What an action of a chart makes of its context, by the action's name. */
export type Updates<Context> = Readonly<
  Record<string, (context: Context, params: never) => Partial<Context>>
>;

/** What the states invoke, by the name of the actor. The signal fires when nobody waits any more. */
export type Work = Readonly<
  Record<string, (input: never, signal: AbortSignal) => Promise<unknown>>
>;

export interface ChartRunOptions<Context> {
  readonly input: unknown;
  readonly clock: Clock;
  readonly work: Work;
  /** Told after each transition, when everything that it begins has begun. */
  readonly changed: (run: ChartRun<Context>) => void;
  /** A guard or an update threw: the chart is wrong, and the run is over. Default to throw it. */
  readonly failed?: (error: unknown) => void;
}

/**
 * A flat chart, checked once. An actor of XState's makes a child actor, a system and several
 * snapshots for each step, which was a third of the price of a checkpoint; so the machine decides
 * and `ChartRun` acts. A test walks every path of both charts with XState and compares.
 */
export class Chart<Context> {
  readonly initial: ChartNode;
  readonly nodes = new Map<string, ChartNode>();

  /** @throws TidegateError `TIDEGATE_BUG` for a chart with more in it than a run can carry out. */
  constructor(
    readonly machine: AnyStateMachine,
    readonly updates: Updates<Context>,
  ) {
    const states = Object.values(machine.states) as StateNode[];
    for (const state of states) this.nodes.set(state.key, nodeOf(machine, state));
    this.initial = this.node(machine.config.initial as string);
  }

  node(key: string): ChartNode {
    const node = this.nodes.get(key);
    assert(node !== undefined, `chart ${this.machine.id} has no state ${key}`);
    return node;
  }

  contextOf(input: unknown): Context {
    const { context } = this.machine.config as { readonly context?: unknown };
    return valueOf(context, { input }) as Context;
  }
}

interface ChartNode {
  readonly key: string;
  readonly isFinal: boolean;
  readonly exit: readonly Action[];
  readonly bounds: readonly { readonly eventType: string; readonly delayMs: DelayOf }[];
  readonly invoked: Invoked | undefined;
}

interface Invoked {
  readonly src: string;
  /** As the chart gives it: a value, or a function of the context. */
  readonly input: unknown;
  readonly doneType: string;
  readonly errorType: string;
}

type DelayOf = (args: { readonly context: unknown }) => number;

/** An action as a chart names it; its parameters may depend on context and event. */
type Action = string | { readonly type: string; readonly params?: unknown };

function nodeOf(machine: AnyStateMachine, state: StateNode): ChartNode {
  const where = `state ${state.key} of chart ${machine.id}`;
  const [invoked, ...more] = state.invoke;
  const isFlat = (state.type === 'atomic' || state.type === 'final') && !state.always;
  assert(isFlat && more.length === 0, `${where} is more than a flat state with one actor`);
  assert(state.config.entry === undefined, `${where} has entry actions`);
  const exit = [state.config.exit ?? []].flat() as readonly Action[];
  const bounds = state.after.map(({ eventType, delay }) => {
    const delayMs = machine.implementations.delays[String(delay)] as DelayOf | undefined;
    assert(typeof delayMs === 'function', `${where} has no delay ${String(delay)}`);
    return { eventType, delayMs };
  });
  const isFinal = state.type === 'final';
  return { key: state.key, isFinal, exit, bounds, invoked: invoked && invokedOf(state, invoked) };
}

function invokedOf(state: StateNode, { id, src, input }: StateNode['invoke'][number]): Invoked {
  assert(typeof src === 'string', `state ${state.key} invokes an actor without a name`);
  const doneType = `xstate.done.actor.${id}`;
  const errorType = `xstate.error.actor.${id}`;
  const hasBoth = state.transitions.has(doneType) && state.transitions.has(errorType);
  assert(hasBoth, `state ${state.key} does not say what follows on ${src}`);
  return { src, input, doneType, errorType };
}

/** One run through a chart. Events that come in the middle of a transition wait for its end. */
export class ChartRun<Context> {
  readonly #chart: Chart<Context>;
  readonly #options: ChartRunOptions<Context>;
  readonly #waiting: AnyEventObject[] = [];
  readonly #timers: Timer[] = [];
  #node: ChartNode;
  #context: Context;
  #isBusy = false;
  #isBroken = false;
  #stopWork: (() => void) | undefined;

  constructor(chart: Chart<Context>, options: ChartRunOptions<Context>) {
    this.#chart = chart;
    this.#options = options;
    this.#node = chart.initial;
    this.#context = chart.contextOf(options.input);
  }

  /** Name of the state that it is in. */
  get value(): string {
    return this.#node.key;
  }

  get context(): Context {
    return this.#context;
  }

  get isFinal(): boolean {
    return this.#node.isFinal;
  }

  start(): this {
    this.#inTurn(() => this.#enter(this.#chart.initial));
    return this;
  }

  /** An event that the state does not know is ignored, and so is everything after the end. */
  send(event: AnyEventObject): void {
    if (this.#isBusy) this.#waiting.push(event);
    else this.#inTurn(() => this.#take(event));
  }

  #inTurn(first: () => void): void {
    this.#isBusy = true;
    try {
      first();
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) this.#take(next);
    } catch (error) {
      this.#isBroken = true;
      this.#stop();
      if (this.#options.failed === undefined) throw error;
      this.#options.failed(error);
    } finally {
      this.#isBusy = false;
    }
  }

  #take(event: AnyEventObject): void {
    if (this.#node.isFinal || this.#isBroken) return;
    const transition = this.#chart.machine.getTransitionData(this.#snapshot(), event)[0];
    if (transition === undefined) return;
    const target = transition.target?.[0];
    const isLeft = target !== undefined && (transition.reenter || target.key !== this.#node.key);
    if (isLeft) this.#leave(event);
    this.#update(transition.actions as readonly Action[], event);
    if (isLeft) this.#enter(this.#chart.node(target.key));
    this.#options.changed(this);
  }

  /** As much of a snapshot as the choice of a transition and its guards look at. */
  #snapshot(): AnyMachineSnapshot {
    const seen = { machine: this.#chart.machine as unknown, value: this.#node.key };
    return { ...seen, context: this.#context } as AnyMachineSnapshot;
  }

  #enter(node: ChartNode): void {
    const { clock } = this.#options;
    this.#node = node;
    for (const { eventType, delayMs } of node.bounds) {
      const dueMs = delayMs({ context: this.#context });
      this.#timers.push(clock.setTimer(() => this.send({ type: eventType }), dueMs));
    }
    if (node.invoked !== undefined) this.#begin(node.invoked);
  }

  #leave(event: AnyEventObject): void {
    this.#update(this.#node.exit, event);
    this.#stop();
  }

  #stop(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
    this.#stopWork?.();
    this.#stopWork = undefined;
  }

  #begin({ src, input, doneType, errorType }: Invoked): void {
    const work = this.#options.work[src];
    assert(work !== undefined, `nothing was given to do for ${src}`);
    const controller = sharedAbort();
    let isOver = false;
    const settle = (event: AnyEventObject): void => {
      if (isOver) return;
      isOver = true;
      this.send(event);
    };
    this.#stopWork = () => {
      if (isOver) return;
      isOver = true;
      controller.abort();
    };
    const given = valueOf(input, { context: this.#context }) as never;
    startSafely(() => work(given, controller.signal)).then(
      (output) => settle({ type: doneType, output }),
      (error: unknown) => settle({ type: errorType, error }),
    );
  }

  #update(actions: readonly Action[], event: AnyEventObject): void {
    for (const action of actions) {
      const { type, params } = typeof action === 'string' ? { type: action } : action;
      const update = this.#chart.updates[type];
      assert(update !== undefined, `chart ${this.#chart.machine.id} has no update ${type}`);
      const given = valueOf(params, { context: this.#context, event });
      this.#context = { ...this.#context, ...update(this.#context, given as never) };
    }
  }
}

/** What a chart gives as a value or as a function of context, event or input. */
function valueOf(given: unknown, args: object): unknown {
  return typeof given === 'function' ? (given as (args: object) => unknown)(args) : given;
}

/** A synchronous throw becomes a rejection, so that one path handles both. */
function startSafely(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(toError(error));
  }
}
