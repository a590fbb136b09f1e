// The calls of one participant in one life, each of them a point at which the schedule may strike.

import type { CallOptions } from '../../contracts/source.js';
import { pointNameOf, type Action, type Director } from './director.js';
import type { Life } from './life.js';

/** What a request does at the system, once it is let through. */
export type Perform<Value> = () => Value | Promise<Value>;

/** What a simulated participant calls instead of doing things directly. */
export interface Port {
  /** Something that outlives the process. */
  durable<Value>(name: string, options: CallOptions, perform: Perform<Value>): Promise<Value>;
  /** A question: it changes nothing. */
  answer<Value>(name: string, options: CallOptions, perform: Perform<Value>): Promise<Value>;
  /** Something that dies with the process. */
  memory<Value>(name: string, perform: Perform<Value>): Promise<Value>;
  /** Something that one part of the process tells another: it may arrive late. */
  message(name: string, perform: () => void): void;
}

/** @param actor Whom an outage silences, such as `sink a`; it begins the name of each point. */
export function directedPort(director: Director, life: Life, actor: string): Port {
  const act = <Value>(
    name: string,
    effect: Action['effect'],
    perform: Perform<Value>,
  ): Promise<Value> => director.act(life, actionOf(actor, name, effect), perform);
  return {
    durable: (name, options, perform) => act(name, 'durable', unlessAborted(options, perform)),
    answer: (name, options, perform) => act(name, 'answer', unlessAborted(options, perform)),
    memory: (name, perform) => act(name, 'memory', perform),
    message: (name, perform) => void act(name, 'message', perform),
  };
}

const knownActions = new Map<string, Map<string, Action>>();
const maxKnownActors = 1_000;

/** The same few actions come again in every run: each is made once. */
function actionOf(actor: string, name: string, effect: Action['effect']): Action {
  let actions = knownActions.get(actor);
  if (actions === undefined) {
    if (knownActions.size >= maxKnownActors) knownActions.clear();
    actions = new Map();
    knownActions.set(actor, actions);
  }
  let action = actions.get(name);
  if (action?.effect !== effect) {
    action = { actor, name, effect, pointName: pointNameOf(actor, name) };
    actions.set(name, action);
  }
  return action;
}

/** A port on which nothing goes wrong: for sinks and sources outside a simulation. */
export const calmPort: Port = {
  durable: async (_name, _options, perform) => perform(),
  answer: async (_name, _options, perform) => perform(),
  memory: async (_name, perform) => perform(),
  message: (_name, perform) => perform(),
};

/** A call whose caller had stopped waiting before it began is not begun. */
function unlessAborted<Value>(options: CallOptions, perform: Perform<Value>): Perform<Value> {
  if (!options.signal.aborted) return perform;
  return () => {
    throw new Error('the call was aborted before it began', { cause: options.signal.reason });
  };
}
