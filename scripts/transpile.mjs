// Turns TypeScript into JavaScript without checking types: fast, and able to change a file on the way.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** What the simulation loads: the library, and the pipelines that it crashes. */
export const simulationFolders = ['src', 'test/simulation/campaign'];

/**
 * Writes the JavaScript of folders under node_modules/.cache, where its imports are found, each file
 * at its path in the repository.
 *
 * @param {string} name Folder in the cache.
 * @param {{ folders?: readonly string[], change?: (path: string, text: string) => string }} options
 *   `change` is given each file's path in the repository and its text.
 * @returns {string} The folder that holds `src`.
 */
export function transpile(name, { folders = ['src'], change = (_path, text) => text } = {}) {
  const target = join(root, 'node_modules', '.cache', 'tidegate', name);
  rmSync(target, { recursive: true, force: true });
  for (const path of folders.flatMap((folder) => sourceFiles(join(root, folder)))) {
    const inside = relative(root, path).replaceAll('\\', '/');
    const { outputText } = ts.transpileModule(change(inside, readFileSync(path, 'utf8')), {
      fileName: path,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      },
    });
    const output = join(target, inside).replace(/\.ts$/, '.js');
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, outputText);
  }
  return target;
}

function sourceFiles(directory) {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
