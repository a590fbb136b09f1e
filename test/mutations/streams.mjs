// Known ways to break barriers in Node's own streams: each loses, doubles or mixes up an epoch.

export const tests = ['test/pipeline/node-streams'];

const streams = (what, file, find, replace) => ({
  what,
  file: `src/pipeline/node-streams/${file}`,
  find,
  replace,
});

export const mutations = [
  streams(
    'a barrier passes a wrapped stream that still holds records',
    'foreign-stage.ts',
    'if (this.#inner === undefined || this.heldRecords === 0) this.#letPass();',
    'this.#letPass();',
  ),
  streams(
    'a stream is not ended at the barrier of its epoch',
    'foreign-stage.ts',
    "const isLast = chunk.mark.kind === 'end' || this.#wrapping.kind === 'per-epoch';",
    "const isLast = chunk.mark.kind === 'end';",
  ),
  streams(
    'records that a one-to-one stream has swallowed are not missed',
    'foreign-stage.ts',
    'if (this.heldRecords === undefined || this.heldRecords === 0) this.#letPass();',
    'if (this.#given <= this.#taken) this.#letPass();',
  ),
  streams(
    'a sink is reached before the records in front of the barrier are with its writer',
    'sink-stage.ts',
    'flush();\n      this.#meet(run, chunk);',
    'this.#meet(run, chunk);\n      flush();',
  ),
  streams(
    'the state of an operator is not captured as the barrier passes',
    'record-stage.ts',
    "if (mark.kind === 'barrier') captureAt(mark, name, participant);",
    "if (mark.kind === 'barrier') queueMicrotask(() => captureAt(mark, name, participant));",
  ),
  streams(
    'a barrier overtakes the records of its source that wait for room',
    'source-stage.ts',
    'this.#pending.push(new MarkChunk(mark));',
    'this.#pending.splice(this.#sent, 0, new MarkChunk(mark));',
  ),
  streams(
    'a foreign stream is let through',
    'wiring.ts',
    'if (!isStage(next)) {',
    'if (!isStage(next) && length < 0) {',
  ),
  streams(
    'streams of a generation that is over are not destroyed',
    'chain.ts',
    'if (!this.#isFinishing || run.failure !== undefined) {',
    'if (run.failure !== undefined) {',
  ),
  streams(
    'a source does not wait for room',
    'source-stage.ts',
    'if (this.#isClosed || this.#isQuiet()) return undefined;',
    'if (this.#sent >= 0) return undefined;',
  ),
];
