// The user's module: what its `connect()` returns, and the store and participants in it.

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  checkOptions,
  type CoordinatorOptions,
} from '../coordinator/options/coordinator-options.js';
import { pipelineHashOf } from '../coordinator/options/pipeline-hash.js';
import { toError } from '../errors.js';
import type { Question } from '../recovery/read-facts.js';
import type { LostInputChoice } from '../recovery/request.js';
import { silentLogger } from '../runtime/logger.js';
import { withDeadline } from '../runtime/deadline.js';
import type { CheckpointStore } from '../store/checkpoint-store.js';
import type { Context } from './context.js';
import { CommandError } from './problems.js';

/**
 * What `connect()` of a module returns or resolves to: what the program gives to its coordinator (of
 * a pipeline, `connection()` of a prepared run), and how to let go of it.
 */
interface Connection extends CoordinatorOptions {
  /** Closes pools and files, so that the command can end. */
  close?(): void | Promise<void>;
}

export interface Connected {
  readonly store: CheckpointStore;
  /** Everything that recovery is asked with. */
  readonly question: Question;
  readonly pipeline: string;
  /** What the program gives up where it is gone. */
  readonly acceptLostInput: LostInputChoice | undefined;
}

export interface ConnectOptions {
  /** Bound of one call to the module, the store or a sink. */
  readonly timeoutMs: number;
}

/** Loads a module of the user's; what it throws keeps its message. */
export async function loadModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new CommandError(`${path} cannot be loaded: ${toError(error).message}`, undefined, error);
  }
}

/** Connects, runs the work, and closes in any case; a close that hangs is left after the bound. */
export async function withConnection<Value>(
  path: string,
  options: ConnectOptions,
  context: Context,
  work: (connected: Connected) => Promise<Value>,
): Promise<Value> {
  const { clock, terminal } = context;
  const { timeoutMs } = options;
  const connection = await connect(path, options, context);
  try {
    return await work(connectedBy(connection, options, context));
  } finally {
    const closing = await withDeadline({ clock, timeoutMs }, () => connection.close?.());
    if (closing.kind !== 'answered') {
      terminal.note(`close() of ${path} ended with ${closing.kind}: the process may stay open`);
    }
  }
}

async function connect(
  path: string,
  { timeoutMs }: ConnectOptions,
  { clock, signal }: Context,
): Promise<Connection> {
  const { connect: make } = await loadModule(path);
  if (typeof make !== 'function') {
    throw new CommandError(
      `${path} exports no function connect()`,
      'Export one that returns what your program gives to its coordinator.',
    );
  }
  const call = make as () => unknown;
  const outcome = await withDeadline({ clock, timeoutMs, signal }, call);
  switch (outcome.kind) {
    case 'answered':
      return checked(path, outcome.value);
    case 'failed':
      throw new CommandError(
        `connect() of ${path} failed: ${toError(outcome.error).message}`,
        undefined,
        outcome.error,
      );
    case 'timed-out':
      throw new CommandError(`connect() of ${path} did not return within ${outcome.afterMs} ms`);
    case 'aborted':
      throw toError(outcome.reason);
  }
}

/** Enough to say what is missing; the coordinator's own checks do the rest. */
function checked(path: string, value: unknown): Connection {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Partial<Connection>;
  const missing = [
    ...(typeof given.pipeline === 'string' ? [] : ['pipeline']),
    ...(typeof given.store?.openReadOnly === 'function' ? [] : ['store']),
    ...(isObject(given.sources) ? [] : ['sources']),
    ...(isObject(given.sinks) ? [] : ['sinks']),
  ];
  if (missing.length === 0) return given as Connection;
  throw new CommandError(
    `connect() of ${path} returned nothing usable for: ${missing.join(', ')}`,
    'Return what your program gives to its coordinator.',
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function connectedBy(
  connection: Connection,
  { timeoutMs }: ConnectOptions,
  { clock, random, signal }: Context,
): Connected {
  const { participants, options } = checkOptions(connection);
  const question: Question = {
    participants,
    options: { ...options, timeouts: { ...options.timeouts, callMs: timeoutMs } },
    pipelineHash: connection.pipelineHash ?? pipelineHashOf(connection.pipeline, participants),
    occasion: 'start',
    ports: { clock, random, logger: connection.logger ?? silentLogger },
    signal,
  };
  const { store, pipeline, acceptLostInput } = connection;
  return { store, question, pipeline, acceptLostInput };
}
