// Known ways to break the pipeline: each is a mistake that somebody made or could make.

export const tests = ['test/pipeline'];

export const mutations = [
  {
    what: 'an input that has delivered the barrier is not held back',
    file: 'src/pipeline/flow/inbox.ts',
    find: 'if (lane.isHeld || lane.queue.length === 0) continue;',
    replace: 'if (lane.queue.length === 0) continue;',
  },
  {
    what: 'the first barrier passes a meeting point for all',
    file: 'src/pipeline/flow/inbox.ts',
    find: 'if (!this.#lanes.every(({ isHeld }) => isHeld)) return;',
    replace: '',
  },
  {
    what: 'an abandoned barrier goes on holding its inputs',
    file: 'src/pipeline/flow/inbox.ts',
    find: 'if (checkpointId > newest) this.#openLanes();',
    replace: '',
  },
  {
    what: 'a state that a capture shares is changed without a copy',
    file: 'src/pipeline/state/keyed-state.ts',
    find: 'if (this.#captures.size > 0) this.#encodeFor(entry);',
    replace: '',
  },
  {
    what: 'a deleted entry takes the encoder with it',
    file: 'src/pipeline/state/keyed-state.ts',
    find: 'if (cursor === entry) this.#cursors.set(capture, entry.next);',
    replace: '',
  },
  {
    what: 'an entry that was made after a capture is in it',
    file: 'src/pipeline/state/keyed-state.ts',
    find: 'if (entry.stamp < capture.number) this.#encodeFor(entry);',
    replace: 'this.#encodeFor(entry);',
  },
  {
    what: 'the position runs ahead of the records',
    file: 'src/pipeline/flow/source-reader.ts',
    find: 'if (isLast) {',
    replace: 'cursor.moveTo(offsets);\n      if (isLast) {',
  },
  {
    what: 'the end of the input is not saved',
    file: 'src/pipeline/flow/source-cursor.ts',
    find: "const end = this.#hasEnded ? { [endOffset]: 'true' } : {};",
    replace: 'const end = {};',
  },
  {
    what: 'a run is finished although a later generation has gone back',
    file: 'src/pipeline/prepared-run.ts',
    find: "if (outcome.kind !== 'failed' && dataflow.isAtEndIn(end)) return true;",
    replace: "if (outcome.kind !== 'failed') return true;",
  },
  {
    what: 'the watermark is forgotten at a restart',
    file: 'src/pipeline/flow/source-cursor.ts',
    find: 'this.watermark = watermark === undefined ? beginningOfTime : Number(watermark);',
    replace: 'this.watermark = beginningOfTime;',
  },
  {
    what: 'a window fires after the record that ends it',
    file: 'src/pipeline/flow/source-times.ts',
    find: 'watermarks[count] = watermark;',
    replace: 'watermarks[count] = Math.min(watermark, time - outOfOrderMs);',
  },
  {
    what: 'timers of one time fire in the order of the saved entries',
    file: 'src/pipeline/state/timed-operator.ts',
    find: 'all.sort((left, right) => left.timer.number - right.timer.number);',
    replace: '',
  },
  {
    what: 'a timer that was deleted fires all the same',
    file: 'src/pipeline/stages/process.ts',
    find: 'if (!isCurrent || entry.value.timers.get(time) !== number) return;',
    replace: '',
  },
  {
    what: 'a sink of dead letters never sees a barrier',
    file: 'src/pipeline/assemble.ts',
    find: 'mark: (mark) => all.mark(mark)',
    replace: 'mark: (mark) => own.mark(mark)',
  },
  {
    what: 'sources are read before the tables are complete',
    file: 'src/pipeline/flow/dataflow.ts',
    find: 'await Promise.all(tables.map((table) => guarded(run, table.read())));',
    replace: 'const reading = Promise.all(tables.map((table) => table.read())); void reading;',
  },
  {
    what: 'a record is put into the window of the one before',
    file: 'src/pipeline/stages/window.ts',
    find: 'if (!(time >= newest.startMs && time < newest.nextStartMs)) newest.moveTo(time, spec);',
    replace: 'if (!(time >= newest.startMs)) newest.moveTo(time, spec);',
  },
  {
    what: 'a timer earlier than the others waits for them',
    file: 'src/pipeline/state/timers.ts',
    find: 'if (time < this.earliest) this.earliest = time;',
    replace: 'if (this.earliest === Number.POSITIVE_INFINITY) this.earliest = time;',
  },
  {
    what: 'lines that were encoded out of turn are forgotten by the encoder',
    file: 'src/pipeline/state/encode-state.ts',
    find: 'output.addAll(lines);',
    replace: '',
  },
  {
    what: 'a restart forgets how far an operator was told that time has come',
    file: 'src/pipeline/stages/custom-operator.ts',
    find: 'this.#toldTime = timeFromJson(head.toldTime);',
    replace: 'this.#toldTime = beginningOfTime;',
  },
  {
    what: 'an operator is told of time at the end of a batch alone',
    file: 'src/pipeline/stages/custom.ts',
    find: 'const telling = this.#tell(eventTimes?.watermarks[index]);',
    replace: 'const telling = this.#tell(undefined);',
  },
  {
    what: 'the end of one input is the end of time while another is idle',
    file: 'src/pipeline/flow/watermarks.ts',
    find: 'if (lowest === endOfTime && !this.haveAllEnded) return;',
    replace: '',
  },
  {
    what: 'a source is idle while a slow sink keeps it from being read',
    file: 'src/pipeline/flow/source-reader.ts',
    find: 'if (batch.records.length > 0) times.stopsWaiting();',
    replace: '',
  },
  {
    what: 'a record that is skipped leaves half of its output behind',
    file: 'src/pipeline/flow/collector.ts',
    find: 'this.#records.length = this.#keptCount;',
    replace: '',
  },
  {
    what: 'a state that cannot be saved is blamed on the next record',
    file: 'src/pipeline/state/keyed-state.ts',
    find: 'capture.failure ??= { error };',
    replace: 'throw error;',
  },
];
