// Records as the lines that are staged: by the user's codec, the wrapped sink's own form, or exact JSON.

import type { RecordForm } from '../../contracts/sink.js';
import type { CallOptions } from '../../contracts/source.js';
import {
  customCodec,
  exactLines,
  requireLine,
  type NamedCodec,
  type RecordCodec,
} from './codec.js';

export class RecordLines<Rec> {
  /** What lines are staged with. */
  readonly codec: NamedCodec<Rec>;
  /** What staged files may have been staged with: a codec may have been given since. */
  readonly known: readonly NamedCodec<Rec>[];
  readonly #form: RecordForm<Rec> | undefined;

  constructor(given: RecordCodec<Rec> | undefined, form: RecordForm<Rec> | undefined) {
    this.#form = form;
    const ofSink = form && codecOfForm(form);
    this.codec = given === undefined ? (ofSink ?? exactLines<Rec>()) : customCodec(given);
    this.known = ofSink === undefined ? [this.codec] : [this.codec, ofSink];
  }

  /**
   * Asks the wrapped sink before anything is durable: a record that it refuses at its commit would be
   * refused again by every later start.
   *
   * @param before How many records of the epoch came before these.
   */
  async encode(
    records: readonly Rec[],
    before: number,
    options: CallOptions,
  ): Promise<readonly string[]> {
    const linesOf = (codec: Pick<NamedCodec<Rec>, 'encode'>): readonly string[] =>
      records.map((record, index) => requireLine(codec.encode(record, before + index + 1)));
    const form = this.#form;
    if (form === undefined || records.length === 0) return linesOf(this.codec);
    const checked = linesOf(form);
    await form.check?.(checked, before, options);
    return this.codec.name === form.name ? checked : linesOf(this.codec);
  }
}

/** The wrapped sink takes what its own form gives back. */
function codecOfForm<Rec>(form: RecordForm<Rec>): NamedCodec<Rec> {
  return {
    name: form.name,
    encode: (record, place) => form.encode(record, place),
    decode: (line) => form.decode(line) as Rec,
  };
}
