// Known ways to break recovery: each loses records, writes them twice, or gives up for no reason.

export const tests = [
  'test/recovery/(table|plan|recover|unknown-outcomes|damage|participants|refusals|restore|report|sink-set-back)',
];

const swap = (what, file, find, replace) => ({ what, file: `src/recovery/${file}`, find, replace });

export const mutations = [
  swap(
    'the status is taken for the truth: a pending sink counts as absent',
    'candidates.ts',
    "const standing = isCommitted ? 'committed' : standingBy(stored.inspections.get(sink), handle);",
    "const standing = isCommitted ? 'committed' : handle === '' ? standingBy(undefined, handle) : 'absent';",
  ),
  swap(
    'failed is accepted as committed',
    '../manifest/sinks.ts',
    "return manifest.sinkCommitStatuses.get(sink) ?? { kind: 'pending' };",
    "const status = manifest.sinkCommitStatuses.get(sink) ?? { kind: 'pending' }; return status.kind === 'failed' ? { kind: 'committed' } : status;",
  ),
  swap(
    'a sink without a status counts as committed',
    '../manifest/sinks.ts',
    "?? { kind: 'pending' };",
    "?? { kind: 'committed' };",
  ),
  swap(
    'N is resumed after its sinks were rolled back',
    'plan.ts',
    "return decision.kind === 'resume' || decision.kind === 'roll-forward';",
    "return decision.kind !== 'fall-back';",
  ),
  swap(
    'absent sinks are overlooked beside prepared ones',
    'columns.ts',
    "return found.has('absent') ? 'none-committed-some-absent' : 'all-prepared';",
    "return 'all-prepared';",
  ),
  swap(
    'absent sinks are overlooked beside committed ones',
    'columns.ts',
    "if (found.has('absent')) return 'some-committed-some-absent';",
    '',
  ),
  swap(
    'a roll forward commits at some sinks before another one has found damage',
    'execute.ts',
    'await verifyPrepared(pass, plan.commit);',
    '',
  ),
  swap(
    'sinks committed past the resumed checkpoint are not checked',
    'checks.ts',
    'sinkAhead(plan, facts) ??',
    '',
  ),
  swap(
    'a sink that was set back is not checked',
    'checks.ts',
    "if (answer === 'committed') continue;",
    "if (answer !== 'unsupported') continue;",
  ),
  swap(
    'what recovery writes says nothing of the sinks',
    'copy-checkpoint.ts',
    'markersToHandOn(content, pass.lastCommitted)',
    'markersToHandOn(undefined)',
  ),
  swap(
    'what recovery writes says of the sinks only what an earlier manifest said',
    'copy-checkpoint.ts',
    'markersToHandOn(content, pass.lastCommitted)',
    'markersToHandOn(content)',
  ),
  swap(
    'a sink that was emptied behind a restore is not checked',
    'checks.ts',
    'marker > (newest ?? 0)',
    'marker > (newest ?? marker)',
  ),
  swap(
    'an empty handle is given to a sink',
    '../manifest/sinks.ts',
    "return handle === '' ? undefined : handle;",
    'return handle;',
  ),
  swap(
    'a corrupt N falls back although a sink is past the fallback',
    'columns.ts',
    "return sinksPast(facts, base.id).size > 0 ? 'passed' : 'usable';",
    "return 'usable';",
  ),
  swap(
    'an unreadable store is taken for an empty one',
    'read-facts.ts',
    "if (listings.kind !== 'answered') return { ...nothing, fact: listings };",
    "if (listings.kind !== 'answered') return { ...nothing, fact: { kind: 'read' } };",
  ),
  swap(
    'any error while loading is taken for damage',
    'read-facts.ts',
    "if (isDamage(problem)) return { kind: 'corrupt', problem };",
    "return { kind: 'corrupt', problem };",
  ),
  swap(
    'a fresh start although a sink has a marker',
    'table.ts',
    "when: { newest: ['none'], markers: ['none'], occasion: ['start'] },",
    "when: { newest: ['none'], occasion: ['start'] },",
  ),
  swap(
    'a fresh start in process',
    'table.ts',
    "when: { newest: ['none'], markers: ['none'], occasion: ['start'] },",
    "when: { newest: ['none'], markers: ['none'] },",
  ),
  swap(
    '"not found" at a commit is read as committed',
    'sink-actions.ts',
    'if (!isApplied(answer)) {',
    'if (answer.kind !== answer.kind) {',
  ),
  swap(
    '"committed" at a roll back is passed over',
    'sink-actions.ts',
    "if (handle !== undefined && outcomes.get(handle) === 'committed') {",
    "if (handle === '') {",
  ),
  swap(
    'the facts are read again without a new fence',
    'recover.ts',
    'run.store = answer.value;',
    'void answer.value;',
  ),
  swap(
    'a checkpoint of an older owner is acted on without saving it',
    'execute.ts',
    'const persisted = await save(pass, manifest);',
    'const persisted = await save({ ...pass, store: { saveManifest: () => Promise.resolve({ manifest }) } } as never, manifest);',
  ),
  swap(
    'the mark that a checkpoint was rolled back is forgotten',
    'execute.ts',
    'await save(pass, rolledBack(manifest, ownerOf(store), why));',
    'await save(pass, manifest); void rolledBack; void ownerOf; void why;',
  ),
  swap(
    'marks of an earlier recovery are not saved again',
    'execute.ts',
    'for (const { manifest } of discards.saveAgain) await save(pass, manifest);',
    '',
  ),
  swap(
    'what is prepared is left at the sinks',
    'execute.ts',
    'const base = await save(pass, inFull(plan.resume));\n      await discardPrepared(pass);',
    'const base = await save(pass, inFull(plan.resume));',
  ),
  swap(
    'an added source starts without a durable offset',
    'execute.ts',
    'if (extended === undefined) {',
    'if (extended === undefined || extended !== undefined) {',
  ),
  swap(
    'what an earlier version replayed is resumed, though its handles may be those of another checkpoint',
    'columns.ts',
    "if (supersedingIn(facts.checkpoints) !== undefined) return 'superseding';",
    'void supersedingIn;',
  ),
  swap(
    'a restore leaves what is in doubt below itself',
    'plan.ts',
    'rollBack: [...failedEpochsIn(facts), ...inDoubt]',
    'rollBack: [...failedEpochsIn(facts), ...inDoubt.slice(1)]',
  ),
  swap(
    'an operator without saved state keeps what it had',
    'restore.ts',
    'await askParticipant(pass, `resetting operator ${name}`, () => operator.reset());',
    '',
  ),
  swap(
    'a restore is undone by the next crash: it writes no manifest',
    'execute.ts',
    'return restoreChosen(pass, plan);',
    'void restoreChosen; return save(pass, manifest);',
  ),
  swap(
    'a restore does not ask whether sinks are past it',
    'plan.ts',
    'duplicates(facts, choice, chosen) ??',
    '',
  ),
  swap(
    'sinks are asked before all are fenced',
    'recover.ts',
    'const opened = await openSinks(run.request, run.store, budget);',
    'const early = await openSinks({ ...run.request, participants: { ...run.request.participants, sinks: new Map([...run.request.participants.sinks].slice(0, 1)) } }, run.store, budget); await (early.sessions.values().next().value as SinkInspector | undefined)?.lastCommitted({ signal: budget.signal }); const late = await openSinks({ ...run.request, participants: { ...run.request.participants, sinks: new Map([...run.request.participants.sinks].slice(1)) } }, run.store, budget); const opened = { sessions: new Map([...early.sessions, ...late.sessions]), answers: new Map([...early.answers, ...late.answers]) };',
  ),
];
