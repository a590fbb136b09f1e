// A sink that prints each record as a line: for people who watch, not for programs that rely on it.

import { once } from 'node:events';
import { inspect } from 'node:util';
import type { FlushingSink } from '../../contracts/sink.js';
import { requireRecords } from '../../contracts/records.js';
import { exactJson } from '../../exact-json.js';
import { callback, completeOptions, contract } from '../../options.js';

/** The part of a writable stream that is used. */
export interface TextOutput {
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/** Options of `consoleSink`. */
export interface ConsoleSinkOptions<Rec> {
  /** Default: the standard output. */
  readonly output?: TextOutput;
  /** One line, without its end. Default: JSON, or as `node:util` shows it where JSON would change it. */
  readonly format?: (record: Rec) => string;
}

/** At least once: after a crash, lines of the last epoch are printed again. */
export function consoleSink<Rec>(options: ConsoleSinkOptions<Rec> = {}): FlushingSink<Rec> {
  const { output, format } = completeOptions('consoleSink', options, {
    output: contract(['write', 'once'], process.stdout),
    format: callback(shown),
  });
  return {
    durability: 'at-least-once',
    open: ({ sink }) =>
      Promise.resolve({
        async write(records) {
          requireRecords(sink, records);
          const hasRoom = output.write(records.map((record) => `${format(record)}\n`).join(''));
          if (!hasRoom) await once(output as NodeJS.WritableStream, 'drain');
        },
        // What was written has been handed to the stream in order; there is nothing to wait for.
        flush: () => undefined,
      }),
  };
}

function shown(record: unknown): string {
  const json = exactJson(record);
  if (json.kind === 'text') return json.text;
  return inspect(record, { breakLength: Infinity, compact: true, depth: null });
}
