// Ways to break loops over batches, the waits for sources and the consent to lost input.

export const tests = [
  'test/coordinator/(batches|busy-loop)',
  'test/recovery/(execute|lost-input)',
  'test/contracts',
  'test/simulation/failing-source',
  'test/connectors/refused-records',
];

const swap = (what, file, find, replace) => ({ what, file: `src/${file}`, find, replace });

export const mutations = [
  swap(
    'a batch never counts as processed',
    'coordinator/dataflow/batch-loop.ts',
    'this.#inHand?.();',
    '',
  ),
  swap(
    'a loop that was left in a batch commits half of it',
    'coordinator/dataflow/loop-driver.ts',
    "if (this.#isLeftHalfway) return 'left-halfway';",
    '',
  ),
  swap(
    'a stop cuts in the middle of a batch',
    'coordinator/dataflow/loop-driver.ts',
    "if (this.#batches?.isInBatch === true) return 'halfway';",
    '',
  ),
  swap(
    'a loop that is begun anew goes on from half a batch',
    'coordinator/dataflow/loop-driver.ts',
    'this.#fail(leftHalfway());',
    '',
  ),
  swap(
    'what was read ahead is handed out after the sources were put back',
    'coordinator/dataflow/safe-point-loop.ts',
    'await this.#endReadings();',
    '',
  ),
  swap(
    'the end of the input is not committed',
    'coordinator/dataflow/batch-loop.ts',
    'if (await this.#port.commit()) return undefined;',
    'return undefined;',
  ),
  swap(
    'a safe point inside a batch cuts there',
    'coordinator/dataflow/loop-driver.ts',
    'if (this.#batches !== undefined) return Promise.reject(insideBatches());',
    '',
  ),
  swap(
    'a busy loop starves timers',
    'coordinator/dataflow/turn-taking.ts',
    'return this.#left <= 0 && this.#look();',
    'return this.#left <= 0 && this.#look() && this.#left < 0;',
  ),
  swap(
    'a source whose reading failed goes on from where it had read ahead',
    'coordinator/dataflow/source-retries.ts',
    'await goBack({ signal });',
    'void goBack;',
  ),
  swap(
    'a source that is away is given up after three tries',
    'recovery/pass.ts',
    'isLate || mayPass(problem) ? !isTimeUp',
    'isLate ? !isTimeUp',
  ),
  swap(
    'a participant is called beside a call of it that hangs',
    'recovery/pass.ts',
    'const hangs = isLate && !(await ends({ clock, timeoutMs, signal }, made));',
    'const hangs = isLate && made === undefined && !(await ends({ clock, timeoutMs, signal }, made));',
  ),
  swap(
    'lost input is given up by the word for another checkpoint',
    'recovery/restore.ts',
    'return accepted === id ||',
    'return accepted > 0 ||',
  ),
  swap(
    'lost input is given up and not recorded',
    'recovery/copy-checkpoint.ts',
    'const fields = lost.size === 0 ? {}',
    'const fields = lost.size >= 0 ? {}',
  ),
  swap(
    'a Map of offsets is saved as nothing',
    'contracts/source-position.ts',
    'return prototype === null || Object.getPrototypeOf(prototype) === null;',
    'return true;',
  ),
  swap(
    'a text is written letter by letter',
    'contracts/records.ts',
    'if (Array.isArray(records)) return;',
    "if (Array.isArray(records) || typeof records === 'string') return;",
  ),
];
