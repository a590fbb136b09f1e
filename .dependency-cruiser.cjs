// The direction of imports: each layer may use the ones before it in the list, never the ones after; and no circles.

const layers = [
  'runtime',
  'durable-directory',
  'manifest',
  'contracts',
  'store',
  'recovery',
  'connectors',
  'coordinator',
  'pipeline',
  'tasks',
  'testing',
];

/** Pairs that the order of the list would allow but that must stay apart. */
const apart = [
  { from: 'connectors', to: 'recovery', why: 'a connector answers questions, it does not decide' },
];

const upward = layers.map((layer, index) => ({
  name: `${layer}-imports-only-down`,
  severity: 'error',
  comment: `${layer} may import only the layers below it: ${layers.slice(0, index).join(', ') || 'none'}`,
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${[...layers.slice(index + 1), 'cli', 'index\\.ts'].join('|')})` },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'a circle has no bottom to start reading at',
      from: {},
      to: { circular: true },
    },
    ...upward,
    ...apart.map(({ from, to, why }) => ({
      name: `${from}-does-not-know-${to}`,
      severity: 'error',
      comment: why,
      from: { path: `^src/${from}/` },
      to: { path: `^src/${to}/` },
    })),
    {
      name: 'roots-import-nothing',
      severity: 'error',
      comment:
        'ids, errors (also as plain data) and assert are under every layer, so they import only each other',
      from: { path: '^src/(ids|error-codes|error-json|errors|assert)\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(ids|error-codes|error-json|errors|assert)\\.ts$' },
    },
    {
      name: 'nothing-imports-cli',
      severity: 'error',
      comment: 'the command line is the outermost layer: a library must not drag its parser along',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'decisions-do-no-io',
      severity: 'error',
      comment:
        'manifest and the recovery plan decide; node modules that act belong to runtime and the stores',
      from: { path: '^src/(manifest/|recovery/plan|coordinator/(lifecycle|checkpoint)/machine)' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer)$' },
    },
    {
      name: 'no-dev-dependency-in-src',
      severity: 'error',
      comment: 'what ships may use only what is installed with it',
      from: { path: '^src' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};
