// Ways to break the life of a coordinator, each of which its tests must notice.

export const tests = [
  'test/coordinator/(stop|machine/(life|attempt)|misbehaving-participants|options|logger)',
];

const swap = (what, file, find, replace) => ({
  what,
  file: `src/coordinator/${file}`,
  find,
  replace,
});

export const mutations = [
  swap(
    'a stop in the middle of a batch commits half of it',
    'dataflow/loop-driver.ts',
    'return this.#loop.standing(this.#writtenCount());',
    "return this.#loop.standing(this.#writtenCount()) === undefined ? 'unclear' : 'at-safe-point';",
  ),
  swap(
    'a loop that comes to no safe point gets a final checkpoint all the same',
    'lifecycle/life-events.ts',
    'export function noSafePoint({ safePointTimeoutMs }: LifeContext): Blame {',
    'export function noSafePoint({ safePointTimeoutMs }: LifeContext): Blame {\n  if (safePointTimeoutMs > 0) return { cause: undefined };',
  ),
  swap(
    'a stop waits for a recovery whose server is down',
    'lifecycle/machine.ts',
    'isLoop || context.waitsFor !== undefined,',
    'isLoop && context.waitsFor !== undefined,',
  ),
  swap(
    'a stop waits for as long as a commit is tried again',
    'lifecycle/machine.ts',
    "            stopGraceMs: {\n              guard: 'isWaiting',",
    "            stopGraceMs: {\n              guard: not('isWaiting'),",
  ),
  swap(
    'a halt leaves behind what was prepared for no manifest',
    'lifecycle/lifecycle.ts',
    'await discardUnrecorded(this.#context, generation, timeoutMs);',
    'void discardUnrecorded;',
  ),
  swap(
    'a halt rolls back what a manifest may name',
    'lifecycle/generation.ts',
    'if (generation.unrecorded === undefined || generation.inDoubt !== undefined) return;',
    'if (generation.unrecorded === undefined) generation.unrecorded = { settled: () => Promise.resolve() };',
  ),
  swap(
    'a halt rolls back before the last pre-commit has ended',
    'lifecycle/generation.ts',
    '() => unrecorded.settled());',
    '() => void unrecorded);',
  ),
  swap(
    'a commit that never succeeds does not say why',
    'checkpoint/steps/re-save.ts',
    'error: ledger.lastError };',
    'error: undefined };',
  ),
  swap(
    'a session that died is asked to commit again and again',
    'checkpoint/steps/commit.ts',
    "if (hasErrorCode(error, 'TIDEGATE_SINK_WRITE_FAILED')) return true;",
    'void hasErrorCode;',
  ),
  swap(
    'a position that is a Map is saved as no offsets',
    'checkpoint/pending-cut.ts',
    '= checkedPosition(source, given);',
    '= given;',
  ),
  swap(
    'a sink that opens as something else is used all the same',
    'lifecycle/recover-generation.ts',
    'await requireSessions(context, outcome.sinks);',
    'void requireSessions;',
  ),
  swap(
    'what a refused sink has opened stays open',
    'lifecycle/generation.ts',
    'await closeEach(context, sessions, context.options.timeouts.callMs);',
    '',
  ),
  swap(
    'a stop that waits for a safe point is not ended by a failure',
    'lifecycle/machine.ts',
    "actions: { type: 'blame', params: ({ event }) => notCommitted(event.cause) },",
    '',
  ),
  swap(
    'the errors of the log are where pino drops them',
    'checkpoint/steps/commit.ts',
    'tries, err: answer.error }',
    'tries, error: answer.error }',
  ),
  swap(
    'a setting that is out of its range is taken',
    'options/coordinator-options.ts',
    'const wrong = [...unknown, ...valueProblems(given, coordinatorTable)];',
    'const wrong = unknown;',
  ),
];
