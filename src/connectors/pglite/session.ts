// The one session of a PGlite for the time of one turn.

import type { CopyIn, PostgresSession, QueryAnswer } from '../postgres/driver.js';

/** What is used of a `PGlite`. */
export interface Pglite {
  query(
    text: string,
    values?: unknown[],
    options?: { readonly blob?: Blob },
  ): Promise<{ readonly rows: unknown[] }>;
  exec(statements: string): Promise<unknown>;
  execProtocol(
    message: Uint8Array,
    options?: { readonly syncToFs?: boolean },
  ): Promise<{ readonly messages: readonly PgliteMessage[] }>;
  close(): Promise<void>;
}

/** What the server sent; which of the fields are there depends on the name. */
export interface PgliteMessage {
  readonly name: string;
  /** `commandComplete`: the tag. */
  readonly text?: string;
  /** `rowDescription`: columns. `dataRow`: values. */
  readonly fields?: readonly unknown[];
}

export class PgliteSession implements PostgresSession {
  /** Settles when the turn is over and the session is clean for the next one. */
  readonly ended: Promise<void>;
  readonly #pglite: Pglite;
  readonly #signal: AbortSignal;
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();
  #settle: () => void = () => undefined;

  constructor(pglite: Pglite, signal: AbortSignal) {
    this.#pglite = pglite;
    this.#signal = signal;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async query(text: string, values: readonly unknown[] = []): Promise<QueryAnswer> {
    const { rows } = await this.#run(() => this.#pglite.query(text, values.map(toParameter)));
    return { command: '', rows: rows as QueryAnswer['rows'] };
  }

  async command(text: string): Promise<string> {
    const [answer] = await this.commands([text]);
    return answer?.command ?? '';
  }

  async commands(statements: readonly string[]): Promise<readonly QueryAnswer[]> {
    const message = simpleQuery(statements.join(';\n'));
    const { messages } = await this.#run(() => this.#pglite.execProtocol(message));
    return answersOf(messages);
  }

  copyIn(target: string, first: readonly string[]): CopyIn {
    const parts: Uint8Array[] = [];
    return {
      write: (rows) => {
        parts.push(rows);
        return Promise.resolve();
      },
      end: async () => {
        if (first.length > 0) await this.commands(first);
        const blob = new Blob(parts);
        await this.#run(() => this.#pglite.query(`COPY ${target} FROM '/dev/blob'`, [], { blob }));
      },
    };
  }

  release(): void {
    if (!this.#close()) return;
    this.#settle();
  }

  destroy(): void {
    if (!this.#close()) return;
    // A backend of a server would end here; this one lives on and has to be made clean.
    const cleaning = this.#running
      .catch(() => undefined)
      .then(() => this.#pglite.exec('ROLLBACK'))
      .then(() => this.#pglite.exec('SELECT pg_advisory_unlock_all(); RESET ALL'));
    cleaning.then(this.#settle, this.#settle);
  }

  readonly #onAbort = (): void => this.destroy();

  #close(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    return true;
  }

  #run<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#signal.throwIfAborted();
    // Work of a session that was closed must not run in the turn of the next one.
    if (this.#isOver) throw new Error('the session was closed');
    const running = work();
    this.#running = running;
    return running;
  }
}

function answersOf(messages: readonly PgliteMessage[]): readonly QueryAnswer[] {
  const answers: QueryAnswer[] = [];
  let names: readonly string[] = [];
  let rows: Readonly<Record<string, unknown>>[] = [];
  for (const { name, text = '', fields = [] } of messages) {
    if (name === 'rowDescription') {
      names = (fields as readonly { readonly name: string }[]).map((field) => field.name);
    } else if (name === 'dataRow') {
      rows.push(Object.fromEntries(names.map((column, index) => [column, fields[index]])));
    } else if (name === 'commandComplete') {
      answers.push({ command: text.split(' ')[0] ?? '', rows });
      rows = [];
    }
  }
  return answers;
}

/** PGlite chooses the type of a parameter from its JavaScript type; text fits every cast. */
function toParameter(value: unknown): unknown {
  return typeof value === 'number' ? String(value) : value;
}

/** A Query message of the protocol: the only way to learn the command tag. */
function simpleQuery(text: string): Uint8Array {
  const body = Buffer.from(`${text}\0`);
  const message = Buffer.alloc(5 + body.byteLength);
  message.write('Q', 0);
  message.writeInt32BE(4 + body.byteLength, 1);
  body.copy(message, 5);
  return message;
}
