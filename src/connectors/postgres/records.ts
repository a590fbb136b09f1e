// Records on their way into a transaction: encoded into chunks, sent in the order they came.

import type { CopyIn, PostgresClient, PostgresSession } from './driver.js';
import { quoteIdentifier } from './names.js';
import { RowEncoder, type RowTexts } from './row-texts.js';
import { rowJson, rowsFrom } from './row-json.js';
import type { Table } from './table.js';
import { copyField } from './values.js';

/** Records of one epoch in the making. */
export interface RecordBuffer<Rec> {
  /** @throws TidegateError `TIDEGATE_POSTGRES_ROW` for a record that the table cannot take. */
  add(records: readonly Rec[]): void;
  /** Size of what `take` would give. */
  readonly byteLength: number;
  /** What was added since the last call; undefined when that is nothing. */
  take(): Chunk | undefined;
  /** Where chunks go; `begin` are the statements that open the transaction, or none. */
  sender(session: PostgresSession, begin: readonly string[]): Sender;
}

export interface Chunk {
  readonly byteLength: number;
  /** Encoded rows, or records for the user's own statements. */
  readonly content: unknown;
}

export interface Sender {
  send(chunk: Chunk): Promise<void>;
  /** Settles when the server has taken all of them. The transaction is open even without any. */
  end(): Promise<void>;
}

/** `write` of a sink whose user writes the statements. */
export type WriteRecords<Rec> = (client: PostgresClient, records: readonly Rec[]) => Promise<void>;

/** Rows through COPY, or through an upsert where the table has a key. */
export function tableBuffer<Rec>(table: Table): RecordBuffer<Rec> {
  return table.key === undefined ? new CopyBuffer(table) : new UpsertBuffer(table, table.key);
}

/** Records as they are, for the user's own statements. Their size is only estimated. */
export function customBuffer<Rec>(write: WriteRecords<Rec>): RecordBuffer<Rec> {
  return new CustomBuffer(write);
}

abstract class TextBuffer<Rec> implements RecordBuffer<Rec> {
  readonly #separator: string;
  readonly #encoder: RowEncoder;
  #text = '';
  #records = 0;

  constructor(
    protected readonly table: Table,
    separator: string,
  ) {
    this.#separator = separator;
    this.#encoder = new RowEncoder(table);
  }

  /** In UTF-16 units: near enough to cut chunks by. */
  get byteLength(): number {
    return this.#text.length;
  }

  add(records: readonly Rec[]): void {
    let text = '';
    for (const record of records) {
      this.#records += 1;
      text += this.encode(this.#encoder.texts(record, this.#records)) + this.#separator;
    }
    this.#text += text;
  }

  take(): Chunk | undefined {
    if (this.#text === '') return undefined;
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    return { byteLength: bytes.byteLength, content: bytes };
  }

  protected abstract encode(texts: RowTexts): string;
  abstract sender(session: PostgresSession, begin: readonly string[]): Sender;
}

class CopyBuffer<Rec> extends TextBuffer<Rec> {
  readonly #target: string;

  constructor(table: Table) {
    super(table, '\n');
    this.#target = `${table.name} (${columnList(table)})`;
  }

  protected encode(texts: RowTexts): string {
    let line = '';
    for (let index = 0; index < texts.length; index += 1) {
      const text = texts[index] ?? null;
      line += `${index === 0 ? '' : '\t'}${text === null ? '\\N' : copyField(text)}`;
    }
    return line;
  }

  /** One COPY for the whole epoch: the server takes rows while the next ones are encoded. */
  sender(session: PostgresSession, begin: readonly string[]): Sender {
    let copy: CopyIn | undefined;
    return {
      send: (chunk) => {
        copy ??= session.copyIn(this.#target, begin);
        return copy.write(chunk.content as Buffer);
      },
      end: async () => {
        if (copy !== undefined) await copy.end();
        else if (begin.length > 0) await session.commands(begin);
      },
    };
  }
}

class UpsertBuffer<Rec> extends TextBuffer<Rec> {
  readonly #statement: string;

  constructor(table: Table, key: readonly string[]) {
    super(table, ',');
    const columns = columnList(table);
    const keys = key.map(quoteIdentifier).join(', ');
    const updates = table.columns
      .filter(({ name }) => !key.includes(name))
      .map(({ name }) => `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`);
    const action = updates.length === 0 ? 'NOTHING' : `UPDATE SET ${updates.join(', ')}`;
    // The last record of a key wins. Keys in order: two writers never wait for each other in a circle.
    this.#statement = `INSERT INTO ${table.name} (${columns})
      SELECT DISTINCT ON (${keys}) ${columns} FROM (${rowsFrom(table)}) AS numbered
      ORDER BY ${keys}, tidegate_order DESC
      ON CONFLICT (${keys}) DO ${action}`;
  }

  protected encode(texts: RowTexts): string {
    return rowJson(this.table, texts);
  }

  sender(session: PostgresSession, begin: readonly string[]): Sender {
    return statementSender(session, begin, async (chunk) => {
      const list = (chunk.content as Buffer).subarray(0, -1).toString();
      await session.query(this.#statement, [`[${list}]`]);
    });
  }
}

class CustomBuffer<Rec> implements RecordBuffer<Rec> {
  readonly #write: WriteRecords<Rec>;
  #records: Rec[] = [];

  constructor(write: WriteRecords<Rec>) {
    this.#write = write;
  }

  get byteLength(): number {
    return this.#records.length * estimatedRecordBytes;
  }

  add(records: readonly Rec[]): void {
    for (const record of records) this.#records.push(record);
  }

  take(): Chunk | undefined {
    if (this.#records.length === 0) return undefined;
    const { byteLength } = this;
    const records = this.#records;
    this.#records = [];
    return { byteLength, content: records };
  }

  sender(session: PostgresSession, begin: readonly string[]): Sender {
    const client: PostgresClient = { query: (text, values) => session.query(text, values) };
    return statementSender(session, begin, (chunk) =>
      this.#write(client, chunk.content as readonly Rec[]),
    );
  }
}

function statementSender(
  session: PostgresSession,
  begin: readonly string[],
  run: (chunk: Chunk) => Promise<void>,
): Sender {
  let beginning: Promise<unknown> | undefined;
  const open = (): Promise<unknown> =>
    (beginning ??= begin.length > 0 ? session.commands(begin) : Promise.resolve());
  return {
    send: async (chunk) => {
      await open();
      await run(chunk);
    },
    end: async () => {
      await open();
    },
  };
}

const estimatedRecordBytes = 256;

function columnList({ columns }: Table): string {
  return columns.map(({ name }) => quoteIdentifier(name)).join(', ');
}
