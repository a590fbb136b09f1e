// Rules that look right and are wrong, as changes of the code; the simulation has to catch each.

const recovery = 'recovery/';
const steps = 'coordinator/checkpoint/steps/';
const chart = 'coordinator/checkpoint/machine.ts';
const simulatedSink = 'testing/simulation/sinks/two-phase-sink.ts';

/**
 * `changes` are texts that are replaced, once each; `mixes` and `first` say where a violation is to
 * be expected, so that the search is short; `second` is given where it takes two faults.
 */
export const wrongRules = [
  {
    name: 'the stored status is taken for the truth',
    changes: [
      [
        recovery + 'candidates.ts',
        "isCommitted ? 'committed' : standingBy(stored.inspections.get(sink), handle)",
        "isCommitted ? 'committed' : 'absent'",
      ],
    ],
    first: /^kill-after sink .: commit/,
  },
  {
    name: 'a pending sink is taken for one that has not committed, without asking',
    changes: [
      [
        recovery + 'candidates.ts',
        "isCommitted ? 'committed' : standingBy(",
        "isCommitted ? 'committed' : statusOf(manifest, sink).kind === 'pending' ? 'prepared' : standingBy(",
      ],
    ],
    first: /^kill-after sink .: commit/,
  },
  {
    name: 'a failed sink is accepted as settled',
    changes: [
      [steps + 're-save.ts', 'const unsettled = ledger.unsettled();', 'const unsettled = [];'],
      // A stop ends at once while a commit fails, and leaves the truth to the next start.
      ['coordinator/lifecycle/machine.ts', 'stopGraceMs: 900,', 'stopGraceMs: 9e6,'],
      [
        recovery + 'candidates.ts',
        "const isCommitted = statusOf(manifest, sink).kind === 'committed';",
        "const isCommitted = statusOf(manifest, sink).kind !== 'pending';",
      ],
    ],
    mixes: /^durable \(/,
    first: /^outage sink .: commit.*\d{6}/,
    second: /^kill-after/,
  },
  {
    name: 'the offsets of N are resumed after its sinks were rolled back',
    changes: [
      [
        recovery + 'plan.ts',
        "return decision.kind === 'resume' || decision.kind === 'roll-forward';",
        "return decision.kind !== 'fall-back';",
      ],
      [
        recovery + 'execute.ts',
        'return save(pass, manifest);',
        'return save(pass, completed(manifest));',
      ],
    ],
    first: /^kill-before sink .: commit/,
  },
  {
    name: 'a save that timed out is read as not done',
    changes: [
      [
        chart,
        "persistMs: { target: 'failed', actions: timedOutIn('persist', 'persistMs') }",
        "persistMs: { target: 'abandoned', actions: timedOutIn('persist', 'persistMs') }",
      ],
      ['coordinator/checkpoint/attempt.ts', "if (this.#holder === 'sinks') return false;", ''],
      [steps + 'persist.ts', 'generation.inDoubt === undefined,', 'true,'],
    ],
    mixes: /^durable \(/,
    first: /^(answer-lost|late) disk: (rename checkpoints.checkpoint|sync .checkpoints)/,
    second: /^kill-(before|after) sink/,
  },
  {
    name: 'the last-resource sink commits last',
    changes: [
      [
        steps + 'commit.ts',
        "waiting.find(({ durability }) => durability === 'last-resource')",
        "waiting.find(({ durability }) => durability !== 'last-resource')",
      ],
    ],
    mixes: /durable \+ last-resource/,
    first: /^kill-after sink .: commit/,
  },
  {
    name: 'the other sinks are asked although the last-resource sink failed',
    changes: [[steps + 'commit.ts', 'if (!hasCommitted) return;', '']],
    mixes: /durable \+ last-resource/,
    first: /^lose-prepared sink b: commit/,
  },
  {
    name: 'an id is given out again by the next generation',
    changes: [
      ['store/checkpoint-ids.ts', 'checkpointIdOf(this.generation,', 'checkpointIdOf(1,'],
      ['store/checkpoint-ids.ts', 'if (isOwn && id', 'if (isOwn || id'],
    ],
    first: /^kill-after sink .: pre-commit/,
  },
  {
    name: 'a handle is keyed by epoch',
    changes: [
      [
        simulatedSink,
        'const handle = this.#handleOf(request.checkpointId);',
        `const storage = this.storage as unknown as { byEpoch?: Map<number, Prepared> };
      storage.byEpoch ??= new Map();
      const known = storage.byEpoch.get(request.epoch);
      if (known !== undefined) return known;
      const handle = this.#handleOf(request.checkpointId);
      storage.byEpoch.set(request.epoch, { handle });`,
      ],
    ],
    first: /^kill-before sink .: commit/,
  },
  {
    name: 'a marker is keyed by epoch',
    changes: [
      [
        simulatedSink,
        'this.#prepare(handle, request.checkpointId)',
        'this.#prepare(handle, request.epoch as never)',
      ],
    ],
    first: /^kill-after sink .: commit/,
  },
  {
    name: 'barriers are matched by epoch',
    changes: [
      [
        'coordinator/checkpoint/pending-cut.ts',
        `  #accepts(barrier: Barrier, participant: string, members: Names, isRepeated: boolean): boolean {
    if (barrier.checkpointId !== this.#barrier.checkpointId) {`,
        `  #accepts(barrier: Barrier, participant: string, members: Names, isRepeated: boolean): boolean {
    if (barrier.epoch !== this.#barrier.epoch) {`,
      ],
    ],
    mixes: /^driven: durable \(/,
    first: /^late dataflow: barrier#1/,
    second: /^kill-after sink .: commit/,
  },
  {
    name: 'one highest marker is kept instead of one for each checkpoint',
    // The coordinator never asks for an id below a newer one that committed, so no schedule shows
    // it: the suite that every sink has to pass does.
    isSinkSuite: true,
    changes: [
      [
        simulatedSink,
        "return this.storage.markers.has(request.checkpointId) ? 'committed' : 'absent';",
        "return (this.storage.lastCommitted() ?? 0) >= request.checkpointId ? 'committed' : 'absent';",
      ],
    ],
  },
  {
    name: 'an error while reading is taken for an empty store',
    changes: [
      [
        recovery + 'read-facts.ts',
        'store.list({ signal })',
        'store.list({ signal }).catch(() => [])',
      ],
    ],
    mixes: /^durable \(/,
    first: /^kill-after sink .: commit#1/,
    second: /^fail-before disk: list/,
  },
  {
    name: 'not found is read as committed',
    changes: [
      [
        simulatedSink,
        "return this.storage.markers.has(request.checkpointId) ? 'committed' : 'absent';",
        "return 'committed';",
      ],
    ],
    mixes: /last-resource/,
    first: /^kill-before sink .: commit/,
  },
  {
    name: 'not found is read as rolled back, without a look at the marker',
    changes: [
      [
        simulatedSink,
        "return this.storage.markers.has(request.checkpointId) ? 'committed' : 'absent';",
        "return 'absent';",
      ],
    ],
    first: /^kill-after sink .: commit/,
  },
  {
    name: 'an attempt is abandoned after a sink has claimed it',
    changes: [
      [
        chart,
        "onError: { target: 'failed', actions: failedIn('pre-commit') }",
        "onError: { target: 'abandoned', actions: failedIn('pre-commit') }",
      ],
      ['coordinator/checkpoint/attempt.ts', "if (this.#holder === 'sinks') return false;", ''],
    ],
    mixes: /^durable \(|^durable \+ durable \(/,
    first: /^fail-(after|before) sink .: pre-commit/,
  },
  {
    name: 'nobody checks whether a sink is past the checkpoint that is resumed',
    changes: [[recovery + 'checks.ts', 'sinkAhead(plan, facts) ??', 'undefined ??']],
    mixes: /^durable \(/,
    first: /^store-restored/,
  },
  {
    name: 'a sink that was set back is not noticed by its handle',
    changes: [[recovery + 'checks.ts', "if (answer === 'committed') continue;", 'continue;']],
    mixes: /^durable \(/,
    first: /^sink-set-back/,
  },
  {
    name: 'a start that adds a source hands on nothing of what the sinks have committed',
    changes: [
      [
        recovery + 'copy-checkpoint.ts',
        'markersToHandOn(content, pass.lastCommitted)',
        'markersToHandOn(undefined)',
      ],
    ],
    mixes: /^added-source: /,
    first: /^sink-set-back/,
  },
  {
    name: 'recovery in process does not take the next generation',
    changes: [
      [
        'coordinator/lifecycle/recover-generation.ts',
        'owned.takeNextGeneration({ signal: inner })',
        'Promise.resolve(owned)',
      ],
      [
        'testing/simulation/sinks/storage.ts',
        'owner.generation <= this.#generation',
        'owner.generation < this.#generation',
      ],
    ],
    mixes: /^(durable \+ )?last-resource \(.*roll-forward/,
    first: /^late sink .: commit/,
  },
  {
    name: 'a sink is committed on a manifest that is visible but not durable',
    changes: [
      // The store syncs what it sees when it is opened: one of the two is enough.
      [
        'store/filesystem/opening.ts',
        'await fileSystem.syncDirectory(layout.directory);\n  for (',
        'for (',
      ],
      [
        recovery + 'execute.ts',
        `const persisted = await save(pass, manifest);
      await verifyPrepared(pass, plan.commit);
      await commitSinks`,
        `const unsaved = { saveManifest: () => Promise.resolve({ manifest }) };
      const persisted = await save({ ...pass, store: unsaved } as never, manifest);
      await verifyPrepared(pass, plan.commit);
      await commitSinks`,
      ],
    ],
    mixes: /^durable \(.*roll-forward|^durable \+ durable \(.*roll-forward/,
    first: /^kill-after disk: rename checkpoints.checkpoint_N#2/,
    second: /^power-after sink .: commit/,
  },
  {
    name: 'a restore puts everything back without a checkpoint of its own',
    changes: [
      [
        recovery + 'execute.ts',
        'return restoreChosen(pass, plan);',
        'return discardPrepared(pass).then(() => save(pass, manifest));',
      ],
    ],
    mixes: /^restored: durable \(/,
    first: /^kill-before sink .: commit#[3-9]/,
  },
  {
    name: 'a table store is left as it is when recovery puts the sources back',
    changes: [[recovery + 'restore.ts', 'tableStore.restore(path, { signal })', 'undefined']],
    mixes: /^table: durable \(/,
    first: /^kill-(before|after) sink/,
  },
  {
    name: 'a sink that is gone is not missed, though N leaves it in doubt',
    changes: [
      [recovery + 'columns.ts', 'unregisteredSinksOf(facts, newest).length > 0', 'false'],
      [
        recovery + 'candidates.ts',
        'for (const sink of sinksToCommit(manifest)) {',
        'for (const sink of [...sinksToCommit(manifest)].filter((name) => facts.sinks.has(name))) {',
      ],
    ],
    mixes: /^removed-sink: (durable|last-resource) \+ (durable|last-resource) \(/,
    first: /^kill-after sink/,
  },
  {
    name: 'a roll back without an answer is asked again behind the same fence',
    changes: [
      [
        recovery + 'sink-actions.ts',
        `askOnce(pass.budget, (signal) =>
      session.rollback`,
        `ask(pass.budget, (signal) =>
      session.rollback`,
      ],
    ],
    mixes: /^durable \+ durable \(/,
    first: /^late sink .: roll back/,
  },
];
