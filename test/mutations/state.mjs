// Known ways to load state of another definition: each gives wrong results without an error.

export const tests = ['test/pipeline/definitions'];

export const mutations = [
  {
    what: 'state of another definition is loaded',
    file: 'src/recovery/findings.ts',
    find: '    ...definitionFindings(manifest, facts),\n',
    replace: '',
  },
  {
    what: 'state of another definition is loaded under lenient, though it was reported as dropped',
    file: 'src/recovery/restore.ts',
    find: 'isEmpty || definitionProblem(loaded.manifest, name, operator) !== undefined',
    replace: 'isEmpty',
  },
  {
    what: 'a manifest that copies the state of another says nothing of its definitions',
    file: 'src/recovery/copy-checkpoint.ts',
    find: '...definitionsOf(from),',
    replace: '',
  },
  {
    what: 'state of a newer version is given to migrate',
    file: 'src/recovery/findings.ts',
    find: 'if (!hasSameVersion && !isDowngrade && canMigrate) return undefined;',
    replace: 'if (!hasSameVersion && canMigrate) return undefined;',
  },
  {
    what: 'a window of an earlier definition ends with the size of the present one',
    file: 'src/pipeline/stages/window.ts',
    find: 'endMs ?? startMs + sizeMs,',
    replace: '',
  },
  {
    what: 'slices of other bounds are migrated',
    file: 'src/pipeline/stages/sliced-window.ts',
    find: 'mayChangeSettings: false',
    replace: 'mayChangeSettings: true',
  },
];
