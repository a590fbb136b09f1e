// The shape of a pipeline: its nodes, what they read from, and what is wrong with it.

import { createHash } from 'node:crypto';
import { TidegateError } from '../errors.js';
import { kindOf } from '../given.js';
import { savedDefinition } from '../contracts/operator-definition.js';
import type { Operator } from '../contracts/operator.js';
import type { ReadableSource } from '../contracts/source.js';
import type { Sink } from '../contracts/sink.js';
import type { Receiver } from './flow/elements.js';
import type { FlowRun } from './flow/flow-run.js';
import type { ErrorPolicy, RecordErrors } from './flow/record-errors.js';
import type { EventTimeOptions } from './flow/event-time.js';
import type { KeyOf } from './stages/keys.js';
import type { KeyedOperator, OperatorIdentity, OperatorSettings } from './state/keyed-operator.js';

/** Where records leave a node: its main output, or one beside it. */
export interface Output {
  readonly node: GraphNode;
  readonly port: string;
}

export const mainPort = 'main';
export const deadLetterPort = 'dead-letters';
export const latePort = 'late';
/** The edge from a table to those who look rows up: no record goes along it. */
export const rowsPort = 'rows';

/** What an operator is connected to in one generation. */
export interface Wiring<Participant = Operator | undefined> {
  readonly run: FlowRun;
  /** What `prepare` has answered. */
  readonly participant: Participant;
  readonly errors: RecordErrors;
  readonly output: (port: string) => Receiver;
  readonly countLate: () => void;
  /** The rows of a table in this run. */
  readonly rowsOf: (table: TableNode) => KeyedOperator<unknown>;
}

/** What a node of a pipeline does: described once, prepared for each run, connected in each generation. */
export interface PipelineOperator<Participant extends Operator | undefined = Operator | undefined> {
  /** What has the state in one run, through all of its generations, and takes part in checkpoints. */
  prepare?(settings: OperatorSettings): Participant;
  /** The ends of its inputs, in their order. */
  connect(wiring: Wiring<Participant>): readonly Receiver[];
}

interface NodeBase {
  readonly name: string;
  readonly kind: string;
  readonly inputs: readonly Output[];
  readonly hasEventTime: boolean;
  readonly onError: ErrorPolicy;
  /** What its saved state is of; undefined where it has none. */
  readonly identity?: OperatorIdentity;
}

export interface SourceNode extends NodeBase {
  readonly role: 'source';
  readonly source: ReadableSource;
  readonly eventTime: EventTimeOptions<unknown> | undefined;
}

/** A reference table: a source that is read to its end into rows by key. */
export interface TableNode extends NodeBase {
  readonly role: 'table';
  readonly source: ReadableSource;
  readonly keyOf: KeyOf<unknown>;
}

export interface OperatorNode extends NodeBase {
  readonly role: 'operator';
  readonly operator: PipelineOperator;
}

interface SinkNode extends NodeBase {
  readonly role: 'sink';
  readonly sink: Sink;
}

export type GraphNode = SourceNode | TableNode | OperatorNode | SinkNode;

/** Nodes in the order in which they were made: inputs come before what reads them. */
export class Graph {
  readonly pipeline: string;
  readonly #nodes: GraphNode[] = [];

  constructor(pipeline: string) {
    this.pipeline = pipeline;
  }

  get nodes(): readonly GraphNode[] {
    return this.#nodes;
  }

  ofRole<Role extends GraphNode['role']>(role: Role): readonly (GraphNode & { role: Role })[] {
    return this.#nodes.filter((node): node is GraphNode & { role: Role } => node.role === role);
  }

