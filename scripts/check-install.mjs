// Packs tidegate and installs the archive into empty projects of four kinds; each runs the quick start and imports every entry point.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';

const quickStart = readFileSync('examples/00-quick-start.ts', 'utf8');
const { exports: entries, devDependencies, version } = readJson('package.json');
const specifiers = Object.entries(entries)
  .filter(([, { types }]) => types !== undefined)
  .map(([path]) => `tidegate${path.slice(1)}`);
const compilers = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);

/** The quick start tells itself what it has counted. */
const quickStartSays = /lost 0, duplicated 0/;

/** The packages of the drivers are optional: without them everything else works, and says what to install. */
const withoutPeers = `
import { PgliteDatabase } from 'tidegate/pglite';
import * as postgres from 'tidegate/postgres';

for (const attempt of [
  () => postgres.postgresSink({ table: 'orders' }),
  () => new PgliteDatabase({}),
]) {
  try {
    await attempt();
    throw new Error('this needs a package that is not installed');
  } catch (error) {
    if (error.code !== 'TIDEGATE_POSTGRES_OPTIONS') throw error;
    console.log(error.message);
  }
}
`;

const kinds = [
  { name: 'JavaScript, ESM', type: 'module', prepare: esm },
  { name: 'JavaScript, require()', type: 'commonjs', prepare: commonJs },
  {
    name: 'TypeScript, nodenext',
    type: 'module',
    packages: compilers,
    prepare: typescript({ module: 'NodeNext', moduleResolution: 'NodeNext' }),
  },
  {
    name: 'TypeScript, bundler',
    type: 'module',
    packages: compilers,
    prepare: typescript({ module: 'ESNext', moduleResolution: 'Bundler' }),
  },
];

const room = mkdtempSync(join(tmpdir(), 'tidegate-install-'));
process.on('exit', () => rmSync(room, { recursive: true, force: true }));
try {
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', room], '.');
  const archive = join(room, `tidegate-${version}.tgz`);
  const failures = (await Promise.allSettled(kinds.map((kind) => check(kind, archive)))).filter(
    ({ status }) => status === 'rejected',
  );
  for (const { reason } of failures) console.error(reason.message);
  console.log(`${kinds.length - failures.length} of ${kinds.length} installations work`);
  process.exitCode = failures.length > 0 ? 1 : 0;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

/** @throws Error with the output of the command that failed. */
async function check({ name, type, packages = [], prepare }, archive) {
  const project = join(room, name.replaceAll(/\W+/g, '-').toLowerCase());
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type }));
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await run('npm', ['install', ...quiet, archive, ...packages], project);
  for (const command of prepare(project)) {
    const output = await run(process.execPath, command.arguments, project);
    if (!command.says.test(output)) {
      throw new Error(
        `${name}: ${command.arguments.join(' ')} does not say ${command.says}:\n${output}`,
      );
    }
  }
  console.log(
    `${name}: the quick start loses and doubles nothing, ${specifiers.length} entry points`,
  );
}

function esm(project) {
  const imports = specifiers.map((specifier) => `await import('${specifier}');`).join('\n');
  write(project, 'quick-start.js', withoutTypes(ts.ModuleKind.ESNext));
  write(project, 'entries.js', `${imports}\n${withoutPeers}`);
  return [
    { arguments: ['quick-start.js'], says: quickStartSays },
    { arguments: ['entries.js'], says: /npm install pg[\s\S]*npm install @electric-sql\/pglite/ },
    { arguments: ['node_modules/tidegate/dist/cli/main.js', '--help'], says: /Usage: tidegate/ },
  ];
}

function commonJs(project) {
  const requires = specifiers.map((specifier) => `require('${specifier}');`).join('\n');
  // A module of that kind has no await at its top.
  const program = `(async () => {\n${withoutTypes(ts.ModuleKind.CommonJS)}\n})();`;
  write(project, 'quick-start.js', program);
  write(project, 'entries.js', `${requires}\nconsole.log('all required');`);
  return [
    { arguments: ['quick-start.js'], says: quickStartSays },
    { arguments: ['entries.js'], says: /all required/ },
  ];
}

/** With the types of the library checked too: a declaration that does not compile is the user's trouble. */
function typescript(resolution) {
  return (project) => {
    const compilerOptions = {
      ...resolution,
      target: 'ES2022',
      types: ['node'],
      strict: true,
      noUncheckedIndexedAccess: false,
      skipLibCheck: false,
    };
    const imports = specifiers.map((path, index) => `import * as entry${index} from '${path}';`);
    const uses = specifiers.map((_, index) => `entry${index}`).join(', ');
    write(project, 'tsconfig.json', JSON.stringify({ compilerOptions }));
    write(project, 'quick-start.ts', quickStart);
    write(project, 'entries.ts', `${imports.join('\n')}\nconsole.log([${uses}].length);`);
    return [
      { arguments: ['node_modules/typescript/bin/tsc'], says: /^$/ },
      // Types of another package would have to compile under every setting of the user's compiler.
      {
        arguments: ['node_modules/typescript/bin/tsc', '--noEmit', '--listFiles'],
        says: /^(?![\s\S]*node_modules\/(?!(typescript|@types\/node|undici-types|tidegate|eventemitter3)\/))/,
      },
      { arguments: ['quick-start.js'], says: quickStartSays },
      { arguments: ['entries.js'], says: new RegExp(`^${specifiers.length}$`, 'm') },
    ];
  };
}

function withoutTypes(module) {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module };
  return ts.transpileModule(quickStart, { compilerOptions }).outputText;
}

function write(project, name, text) {
  writeFileSync(join(project, name), text);
}

/** The output of a command, which has to end with status 0. */
function run(command, parameters, folder) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A library that is found only because of where it was packed would not be found by users.
      env: { ...process.env, NODE_PATH: '', NODE_OPTIONS: '' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    child.once('error', reject);
    child.once('close', (status, signal) => {
      if (status === 0) resolve(output);
      else {
        const what = `${command} ${parameters.join(' ')} in ${folder}`;
        reject(new Error(`${what} ended with ${signal ?? status}:\n${output}`));
      }
    });
  });
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
