// Puts the nodes of a graph together: once for a run, and its moving parts for each generation.

import { assert, assertNever } from '../assert.js';
import type { Operator } from '../contracts/operator.js';
import type { Participants } from '../contracts/participants.js';
import { Alignments } from './flow/alignment.js';
import { fanOut, type Receiver } from './flow/elements.js';
import type { Assembly } from './flow/dataflow.js';
import type { FlowRun } from './flow/flow-run.js';
import { RecordErrors } from './flow/record-errors.js';
import { SourceCursor } from './flow/source-cursor.js';
import { SourceReader, type SourceReaderOptions } from './flow/source-reader.js';
import { SourceTimes, type SourceTimesOptions } from './flow/source-times.js';
import {
  deadLetterPort,
  mainPort,
  type Graph,
  type GraphNode,
  type SourceNode,
  type TableNode,
} from './graph.js';
import { RunCounts } from './run-counts.js';
import { SinkInlet } from './stages/ends.js';
import { TableStage, tableRows } from './stages/table.js';
import type { KeyedOperator, OperatorSettings } from './state/keyed-operator.js';

type ReaderParts = Pick<SourceReaderOptions, 'run' | 'output' | 'errors'>;

interface PreparedTable {
  readonly cursor: SourceCursor;
  readonly rows: KeyedOperator<unknown>;
}

/** A graph made ready for one run: its participants, and how to build a generation. */
export class PreparedGraph {
  readonly cursors = new Map<string, SourceCursor>();
  readonly counts = new RunCounts();
  readonly #graph: Graph;
  readonly #participants = new Map<GraphNode, Operator>();
  readonly #tables = new Map<TableNode, PreparedTable>();

  constructor(graph: Graph, settings: OperatorSettings) {
    this.#graph = graph;
    for (const node of graph.nodes) {
      if (node.role === 'operator') {
        const participant = node.operator.prepare?.(identified(settings, node));
        if (participant !== undefined) this.#participants.set(node, participant);
      }
      if (node.role === 'source') this.cursors.set(node.name, cursorOf(node));
      if (node.role !== 'table') continue;
      this.#tables.set(node, {
        cursor: cursorOf(node),
        rows: tableRows(node.name, identified(settings, node)),
      });
    }
  }

  participants(): Omit<Participants, 'tableStore'> {
    const operators = new Map<string, Operator>();
    for (const [{ name }, participant] of this.#participants) operators.set(name, participant);
    for (const { rows } of this.#tables.values()) operators.set(rows.name, rows);
    return {
      sources: new Map([...this.cursors].map(([name, cursor]) => [name, cursor.participant()])),
      operators,
      sinks: new Map(this.#graph.ofRole('sink').map(({ name, sink }) => [name, sink])),
      tables: new Map(
        [...this.#tables].map(([{ name }, { cursor }]) => [name, cursor.participant()]),
      ),
    };
  }

  /** From the sinks up, so that each node finds its readers built. */
  assemble(run: FlowRun): Assembly {
    const built = new Map<GraphNode, readonly Receiver[]>();
    const sources: SourceReader[] = [];
    const tables: SourceReader[] = [];
    const alignments = new Alignments(run);
    for (const node of [...this.#graph.nodes].reverse()) {
      const output = (port: string): Receiver => this.#outputOf(node, port, built);
      const errors = this.#errorsOf(node, output);
      switch (node.role) {
        case 'sink':
          built.set(node, [new SinkInlet(run, node.name)]);
          break;
        case 'operator':
          built.set(
            node,
            node.operator.connect({
              run,
              participant: this.#participants.get(node),
              errors,
              output,
              countLate: () => this.counts.trouble(node.name, 'late'),
              rowsOf: (table) => this.#preparedTable(table).rows,
            }),
          );
          break;
        case 'source':
          sources.unshift(
            this.#readerOf(node, { run, errors, output: output(mainPort), alignments }),
          );
          break;
        case 'table':
          tables.unshift(this.#tableReaderOf(node, run, errors));
          break;
        default:
          assertNever(node, 'node of a pipeline');
      }
    }
    return { tables, sources };
  }

  /**
   * Where a port's records go; records of an unread port are dropped. Marks go out of every port with those
   * of the main one: a sink of dead letters takes part in every cut too.
   */
  #outputOf(
    node: GraphNode,
    port: string,
    built: ReadonlyMap<GraphNode, readonly Receiver[]>,
  ): Receiver {
    const receivers = this.#graph.readersOf(node, port).map(({ node: reader, input }) => {
      const receiver = built.get(reader)?.[input];
      assert(receiver !== undefined, `${reader.name} is built after ${node.name}, which it reads`);
      return receiver;
    });
    const own = fanOut(receivers);
    if (port !== mainPort) return own;
    const sides = this.#graph.sidePortsOf(node).map((side) => this.#outputOf(node, side, built));
    if (sides.length === 0) return own;
    const all = fanOut([own, ...sides]);
    return { accept: (batch) => own.accept(batch), mark: (mark) => all.mark(mark) };
  }

  #errorsOf(node: GraphNode, output: (port: string) => Receiver): RecordErrors {
    return new RecordErrors({
      operator: node.name,
      policy: node.onError,
      deadLetters: output(deadLetterPort),
      leftOut: (operator, how) => this.counts.trouble(operator, how),
    });
  }

  #preparedTable(table: TableNode): PreparedTable {
    const prepared = this.#tables.get(table);
    assert(prepared !== undefined, `table ${table.name} was not prepared`);
    return prepared;
  }

  #tableReaderOf(node: TableNode, run: FlowRun, errors: RecordErrors): SourceReader {
    const { cursor, rows } = this.#preparedTable(node);
    const output = new TableStage({ rows, keyOf: node.keyOf, errors });
    return this.#newReader('table', cursor, { run, output, errors });
  }

  #readerOf(
    node: SourceNode,
    { alignments, ...parts }: ReaderParts & { readonly alignments: Alignments },
  ): SourceReader {
    const cursor = this.cursors.get(node.name);
    assert(cursor !== undefined, `source ${node.name} was not prepared`);
    const { eventTime } = node;
    const aligned = eventTime && alignments.join(cursor, eventTime.alignment);
    return this.#newReader('source', cursor, { ...parts, eventTime, aligned });
  }

  #newReader(
    kind: 'source' | 'table',
    cursor: SourceCursor,
    parts: ReaderParts & Pick<SourceTimesOptions, 'eventTime' | 'aligned'>,
  ): SourceReader {
    const { run, output, errors } = parts;
    const clamped = (): void => this.counts.trouble(cursor.name, 'clamped');
    const times = new SourceTimes({ ...parts, cursor, clamped });
    return new SourceReader({
      run,
      cursor,
      times,
      output,
      errors,
      kind,
      counted: (records) => this.counts.read(cursor.name, records),
      readLines: (input) => this.counts.readLines(cursor.name, input),
    });
  }
}

function cursorOf({ name, source }: SourceNode | TableNode): SourceCursor {
  return new SourceCursor(name, source);
}

function identified(settings: OperatorSettings, { identity }: GraphNode): OperatorSettings {
  return identity === undefined ? settings : { ...settings, identity };
}