  /** @throws TidegateError `TIDEGATE_PIPELINE` for a name that is taken, or an input from elsewhere. */
  add<Node extends GraphNode>(node: Node): Node {
    const group = groupOf(node);
    if (typeof node.name !== 'string') {
      throw invalid(`the name of a ${node.kind} is ${kindOf(node.name)}, not text`);
    }
    if (this.#nodes.some((other) => other.name === node.name && groupOf(other) === group)) {
      throw invalid(`pipeline ${this.pipeline} has two ${group}s called ${node.name}`);
    }
    for (const { node: input } of node.inputs) {
      if (this.#nodes.includes(input)) continue;
      throw invalid(`${node.kind} ${node.name} reads ${input.name}, which is in another pipeline`);
    }
    this.#nodes.push(node);
    return node;
  }

  /** A name for a node that was given none: by kind and position, so that it stays the same. */
  nameFor(kind: string, given: string | undefined): string {
    if (given !== undefined) return given;
    return `${kind}-${this.#nodes.filter((node) => node.kind === kind).length + 1}`;
  }

  readersOf(node: GraphNode, port: string): readonly { node: GraphNode; input: number }[] {
    return this.#nodes.flatMap((reader) =>
      reader.inputs.flatMap((input, index) =>
        input.node === node && input.port === port ? [{ node: reader, input: index }] : [],
      ),
    );
  }

  /** Ports beside the main one that have a reader. */
  sidePortsOf(node: GraphNode): readonly string[] {
    const ports = new Set<string>();
    for (const { inputs } of this.#nodes) {
      for (const input of inputs) if (input.node === node) ports.add(input.port);
    }
    ports.delete(mainPort);
    return [...ports];
  }

  /** What cannot be run, one sentence each. */
  problems(): readonly string[] {
    const problems: string[] = [];
    if (this.ofRole('source').length === 0) problems.push('it has no source');
    if (this.ofRole('sink').length === 0) problems.push('it has no sink: end a stream with .to()');
    for (const node of this.#nodes) {
      if (!sendsDeadLetters(node)) continue;
      if (this.readersOf(node, deadLetterPort).length > 0) continue;
      problems.push(`dead letters of ${node.name} go nowhere: send .deadLetters to a sink`);
    }
    return [...problems, ...this.#lonelySources()];
  }

  /** A group that has one source only waits for nothing: its name may be misspelt in another. */
  #lonelySources(): readonly string[] {
    const sources = this.ofRole('source').filter(({ hasEventTime }) => hasEventTime);
    const groupIn = ({ eventTime }: SourceNode): string | undefined => eventTime?.alignment?.group;
    return sources.flatMap((node) => {
      const group = groupIn(node);
      if (group === undefined || sources.some((one) => one !== node && groupIn(one) === group)) {
        return [];
      }
      return [`source ${node.name} is alone in the alignment group ${group}: it waits for none`];
    });
  }

  /**
   * The first 8 bytes (big endian) of the SHA-256 over names, kinds, topology and definitions.
   * Never function text, paths or credentials: a new build of the same pipeline must resume.
   */
  hash(): bigint {
    const shape = this.#nodes.map((node) => [
      node.role,
      node.kind,
      node.name,
      definitionOf(node),
      node.role === 'sink' ? node.sink.durability : null,
      node.inputs.map(({ node: input, port }) => [input.role, input.name, port]),
    ]);
    const text = JSON.stringify([this.pipeline, shape]);
    return createHash('sha256').update(text).digest().readBigUInt64BE(0);
  }
}

/** Records that could not be processed have no time: their stream is one of its own. */
export function hasEventTime({ node, port }: Output): boolean {
  return node.hasEventTime && port !== deadLetterPort;
}

function sendsDeadLetters(node: GraphNode): boolean {
  if (node.role === 'sink') return false;
  const onAhead = node.role === 'source' ? node.eventTime?.onAhead : undefined;
  return node.onError === 'dead-letter' || onAhead === 'dead-letter';
}

export function invalid(message: string): TidegateError {
  return new TidegateError('TIDEGATE_PIPELINE', message);
}

/** As short as it can be: a node without version and settings is what its kind says. */
function definitionOf({ identity }: GraphNode): unknown {
  if (identity === undefined) return null;
  const { version, settings } = savedDefinition(identity);
  if (settings.size === 0) return version ?? null;
  return [version ?? null, [...settings]];
}

function groupOf({ role }: GraphNode): 'source' | 'operator' | 'sink' {
  return role === 'table' ? 'source' : role;
}
