// What the command line writes: results to stdout, notes to stderr, colour only where a person looks.

import { printable } from './printable.js';

/** What a piece of text means; a terminal shows it as a colour, everything else as nothing. */
export type Tone = 'plain' | 'good' | 'bad' | 'doubtful' | 'quiet' | 'strong';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

export type Text = string | Span;
export type Line = Text | readonly Text[];

/** The part of a stream of `process` that is used. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(data: string | Uint8Array, done?: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface TerminalOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** `NO_COLOR` (https://no-color.org) and `TERM` are looked at. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Both outputs of a command. Text of unknown origin (names in a manifest, messages of a sink) is
 * made printable, so that no checkpoint can send commands to the terminal that shows it.
 */
export class Terminal {
  /** Whether somebody looks at the results right now. */
  readonly isInteractive: boolean;
  readonly #stdout: Channel;
  readonly #stderr: Channel;

  constructor({ stdout, stderr, environment }: TerminalOptions) {
    const isColourWanted = (environment.NO_COLOR ?? '') === '' && environment.TERM !== 'dumb';
    this.#stdout = new Channel(stdout, isColourWanted);
    this.#stderr = new Channel(stderr, isColourWanted);
    this.isInteractive = stdout.isTTY === true;
  }

  /** A result, in lines. */
  print(...lines: readonly Line[]): void {
    this.#stdout.write(lines.map((line) => `${this.#stdout.render(line)}\n`).join(''));
  }

  /** A result that is a document of its own: not made printable, no line break added. */
  printDocument(document: string): void {
    this.#stdout.write(document);
  }

  /** Bytes of a result; waits while the reader is slow. False when the reader is gone. */
  printBytes(bytes: Uint8Array): Promise<boolean> {
    return this.#stdout.writeBytes(bytes);
  }

  /** Something that is not a result. */
  note(...lines: readonly Line[]): void {
    this.#stderr.write(lines.map((line) => `${this.#stderr.render(line)}\n`).join(''));
  }

  /** An error as a document for machines. */
  printProblem(document: string): void {
    this.#stderr.write(document);
  }

  /** A line that the next one replaces; nothing where the output is no terminal. */
  showStatus(text: string): void {
    if (!this.#stderr.isTerminal) return;
    const width = Math.max(20, (this.#stderr.columns ?? 80) - 1);
    this.#stderr.write(`\r${printable(text).slice(0, width)}\u001b[K`);
  }

  clearStatus(): void {
    if (this.#stderr.isTerminal) this.#stderr.write('\r\u001b[K');
  }

  /** Waits until everything is written; what went wrong with stdout, if anything did. */
  async flush(): Promise<Error | undefined> {
    await this.#stderr.flush();
    return this.#stdout.flush();
  }
}

class Channel {
  readonly isTerminal: boolean;
  readonly #stream: OutputStream;
  readonly #hasColour: boolean;
  #failure: Error | undefined;

  constructor(stream: OutputStream, isColourWanted: boolean) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY === true;
    this.#hasColour = this.isTerminal && isColourWanted;
    // Without a listener the process would end with a stack trace when `head` has seen enough.
    stream.on('error', (error) => void (this.#failure ??= error));
  }

  get columns(): number | undefined {
    return this.#stream.columns;
  }

  render(line: Line): string {
    const texts: readonly Text[] = Array.isArray(line) ? line : [line as Text];
    return texts.map((text) => this.#renderText(text)).join('');
  }

  write(text: string): void {
    if (this.#failure === undefined && text !== '') this.#stream.write(text);
  }

  async writeBytes(bytes: Uint8Array): Promise<boolean> {
    await this.#written(bytes);
    return this.#failure === undefined;
  }

  async flush(): Promise<Error | undefined> {
    await this.#written('');
    return isReaderGone(this.#failure) ? undefined : this.#failure;
  }

  /** Waits until everything before it is written too, or a failure has made that pointless. */
  async #written(data: string | Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#stream.write(data, (error) => {
        if (error) this.#failure ??= error;
        resolve();
      });
    });
  }

  #renderText(text: Text): string {
    const { text: raw, tone } = typeof text === 'string' ? { text, tone: 'plain' as const } : text;
    const shown = printable(raw);
    const code = toneCodes[tone];
    if (!this.#hasColour || code === undefined || shown === '') return shown;
    return `\u001b[${code}m${shown}\u001b[0m`;
  }
}

/** Select Graphic Rendition parameters (ECMA-48, 8.3.117). */
const toneCodes: Readonly<Record<Tone, string | undefined>> = {
  plain: undefined,
  good: '32',
  bad: '31',
  doubtful: '33',
  quiet: '2',
  strong: '1',
};

/** A reader that has seen enough is no failure of ours. */
function isReaderGone(error: Error | undefined): boolean {
  return error !== undefined && 'code' in error && error.code === 'EPIPE';
}
