// Known ways to misread stores of the original, or to write what it refuses.

export const tests = [
  'test/store/(laminar-stores|plan-and-start)',
  'test/manifest/(sinks|parse)',
  'test/recovery/(damage|refusals)',
  'test/coordinator/state-forms',
];

const swap = (what, file, find, replace) => ({ what, file: `src/${file}`, find, replace });

export const mutations = [
  swap(
    'a foreign sink without a status keeps its checkpoint in doubt',
    'manifest/sinks.ts',
    'return isForeign(manifest) ? new Set(manifest.sinkCommitStatuses.keys()) : namedSinks(manifest);',
    'return namedSinks(manifest);',
  ),
  swap(
    'a checkpoint of ours in doubt below a complete one counts as failed where ours was dropped',
    'manifest/sinks.ts',
    '.filter((manifest) => !lost.has(manifest))',
    '',
  ),
  swap(
    'one of ours in doubt makes a foreign one below it a failed epoch',
    'manifest/sinks.ts',
    '.filter((manifest) => !lost.has(manifest) || isCommittedEverywhere(manifest))',
    '',
  ),
  swap(
    'a commit that stands in a foreign manifest alone is written again',
    'recovery/columns.ts',
    '?? 0, stated?.id ?? 0)',
    '?? 0, 0)',
  ),
  swap(
    'a start falls back below a damaged checkpoint of LaminarDB that a sink may have committed',
    'recovery/checks.ts',
    'if (unproven.length === 0) return undefined;',
    'if (unproven.length >= 0) return undefined;',
  ),
  swap(
    'the newest of LaminarDB is marked before the failed epochs below it',
    'recovery/plan.ts',
    `      ...failedEpochsIn(facts),
      ...readableAbove.filter(({ state }) => state === 'in-doubt'),
`,
    `      ...readableAbove.filter(({ state }) => state === 'in-doubt'),
      ...failedEpochsIn(facts),
`,
  ),
  swap(
    'a newer version is taken for damage, and set aside',
    'store/listing.ts',
    "hasErrorCode(problem, 'TIDEGATE_MANIFEST_VERSION') ? 'newer' : 'corrupt'",
    "hasErrorCode(problem, 'TIDEGATE_MANIFEST_VERSION') && problem.message === '' ? 'newer' : 'corrupt'",
  ),
  swap(
    'a start falls back over a checkpoint that only a newer version can read',
    'recovery/columns.ts',
    "return known?.state === 'complete' ? undefined : known;",
    "return known?.state === 'complete' || known !== checkpoints[0] ? undefined : known;",
  ),
  swap(
    'an id above every other is passed over',
    'recovery/columns.ts',
    "if (skipped.some(({ isAboveAll }) => isAboveAll)) return 'unsupported';",
    '',
  ),
  swap(
    'the checksum of both kinds of state covers the sidecar alone',
    'coordinator/checkpoint/steps/sidecar.ts',
    '{ maxBytes, inlineDigest, signal },',
    '{ maxBytes, signal },',
  ),
  swap(
    'a plan does not ask what a start is refused for',
    'recovery/dry-run.ts',
    "unownable.kind === 'answered' ? planRecovery(facts)",
    "unownable.kind !== 'unanswered' ? planRecovery(facts)",
  ),
  swap(
    'a start begins afresh beside checkpoints of another layout',
    'store/filesystem/ownable.ts',
    '  await refuseOtherLayouts(ports);\n',
    '',
  ),
];
