// A room in which a snippet finds the package as a stranger does: under its name, in node_modules.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

/** What snippets may import beside the package itself. */
const packages = ['@electric-sql/pglite', '@types/node', '@types/pg', 'pg'];
const maxRunMs = 120_000;

export class Room {
  #directory = mkdtempSync(join(tmpdir(), 'tidegate-docs-'));

  constructor() {
    const modules = join(this.#directory, 'node_modules');
    for (const name of packages) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(resolve('node_modules', name), join(modules, name));
    }
    symlinkSync(resolve('.'), join(modules, 'tidegate'));
    writeFileSync(join(this.#directory, 'package.json'), '{ "type": "module" }\n');
  }

  /** Keeps a snippet as a file; gives its path. */
  write(name, text) {
    const file = join(this.#directory, name);
    writeFileSync(file, text);
    return file;
  }

  /** What the compiler says about these files, each with file, line and message. */
  typeProblems(files) {
    const program = ts.createProgram(files, {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      ...{ strict: true, noUncheckedIndexedAccess: true, skipLibCheck: true, noEmit: true },
      typeRoots: [join(this.#directory, 'node_modules', '@types')],
      types: ['node'],
    });
    return ts.getPreEmitDiagnostics(program).map((found) => ({
      file: found.file?.fileName,
      line: found.file?.getLineAndCharacterOfPosition(found.start ?? 0).line ?? 0,
      message: ts.flattenDiagnosticMessageText(found.messageText, '\n'),
    }));
  }

  /** Runs a program in an empty directory, without anything but Node. */
  run(name, text) {
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    const file = this.write(name, outputText);
    const cwd = mkdtempSync(join(this.#directory, 'run-'));
    return collect([file], cwd);
  }

  remove() {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Runs an example of the repository as `npm run example` does. */
export function runExample(file) {
  return collect(['--import', 'tsx', file], '.');
}

function collect(parameters, cwd) {
  const ran = spawnSync(process.execPath, parameters, {
    ...{ cwd, encoding: 'utf8', timeout: maxRunMs, killSignal: 'SIGKILL' },
    env: { ...process.env, NO_COLOR: '1' },
  });
  const output = `${ran.stdout}${ran.stderr}`.trimEnd();
  return { ok: ran.status === 0, output, end: ran.signal ?? `exit status ${ran.status}` };
}
